import { membershipProblem } from '../core/approval.ts'
import { managementPorts } from '../core/compliance.ts'
import { type Conversion, conversionOf } from '../core/convert.ts'
import type { VmDetails, VmEntry } from '../core/inventory.ts'
import type { LiveRule } from '../core/live-rule.ts'
import type { Person } from '../core/person.ts'
import { ruleAbout } from '../core/policy-about.ts'
import type { Vm } from '../core/vm.ts'
import type { Claim, Gesture, Inventory } from '../ports.ts'
import { endWith } from './answer.ts'
import { done, type Finish, messageOf } from './handler.ts'
import { endSaying } from './say.ts'
import type { VmsParts } from './take-vms.ts'
import { within } from './within.ts'

const longestReadMs = 20_000

/** The rules as they are now: what is proposed must fit what stands there. */
async function readRules(
  { firewall, clock, log }: VmsParts,
  nsgIds: readonly string[],
): Promise<ReadonlyMap<string, readonly LiveRule[] | null>> {
  const read = async (nsgId: string, signal: AbortSignal): Promise<[string, readonly LiveRule[] | null]> => {
    try {
      return [nsgId, await firewall.list(nsgId, signal)]
    } catch (error) {
      log.warn({ nsg: nsgId, error: messageOf(error) }, 'a security group could not be read')
      return [nsgId, null]
    }
  }
  return within(
    clock,
    longestReadMs,
    null,
    async (signal) => new Map(await Promise.all(nsgIds.map((nsgId) => read(nsgId, signal)))),
  )
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

async function propose(parts: VmsParts, vm: Vm, details: VmDetails): Promise<Conversion> {
  const { nsgIds } = details
  const at = parts.clock.now()
  const rules = await readRules(parts, nsgIds)
  const counts = vmsBehind(parts.inventory, nsgIds)
  const policy = parts.policy()
  const grounds = {
    rulesOf: (nsgId: string) => rules.get(nsgId) ?? null,
    ports: managementPorts(policy.services),
    ruleAbout: ruleAbout(policy),
  }
  return conversionOf(entryOf(vm, details), grounds, (nsgId) => counts.get(nsgId) ?? 0, at)
}

/** Works out what would have to change so that nothing stands open on a VM, and tells whoever asked. */
export async function takeConvert(
  parts: VmsParts,
  claim: Claim,
  { person, vmId, responseUrl }: Extract<Gesture, { kind: 'convert' }>,
): Promise<Finish> {
  const problem = membershipProblem(await parts.directory.member(person, []))
  const say = (text: string) => tell(parts, claim, person, responseUrl, text)
  if (problem !== null) return say(`You cannot see how VMs are guarded: ${problem}.`)
  const details = parts.inventory.details(vmId)
  const vm = parts.inventory.find(vmId.split('/').at(-1) ?? '').find(({ id }) => id === vmId)
  if (!details || !vm)
    return say('That VM is not in the list of VMs any more, so there is nothing to change.')
  const conversion = await propose(parts, vm, details)
  try {
    await parts.chat.conversion({ userId: person.userId, responseUrl }, conversion)
  } catch (error) {
    parts.log.warn({ error: messageOf(error) }, 'a private answer could not be given')
  }
  await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
  return done
}

const tell = (
  parts: VmsParts,
  claim: Claim,
  { userId }: Person,
  responseUrl: string | null,
  text: string,
): Promise<Finish> =>
  responseUrl === null ? endSaying(parts, claim, userId, text) : endWith(parts, claim, responseUrl, text)
