import { type Anyway, anyAddress } from '../core/any-address.ts'
import { day } from '../core/duration.ts'
import { refusedFor, tooFewApprovers } from '../core/enough-approvers.ts'
import { evaluate } from '../core/evaluate.ts'
import { Fault } from '../core/fault.ts'
import type { Member } from '../core/person.ts'
import { emergencyNow } from '../core/pick.ts'
import type { Policy, Terms, Usage, Verdict } from '../core/policy.ts'
import type { Ask, Request } from '../core/request.ts'
import type { Vm } from '../core/vm.ts'
import type { Clock, Inventory, Store, Topology } from '../ports.ts'
import { type LookupParts, withApprovers } from './approvers.ts'
import type { KnowRoles } from './requester-roles.ts'
import { rosterFor } from './roster.ts'
import { type Judged, subjectOf } from './subject.ts'
import { within } from './within.ts'

export interface VerdictParts extends LookupParts {
  readonly knowRoles: KnowRoles
  readonly store: Store
  readonly clock: Clock
  readonly inventory: Inventory
  readonly topology: Topology
}

async function usageFor(
  { store, clock }: VerdictParts,
  policy: Policy,
  ask: Pick<Ask, 'requester' | 'vm'>,
): Promise<ReadonlyMap<string, Usage>> {
  const limited = policy.rules.filter(({ quota }) => Object.keys(quota).length > 0).map(({ name }) => name)
  if (limited.length === 0) return new Map()
  return store.usage({ rules: limited, requester: ask.requester, vmId: ask.vm.id, since: clock.now() - day })
}

/** Nobody waits longer for tags. */
const longestReadMs = 5_000

/** While Azure does not say the tags of a VM: nothing may open by older ones, but a no or a close must be possible. */
export type Unread = 'fails' | 'as listed'

/** The VM with the tags that it has now: one that was set a moment ago counts. Throws a `Fault` where that is to fail. */
async function vmNow({ inventory, topology, clock }: VerdictParts, vm: Vm, unread: Unread): Promise<Vm> {
  // By the subscription's id: its name may hold a slash, and may change.
  const shown = inventory.find(`${vm.subscriptionId}/${vm.resourceGroup}/${vm.name}`)
  const listed = shown.find(({ id }) => id.toLowerCase() === vm.id.toLowerCase()) ?? vm
  try {
    return {
      ...listed,
      tags: await within(clock, longestReadMs, null, (signal) => topology.tags(listed, signal)),
    }
  } catch (error) {
    if (!(error instanceof Fault) || unread === 'fails') throw error
    return listed
  }
}

/** Whom terms name at this moment, by the VM’s tags as they are now. */
export async function termsNow(
  parts: VerdictParts,
  terms: Terms,
  vm: Vm,
  how?: 'live',
  unread: Unread = 'as listed',
): Promise<Terms> {
  return withApprovers(parts, terms, await vmNow(parts, vm, unread), how)
}

/** The terms of a break-glass with those who may review it now: by the policy in force, or where it says nothing as before. */
export async function oversightTerms(
  parts: VerdictParts,
  policy: Policy,
  { terms, vm }: Request,
  how?: 'live',
): Promise<Terms | null> {
  if (!terms?.emergency) return null
  const emergency = emergencyNow(policy, terms.rule) ?? terms.emergency
  return termsNow(parts, { ...terms, emergency }, vm, how)
}

/** Whom the rule of a request names at this moment, when the policy still has one of its name. */
export async function ruleTermsNow(
  parts: VerdictParts,
  policy: Policy,
  request: Request,
): Promise<Terms | null> {
  if (!request.terms || request.terms.emergency) return oversightTerms(parts, policy, request, 'live')
  const { rule: named } = request.terms
  const rule = policy.rules.find(({ name }) => name === named)
  return rule ? termsNow(parts, rule.terms, request.vm, 'live') : null
}

interface Judging {
  readonly ask: Ask
  /** The VM of the ask, with the tags that it has now. */
  readonly vm: Vm
  readonly requester: Member
  readonly how?: 'live' | undefined
  readonly first?: boolean
}

async function judge(parts: VerdictParts, policy: Policy, judging: Judging): Promise<Verdict> {
  const { ask, vm, requester, how, first = false } = judging
  const usage = await usageFor(parts, policy, ask)
  const asked = subjectOf({ ...ask, vm }, requester, parts.clock.now(), usage, first)
  const verdict = evaluate(policy, await parts.knowRoles(policy, asked, requester, how))
  if (!verdict.terms) return verdict
  return { ...verdict, terms: await withApprovers(parts, verdict.terms, vm, how) }
}

/**
 * What the policy says of this request at this moment, with whoever may approve it looked up. Throws a `Fault` where
 * the VM’s tags could not be read and that is to fail.
 */
export async function verdictNow(
  parts: VerdictParts,
  policy: Policy,
  ask: Ask,
  requester: Member,
  unread: Unread,
): Promise<Verdict> {
  return judge(parts, policy, { ask, vm: await vmNow(parts, ask.vm, unread), requester, how: 'live' })
}

/**
 * The same for a new request, whose VM has just been read: one that nobody could approve is refused, with the reason in
 * the explanation.
 */
export async function firstVerdict(
  parts: VerdictParts,
  policy: Policy,
  ask: Ask,
  requester: Member,
  first = false,
): Promise<Verdict> {
  const verdict = await judge(parts, policy, { ask, vm: ask.vm, requester, first })
  const { terms } = verdict
  if (!terms || verdict.outcome !== 'needs approval') return verdict
  const lack = tooFewApprovers(terms, ask.requester, await rosterFor(parts.directory, terms, ask.requester))
  return lack ? refusedFor(lack, verdict, terms) : verdict
}

/** What can be said before it is known where somebody comes from, so that nobody confirms an address for nothing. */
export async function verdictAnyway(
  parts: VerdictParts,
  policy: Policy,
  asked: Judged,
  requester: Member,
): Promise<Anyway> {
  const vm = await vmNow(parts, asked.vm, 'fails')
  const usage = await usageFor(parts, policy, asked)
  const anyway = anyAddress(policy, subjectOf({ ...asked, vm }, requester, parts.clock.now(), usage))
  if (anyway.kind !== 'same' || !anyway.verdict.terms || anyway.verdict.outcome === 'allow') return anyway
  const terms = await withApprovers(parts, anyway.verdict.terms, vm)
  const roster = await rosterFor(parts.directory, terms, asked.requester)
  const lack = tooFewApprovers(terms, asked.requester, roster)
  return lack
    ? { kind: 'denied', because: refusedFor(lack, anyway.verdict, terms).tree.because }
    : { kind: 'same', verdict: { ...anyway.verdict, terms } }
}
