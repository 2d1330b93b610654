import type { RoleAnswer } from './azure-role.ts'
import type { Person } from './person.ts'
import type { Port, Service } from './service.ts'
import type { Source } from './source.ts'
import type { Vm } from './vm.ts'

/** Who may approve. Owners and people on call are looked up when it matters; the rest are Slack's ids. */
export interface Approvers {
  readonly users: readonly string[]
  readonly groups: readonly string[]
  /** The name of a tag of the VM, whose value names its owners: Slack ids or e-mail addresses. */
  readonly ownerTag?: string
  /** Schedules of the on-call service. */
  readonly onCall?: readonly string[]
}

/** So many different people of one set; stages follow one another. */
export interface Stage {
  readonly approvers: Approvers
  readonly approvals: number
  /** Each yes must come from another one of the groups; whoever is named alone counts as a group of one. */
  readonly fromDifferentGroups: boolean
}

/** What must hold of the VM. Each list is globs; an absent list matches everything. */
export interface VmMatch {
  readonly name?: readonly string[]
  readonly resourceGroup?: readonly string[]
  /** The subscription's name or id. */
  readonly subscription?: readonly string[]
  readonly tenant?: readonly string[]
  readonly region?: readonly string[]
  readonly os?: readonly ('windows' | 'linux')[]
  readonly tags?: Readonly<Record<string, readonly string[]>>
}

/** Anyone in one of the lists. */
export interface RequesterMatch {
  readonly users?: readonly string[]
  readonly groups?: readonly string[]
  /** Object ids of Entra groups. */
  readonly entraGroups?: readonly string[]
}

export interface SourceMatch {
  readonly kind?: readonly Source['learnt'][]
  /** Ranges in CIDR form. */
  readonly within?: readonly string[]
}

/** Days and hours in one zone. */
export interface TimeMatch {
  /** 1 is Monday, 7 is Sunday. */
  readonly days?: readonly number[]
  /** Minutes after midnight; an end that is not after its start belongs to the next day. */
  readonly hours?: { readonly from: number; readonly to: number }
  /** An IANA zone. */
  readonly zone: string
}

/** Both ends count as inside. */
export interface DurationMatch {
  readonly atLeastMs?: number
  readonly atMostMs?: number
}

/** Everything that is given must hold, and nothing under `not`. */
export interface Match {
  readonly vm: VmMatch
  readonly requester: RequesterMatch
  /** An Azure role that the requester must hold on the VM: its name, or its definition's id. */
  readonly azureRole?: string
  /** Ports that the rule is about; absent means any. */
  readonly ports?: readonly Port[]
  readonly source?: SourceMatch
  readonly time?: TimeMatch
  readonly duration?: DurationMatch
  readonly not?: {
    readonly vm?: VmMatch
    readonly requester?: RequesterMatch
    readonly source?: SourceMatch
    readonly time?: TimeMatch
  }
}

/** What a yes is bound to. */
export interface Terms {
  readonly rule: string
  readonly maxDurationMs: number
  /** None means that nobody is asked. */
  readonly stages: readonly Stage[]
  /** The rule says that people may approve what they asked for themselves. */
  readonly selfApproval: boolean
  /** The Slack channel that the card goes to. */
  readonly channel: string
  /** How long approvers have. */
  readonly deadlineMs: number
}

/** What has to be said about why; `help` is told to whoever says something else. */
export type ReasonNeed =
  | { readonly kind: 'optional' }
  | { readonly kind: 'required' }
  | { readonly kind: 'pattern'; readonly globs: readonly string[]; readonly help: string }

/** How often in 24 hours the rule may decide by itself. */
export interface Quota {
  readonly perPerson?: number
  readonly perVm?: number
  readonly perRule?: number
}

export interface PolicyRule {
  /** Completes the sentence “Access is granted if …”. */
  readonly name: string
  readonly match: Match
  readonly reason: ReasonNeed
  readonly quota: Quota
  readonly terms: Terms
}

/** A “no” that no rule can overrule. */
export interface DenyRule {
  /** Completes the sentence “Access is refused if …”. */
  readonly name: string
  readonly match: Match
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
  readonly deny: readonly DenyRule[]
  readonly rules: readonly PolicyRule[]
  readonly auditChannel: string
  readonly pages: Pages
  /** How long an address that a person gave counts as theirs without typing it again. */
  readonly addressWindowMs: number
  /** Tag names that the card shows. */
  readonly showTags: readonly string[]
}

/** How often a rule decided by itself in the last 24 hours. */
export interface Usage {
  readonly byPerson: number
  readonly ofVm: number
  readonly ofRule: number
}

/** What the policy is asked about. */
export interface Subject {
  readonly requester: Person
  /** Groups that the requester is in, as read from the directory now. */
  readonly groups: readonly string[]
  /** Entra groups that the requester is in; null when that is not known. */
  readonly entraGroups: readonly string[] | null
  /** By the role's name in the policy; a role that is missing is not known. */
  readonly azureRoles?: ReadonlyMap<string, RoleAnswer>
  readonly vm: Vm
  readonly ports: readonly Port[]
  readonly source: Pick<Source, 'address' | 'learnt'>
  readonly reason: string | null
  /** When access would begin. */
  readonly startsAt: number
  readonly durationMs: number
  /** By the rule's name; a rule that is missing is not known. */
  readonly usage: ReadonlyMap<string, Usage>
}

/** One node of the explanation: what was checked, how it came out, and why, in words. */
export interface Reason {
  readonly check: string
  readonly result: 'yes' | 'no' | 'skipped'
  readonly because: string
  readonly children: readonly Reason[]
}

export type Outcome = 'allow' | 'needs approval' | 'deny'

export interface Verdict {
  readonly outcome: Outcome
  /** What applies when it is not a deny. */
  readonly terms: Terms | null
  readonly tree: Reason
  readonly policyHash: string
}

const approversOf = (terms: Terms): readonly Approvers[] => terms.stages.map(({ approvers }) => approvers)

const groupsIn = ({ match }: { readonly match: Match }): readonly string[] => [
  ...(match.requester.groups ?? []),
  ...(match.not?.requester?.groups ?? []),
]

/** Every Slack user group that the policy names, so that the directory is asked about those and no others. */
export const groupsNamed = (policy: Policy): readonly string[] => [
  ...new Set([
    ...policy.deny.flatMap(groupsIn),
    ...policy.rules.flatMap((rule) => [
      ...groupsIn(rule),
      ...approversOf(rule.terms).flatMap(({ groups }) => groups),
    ]),
  ]),
]

/** Every Entra group that the policy names. */
export const entraGroupsNamed = ({ deny, rules }: Policy): readonly string[] => [
  ...new Set(
    [...deny, ...rules].flatMap(({ match }) => [
      ...(match.requester.entraGroups ?? []),
      ...(match.not?.requester?.entraGroups ?? []),
    ]),
  ),
]

/** Every Azure role that the policy names. */
export const azureRolesNamed = ({ rules }: Policy): readonly string[] => [
  ...new Set(rules.flatMap(({ match }) => match.azureRole ?? [])),
]
