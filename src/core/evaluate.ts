import { type Check, type Facts, type Fit, factsOf } from './check.ts'
import { durationText, minute } from './duration.ts'
import {
  approvalsOf,
  fitsAll,
  longestOf,
  mostTime,
  needOf,
  outcomeOf,
  type Picked,
  pick,
  type Ready,
  readyPolicy,
  reasonFits,
  refuses,
  staysFreely,
  termsOf,
  wantsLess,
} from './pick.ts'
import type { Policy, PolicyRule, Reason, ReasonNeed, Subject, Verdict } from './policy.ts'
import { quotaParts } from './quota.ts'
import { addressesIn, countText } from './source.ts'

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

/** One address is what everybody asks for, so nothing is said of it. */
function addressesLeaves({ maxAddresses = 1 }: PolicyRule, { source }: Subject): Reason[] {
  const count = addressesIn(source.address)
  if (count === 1) return []
  const fits = count <= maxAddresses
  const how = fits ? 'within' : 'more than'
  const because = `${source.address} stands for ${countText(count)}, ${how} the ${maxAddresses} that the rule allows at once`
  return [leaf('how many addresses', fits, because)]
}

function durationLeaf(rule: PolicyRule, subject: Subject): Reason {
  const what = 'the duration'
  const [most, asked] = [longestOf(rule, subject), subject.durationMs]
  if (!(asked > 0)) return leaf(what, false, 'no time is left in what was asked for')
  const [shown, limit] = [durationText(asked), durationText(most)]
  // In an emergency the rule may allow less than it does when somebody says yes.
  const allows = most < rule.terms.maxDurationMs ? 'the rule allows without a yes' : 'the rule allows'
  if (asked <= most) return leaf(what, true, `${shown} is within the ${limit} that ${allows}`)
  const over = shown === limit ? `a little over ${shown}` : shown
  return leaf(what, false, `${over} is more than the ${limit} that ${allows}`)
}

function reasonLeaves(need: ReasonNeed, reason: string | null): Reason[] {
  if (need.kind === 'optional') return []
  const fits = reasonFits(need, reason)
  if (fits) return [leaf('the reason', true, 'it is given')]
  const wrong = reason?.trim() ? 'it has no letter and no digit' : 'none is given'
  return [
    leaf('the reason', false, need.kind === 'pattern' ? need.help : `${wrong}; say why after “because”`),
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
        ...addressesLeaves(rule, subject),
        durationLeaf(rule, subject),
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

/** How the sentence begins when a rule fits and its limit refuses. */
const appliesBut = (name: string): string => `the rule “${name}” applies, but`

/** Whether this rule fits and only its limit refused. */
export const limitRefused = (tree: Reason, { check }: Reason): boolean =>
  tree.because.startsWith(`${appliesBut(check)} `)

/** What to ask for where only the time is too long. To the minute, as it is typed. */
function remedy(rule: PolicyRule, subject: Subject): string {
  if (subject.durationMs <= longestOf(rule, subject)) return ''
  const most = Math.floor(mostTime(rule, subject) / minute) * minute
  const longer = subject.extension ? ' longer' : ''
  return most > 0 ? `; ask for at most ${durationText(most)}${longer}` : ''
}

function becauseOf(picked: Picked, subject: Subject, rules: readonly Reason[]): string {
  if (picked.kind === 'refused') return `access is refused if ${picked.by.name}`
  if (picked.kind === 'none') return 'no rule of the policy matches'
  const { rule, limit } = picked
  if (limit !== null) {
    const tried = rules.find(({ check }) => check === rule.name)
    return `${appliesBut(rule.name)} ${tried?.because ?? 'a limit is passed'}${remedy(rule, subject)}`
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
    ...(wantsLess(picked, subject) && { less: true }),
  }
}
