import { isDeepStrictEqual } from 'node:util'
import { Fault } from '../core/fault.ts'
import type { JitPolicies, PolicyOrder, PolicyWritten } from '../ports.ts'
import { type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import { type Arm, onlyNew } from './arm.ts'
import { faultOf, missingAsNull } from './faults.ts'
import { readList } from './pages.ts'

/** Azure's own JSON: the SDK's model of a policy loses what it does not know. */
const api = 'api-version=2020-01-01'
const pricingApi = '2024-01-01'

const sameId = (one: unknown, other: string) => textOf(one).toLowerCase() === other.toLowerCase()

interface Policy {
  readonly etag: string | null
  readonly body: Shape
  readonly properties: Shape
  readonly machines: readonly Shape[]
}

function policyOf(value: unknown): Policy {
  const body = shapeOf(value)
  const properties = shapeOf(body['properties'])
  return {
    etag: textOf(body['etag']) || null,
    body,
    properties,
    machines: shapesOf(properties['virtualMachines']),
  }
}

async function readOnce(arm: Arm, { policyId }: PolicyOrder, signal?: AbortSignal): Promise<Policy | null> {
  const reply = await missingAsNull(arm.get(`${policyId}?${api}`, signal))
  return reply && policyOf(reply.value)
}

const listPath = (policyId: string) =>
  `${policyId.split('/').slice(0, 3).join('/')}/providers/Microsoft.Security/jitNetworkAccessPolicies?${api}`

/**
 * Null only when two readings and the list of the subscription know of no such policy: one answer may come from a
 * copy that lags behind, and a policy that is written anew loses every VM in it.
 */
async function read(arm: Arm, order: PolicyOrder, signal?: AbortSignal): Promise<Policy | null> {
  const found = (await readOnce(arm, order, signal)) ?? (await readOnce(arm, order, signal))
  if (found) return found
  const all = await readList(arm, listPath(order.policyId), signal)
  if (!all.some(({ id }) => sameId(id, order.policyId))) return null
  throw new Fault(
    'not shown',
    'Defender for Cloud lists the policy, and does not find it when it is read by itself.',
    { kind: 'try again' },
  )
}

const entryOf = (policy: Policy | null, vmId: string): Shape | null =>
  policy?.machines.find(({ id }) => sameId(id, vmId)) ?? null

const others = (policy: Policy | null, vmId: string): readonly Shape[] =>
  policy?.machines.filter(({ id }) => !sameId(id, vmId)) ?? []

const named = ({ id }: Shape) => `the entry of ${textOf(id).split('/').at(-1) ?? ''}`
const sameIn = (all: readonly Shape[], { id }: Shape) => all.find((one) => sameId(one['id'], textOf(id)))

/** Everything that is said of other VMs must be as it was before. */
function changesBetween(before: Policy | null, after: Policy | null, vmId: string): readonly string[] {
  const [old, now] = [others(before, vmId), others(after, vmId)]
  return [
    ...old.flatMap((machine) => {
      const other = sameIn(now, machine)
      if (!other) return [`${named(machine)} is gone`]
      return isDeepStrictEqual(machine, other) ? [] : [`${named(machine)} differs`]
    }),
    ...now.filter((machine) => !sameIn(old, machine)).map((machine) => `${named(machine)} is new`),
  ]
}

/** All that was read, with this one VM added, changed or taken out at its place. */
function bodyWith({ location, vmId }: PolicyOrder, before: Policy | null, entry: Shape | null): Shape {
  const known = before?.machines.some(({ id }) => sameId(id, vmId)) ?? false
  const kept = (before?.machines ?? []).flatMap((machine) =>
    sameId(machine['id'], vmId) ? (entry ? [entry] : []) : [machine],
  )
  const virtualMachines = known || !entry ? kept : [...kept, entry]
  if (!before) return { kind: 'Basic', location, properties: { virtualMachines } }
  const { provisioningState: _, ...properties } = before.properties
  return { ...before.body, properties: { ...properties, virtualMachines } }
}

/** Whether two readings say the same of everything that would be written back. */
function agree(one: Policy | null, other: Policy | null): boolean {
  if (!one || !other) return one === other
  const { provisioningState: _, ...first } = one.properties
  const { provisioningState: __, ...second } = other.properties
  return one.etag === other.etag && isDeepStrictEqual(first, second)
}

/** What Azure adds to an entry by itself does not make it another one. */
const showsEntry = (live: Shape | null, wanted: Shape): boolean =>
  live !== null &&
  Object.entries(wanted).every(([key, value]) =>
    key === 'id' ? sameId(live[key], textOf(value)) : isDeepStrictEqual(live[key], value),
  )

const stands = (policy: Policy | null, vmId: string, entry: Shape | null): boolean => {
  const live = entryOf(policy, vmId)
  return entry === null ? live === null : showsEntry(live, entry)
}

const goneWhy =
  'Defender for Cloud shows no such policy any more, and it did when this was asked for, so none is written anew'

/** What was read right before the write, twice alike; or why nothing is to be sent. */
async function readToWrite(
  arm: Arm,
  order: PolicyOrder,
  entry: Shape | null,
  signal: AbortSignal,
): Promise<{ readonly before: Policy | null } | { readonly written: PolicyWritten }> {
  const [first, before] = [await read(arm, order, signal), await read(arm, order, signal)]
  if ([first, before].every((each) => stands(each, order.vmId, entry)))
    return { written: { kind: 'done', changes: [] } }
  if (!before && (first || order.stood)) return { written: { kind: 'refused', code: 'gone', why: goneWhy } }
  if (agree(first, before)) return { before }
  const why = 'Two readings of the policy differ: somebody else is changing it. Nothing was sent.'
  return { written: { kind: 'try again', why, afterMs: null } }
}

async function write(
  arm: Arm,
  order: PolicyOrder,
  entry: Shape | null,
  signal: AbortSignal,
): Promise<PolicyWritten> {
  const { vmId } = order
  try {
    const ready = await readToWrite(arm, order, entry, signal)
    if ('written' in ready) return ready.written
    const { before } = ready
    let met = 'Defender for Cloud took the change, and does not show it.'
    try {
      const only = before ? before.etag : onlyNew
      await arm.put(`${order.policyId}?${api}`, bodyWith(order, before, entry), only, signal)
    } catch (error) {
      const fault = faultOf(error, null)
      if (fault.kind === 'permanent') return { kind: 'refused', code: fault.code, why: fault.message }
      met = `${fault.code}: ${fault.message}`
    }
    // Whatever was answered, the policy itself tells what became of it.
    const after = await read(arm, order, signal)
    const changes = changesBetween(before, after, vmId)
    if (stands(after, vmId, entry)) return { kind: 'done', changes }
    return { kind: 'try again', why: met, afterMs: null }
  } catch (error) {
    const { kind, code, message, afterMs } = error instanceof Fault ? error : faultOf(error, null)
    return kind === 'permanent'
      ? { kind: 'refused', code, why: message }
      : { kind: 'try again', why: `${code}: ${message}`, afterMs }
  }
}

/** Only Plan 2 has just-in-time access; null where the plan may not be read. */
async function hasPlan(arm: Arm, subscriptionId: string, signal?: AbortSignal): Promise<boolean | null> {
  const path = `/subscriptions/${subscriptionId}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=${pricingApi}`
  try {
    const { pricingTier, subPlan } = shapeOf(shapeOf((await arm.get(path, signal)).value)['properties'])
    return textOf(pricingTier).toLowerCase() === 'standard' && !textOf(subPlan).endsWith('1')
  } catch (error) {
    const fault = faultOf(error, null)
    if (fault.kind === 'permanent') return null
    throw fault
  }
}

const asShape = (text: string | null): Shape | null => (text === null ? null : shapeOf(JSON.parse(text)))

/** Just-in-time policies, each written as a whole with everything in it as it was read, but for one VM. */
export function jitWriter({ arm }: { readonly arm: Arm }): JitPolicies {
  return {
    async place(vm, signal) {
      const [all, plan] = await Promise.all([
        readList(arm, listPath(`/subscriptions/${vm.subscriptionId}`), signal),
        hasPlan(arm, vm.subscriptionId, signal),
      ])
      const found = all.find((row) => entryOf(policyOf(row), vm.id) !== null)
      const policyId =
        textOf(found?.['id']) ||
        `/subscriptions/${vm.subscriptionId}/resourceGroups/${vm.resourceGroup}/providers/Microsoft.Security/locations/${vm.location}/jitNetworkAccessPolicies/default`
      return { policyId, hasPlan: plan, stands: all.some(({ id }) => sameId(id, policyId)) }
    },
    async entry(order, signal) {
      const once = async () => entryOf(await read(arm, order, signal), order.vmId)
      const found = (await once()) ?? (await once())
      return found && JSON.stringify(found)
    },
    write: (order, entry, signal) => write(arm, order, asShape(entry), signal),
  }
}
