import { allApprovers } from './approval.ts'
import { type Check, type Facts, type Fit, factsOf } from './check.ts'
import { checksOf } from './checks.ts'
import { durationText } from './duration.ts'
import { beginningOf, compileGlobs } from './glob.ts'
import type {
  Approvers,
  BreakGlass,
  DenyRule,
  Outcome,
  Policy,
  PolicyRule,
  Reason,
  ReasonNeed,
  Subject,
  Terms,
  Verdict,
} from './policy.ts'
import { hasPlace, quotaParts } from './quota.ts'

interface Ready<R extends PolicyRule | DenyRule> {
  readonly rule: R
  readonly checks: readonly Check[]
  /** What the VM’s name and its resource group must begin with: it passes over most rules without asking them. */
  readonly name: string
  readonly group: string
}

interface ReadyPolicy {
  readonly deny: readonly Ready<DenyRule>[]
  readonly rules: readonly Ready<PolicyRule>[]
}

const readied = new WeakMap<Policy, ReadyPolicy>()

const ready = <R extends PolicyRule | DenyRule>(rule: R): Ready<R> => ({
  rule,
  checks: checksOf(rule.match),
  name: beginningOf(rule.match.vm.name ?? []),
  group: beginningOf(rule.match.vm.resourceGroup ?? []),
})

/** False when the checks would surely say `none`. */
const mayFit = (
  { name, group }: Pick<Ready<DenyRule>, 'name' | 'group'>,
  { vmName, resourceGroup }: Facts,
): boolean => vmName.startsWith(name) && resourceGroup.startsWith(group)

/** Globs and ranges are read once for each policy, however often it is asked. */
function readyPolicy(policy: Policy): ReadyPolicy {
  const known = readied.get(policy)
  if (known) return known
  const made = { deny: policy.deny.map(ready), rules: policy.rules.map(ready) }
  readied.set(policy, made)
  return made
}

/** What is not known cannot be held against a refusal: it refuses. */
const refuses = (one: Ready<DenyRule>, facts: Facts): boolean => {
  if (!mayFit(one, facts)) return false
  for (const check of one.checks) if (check.fit(facts) === 'none') return false
  return true
}

const fitsAll = (one: Ready<PolicyRule>, facts: Facts): boolean => {
  if (!mayFit(one, facts)) return false
  for (const check of one.checks) if (check.fit(facts) !== 'all') return false
  return hasPlace(one.rule.quota, facts.subject.usage.get(one.rule.name))
}

/** What keeps a rule that fits from granting; the rules below it are not tried. */
type Limit = 'duration' | 'reason' | 'glass'

const reasonFits = (need: ReasonNeed, reason: string | null): boolean => {
  if (need.kind === 'optional') return true
  if (reason === null || reason.trim() === '') return false
  return need.kind === 'required' || compileGlobs(need.globs)(reason.toLowerCase())
}

/** In an emergency the rule’s own, shorter, limit holds. */
const longestOf = ({ terms, breakGlass }: PolicyRule, { emergency }: Subject): number =>
  emergency && breakGlass ? Math.min(breakGlass.maxDurationMs, terms.maxDurationMs) : terms.maxDurationMs

/** Whoever breaks the glass says why, whatever the rule asks for otherwise. */
const needOf = ({ reason }: PolicyRule, { emergency }: Subject): ReasonNeed =>
  emergency && reason.kind === 'optional' ? { kind: 'required' } : reason

const limitOf = (rule: PolicyRule, subject: Subject): Limit | null => {
  const { durationMs, reason, emergency } = subject
  if (emergency && !rule.breakGlass) return 'glass'
  if (!(durationMs > 0 && durationMs <= longestOf(rule, subject))) return 'duration'
  return reasonFits(needOf(rule, subject), reason) ? null : 'reason'
}

type Picked =
  | { readonly kind: 'refused'; readonly by: DenyRule }
  | { readonly kind: 'none' }
  | { readonly kind: 'rule'; readonly rule: PolicyRule; readonly limit: Limit | null }

/** The only place where it is decided what the policy says; everything else puts it into words. */
function pick(policy: Policy, facts: Facts): Picked {
  const { deny, rules } = readyPolicy(policy)
  for (const by of deny) if (refuses(by, facts)) return { kind: 'refused', by: by.rule }
  for (const one of rules) {
    if (fitsAll(one, facts)) return { kind: 'rule', rule: one.rule, limit: limitOf(one.rule, facts.subject) }
  }
  return { kind: 'none' }
}

const outcomeOf = (picked: Picked, subject: Subject): Outcome => {
  if (picked.kind !== 'rule' || picked.limit !== null) return 'deny'
  return termsOf(picked, subject)?.stages.length === 0 ? 'allow' : 'needs approval'
}

/** Whether nobody has to be asked again by somebody who only wants to stay longer. */
function staysFreely({ extension }: PolicyRule, asked: Subject['extension']): boolean {
  if (!asked || extension.kind === 'same') return false
  return extension.kind === 'none' || (asked.first && asked.extraMs <= extension.mostMs)
}

/** Whom the stages name together; owners and people on call are still to be looked up. */
function everybody(terms: Terms): Approvers {
  const all = terms.stages.map(({ approvers }) => approvers)
  const [ownerTag] = all.flatMap((one) => one.ownerTag ?? [])
  const onCall = all.flatMap((one) => one.onCall ?? [])
  return {
    ...allApprovers(terms),
    ...(ownerTag !== undefined && { ownerTag }),
    ...(onCall.length > 0 && { onCall }),
  }
}

/** Nobody is asked; who would have been is told, and somebody looks at it afterwards. */
const emergencyTerms = (terms: Terms, { reviewers }: BreakGlass): Terms => ({
  ...terms,
  stages: [],
  emergency: { skipped: everybody(terms), reviewers },
})

function termsOf(picked: Picked, subject: Subject): Terms | null {
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

const yesNo = (yes: boolean): 'yes' | 'no' => (yes ? 'yes' : 'no')

const leaf = (check: string, yes: boolean, because: string): Reason => ({
  check,
  result: yesNo(yes),
  because,
  children: [],
})

const skipped = (check: string, because: string): Reason => ({
  ...leaf(check, false, because),
  result: 'skipped',
})

const leavesOf = (checks: readonly Check[], facts: Facts, holds: (fit: Fit) => boolean): Reason[] =>
  checks.map((check) => {
    const fit = check.fit(facts)
    return leaf(check.what, holds(fit), check.because(facts, fit))
  })

const allHold = 'everything it asks for holds'

const failures = (children: readonly Reason[]): string =>
  children
    .filter(({ result }) => result === 'no')
    .map(({ check, because }) => `${check}: ${because}`)
    .join('; ')

function quotaLeaves({ name, quota }: PolicyRule, { usage }: Subject): Reason[] {
  return quotaParts.flatMap(([limit, used, what]) => {
    const most = quota[limit]
    if (most === undefined) return []
    const count = usage.get(name)?.[used]
    const because =
      count === undefined
        ? 'how many were given is not known'
        : `${count} of ${most} in the last 24 hours are used`
    return [leaf(`the quota ${what}`, count !== undefined && count < most, because)]
  })
}

function durationLeaf(most: number, asked: number): Reason {
  const what = 'the duration'
  if (!(asked > 0)) return leaf(what, false, 'no time is left in what was asked for')
  const [shown, limit] = [durationText(asked), durationText(most)]
  if (asked <= most) return leaf(what, true, `${shown} is within the ${limit} that the rule allows`)
  const over = shown === limit ? `a little over ${shown}` : shown
  return leaf(what, false, `${over} is more than the ${limit} that the rule allows`)
}

function reasonLeaves(need: ReasonNeed, reason: string | null): Reason[] {
  if (need.kind === 'optional') return []
  const fits = reasonFits(need, reason)
  if (fits) return [leaf('the reason', true, 'it is given')]
  return [
    leaf('the reason', false, need.kind === 'pattern' ? need.help : 'none is given; say why after “because”'),
  ]
}

const glassLeaf = ({ breakGlass }: PolicyRule, { emergency }: Subject): Reason[] =>
  emergency
    ? [
        leaf(
          'breaking the glass',
          breakGlass !== undefined,
          breakGlass ? 'the rule allows it' : 'the rule does not allow it',
        ),
      ]
    : []

function explainRule(one: Ready<PolicyRule>, facts: Facts): Reason {
  const { subject } = facts
  const { rule } = one
  const asked = [...leavesOf(one.checks, facts, (fit) => fit === 'all'), ...quotaLeaves(rule, subject)]
  const children = fitsAll(one, facts)
    ? [
        ...asked,
        ...glassLeaf(rule, subject),
        durationLeaf(longestOf(rule, subject), subject.durationMs),
        ...reasonLeaves(needOf(rule, subject), subject.reason),
      ]
    : asked
  const wrong = failures(children)
  return { check: rule.name, result: yesNo(wrong === ''), because: wrong || allHold, children }
}

/** What stands over the refusals in the explanation. */
export const noRefusal = 'no refusal applies'

/** The refusals as one check that holds when none of them applies. */
function explainRefusals(policy: Policy, facts: Facts): Reason[] {
  if (policy.deny.length === 0) return []
  const children = readyPolicy(policy).deny.map((one): Reason => {
    const asked = leavesOf(one.checks, facts, (fit) => fit !== 'none')
    const applies = refuses(one, facts)
    return {
      check: one.rule.name,
      result: yesNo(applies),
      because: applies ? allHold : failures(asked),
      children: asked,
    }
  })
  const applying = children.filter(({ result }) => result === 'yes').map(({ check }) => `“${check}”`)
  const because =
    applying.length > 0 ? `this refusal applies: ${applying.join(', ')}` : 'none of them applies'
  return [{ check: noRefusal, result: yesNo(applying.length === 0), because, children }]
}

function explainRules(policy: Policy, facts: Facts, picked: Picked): Reason[] {
  if (picked.kind === 'refused') return policy.rules.map(({ name }) => skipped(name, 'a refusal decided'))
  const last = picked.kind === 'rule' ? policy.rules.indexOf(picked.rule) : policy.rules.length
  return readyPolicy(policy).rules.map((one, index) =>
    index <= last ? explainRule(one, facts) : skipped(one.rule.name, 'an earlier rule decided'),
  )
}

/** How many approvals the stages need together. */
export const approvalsOf = ({ stages }: Pick<Terms, 'stages'>): number =>
  stages.reduce((sum, { approvals }) => sum + approvals, 0)

function becauseOf(picked: Picked, subject: Subject, rules: readonly Reason[]): string {
  if (picked.kind === 'refused') return `access is refused if ${picked.by.name}`
  if (picked.kind === 'none') return 'no rule of the policy matches'
  const { rule, limit } = picked
  if (limit !== null) {
    const tried = rules.find(({ check }) => check === rule.name)
    return `the rule “${rule.name}” applies, but ${tried?.because ?? 'a limit is passed'}`
  }
  if (subject.emergency) return `the rule “${rule.name}” lets people break the glass`
  if (staysFreely(rule, subject.extension))
    return `the rule “${rule.name}” lets people stay longer without asking`
  const count = approvalsOf(rule.terms)
  if (count === 0) return `the rule “${rule.name}” allows it`
  return `the rule “${rule.name}” asks for ${count} ${count === 1 ? 'approval' : 'approvals'}`
}

/**
 * Answers for one request, with the reasons. A refusal that applies decides, whatever the rules say; otherwise the
 * first rule that fits does.
 */
export function evaluate(policy: Policy, subject: Subject): Verdict {
  const facts = factsOf(subject)
  const picked = pick(policy, facts)
  const outcome = outcomeOf(picked, subject)
  const rules = explainRules(policy, facts, picked)
  return {
    outcome,
    terms: termsOf(picked, subject),
    tree: {
      check: 'Access is granted if …',
      result: yesNo(outcome !== 'deny'),
      because: becauseOf(picked, subject, rules),
      children: [...explainRefusals(policy, facts), ...rules],
    },
    policyHash: policy.hash,
  }
}
