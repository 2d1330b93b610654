import { judging, managementPorts } from '../core/compliance.ts'
import type { OpenAfter } from '../core/conversion.ts'
import { askedBy, type Conversion, conversionOf } from '../core/convert.ts'
import { detailsOf, type VmDetails, type VmEntry } from '../core/inventory.ts'
import type { LiveRule } from '../core/live-rule.ts'
import type { Policy } from '../core/policy.ts'
import { ruleAbout } from '../core/policy-about.ts'
import type { Vm } from '../core/vm.ts'
import { interfacesNow } from '../core/vm-now.ts'
import type { Clock, Firewall, Inventory, Topology } from '../ports.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

export interface ProposeParts {
  readonly firewall: Firewall
  readonly inventory: Inventory
  readonly topology: Topology
  readonly clock: Clock
  readonly policy: () => Policy
  readonly log: Log
}

const longestReadMs = 20_000

interface ReadRules {
  readonly rules: ReadonlyMap<string, readonly LiveRule[] | null>
  /** Why one of the groups could not be read; null when each was. */
  readonly unread: string | null
}

/** The rules as they are now: what is proposed must fit what stands there. */
async function readRules(
  { firewall, clock, log }: ProposeParts,
  nsgIds: readonly string[],
): Promise<ReadRules> {
  let unread: string | null = null
  const read = async (nsgId: string, signal: AbortSignal): Promise<[string, readonly LiveRule[] | null]> => {
    try {
      return [nsgId, await firewall.list(nsgId, signal)]
    } catch (error) {
      unread = messageOf(error)
      log.warn({ nsg: nsgId, error: unread }, 'a security group could not be read')
      return [nsgId, null]
    }
  }
  const rules = await within(clock, longestReadMs, null, (signal) =>
    Promise.all(nsgIds.map((nsgId) => read(nsgId, signal))),
  )
  return { rules: new Map(rules), unread }
}

/** How many VMs are behind each of a few groups. */
function vmsBehind(inventory: Inventory, nsgIds: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map(nsgIds.map((nsgId) => [nsgId, 0]))
  for (const { interfaces } of inventory.all()) {
    const behind = new Set(interfaces.flatMap(({ nsgId, subnetNsgIds }) => [nsgId, ...subnetNsgIds]))
    for (const id of behind) if (id !== null && counts.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}

const entryOf = (vm: Vm, { networkInterfaces: interfaces, power, jitPolicy: jit }: VmDetails): VmEntry => ({
  vm,
  interfaces,
  power,
  jit,
})

/** The VM as the last reading of Azure showed it; null when it is not there any more. */
export function foundVm(
  { inventory }: Pick<ProposeParts, 'inventory'>,
  vmId: string,
): { readonly vm: Vm; readonly details: VmDetails } | null {
  const details = inventory.details(vmId)
  const vm = inventory.find(vmId.split('/').at(-1) ?? '').find(({ id }) => id === vmId)
  return details && vm ? { vm, details } : null
}

const groundsBy = (policy: Policy, { rules }: ReadRules) => ({
  rulesOf: (nsgId: string) => rules.get(nsgId) ?? null,
  ports: managementPorts(policy.services),
  ruleAbout: ruleAbout(policy),
})

/** The VM with what stands in front of it now; why that is not known, where it could not be read. */
async function entryNow(
  { topology, clock, log }: ProposeParts,
  { vm, details }: NonNullable<ReturnType<typeof foundVm>>,
): Promise<{ readonly entry: VmEntry; readonly unread: string | null }> {
  const entry = entryOf(vm, details)
  try {
    const path = await within(clock, longestReadMs, null, (signal) => topology.path(vm, 'all', signal))
    return { entry: { ...entry, interfaces: interfacesNow(path, entry.interfaces) }, unread: null }
  } catch (error) {
    const unread = messageOf(error)
    log.warn({ vm: vm.id, error: unread }, 'what stands in front of a VM could not be read')
    return { entry, unread }
  }
}

export async function propose(
  parts: ProposeParts,
  found: NonNullable<ReturnType<typeof foundVm>>,
): Promise<Conversion> {
  const at = parts.clock.now()
  const { entry, unread } = await entryNow(parts, found)
  const { nsgIds } = detailsOf(entry)
  const grounds = groundsBy(parts.policy(), await readRules(parts, nsgIds))
  const counts = vmsBehind(parts.inventory, nsgIds)
  const conversion = conversionOf(entry, grounds, (nsgId) => counts.get(nsgId) ?? 0, at)
  return unread === null ? conversion : { ...conversion, doubt: true }
}

/** What stands open on a VM now, judged by groups and rules that are read for it. */
export async function openNow(parts: ProposeParts, vmId: string): Promise<OpenAfter> {
  const at = parts.clock.now()
  const found = foundVm(parts, vmId)
  const nothing = { at, open: [], doubt: true, askBy: null }
  if (!found) return { ...nothing, unread: 'the VM is not in the list of VMs any more' }
  const { entry, unread } = await entryNow(parts, found)
  if (unread !== null) return { ...nothing, unread }
  const read = await readRules(parts, detailsOf(entry).nsgIds)
  if (read.unread !== null) return { ...nothing, unread: read.unread }
  const grounds = groundsBy(parts.policy(), read)
  const { exposures: open, doubt, bare, why } = judging(grounds)(entry)
  const without = bare && why !== null ? { bare: why } : {}
  return { at, open, doubt, askBy: askedBy(entry, grounds), unread: null, ...without }
}
