import { judging, managementPorts } from '../core/compliance.ts'
import type { OpenAfter } from '../core/conversion.ts'
import { askedBy, type Conversion, conversionOf } from '../core/convert.ts'
import type { VmDetails, VmEntry } from '../core/inventory.ts'
import type { LiveRule } from '../core/live-rule.ts'
import type { Policy } from '../core/policy.ts'
import { ruleAbout } from '../core/policy-about.ts'
import type { Vm } from '../core/vm.ts'
import type { Clock, Firewall, Inventory } from '../ports.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

export interface ProposeParts {
  readonly firewall: Firewall
  readonly inventory: Inventory
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

export async function propose(
  parts: ProposeParts,
  { vm, details }: NonNullable<ReturnType<typeof foundVm>>,
): Promise<Conversion> {
  const { nsgIds } = details
  const at = parts.clock.now()
  const grounds = groundsBy(parts.policy(), await readRules(parts, nsgIds))
  const counts = vmsBehind(parts.inventory, nsgIds)
  return conversionOf(entryOf(vm, details), grounds, (nsgId) => counts.get(nsgId) ?? 0, at)
}

/** What stands open on a VM now, judged by rules that are read for it. */
export async function openNow(parts: ProposeParts, vmId: string): Promise<OpenAfter> {
  const at = parts.clock.now()
  const found = foundVm(parts, vmId)
  const nothing = { at, open: [], doubt: true, askBy: null }
  if (!found) return { ...nothing, unread: 'the VM is not in the list of VMs any more' }
  const read = await readRules(parts, found.details.nsgIds)
  if (read.unread !== null) return { ...nothing, unread: read.unread }
  const grounds = groundsBy(parts.policy(), read)
  const entry = entryOf(found.vm, found.details)
  const { exposures: open, doubt, bare } = judging(grounds)(entry)
  return { at, open, doubt: doubt || bare, askBy: askedBy(entry, grounds), unread: null }
}
