import { Fault } from '../core/fault.ts'
import type { JitPolicy, JitPort } from '../core/inventory.ts'
import { isoDurationMs } from '../core/iso-duration.ts'
import { type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { readList } from './pages.ts'

const version = 'api-version=2020-01-01'
/** Lists that are read at the same moment. */
const atOnce = 8

/** The policies of a subscription by the id of the VM; null when they could not be read. */
export type PoliciesByVm = ReadonlyMap<string, JitPolicy> | null

function toPort(row: Shape): JitPort {
  const protocol = textOf(row['protocol']).toLowerCase()
  const list = row['allowedSourceAddressPrefixes']
  const sources = Array.isArray(list) ? list.map(textOf) : [textOf(row['allowedSourceAddressPrefix'])]
  return {
    number: Number(row['number']),
    protocol: protocol === 'tcp' || protocol === 'udp' ? protocol : 'any',
    sources: sources.filter((source) => source !== ''),
    mostMs: isoDurationMs(textOf(row['maxRequestAccessDuration'])),
  }
}

/** The latest request for each VM. */
function lastAccesses(requests: readonly Shape[]): ReadonlyMap<string, NonNullable<JitPolicy['lastAccess']>> {
  const latest = new Map<string, NonNullable<JitPolicy['lastAccess']>>()
  for (const request of requests) {
    const [by, at] = [textOf(request['requestor']), Date.parse(textOf(request['startTimeUtc']))]
    if (Number.isNaN(at)) continue
    for (const vm of shapesOf(request['virtualMachines'])) {
      const id = textOf(vm['id']).toLowerCase()
      if ((latest.get(id)?.at ?? Number.NEGATIVE_INFINITY) < at) latest.set(id, { by, at })
    }
  }
  return latest
}

function addPolicy(found: Map<string, JitPolicy>, row: Shape): void {
  const properties = shapeOf(row['properties'])
  const accesses = lastAccesses(shapesOf(properties['requests']))
  const id = textOf(row['id']).toLowerCase()
  for (const vm of shapesOf(properties['virtualMachines'])) {
    const vmId = textOf(vm['id']).toLowerCase()
    if (found.has(vmId)) continue
    found.set(vmId, {
      id,
      ports: shapesOf(vm['ports']).map(toPort),
      lastAccess: accesses.get(vmId) ?? null,
    })
  }
}

/** Whatever Azure answers, the VMs themselves are known: only their policies are not. */
async function ofSubscription(arm: Arm, id: string, signal?: AbortSignal): Promise<PoliciesByVm> {
  try {
    const path = `/subscriptions/${id}/providers/Microsoft.Security/jitNetworkAccessPolicies?${version}`
    const found = new Map<string, JitPolicy>()
    for (const row of await readList(arm, path, signal)) addPolicy(found, row)
    return found
  } catch (error) {
    if (signal?.aborted || !(error instanceof Fault)) throw error
    return null
  }
}

/** One list call for each subscription. */
export async function readJitPolicies(
  arm: Arm,
  subscriptionIds: Iterable<string>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, PoliciesByVm>> {
  const found = new Map<string, PoliciesByVm>()
  const rest = [...subscriptionIds].values()
  const line = async () => {
    for (const id of rest) found.set(id, await ofSubscription(arm, id, signal))
  }
  await Promise.all(Array.from({ length: atOnce }, line))
  return found
}
