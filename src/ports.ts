import type { Alarm } from './core/alarm.ts'
import type { AdminRule, Lock } from './core/around.ts'
import type { AuditRecord } from './core/audit.ts'
import type { RoleAnswer } from './core/azure-role.ts'
import type { Case } from './core/case.ts'
import type { DefenderView } from './core/context.ts'
import type { DefenderState, Guard } from './core/defender.ts'
import type { Note } from './core/effect.ts'
import type { FlushAnswer } from './core/flush.ts'
import type { Rule } from './core/grant.ts'
import type { LateTenant, Reading, VmDetails, VmEntry } from './core/inventory.ts'
import type { LiveRule } from './core/live-rule.ts'
import type { Digest, HomeView, VmsView } from './core/overview.ts'
import type { Panic } from './core/panic.ts'
import type { Member, Person } from './core/person.ts'
import type { Pages, Verdict } from './core/policy.ts'
import type { FlowAnswer, FlowQuestion } from './core/proof.ts'
import type { SurveyedGroup } from './core/reconcile.ts'
import type { Ask, Request } from './core/request.ts'
import type { Family } from './core/source.ts'
import type { Path, Vm } from './core/vm.ts'
import type { Changer, ConversionChat } from './ports-conversion.ts'
import type { LinkChat } from './ports-links.ts'
import type { Trouble } from './ports-store.ts'

/** The database's time in epoch milliseconds, kept between readings by the local monotonic clock. */
export interface Clock {
  now(): number
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/* ---- Azure ---- */

export interface Inventory {
  /** VMs whose name is exactly this, in any case; `group/name` and `subscription/group/name` narrow it. */
  find(name: string): readonly Vm[]
  /** The names most like this one, best first. */
  nearest(name: string, most: number): readonly string[]
  /** Whether the last reading showed this VM, by its id. */
  has(vmId: string): boolean
  /** The id of the subscription with this name or id, among those of the VMs; null when there is none. */
  subscription(nameOrId: string): string | null
  /** What was around a VM; null for one that the last reading did not show. */
  details(vmId: string): VmDetails | null
  /** Every VM with what was around it, by name. */
  all(): Iterable<VmEntry>
  /** Reads Azure again, here or in another replica. Throws a `Fault` when it cannot. */
  refresh(signal?: AbortSignal): Promise<void>
  /**
   * When the reading began that the inventory shows, or null before the first one. With the id of a VM: when the
   * reading began that showed this VM, which is earlier while its tenant cannot be read.
   */
  readAt(vmId?: string): number | null
  /** The tenants that the last reading could not read. */
  late?(): readonly LateTenant[]
}

/** Reads all VMs from Azure, now, with what is around them. Throws a `Fault` rather than tell half of them. */
export interface InventorySource {
  /** The VMs of a tenant that cannot be read are taken from the reading before, and keep the time of that. */
  read(signal?: AbortSignal, before?: Reading | null): Promise<Reading>
}

export interface Topology {
  /**
   * Reads from Azure, now, which network security groups stand between the internet and a VM: before the addresses by
   * which somebody outside would come in, or before all that it has. Throws a `Fault`.
   */
  path(vm: Vm, family: Family | 'all', signal?: AbortSignal): Promise<Path>
  /** The tags that a VM has now. Throws a `Fault`. */
  tags(vm: Vm, signal?: AbortSignal): Promise<Vm['tags']>
}

/** What stands around the way to a VM and can defeat a rule. Each of these throws a `Fault`, also for a missing right. */
export interface Surroundings {
  /** `running`, `deallocated` …; null when Azure does not say. */
  power(vm: Vm, signal?: AbortSignal): Promise<string | null>
  /** The prefixes of a virtual network and of those that are peered with it. */
  prefixes(networkId: string, signal?: AbortSignal): Promise<readonly string[]>
  /** The rules of Azure's network manager that hold in a virtual network. */
  adminRules(networkId: string, signal?: AbortSignal): Promise<readonly AdminRule[]>
  /** The locks on a security group, its resource group and its subscription. */
  locks(nsgId: string, signal?: AbortSignal): Promise<readonly Lock[]>
  /** The assignments of Azure Policy that would refuse a rule. */
  denials(rule: Rule, signal?: AbortSignal): Promise<readonly string[]>
}

/** What is known after a write to one rule; only a read of Azure makes it `present` or `absent`. */
export type Written =
  /** `already`: nothing was sent for it, because it was so. Said only of rules of somebody else's. */
  | { readonly kind: 'present'; readonly already?: true }
  | { readonly kind: 'absent'; readonly already?: true }
  /** Another rule took the priority: choose the next one. */
  | { readonly kind: 'priority taken' }
  /** Not done; trying again later may help. `afterMs` is Azure's own wish, when it gave one. */
  | {
      readonly kind: 'try again'
      readonly why: string
      readonly afterMs: number | null
      /** Nothing was sent: its turn comes after so long. */
      readonly unsent?: true
      /** Azure took the write, or may have, and no reading says what came of it. Said only of rules of somebody else's. */
      readonly taken?: true
    }
  /** Azure refuses for a reason that trying again does not cure by itself. */
  | { readonly kind: 'refused'; readonly code: string; readonly why: string }

export interface Firewall {
  /** All security rules of a group as read now. A group that does not exist answers null. Throws a `Fault`. */
  list(nsgId: string, signal?: AbortSignal): Promise<readonly LiveRule[] | null>
  /** The one rule as it stands now, or null. Throws a `Fault`. */
  read(nsgId: string, name: string, signal?: AbortSignal): Promise<LiveRule | null>
  /** Writes the one rule and reads it back. Never throws for what Azure answers. */
  open(rule: Rule, signal: AbortSignal): Promise<Written>
  /** Turns the one rule, which stands there and cannot be removed, into one that lets nothing in. */
  block(rule: Rule, signal: AbortSignal): Promise<Written>
  /** Removes the one rule and reads that it is gone. Never throws for what Azure answers. */
  close(rule: Pick<Rule, 'name' | 'nsgId'>, signal: AbortSignal): Promise<Written>
}

/** Asks Azure what would become of one packet. */
export interface Flow {
  /** Throws a `Fault` only for what trying again may mend; what Azure cannot tell is an answer, with the reason. */
  verify(question: FlowQuestion, signal: AbortSignal): Promise<FlowAnswer>
}

/** A tenant that the identity is let into, and why it could not be read at the last look, or null. */
export interface TenantLook {
  readonly tenantId: string
  readonly unread: string | null
}

/** What Defender for Cloud is asked for. */
export interface DefenderOrder {
  readonly policyId: string
  readonly vmId: string
  readonly ports: readonly number[]
  readonly source: string
  /** Epoch milliseconds. */
  readonly endsAt: number
  /** Begins with the mark by which the request is found again. */
  readonly justification: string
}

/** Taken does not mean open: Defender opens some time later, or never, and says nothing. */
export type DefenderAnswer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'try again'; readonly why: string; readonly afterMs: number | null }

/** The just-in-time access of Defender for Cloud. It knows no early close. */
export interface Defender {
  /** The policy that a VM is under, as read now; null when there is none, or none may be read. Throws a `Fault`. */
  guard(vm: Pick<Vm, 'id' | 'subscriptionId'>, signal?: AbortSignal): Promise<Guard | null>
  /** Never throws for what Azure answers. */
  ask(order: DefenderOrder, signal: AbortSignal): Promise<DefenderAnswer>
  /** How the newest request of ours with this mark stands, and who else asked, by Defender’s record. Throws a `Fault`. */
  state(
    order: Pick<DefenderOrder, 'policyId' | 'vmId' | 'ports' | 'source'> & { readonly mark: string },
    signal?: AbortSignal,
  ): Promise<DefenderState>
  /**
   * Removes a rule that Defender wrote for us, when it is still exactly that, and reads that it is gone. Never throws
   * for what Azure answers.
   */
  remove(rule: Rule, name: string, signal: AbortSignal): Promise<Written>
}

/** Rules of our own that deny. Nothing else is ever written by it. Never throws for what Azure answers. */
export interface Shield extends Changer {
  put(rule: Rule, signal: AbortSignal): Promise<Written>
  remove(rule: Pick<Rule, 'name' | 'nsgId'>, signal: AbortSignal): Promise<Written>
  /** Removes a rule of somebody else's, if it is still exactly this one. Only for what two operators agreed to. */
  removeOther(nsgId: string, rule: LiveRule, signal: AbortSignal, taken?: boolean): Promise<Written>
}

/** What a just-in-time policy of Defender for Cloud says, or is to say, of one VM; entries are Azure's JSON as text. */
export interface PolicyOrder {
  readonly policyId: string
  readonly vmId: string
  readonly location: string
  /** Set when the policy was there when this was planned: then none is written anew in its place. */
  readonly stood?: boolean
}

export type PolicyWritten =
  /** Read again: the entry stands there, or is gone. `changes` is what else looks different; nothing, as a rule. */
  | { readonly kind: 'done'; readonly changes: readonly string[] }
  | { readonly kind: 'try again'; readonly why: string; readonly afterMs: number | null }
  | { readonly kind: 'refused'; readonly code: string; readonly why: string }

/** Writes what just-in-time policies of Defender for Cloud say of one VM, and leaves every other VM in them as it is. */
export interface JitPolicies {
  /** The policy that names the VM, or the one of its group and region that is to. Throws a `Fault`. */
  place(
    vm: Vm,
    signal?: AbortSignal,
  ): Promise<{ readonly policyId: string; readonly hasPlan: boolean | null; readonly stands: boolean }>
  /** The entry as it stands now; null only when two readings show none. Throws a `Fault`. */
  entry(order: PolicyOrder, signal?: AbortSignal): Promise<string | null>
  /** With null the VM is taken out of the policy. Never throws for what Azure answers. */
  write(order: PolicyOrder, entry: string | null, signal: AbortSignal): Promise<PolicyWritten>
}

/** Has Azure judge the open connections of a group anew. Never throws for what Azure answers. */
export interface Flusher {
  flush(nsgId: string, signal: AbortSignal): Promise<FlushAnswer>
}

/** Reads what really stands in Azure, past everything that the database believes. Throws a `Fault`. */
export interface Survey {
  /** The subscriptions that the identity can read, or those that it was told to keep to. */
  subscriptions(signal?: AbortSignal): Promise<readonly string[]>
  /** Every network security group of a subscription with its rules. */
  groups(subscriptionId: string, signal?: AbortSignal): Promise<readonly SurveyedGroup[]>
  /** Whether Azure has this VM, asked for by its id, now. */
  hasVm(vmId: string, signal?: AbortSignal): Promise<boolean>
  /** How the last listing of each tenant went; absent or empty where there is one alone, which then throws. */
  tenants?(): readonly TenantLook[]
}

/** What Defender for Cloud says of VMs: read at most some minutes ago, and only ever shown. */
export interface Posture {
  /** Throws a `Fault`. */
  of(vm: Vm, signal?: AbortSignal): Promise<DefenderView>
}

/** How an Entra user stands now. */
export interface EntraStanding {
  /** False when the user is disabled or deleted. */
  readonly active: boolean
  /** Of the groups that were asked about, those that the user is in, be it by way of another group. */
  readonly groups: readonly string[]
}

/** The users of Entra, by Microsoft Graph. Throws a `Fault`. */
export interface EntraUsers {
  /** The object id of the one user with this e-mail address; null when there is none. More than one is a fault. */
  find(email: string, signal?: AbortSignal): Promise<string | null>
  standing(entraId: string, groups: readonly string[], signal?: AbortSignal): Promise<EntraStanding>
  /** Of these groups, those that Entra does not know. Asked about somebody’s groups, it passes over them in silence. */
  missing(groups: readonly string[], signal?: AbortSignal): Promise<readonly string[]>
}

export interface AzureRoles {
  /**
   * Whether an Entra user holds a role on a VM, as Azure says now. The role goes by its name, or by the id of its
   * definition. Throws a `Fault`, also when Azure knows no such role.
   */
  held(entraId: string, vmId: string, role: string, signal?: AbortSignal): Promise<RoleAnswer>
}

/* ---- Slack ---- */

/** Where a message stands: enough to edit it later. */
export interface Place {
  readonly channel: string
  readonly ts: string
}

/** Why the policy answers as it does: a request that was made, or, without one, what was only asked about. */
export interface Explained {
  readonly asked: Ask
  readonly verdict: Verdict
  readonly request: Request | null
  /** What stands in the way at this moment, whatever the policy says. */
  readonly stop?: Panic
  /** What Azure says of it apart from the policy: sentences without their full stop. */
  readonly azure?: { readonly refuses: boolean; readonly says: readonly string[] }
}

/**
 * Throws a `Fault`: `permanent` when trying again cannot help, `uncertain` when the message may have been
 * posted all the same.
 */
/** How far a stop has come. */
export interface PanicNews {
  /** How many grants it ended that Azure has confirmed as closed. */
  readonly closed: number
  /** What is closing in its scope, whatever ended it. */
  readonly closing: readonly Case[]
  /** Whether it still stands in the way of new access. */
  readonly holds: boolean
}

export interface Chat extends ConversionChat, LinkChat {
  /** Posts the card to the approvers' channel, or edits it where it stands. */
  card(kase: Case, at: Place | null, now: number): Promise<Place>
  /** The requester's own message, with the same states. */
  mirror(kase: Case, at: Place | null, now: number): Promise<Place>
  /** Posts a note under the card. `repeat` marks one that may already stand there. */
  note(kase: Case, note: Note, card: Place, now: number, repeat: boolean): Promise<void>
  /** Posts a note to the requester. */
  tell(kase: Case, note: Note, now: number, repeat: boolean): Promise<void>
  /** One line per audit event, in order. */
  announce(channel: string, record: AuditRecord, repeat: boolean): Promise<void>
  /** Calls the operators about a grant that does not close, with how to close it by hand. */
  page(pages: Pages, kase: Case, troubles: readonly Trouble[], now: number): Promise<void>
  /** Tells the operators of what belongs to no request. */
  alarm(pages: Pages, alarm: Alarm, repeat: boolean): Promise<void>
  /** Asks the approver who has just denied why, in a form; the trigger lives three seconds. */
  askWhy(trigger: string, kase: Case): Promise<void>
  /** Tells the operator and everybody who is called for help how far a stop has come. */
  panicNews(pages: Pages, panic: Panic, news: PanicNews): Promise<void>
  /** A message to one person. */
  say(userId: string, text: string): Promise<void>
  /** A private answer to a command or a click, by its `response_url`. */
  answer(responseUrl: string, text: string): Promise<void>
  /** Puts a text in place of the message whose button was clicked, for everybody who sees it. */
  settle(responseUrl: string, text: string): Promise<void>
  /** The same as `answer` with the reasons of the policy. */
  explain(responseUrl: string, explained: Explained): Promise<void>
  /** The same with the VMs and how they are guarded. */
  vms(responseUrl: string, view: VmsView): Promise<void>
  /** What one person sees in the app's Home. */
  home(userId: string, view: HomeView | { readonly why: string }): Promise<void>
  /** What stands open, once a week. */
  digest(channel: string, digest: Digest, repeat: boolean): Promise<void>
}

export interface Directory {
  /**
   * Reads one person, and which of these groups they are in: at most a minute old, or read now when it is `live`,
   * as it must be for a yes. Unknown is `known: false`.
   */
  member(person: Person, groups: readonly string[], how?: 'live'): Promise<Member>
  /** Whose account has this e-mail address, or null when nobody’s has. At most a minute old. Throws a `Fault`. */
  userByEmail(email: string): Promise<string | null>
  /** The user ids in a group, at most a minute old; null when Slack did not say. */
  roster(groupId: string): Promise<readonly string[] | null>
}

/* ---- On call ---- */

/** Somebody who is on call now. */
export interface Shift {
  readonly scheduleId: string
  /** The schedule’s name, or its id when it has none. */
  readonly schedule: string
  /** Null when the service does not say. */
  readonly email: string | null
  /** When it ends; null for somebody who is always on call. */
  readonly until: number | null
}

export interface OnCall {
  /**
   * Who is on call now for these schedules: at most a minute old and never past the end of a shift, or read now when
   * it is `live`. Throws a `Fault`.
   */
  shifts(scheduleIds: readonly string[], how?: 'live'): Promise<readonly Shift[]>
}

/** Slack's own directory, which also tells the e-mail address of a person. */
export interface SlackDirectory extends Directory {
  /** At most a minute old; null when Slack shows none. Throws when Slack does not answer. */
  email(person: Person): Promise<string | null>
}

export type { LiveRule } from './core/live-rule.ts'
export type { AddressLinks, Names } from './ports-address.ts'
export type { Gesture, Intake } from './ports-gesture.ts'
export type { Leads, Links, LinkTx } from './ports-links.ts'
export type {
  AutomaticApproval,
  Claim,
  FlushWork,
  Health,
  JobKind,
  Jobs,
  KeptInventory,
  Lane,
  NewJob,
  NewVersion,
  OwnRecords,
  QueuedAlarm,
  QueuedNote,
  Reconciling,
  RemovalWork,
  RuleWork,
  ShieldWork,
  Spread,
  Store,
  Stray,
  StrayWork,
  Talk,
  Trouble,
  Tx,
  WantedVm,
} from './ports-store.ts'
