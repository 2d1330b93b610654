import { day } from '../core/duration.ts'
import { refusedFor, tooFewApprovers } from '../core/enough-approvers.ts'
import { evaluate } from '../core/evaluate.ts'
import type { Member } from '../core/person.ts'
import { emergencyNow } from '../core/pick.ts'
import type { Policy, Terms, Usage, Verdict } from '../core/policy.ts'
import type { Ask, Request } from '../core/request.ts'
import type { Vm } from '../core/vm.ts'
import type { Clock, Inventory, Store } from '../ports.ts'
import { type LookupParts, withApprovers } from './approvers.ts'
import type { KnowRoles } from './requester-roles.ts'
import { rosterFor } from './roster.ts'
import { subjectOf } from './subject.ts'

export interface VerdictParts extends LookupParts {
  readonly knowRoles: KnowRoles
  readonly store: Store
  readonly clock: Clock
  readonly inventory: Inventory
}

async function usageFor(
  { store, clock }: VerdictParts,
  policy: Policy,
  ask: Ask,
): Promise<ReadonlyMap<string, Usage>> {
  const limited = policy.rules.filter(({ quota }) => Object.keys(quota).length > 0).map(({ name }) => name)
  if (limited.length === 0) return new Map()
  return store.usage({ rules: limited, requester: ask.requester, vmId: ask.vm.id, since: clock.now() - day })
}

/** The VM as it is now, where Azure still shows it: a tag that was set meanwhile counts. */
function vmNow({ inventory }: VerdictParts, vm: Vm): Vm {
  // By the subscription's id: its name may hold a slash, and may change.
  const shown = inventory.find(`${vm.subscriptionId}/${vm.resourceGroup}/${vm.name}`)
  return shown.find(({ id }) => id.toLowerCase() === vm.id.toLowerCase()) ?? vm
}

/** Whom terms name at this moment, by the VM’s tags as they are now where Azure still shows the VM. */
export async function termsNow(parts: VerdictParts, terms: Terms, vm: Vm, how?: 'live'): Promise<Terms> {
  return withApprovers(parts, terms, vmNow(parts, vm), how)
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

/** What the policy says of this request at this moment, with whoever may approve it looked up. */
export async function verdictNow(
  parts: VerdictParts,
  policy: Policy,
  ask: Ask,
  requester: Member,
  how?: 'live',
  first = false,
): Promise<Verdict> {
  const usage = await usageFor(parts, policy, ask)
  const asked = subjectOf({ ...ask, vm: vmNow(parts, ask.vm) }, requester, parts.clock.now(), usage, first)
  const verdict = evaluate(policy, await parts.knowRoles(policy, asked, requester, how))
  if (!verdict.terms) return verdict
  return { ...verdict, terms: await termsNow(parts, verdict.terms, ask.vm, how) }
}

/** The same for a new request: one that nobody could approve is refused, with the reason in the explanation. */
export async function firstVerdict(
  parts: VerdictParts,
  policy: Policy,
  ask: Ask,
  requester: Member,
  first = false,
): Promise<Verdict> {
  const verdict = await verdictNow(parts, policy, ask, requester, undefined, first)
  const { terms } = verdict
  if (!terms || verdict.outcome !== 'needs approval') return verdict
  const lack = tooFewApprovers(terms, ask.requester, await rosterFor(parts.directory, terms, ask.requester))
  return lack ? refusedFor(lack, verdict, terms) : verdict
}
