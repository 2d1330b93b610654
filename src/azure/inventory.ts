import { type JitPolicy, type Reading, Shared, type VmEntry, type VmInterface } from '../core/inventory.ts'
import type { Vm } from '../core/vm.ts'
import type { InventorySource } from '../ports.ts'
import { type Shape, shapeOf, shapesOf, tagsOf, textOf } from './answer.ts'
import type { Arm, TenantArm } from './arm.ts'
import { GraphQueries } from './graph-query.ts'
import { type PoliciesByVm, readJitPolicies } from './jit-policies.ts'
import { readList } from './pages.ts'

const vmType = 'microsoft.compute/virtualmachines'
const nicType = 'microsoft.network/networkinterfaces'
const addressType = 'microsoft.network/publicipaddresses'
const networkType = 'microsoft.network/virtualnetworks'

/**
 * One query for all types: each would fill its own last page otherwise. What belongs to no VM is left out, and so
 * are the rules of security groups, which are read where they are judged. Paging needs the id, and an order.
 */
const query = `resources
| where type in~ ('${vmType}', '${nicType}', '${addressType}', '${networkType}')
| where type !~ '${nicType}' or isnotempty(tostring(properties.virtualMachine.id))
| where type !~ '${addressType}' or isnotempty(tostring(properties.ipAddress))
| project id = tolower(id), type = tolower(type), name, tenantId, subscriptionId, resourceGroup, location,
  tags = iff(type =~ '${vmType}', tags, dynamic(null)),
  osType = tostring(properties.storageProfile.osDisk.osType),
  power = tostring(properties.extended.instanceView.powerState.code),
  nics = properties.networkProfile.networkInterfaces,
  nsg = tolower(tostring(properties.networkSecurityGroup.id)),
  ipConfigs = properties.ipConfigurations, ip = tostring(properties.ipAddress), subnets = properties.subnets
| order by id asc`

/** What a network interface says of itself; its subnets and public addresses are looked up when all is read. */
interface Nic {
  readonly id: string
  readonly nsgId: string | null
  readonly subnetIds: readonly string[]
  readonly privateAddresses: readonly string[]
  readonly publicIds: readonly string[]
}

/** The parts of the answer, in whatever order they came: of a page nothing else is kept. */
interface Parts {
  readonly vms: Map<
    string,
    { readonly vm: Vm; readonly power: string | null; readonly nicIds: readonly string[] }
  >
  readonly nics: Map<string, Nic>
  readonly addresses: Map<string, string>
  /** The security group of each subnet. */
  readonly subnets: Map<string, string | null>
}

const lowerId = (value: unknown): string => textOf(shapeOf(value)['id']).toLowerCase()
const orNull = (text: string): string | null => (text === '' ? null : text)
const given = (texts: readonly string[]): readonly string[] => texts.filter((text) => text !== '')

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

function toNic(row: Shape, shared: Shared): Nic {
  const configs = shapesOf(row['ipConfigs']).map((config) => shapeOf(config['properties']))
  const nsgId = orNull(textOf(row['nsg']).toLowerCase())
  const subnetIds = given(configs.map((config) => lowerId(config['subnet'])))
  return {
    id: textOf(row['id']).toLowerCase(),
    nsgId: nsgId === null ? null : shared.text(nsgId),
    subnetIds: [...new Set(subnetIds)].map((id) => shared.text(id)),
    privateAddresses: given(configs.map((config) => textOf(config['privateIPAddress']))),
    publicIds: given(configs.map((config) => lowerId(config['publicIPAddress']))),
  }
}

const powerOf = (row: Shape): string | null => orNull(textOf(row['power']).replace(/^PowerState\//i, ''))

function addRow(parts: Parts, row: Shape, subscriptions: ReadonlyMap<string, string>, shared: Shared): void {
  const id = textOf(row['id']).toLowerCase()
  switch (textOf(row['type']).toLowerCase()) {
    case vmType:
      parts.vms.set(id, {
        vm: shared.vm(toVm(row, subscriptions)),
        power: powerOf(row),
        nicIds: given(shapesOf(row['nics']).map(lowerId)),
      })
      return
    case nicType:
      parts.nics.set(id, toNic(row, shared))
      return
    case addressType:
      parts.addresses.set(id, textOf(row['ip']))
      return
    case networkType:
      for (const subnet of shapesOf(row['subnets'])) {
        const group = orNull(lowerId(shapeOf(subnet['properties'])['networkSecurityGroup']))
        parts.subnets.set(lowerId(subnet), group)
      }
      return
    default:
  }
}

function toInterface(id: string, { nics, addresses, subnets }: Parts): VmInterface {
  const nic = nics.get(id)
  if (!nic) {
    const nothing = { nsgId: null, subnetNsgIds: [], privateAddresses: [], publicAddresses: [] }
    return { id, ...nothing, whole: false }
  }
  const known = nic.subnetIds.filter((subnet) => subnets.has(subnet))
  return {
    id,
    nsgId: nic.nsgId,
    subnetNsgIds: known.map((subnet) => subnets.get(subnet) ?? null),
    privateAddresses: nic.privateAddresses,
    publicAddresses: given(nic.publicIds.map((one) => addresses.get(one) ?? '')),
    whole: known.length === nic.subnetIds.length,
  }
}

function jitOf(vm: Vm, policies: ReadonlyMap<string, PoliciesByVm>): JitPolicy | null | 'not known' {
  const known = policies.get(vm.subscriptionId)
  return known ? (known.get(vm.id) ?? null) : 'not known'
}

/** Names of subscriptions by id. Resource Graph's rows carry only the id. */
async function readSubscriptions(arm: TenantArm, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const rows = await readList(arm, '/subscriptions?api-version=2022-12-01', signal)
  return new Map(rows.map((row) => [textOf(row['subscriptionId']).toLowerCase(), textOf(row['displayName'])]))
}

/** How many VMs are put together between two pauses. */
const atOnce = 5_000
const pause = () => new Promise<void>((resolve) => void setImmediate(resolve))

async function joined(
  parts: Parts,
  policies: ReadonlyMap<string, PoliciesByVm>,
  shared: Shared,
): Promise<readonly VmEntry[]> {
  const entries: VmEntry[] = []
  for (const { vm, power, nicIds } of parts.vms.values()) {
    const interfaces = nicIds.map((id) => toInterface(id, parts))
    entries.push(shared.around({ vm, interfaces, power, jit: jitOf(vm, policies) }))
    if (entries.length % atOnce === 0) await pause()
  }
  return entries
}

interface Read {
  readonly arm: Arm
  readonly shared: Shared
  readonly signal: AbortSignal | undefined
}

async function readTenant(tenant: TenantArm, { arm, shared, signal }: Read): Promise<readonly VmEntry[]> {
  const subscriptions = await readSubscriptions(tenant, signal)
  const parts: Parts = { vms: new Map(), nics: new Map(), addresses: new Map(), subnets: new Map() }
  for await (const rows of new GraphQueries(tenant).rows(query, signal)) {
    for (const row of rows) addRow(parts, row, subscriptions, shared)
  }
  const withVms = new Set([...parts.vms.values()].map(({ vm }) => vm.subscriptionId))
  const policies = await readJitPolicies(arm, withVms, signal)
  return joined(parts, policies, shared)
}

/** Whose VM it is among the tenants that are read; null is the identity's own. */
const tenantOf = ({ vm }: VmEntry, others: readonly string[]): string | null =>
  vm.tenantId !== undefined && others.includes(vm.tenantId) ? vm.tenantId : null

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Each tenant with what was read of it, or why nothing was; when none could be read, that is thrown. */
async function readEach(read: Read) {
  const { arm, signal } = read
  const tenants = await arm.perTenant()
  const faults: unknown[] = []
  const found = new Map<string | null, readonly VmEntry[]>()
  const unread = new Map<string | null, string>()
  await Promise.all(
    tenants.map(async (tenant) => {
      const { tenantId } = tenant
      try {
        found.set(tenantId, await readTenant(tenant, read))
        arm.tenants.note(tenantId, null)
      } catch (error) {
        signal?.throwIfAborted()
        arm.tenants.note(tenantId, error)
        unread.set(tenantId, messageOf(error))
        faults.push(error)
      }
    }),
  )
  if (found.size === 0) throw faults[0]
  // One whose subscriptions could not even be listed may not be among those that were to be read.
  for (const { tenantId, unread: why } of arm.tenants.looks())
    if (why !== null && arm.tenants.others.includes(tenantId) && !found.has(tenantId))
      unread.set(tenantId, unread.get(tenantId) ?? why)
  return { found: tenants.map(({ tenantId }) => found.get(tenantId) ?? []), unread }
}

/**
 * The VMs of every tenant; what is read with the identity's own token comes first and stands for the same VM read
 * with another. A tenant that cannot be read keeps the VMs that it had, of when they were read, and hides no other.
 */
async function readTenants(read: Read, before: Reading | null): Promise<Omit<Reading, 'readAt'>> {
  const { arm, signal } = read
  await arm.tenants.refresh(signal)
  const { found, unread } = await readEach(read)
  const [only, ...more] = found
  if (only && more.length === 0 && unread.size === 0) return { entries: only, late: [] }
  const entries = new Map<string, VmEntry>()
  for (const entry of found.flat()) if (!entries.has(entry.vm.id)) entries.set(entry.vm.id, entry)
  const { home, others } = arm.tenants
  const oldest = new Map<string | null, number>()
  for (const entry of before?.entries ?? []) {
    const tenant = tenantOf(entry, others)
    const wanted = arm.subscriptionIds?.includes(entry.vm.subscriptionId) ?? true
    if (!before || !wanted || !unread.has(tenant) || entries.has(entry.vm.id)) continue
    const readAt = entry.readAt ?? before.readAt
    entries.set(entry.vm.id, { ...entry, readAt })
    oldest.set(tenant, Math.min(readAt, oldest.get(tenant) ?? readAt))
  }
  const late = [...unread].map(([tenant, why]) => ({
    tenantId: tenant ?? home ?? '',
    readAt: oldest.get(tenant) ?? null,
    why,
  }))
  return { entries: [...entries.values()], late }
}

/** Reads the VMs that the identity can read, in every tenant and delegated subscriptions included. */
export function armInventory({ arm }: { readonly arm: Arm }): InventorySource {
  return {
    async read(signal, before = null): Promise<Reading> {
      const readAt = arm.clock.now()
      return { readAt, ...(await readTenants({ arm, shared: new Shared(), signal }, before)) }
    },
  }
}
