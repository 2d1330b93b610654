import { allApprovers } from './approval.ts'
import { type Check, type Facts, factsOf } from './check.ts'
import { checksOf } from './checks.ts'
import { compileGlobs, folded } from './glob.ts'
import type {
  Approvers,
  BreakGlass,
  DenyRule,
  Match,
  Outcome,
  Policy,
  PolicyRule,
  ReasonNeed,
  Subject,
  Terms,
  Verdict,
} from './policy.ts'
import { hasPlace } from './quota.ts'
import { indexRules, type RuleIndex } from './rule-index.ts'
import { addressesIn } from './source.ts'

export interface Ready<R extends PolicyRule | DenyRule> {
  readonly rule: R
  readonly checks: readonly Check[]
}

interface ReadyPolicy {
  readonly deny: readonly Ready<DenyRule>[]
  readonly rules: readonly Ready<PolicyRule>[]
  /** Which of them are worth asking. */
  readonly denyIndex: RuleIndex
  readonly ruleIndex: RuleIndex
}

const readied = new WeakMap<Policy, ReadyPolicy>()

const ready = <R extends PolicyRule | DenyRule>(rule: R): Ready<R> => ({
  rule,
  checks: checksOf(rule.match),
})

const matchOf = ({ match }: DenyRule): Match => match

/** Globs and ranges are read once for each policy, however often it is asked. */
export function readyPolicy(policy: Policy): ReadyPolicy {
  const known = readied.get(policy)
  if (known) return known
  const { deny, rules } = policy
  const made = {
    deny: deny.map(ready),
    rules: rules.map(ready),
    denyIndex: indexRules(deny.map(matchOf)),
    ruleIndex: indexRules(rules.map(matchOf)),
  }
  readied.set(policy, made)
  return made
}

/** What is not known cannot be held against a refusal: it refuses. */
export const refuses = (one: Ready<DenyRule>, facts: Facts): boolean => {
  for (const check of one.checks) if (check.fit(facts) === 'none') return false
  return true
}

export const fitsAll = (one: Ready<PolicyRule>, facts: Facts): boolean => {
  for (const check of one.checks) if (check.fit(facts) !== 'all') return false
  return hasPlace(one.rule.quota, facts.subject.usage.get(one.rule.name))
}

type Emergency = NonNullable<Terms['emergency']>

/** What keeps a rule that fits from granting; the rules below it are not tried. */
type Limit = 'addresses' | 'duration' | 'reason' | 'glass'

/** Letters that show nothing, so that a reason made of them says nothing. */
const blank = /[\u115f\u1160\u3164\uffa0]/gu

const saysSomething = (text: string): boolean => /[\p{L}\p{N}]/u.test(text.replaceAll(blank, ''))

export const reasonFits = (need: ReasonNeed, reason: string | null): boolean => {
  if (need.kind === 'optional') return true
  if (reason === null || !saysSomething(reason)) return false
  return need.kind === 'required' || compileGlobs(need.globs)(folded(reason))
}

/** In an emergency the rule’s own, shorter, limit holds. */
export const longestOf = ({ terms, breakGlass }: PolicyRule, { emergency }: Subject): number =>
  emergency && breakGlass ? Math.min(breakGlass.maxDurationMs, terms.maxDurationMs) : terms.maxDurationMs

/** Whoever breaks the glass says why, whatever the rule asks for otherwise. */
export const needOf = ({ reason }: PolicyRule, { emergency }: Subject): ReasonNeed =>
  emergency && reason.kind === 'optional' ? { kind: 'required' } : reason

const limitOf = (rule: PolicyRule, subject: Subject): Limit | null => {
  const { durationMs, reason, emergency, source } = subject
  if (emergency && !rule.breakGlass) return 'glass'
  if (addressesIn(source.address) > (rule.maxAddresses ?? 1)) return 'addresses'
  if (!(durationMs > 0 && durationMs <= longestOf(rule, subject))) return 'duration'
  return reasonFits(needOf(rule, subject), reason) ? null : 'reason'
}

/** How long, or how much longer, it could be asked for; nothing where no time would be left. */
export const mostTime = (rule: PolicyRule, subject: Subject): number =>
  longestOf(rule, subject) - (subject.extension ? subject.durationMs - subject.extension.extraMs : 0)

/** Whether less time, or fewer addresses, is all that a rule wants of what was asked for. */
export function wantsLess(picked: Picked, subject: Subject): boolean {
  if (picked.kind !== 'rule' || (picked.limit !== 'duration' && picked.limit !== 'addresses')) return false
  const { rule } = picked
  return (
    subject.durationMs > 0 && mostTime(rule, subject) > 0 && reasonFits(needOf(rule, subject), subject.reason)
  )
}

export type Picked =
  | { readonly kind: 'refused'; readonly by: DenyRule }
  | { readonly kind: 'none' }
  | { readonly kind: 'rule'; readonly rule: PolicyRule; readonly limit: Limit | null }

/** The only place where it is decided what the policy says; everything else puts it into words. */
export function pick(policy: Policy, facts: Facts): Picked {
  const { deny, denyIndex, rules, ruleIndex } = readyPolicy(policy)
  for (const position of denyIndex(facts)) {
    const by = deny[position]
    if (by && refuses(by, facts)) return { kind: 'refused', by: by.rule }
  }
  for (const position of ruleIndex(facts)) {
    const one = rules[position]
    if (one && fitsAll(one, facts))
      return { kind: 'rule', rule: one.rule, limit: limitOf(one.rule, facts.subject) }
  }
  return { kind: 'none' }
}

export const outcomeOf = (picked: Picked, subject: Subject): Outcome => {
  if (picked.kind !== 'rule' || picked.limit !== null) return 'deny'
  return termsOf(picked, subject)?.stages.length === 0 ? 'allow' : 'needs approval'
}

/** Whether nobody has to be asked again by somebody who only wants to stay longer. */
export function staysFreely({ extension }: PolicyRule, asked: Subject['extension']): boolean {
  // To stay because nobody was asked, and then not to be asked either, would leave nobody's yes at all.
  if (!asked || asked.emergency || extension.kind === 'same') return false
  return extension.kind === 'none' || (asked.first && asked.extraMs <= extension.mostMs)
}

/** Whom the stages name together; owners and people on call are still to be looked up. */
function everybody(terms: Terms): Approvers {
  const all = terms.stages.map(({ approvers }) => approvers)
  const [ownerTag, ...moreOwnerTags] = new Set(all.flatMap((one) => one.ownerTag ?? []))
  const onCall = all.flatMap((one) => one.onCall ?? [])
  return {
    ...allApprovers(terms),
    ...(ownerTag !== undefined && { ownerTag }),
    ...(moreOwnerTags.length > 0 && { moreOwnerTags }),
    ...(onCall.length > 0 && { onCall }),
  }
}

/** Nobody is asked; who would have been is told, and somebody looks at it afterwards. */
const emergencyTerms = (terms: Terms, breakGlass: BreakGlass): Terms => ({
  ...terms,
  stages: [],
  emergency: emergencyOf(terms, breakGlass),
})

const emergencyOf = (terms: Terms, { reviewers }: BreakGlass): Emergency => ({
  skipped: everybody(terms),
  reviewers,
})

/** Whom the policy says now that a break-glass under this rule passed over, and who reviews it; null when it says nothing. */
export function emergencyNow({ rules }: Policy, ruleName: string): Emergency | null {
  const rule = rules.find(({ name }) => name === ruleName)
  return rule?.breakGlass ? emergencyOf(rule.terms, rule.breakGlass) : null
}

export function termsOf(picked: Picked, subject: Subject): Terms | null {
  if (picked.kind !== 'rule' || picked.limit !== null) return null
  const { terms, breakGlass } = picked.rule
  if (subject.emergency && breakGlass) return emergencyTerms(terms, breakGlass)
  return staysFreely(picked.rule, subject.extension) ? { ...terms, stages: [] } : terms
}

/** The answer alone, for who needs many of them: what `evaluate` says, without its words. */
export function judge(policy: Policy, subject: Subject): Pick<Verdict, 'outcome' | 'terms'> {
  const picked = pick(policy, factsOf(subject))
  return { outcome: outcomeOf(picked, subject), terms: termsOf(picked, subject) }
}

/** The rule that decides about this request, when one does. */
export function ruleFor(policy: Policy, subject: Subject): PolicyRule | null {
  const picked = pick(policy, factsOf(subject))
  return picked.kind === 'rule' ? picked.rule : null
}

/** How many approvals the stages need together. */
export const approvalsOf = ({ stages }: Pick<Terms, 'stages'>): number =>
  stages.reduce((sum, { approvals }) => sum + approvals, 0)
