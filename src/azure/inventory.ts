import { Fault } from '../core/fault.ts'
import type { Vm } from '../core/vm.ts'
import type { Inventory } from '../ports.ts'
import { type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import type { Arm, TenantArm } from './arm.ts'
import { ArmFault } from './faults.ts'
import { NameIndex } from './name-index.ts'

/** Paging needs the id among the columns, and an order. */
const query = `resources
| where type =~ 'microsoft.compute/virtualmachines'
| project id, name, subscriptionId, resourceGroup, location, tags, tenantId,
  osType = tostring(properties.storageProfile.osDisk.osType)
| order by id asc`

/** Resource Graph gives at most this many rows at a time. */
const pageRows = 1000
const mostPages = 1000
/** Resource Graph allows 15 queries in 5 seconds, so a long inventory is told to wait now and then. */
const throttle = { tries: 20, mostMs: 10_000 }

interface Page {
  readonly rows: readonly Shape[]
  readonly next: string | null
}

async function readPage(arm: TenantArm, skipToken: string | null, signal?: AbortSignal): Promise<Page> {
  const options = { top: pageRows, resultFormat: 'objectArray' as const, ...(skipToken && { skipToken }) }
  const scope = arm.subscriptionIds ? { subscriptions: [...arm.subscriptionIds] } : {}
  const { value } = await arm.call(signal, (callOptions) =>
    arm.graph.resources({ query, options, ...scope }, callOptions),
  )
  if (value.resultTruncated === 'true' && !value.skipToken) {
    throw new Fault('inventory cut short', 'Resource Graph cut its answer short.', { kind: 'try again' })
  }
  return { rows: shapesOf(value.data), next: value.skipToken ?? null }
}

async function readPagePatiently(
  arm: TenantArm,
  skipToken: string | null,
  signal?: AbortSignal,
): Promise<Page> {
  for (let tries = 1; ; tries++) {
    try {
      return await readPage(arm, skipToken, signal)
    } catch (error) {
      const throttled = error instanceof ArmFault && error.answer?.status === 429
      if (!throttled || tries >= throttle.tries) throw error
      await arm.clock.sleep(Math.min(error.afterMs ?? 1000, throttle.mostMs), signal)
    }
  }
}

async function readMachines(arm: TenantArm, signal?: AbortSignal): Promise<readonly Shape[]> {
  const rows: Shape[] = []
  let skipToken: string | null = null
  for (let pages = 0; pages < mostPages; pages++) {
    const page: Page = await readPagePatiently(arm, skipToken, signal)
    rows.push(...page.rows)
    if (page.next === null) return rows
    skipToken = page.next
  }
  throw new Fault('inventory too long', `Resource Graph sent more than ${mostPages} pages.`, {
    kind: 'permanent',
  })
}

/** Names of subscriptions by id. Resource Graph's rows carry only the id. */
async function readSubscriptions(arm: TenantArm, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  let path: string | null = '/subscriptions?api-version=2022-12-01'
  while (path !== null) {
    const reply: { value: unknown } = await arm.get(path, signal)
    const page: Shape = shapeOf(reply.value)
    for (const row of shapesOf(page['value'])) {
      names.set(textOf(row['subscriptionId']).toLowerCase(), textOf(row['displayName']))
    }
    const next = textOf(page['nextLink'])
    path = next === '' ? null : new URL(next).pathname + new URL(next).search
  }
  return names
}

const tagsOf = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(shapeOf(value)).map(([name, text]) => [name, textOf(text)]))

function toVm(row: Shape, subscriptions: ReadonlyMap<string, string>): Vm {
  const subscriptionId = textOf(row['subscriptionId']).toLowerCase()
  const os = textOf(row['osType']).toLowerCase()
  return {
    id: textOf(row['id']).toLowerCase(),
    name: textOf(row['name']),
    resourceGroup: textOf(row['resourceGroup']),
    subscriptionId,
    subscriptionName: subscriptions.get(subscriptionId) ?? subscriptionId,
    location: textOf(row['location']),
    ...(textOf(row['tenantId']) !== '' && { tenantId: textOf(row['tenantId']).toLowerCase() }),
    os: os === 'windows' || os === 'linux' ? os : null,
    tags: tagsOf(row['tags']),
  }
}

async function readTenant(arm: TenantArm, signal?: AbortSignal): Promise<readonly Vm[]> {
  const [rows, subscriptions] = await Promise.all([readMachines(arm, signal), readSubscriptions(arm, signal)])
  return rows.map((row) => toVm(row, subscriptions))
}

/**
 * The VMs of every tenant; what is read with the identity's own token comes first and stands for the same VM read
 * with another. A tenant that cannot be read keeps the VMs that it had, and hides no other; when none can, that is
 * thrown.
 */
async function readTenants(
  arm: Arm,
  kept: Map<string | null, readonly Vm[]>,
  signal?: AbortSignal,
): Promise<readonly Vm[]> {
  await arm.tenants.refresh(signal)
  let failure: unknown = null
  const tenants = await arm.perTenant()
  const failed = await Promise.all(
    tenants.map(async (tenant) => {
      const fault = await readTenant(tenant, signal).then(
        (vms) => void kept.set(tenant.tenantId, vms),
        (error: unknown) => error,
      )
      arm.tenants.note(tenant.tenantId, fault ?? null)
      failure ??= fault
      return fault !== undefined
    }),
  )
  if (failure !== null && failure !== undefined && failed.every(Boolean)) throw failure
  const vms = new Map<string, Vm>()
  for (const { tenantId } of tenants)
    for (const vm of kept.get(tenantId) ?? []) if (!vms.has(vm.id)) vms.set(vm.id, vm)
  return [...vms.values()]
}

/** The VMs that the identity can read, kept in memory. It says what exists, never whether access is open. */
export function armInventory({ arm }: { readonly arm: Arm }): Inventory {
  const kept = new Map<string | null, readonly Vm[]>()
  let index = new NameIndex([])
  let readAt: number | null = null
  return {
    find: (name) => index.find(name),
    subscription: (nameOrId) => index.subscription(nameOrId),
    has: (vmId) => index.has(vmId),
    nearest: (name, most) => index.nearest(name, most),
    async refresh(signal) {
      index = new NameIndex(await readTenants(arm, kept, signal))
      readAt = arm.clock.now()
    },
    readAt: () => readAt,
  }
}
