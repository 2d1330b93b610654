import { durationText } from './duration.ts'
import type { Person } from './person.ts'
import type { Service } from './service.ts'
import { covers, type Port, portsText } from './service.ts'
import type { Vm } from './vm.ts'

/** Who may approve: Slack user ids and Slack user group ids. */
export interface Approvers {
  readonly users: readonly string[]
  readonly groups: readonly string[]
}

export interface Match {
  /** Each list is globs; an absent list matches everything. */
  readonly vm: {
    readonly name?: readonly string[]
    readonly resourceGroup?: readonly string[]
    readonly subscription?: readonly string[]
    readonly tags?: Readonly<Record<string, readonly string[]>>
  }
  readonly requester: { readonly users?: readonly string[]; readonly groups?: readonly string[] }
  /** Ports that the rule is about; absent means any. */
  readonly ports?: readonly Port[]
}

/** What a yes is bound to. */
export interface Terms {
  readonly rule: string
  readonly maxDurationMs: number
  readonly approvers: Approvers
  readonly approvals: number
  /** The Slack channel that the card goes to. */
  readonly channel: string
  /** How long approvers have. */
  readonly deadlineMs: number
}

export interface PolicyRule {
  /** Completes the sentence “Access is granted if …”. */
  readonly name: string
  readonly match: Match
  readonly terms: Terms
}

/** Whom to call when something does not close. */
export interface Pages {
  readonly channel: string
  readonly users: readonly string[]
  readonly groups: readonly string[]
}

export interface Policy {
  /** Identifies the exact text that was loaded. */
  readonly hash: string
  readonly services: readonly Service[]
  readonly rules: readonly PolicyRule[]
  readonly auditChannel: string
  readonly pages: Pages
  /** How long an address that a person gave counts as theirs without typing it again. */
  readonly addressWindowMs: number
  /** Tag names that the card shows. */
  readonly showTags: readonly string[]
}

/** What the policy is asked about. */
export interface Subject {
  readonly requester: Person
  /** Groups that the requester is in, as read from the directory now. */
  readonly groups: readonly string[]
  readonly vm: Vm
  readonly ports: readonly Port[]
  readonly durationMs: number
}

/** One node of the explanation: what was checked, how it came out, and why, in words. */
export interface Reason {
  readonly check: string
  readonly result: 'yes' | 'no' | 'skipped'
  readonly because: string
  readonly children: readonly Reason[]
}

export interface Verdict {
  readonly outcome: 'allow' | 'needs approval' | 'deny'
  /** What applies when it is not a deny. */
  readonly terms: Terms | null
  readonly tree: Reason
  readonly policyHash: string
}

/**
 * `*` stands for any run of characters and `?` for one; upper and lower case are alike. No regular expression:
 * a few stars in one, against a long tag that somebody else wrote, would stop the bot for minutes.
 */
export function globMatches(glob: string, text: string): boolean {
  const wanted = Array.from(glob.toLowerCase())
  const given = Array.from(text.toLowerCase())
  let [at, star, resume] = [0, -1, 0]
  for (let index = 0; index < given.length; ) {
    if (wanted[at] === '*') {
      star = at
      resume = index
      at += 1
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[index])) {
      at += 1
      index += 1
    } else if (star >= 0) {
      // Only the last star needs another try: the ones before it are satisfied already.
      at = star + 1
      resume += 1
      index = resume
    } else {
      return false
    }
  }
  return wanted.slice(at).every((letter) => letter === '*')
}

const anyGlob = (globs: readonly string[], text: string) => globs.some((glob) => globMatches(glob, text))

const leaf = (check: string, yes: boolean, because: string): Reason => ({
  check,
  result: yes ? 'yes' : 'no',
  because,
  children: [],
})

function checkVm(match: Match['vm'], vm: Vm): Reason[] {
  const checks: Reason[] = []
  const add = (what: string, globs: readonly string[] | undefined, values: readonly string[]) => {
    if (!globs) return
    const yes = values.some((value) => anyGlob(globs, value))
    checks.push(
      leaf(what, yes, `${values[0] || 'nothing'} ${yes ? 'is among' : 'is not among'} ${globs.join(', ')}`),
    )
  }
  add('the VM’s name', match.name, [vm.name])
  add('its resource group', match.resourceGroup, [vm.resourceGroup])
  add('its subscription', match.subscription, [vm.subscriptionName, vm.subscriptionId])
  for (const [tag, globs] of Object.entries(match.tags ?? {})) {
    const key = Object.keys(vm.tags).find((name) => name.toLowerCase() === tag.toLowerCase())
    const value = key === undefined ? undefined : vm.tags[key]
    const yes = value !== undefined && anyGlob(globs, value)
    const shown =
      value === undefined
        ? 'the VM has no such tag'
        : `${value} ${yes ? 'is' : 'is not'} among ${globs.join(', ')}`
    checks.push(leaf(`its tag ${tag}`, yes, shown))
  }
  return checks
}

function checkRequester(match: Match['requester'], subject: Subject): Reason[] {
  if (!match.users && !match.groups) return []
  const byName = match.users?.includes(subject.requester.userId) ?? false
  const group = match.groups?.find((id) => subject.groups.includes(id))
  const because = byName
    ? 'named in the rule'
    : group === undefined
      ? 'neither named in the rule nor in one of its groups'
      : `in the group ${group}`
  return [leaf('the requester', byName || group !== undefined, because)]
}

function checkPorts(ports: readonly Port[] | undefined, asked: readonly Port[]): Reason[] {
  if (!ports) return []
  const yes = covers(ports, asked)
  return [
    leaf('the ports', yes, `${portsText(asked)} ${yes ? 'is within' : 'is not within'} ${portsText(ports)}`),
  ]
}

function checkDuration(max: number, asked: number): Reason {
  if (!(asked > 0)) return leaf('the duration', false, 'no time is left in what was asked for')
  const [shown, most] = [durationText(asked), durationText(max)]
  if (asked <= max) return leaf('the duration', true, `${shown} is within the ${most} that the rule allows`)
  const over = shown === most ? `a little over ${shown}` : shown
  return leaf('the duration', false, `${over} is more than the ${most} that the rule allows`)
}

interface Tried {
  readonly reason: Reason
  readonly matches: boolean
  readonly within: boolean
}

function tryRule(rule: PolicyRule, subject: Subject): Tried {
  const matching = [
    ...checkVm(rule.match.vm, subject.vm),
    ...checkRequester(rule.match.requester, subject),
    ...checkPorts(rule.match.ports, subject.ports),
  ]
  const matches = matching.every((reason) => reason.result === 'yes')
  const duration = checkDuration(rule.terms.maxDurationMs, subject.durationMs)
  const children = matches ? [...matching, duration] : matching
  const failed = children.filter((reason) => reason.result === 'no')
  const because = failed.map((reason) => `${reason.check}: ${reason.because}`).join('; ')
  return {
    reason: {
      check: rule.name,
      result: failed.length === 0 ? 'yes' : 'no',
      because: failed.length === 0 ? 'everything it asks for holds' : because,
      children,
    },
    matches,
    within: matches && duration.result === 'yes',
  }
}

const skipped = (rule: PolicyRule): Reason => ({
  check: rule.name,
  result: 'skipped',
  because: 'an earlier rule decided',
  children: [],
})

/** Answers for one request: the first rule that matches the VM, the requester and the ports decides. */
export function evaluate(policy: Policy, subject: Subject): Verdict {
  const children: Reason[] = []
  for (const [index, rule] of policy.rules.entries()) {
    const tried = tryRule(rule, subject)
    children.push(tried.reason)
    if (!tried.matches) continue
    const rest = policy.rules.slice(index + 1).map(skipped)
    const needs = rule.terms.approvals > 0
    const outcome = tried.within ? (needs ? 'needs approval' : 'allow') : 'deny'
    const because = tried.within
      ? `the rule “${rule.name}” ${needs ? `asks for ${rule.terms.approvals} ${rule.terms.approvals === 1 ? 'approval' : 'approvals'}` : 'allows it'}`
      : `the rule “${rule.name}” applies, but ${tried.reason.because}`
    return {
      outcome,
      terms: tried.within ? rule.terms : null,
      tree: {
        check: 'Access is granted if …',
        result: tried.within ? 'yes' : 'no',
        because,
        children: [...children, ...rest],
      },
      policyHash: policy.hash,
    }
  }
  return {
    outcome: 'deny',
    terms: null,
    tree: {
      check: 'Access is granted if …',
      result: 'no',
      because: 'no rule of the policy matches',
      children,
    },
    policyHash: policy.hash,
  }
}

/** Every Slack user group that the policy names, so that the directory is asked about those and no others. */
export const groupsNamed = (policy: Policy): readonly string[] => [
  ...new Set(
    policy.rules.flatMap((rule) => [...(rule.match.requester.groups ?? []), ...rule.terms.approvers.groups]),
  ),
]
