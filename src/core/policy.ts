import type { AddressList, AddressPolicy } from './address-policy.ts'
import type { RoleAnswer } from './azure-role.ts'
import type { Preference } from './defender.ts'
import type { DigestSchedule } from './digest.ts'
import type { Person } from './person.ts'
import type { Band } from './priority.ts'
import type { Port, Service } from './service.ts'
import type { Source } from './source.ts'
import type { Vm } from './vm.ts'

/** People and groups by Slack's ids. */
export interface Named {
  readonly users: readonly string[]
  readonly groups: readonly string[]
}

/** Whom a word of the policy led to when it was looked up, or why it did not. */
export interface Lookup extends Named {
  readonly kind: 'owner tag' | 'on call'
  /** The tag, or the schedule by its name or id. */
  readonly name: string
  /** When the first of these people ceases to be meant; null when that is not known. */
  readonly until: number | null
  /** What kept somebody from being found, each in words. */
  readonly problems: readonly string[]
  /** Something could not be read, so more people may be meant than were found. */
  readonly unsure: boolean
}

/**
 * Who may approve. Only `users` and `groups` decide. Whom the owner tag and the schedules mean is looked up when it
 * matters and added to them; until then they mean nobody.
 */
export interface Approvers extends Named {
  /** The name of a tag of the VM, whose value names its owners: Slack ids or e-mail addresses. */
  readonly ownerTag?: string
  /** The names of further ones, where several stages are spoken of as one. */
  readonly moreOwnerTags?: readonly string[]
  /** Schedules of the on-call service. */
  readonly onCall?: readonly string[]
  /** What was looked up, and whom the policy names by itself. */
  readonly looked?: { readonly up: readonly Lookup[]; readonly named: Named }
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
  /** Lists that are too long to look through; any address in one of them is enough. */
  readonly listed?: readonly AddressList[]
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
  /** Set when nobody was asked because there was no time: who was passed over, and who must look at it. */
  readonly emergency?: { readonly skipped: Approvers; readonly reviewers: Approvers }
  /** At the end Azure is asked to cut open sessions. */
  readonly flushConnections?: true
  /** How long approvers have. */
  readonly deadlineMs: number
  /** Where the priorities of the rules are taken from; absent means the usual band. */
  readonly priorities?: Band
  /** Who may say yes as well once this much of the deadline has passed without enough of them. */
  readonly escalation?: { readonly afterMs: number; readonly approvers: Approvers }
  /** How access is opened; absent where the file says nothing. */
  readonly way?: Preference
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

/** Who must say yes when somebody wants to stay longer: whoever had to before, nobody, or nobody for a first short time. */
export type Extension =
  | { readonly kind: 'same' }
  | { readonly kind: 'none' }
  | { readonly kind: 'free once'; readonly mostMs: number }

/** Where a rule lets people in at once when there is no time to ask, and who looks at it afterwards. */
export interface BreakGlass {
  readonly maxDurationMs: number
  readonly reviewers: Approvers
}

export interface PolicyRule {
  /** Completes the sentence “Access is granted if …”. */
  readonly name: string
  readonly match: Match
  readonly reason: ReasonNeed
  readonly quota: Quota
  readonly extension: Extension
  readonly breakGlass?: BreakGlass
  /** How many addresses may come in at once; one when absent. */
  readonly maxAddresses?: number
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
  /** Who may stop everything, and close anybody's access. */
  readonly operators: Pick<Approvers, 'users' | 'groups'>
  /** How long an address that a person gave counts as theirs without typing it again. */
  readonly addressWindowMs: number
  /** Which addresses may come in, where the file says more of it. */
  readonly address?: AddressPolicy
  /** When and where it is told each week what stands open; absent means never. */
  readonly digest?: DigestSchedule
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
  /** Groups that could not be read, so that it is not known whether the requester is in them. */
  readonly unknownGroups?: readonly string[]
  /** Entra groups that the requester is in; null when that is not known. */
  readonly entraGroups: readonly string[] | null
  /** Entra groups that Entra does not know, so that it is not known whether the requester was in them. */
  readonly unknownEntraGroups?: readonly string[]
  /** By the role's name in the policy; a role that is missing is not known. */
  readonly azureRoles?: ReadonlyMap<string, RoleAnswer>
  readonly vm: Vm
  readonly ports: readonly Port[]
  readonly source: Pick<Source, 'address' | 'learnt'>
  readonly reason: string | null
  /** When access would begin. */
  readonly startsAt: number
  readonly durationMs: number
  /** Asked for without waiting for anybody’s yes. */
  readonly emergency?: boolean
  /** Set when access that is open is to stay open for so much longer. */
  readonly extension?: {
    readonly extraMs: number
    readonly first: boolean
    /** What it follows on from began with an emergency. */
    readonly emergency?: true
  }
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
  /** Set when only the limit of a rule refuses, and a part of what was asked for can be within it. */
  readonly less?: true
}

const reviewersOf = ({ breakGlass }: PolicyRule): readonly string[] => breakGlass?.reviewers.groups ?? []

const groupsIn = ({ match }: { readonly match: Match }): readonly string[] => [
  ...(match.requester.groups ?? []),
  ...(match.not?.requester?.groups ?? []),
]

/** Every set of people whom the terms name for anything. */
const approversIn = ({ stages, escalation, emergency }: Terms): readonly Approvers[] => [
  ...stages.map(({ approvers }) => approvers),
  ...(escalation ? [escalation.approvers] : []),
  ...(emergency ? [emergency.skipped, emergency.reviewers] : []),
]

/** The groups that people must be in to approve. */
export const approverGroups = (terms: Terms | null): readonly string[] =>
  terms ? approversIn(terms).flatMap(({ groups }) => groups) : []

/** Every Slack user group that the policy names, so that the directory is asked about those and no others. */
export const groupsNamed = (policy: Policy): readonly string[] => [
  ...new Set([
    ...policy.operators.groups,
    ...policy.deny.flatMap(groupsIn),
    ...policy.rules.flatMap((rule) => [
      ...groupsIn(rule),
      ...reviewersOf(rule),
      ...approverGroups(rule.terms),
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

/** How many addresses a source may stand for by any rule. */
export const mostAddresses = ({ rules }: Pick<Policy, 'rules'>): number =>
  Math.max(1, ...rules.map(({ maxAddresses = 1 }) => maxAddresses))

/** Every Azure role that the policy names. */
export const azureRolesNamed = ({ rules }: Policy): readonly string[] => [
  ...new Set(rules.flatMap(({ match }) => match.azureRole ?? [])),
]
