import type { Alarm, RaisedAlarm } from './core/alarm.ts'
import type { AuditEvent, AuditRecord } from './core/audit.ts'
import type { Case } from './core/case.ts'
import type { OwnFacts } from './core/context.ts'
import type { AskedConversion, ConversionWork } from './core/conversion.ts'
import type { KeptDigest } from './core/digest.ts'
import type { Note } from './core/effect.ts'
import type { Grant, Rule } from './core/grant.ts'
import type { Reading } from './core/inventory.ts'
import type { Lift, Panic } from './core/panic.ts'
import type { Person } from './core/person.ts'
import type { Usage } from './core/policy.ts'
import type { Protection, Removal, ShieldRule } from './core/protection.ts'
import type { KnownRule } from './core/reconcile.ts'
import type { Place } from './ports.ts'
import type { ConversionTx } from './ports-conversion.ts'
import type { Intake } from './ports-gesture.ts'
import type { Links, LinkTx } from './ports-links.ts'

export type JobKind =
  | 'deadline'
  | 'reminder'
  | 'escalation'
  | 'unsigned'
  | 'start'
  | 'expiry'
  | 'warning'
  | 'stuck'
  | 'plan rules'
  | 'ask defender'
  | 'write rules'
  | 'verify flow'
  | 'talk'
  | 'announce'
  | 'page'
  | 'alarm'
  | 'survey'
  | 'reconcile'
  | 'intake'
  | 'panic'
  | 'panic news'
  | 'write policy'
  | 'protection news'
  | 'conversion card'
  | 'conversion news'
  | 'conversion deadline'
  | 'removal deadline'
  | 'predecessor closed'
  | 'context'
  | 'digest'
  | 'address link'
  | 'address lapse'
  | 'address moved'

/**
 * Jobs of different lanes never wait for one another. A job that is woken into `closes` stays there until it
 * is finished, even when it is woken again for an open: closes never wait behind opens.
 */
export type Lane = 'timers' | 'closes' | 'opens' | 'slack' | 'people' | 'surveys' | 'proofs' | 'reads'

export interface NewJob {
  /** Unique: putting a job with the key of one that exists moves or wakes that one. */
  readonly key: string
  readonly kind: JobKind
  readonly lane: Lane
  readonly subject: string
  readonly dueAt: number
  /**
   * `move` sets the time of a job that exists; `wake` only ever brings it forward, and a job that is being
   * worked on will run once more afterwards.
   */
  readonly mode: 'move' | 'wake'
}

/** A job that this replica holds until `leaseUntil`. `attempt` is the fence. */
export interface Claim {
  readonly id: string
  readonly key: string
  readonly kind: JobKind
  readonly subject: string
  readonly dueAt: number
  readonly attempt: number
}

export interface OwnRecords {
  /** What somebody waits for, and what they have open or is not closed yet; the newest first, and only so many. */
  cases(person: Person, most: number): Promise<readonly Case[]>
  /** Who had access to each of these VMs last, and when it opened; VMs that nobody had access to are missing. */
  lastAccess(
    vmIds: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly userId: string; readonly at: number }>>
  /** How far the weekly digest has come; null before there was one. */
  digest(): Promise<KeptDigest | null>
}

export interface QueuedNote {
  readonly id: string
  readonly note: Note
  readonly to: 'thread' | 'requester'
  /** Set before sending: a note that was tried once may already stand there. */
  readonly tried: boolean
}

export interface Talk {
  readonly case: Case
  readonly card: Place | null
  readonly mirror: Place | null
  readonly notes: readonly QueuedNote[]
}

/** A rule with work to do, and how trying went so far. */
export interface RuleWork {
  readonly rule: Rule
  readonly grantId: string
  readonly requestId: string
  readonly want: 'present' | 'absent'
  readonly expiresAt: number
  readonly attempts: number
  readonly nextTryAt: number
}

/** A rule of somebody else's that two operators want removed. */
export interface RemovalWork extends Removal {
  readonly protectionId: string
}

/** A rule of ours that denies, and that is to be written or removed. */
export interface ShieldWork {
  readonly rule: ShieldRule
  readonly protectionId: string
  readonly want: 'present' | 'absent'
  readonly attempts: number
  readonly nextTryAt: number
}

export interface FlushWork {
  readonly requestId: string
  readonly nsgId: string
}

/** A rule of ours that stands in Azure and that no grant wants. */
export interface Stray {
  readonly nsgId: string
  readonly name: string
  /** The end that its name carries. */
  readonly expiresAt: number
}

export interface StrayWork extends Stray {
  readonly foundAt: number
  readonly attempts: number
  readonly nextTryAt: number
  /** What the last try met; null when there was none. */
  readonly lastError: string | null
}

/** A rule that is not closed yet, and what the last try met. */
export interface Trouble {
  readonly nsgId: string
  readonly name: string
  readonly attempts: number
  readonly lastError: string | null
  /** When the last try read that the rule, which cannot be removed, lets nothing in. */
  readonly deniesAt: number | null
}

export interface WantedVm {
  readonly vmId: string
  readonly requestIds: readonly string[]
}

export interface QueuedAlarm {
  readonly id: string
  readonly alarm: Alarm
  readonly tried: boolean
}

/** What the reconciler reads and notes beside the cases. */
export interface Reconciling {
  /** Rules of unfinished grants in these groups, and every rule of these grants. */
  knownRules(nsgIds: readonly string[], grantIds: readonly string[]): Promise<readonly KnownRule[]>
  /** Groups of a subscription in which a grant that is not closed has a rule. */
  guardedGroups(subscriptionId: string): Promise<readonly string[]>
  /** VMs of a subscription that a grant wants to let somebody into, each with the requests. */
  wantedVms(subscriptionId: string): Promise<readonly WantedVm[]>
  strayWork(nsgId: string): Promise<readonly StrayWork[]>
  /** As `postpone`. */
  postponeStray(stray: Pick<Stray, 'nsgId' | 'name'>, nextTryAt: number, error: string | null): Promise<void>
  troubles(grantId: string): Promise<readonly Trouble[]>
  waitingAlarms(): Promise<readonly QueuedAlarm[]>
  alarmTried(id: string, tried: boolean): Promise<void>
  alarmSent(id: string, at: number): Promise<void>
}

/** Whether a version of the policy is another one than the last that came into force, and which that was. */
export interface NewVersion {
  readonly changed: boolean
  readonly previous: string | null
}

/** A rule that decided by itself, and for what: it takes one place of each of the rule’s quotas. */
export interface AutomaticApproval {
  readonly requestId: string
  readonly rule: string
  readonly requester: Person
  readonly vmId: string
  readonly at: number
}

/** Inside one database transaction. Nothing here talks to anything but the database. */
export interface Tx extends ConversionTx, LinkTx {
  /** Locks and reads cases by request id, in a fixed order so that two replicas cannot lock each other out. */
  cases(requestIds: readonly string[]): Promise<Map<string, Case>>
  /** Inserts or updates requests, reviews, grants and rules. */
  save(cases: readonly Case[], now: number): Promise<void>
  /** Appends to the hash chain, in order. */
  audit(events: readonly AuditEvent[]): Promise<void>
  putJobs(jobs: readonly NewJob[], now: number): Promise<void>
  dropJobs(keys: readonly string[]): Promise<void>
  /** Ends claims that are still ours and answers which were; one that was woken meanwhile runs again. */
  finish(claims: readonly Claim[], now: number): Promise<ReadonlySet<string>>
  queueNotes(notes: readonly { requestId: string; note: Note; to: 'thread' | 'requester' }[]): Promise<void>
  /** A typed one, unless it says otherwise. */
  rememberAddress(person: Person, address: string, at: number, learnt?: 'typed' | 'confirmed'): Promise<void>
  /** Answers those that were not on record before. */
  putStrays(strays: readonly Stray[], now: number): Promise<readonly Stray[]>
  /** False when it was not on record. */
  endStray(nsgId: string, name: string): Promise<boolean>
  /** Answers how many were not raised already. */
  raiseAlarms(alarms: readonly RaisedAlarm[], now: number): Promise<number>
  /** What the alarm was about is over, so that it may be raised again. */
  endAlarm(key: string): Promise<void>
  /** What is stopped now. Until this transaction ends, nothing more is stopped. */
  panics(): Promise<readonly Panic[]>
  /** False when it is on record already. */
  putPanic(panic: Panic): Promise<boolean>
  /** Answers those that were lifted by this. */
  liftPanics(ids: readonly string[], lift: Lift): Promise<readonly string[]>
  /** Counts grants that a stop ended; together with their ends, so that none is counted twice. */
  countPanic(id: string, more: number): Promise<void>
  /** One protection, kept from everybody else until this transaction is over. */
  protection(id: string): Promise<Protection | null>
  /** False when another one of its VM is not over. */
  putProtection(protection: Protection): Promise<boolean>
  saveProtection(protection: Protection): Promise<void>
  /** The same for every alarm whose key begins so. */
  endAlarms(prefix: string): Promise<void>
  /** Keeps the text of a policy that comes into force, for good. */
  enforcePolicy(version: { readonly hash: string; readonly text: string }, now: number): Promise<NewVersion>
  /** Keeps every other transaction that asks for this from going on until this one is over. */
  lockQuotas(): Promise<void>
  /** How often the rule has decided by itself since then; exact while the quotas are locked. */
  usage(of: Pick<AutomaticApproval, 'rule' | 'requester' | 'vmId'>, since: number): Promise<Usage>
  noteAutomatic(approval: AutomaticApproval): Promise<void>
  /** False, and nothing kept, when the digest has come further already. */
  keepDigest(digest: KeptDigest): Promise<boolean>
  /** Clears what a gesture carried; its key stays for the deduplication. */
  endIntake(key: string, now: number): Promise<void>
}

export interface Jobs {
  /** Takes up to `limit` due jobs of a lane, earliest first. */
  claim(lane: Lane, limit: number, leaseMs: number, now: number): Promise<readonly Claim[]>
  /** Keeps a claim for longer; false when it is no longer ours. */
  extend(claim: Claim, leaseMs: number, now: number): Promise<boolean>
  /** Gives a claim back to run at `runAt`; a no-op when it is no longer ours. */
  retry(claim: Claim, runAt: number, error: string | null, now: number): Promise<void>
  /** When the next job of each lane may run; lanes without jobs are missing. One query, one index look-up a lane. */
  nextRunAts(): Promise<ReadonlyMap<Lane, number>>
  /** Frees the claims of replicas that have died. */
  reap(now: number): Promise<number>
}

/** How long something took, in milliseconds; all null when it never happened. */
export interface Spread {
  readonly count: number
  readonly p50: number | null
  readonly p99: number | null
  readonly max: number | null
}

export interface Health {
  /** Grants that are not closed, by state. */
  readonly states: Readonly<Record<string, number>>
  /** The earliest end among them, epoch milliseconds. */
  readonly earliestExpiry: number | null
  /** Past their end and not closed. */
  readonly overdue: number
  /** Since when the one that has been overdue for longest is known to be, epoch milliseconds. */
  readonly overdueSince: number | null
  /** Closing for more than a minute. */
  readonly stuck: number
  /** Emergencies that nobody has looked at. */
  readonly unsigned: number
  /** From a grant's end to the reading that its rules are gone, for each that was not closed before its end. */
  readonly lateness: Spread
  /** From the approval to the reading that every rule is there. */
  readonly opening: Spread
}

/** The last reading of Azure’s VMs, kept so that a restart answers at once and other replicas need not read it. */
export interface KeptInventory {
  /** When the reading began that is kept; null when none is. */
  readAt(): Promise<number | null>
  /** The whole of it; null when none is kept, or when another version of the program kept it in its own form. */
  load(): Promise<Reading | null>
  /** Puts a reading in the place of the older one, all of it at one moment; false when what is kept is as new. */
  keep(reading: Reading): Promise<boolean>
  /** One replica reads at a time: true when that is `owner` until then. Asking again makes it longer. */
  claim(owner: string, until: number, now: number): Promise<boolean>
  release(owner: string): Promise<void>
}

export interface Store {
  /**
   * Commits what `work` did, or nothing of it. Reading through the store inside `work` throws. When two
   * transactions collide, `work` runs again: it must touch nothing but its `tx`.
   */
  transact<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  readonly jobs: Jobs
  readonly reconciling: Reconciling
  readonly inventory: KeptInventory
  readonly records: OwnRecords
  readonly links: Links
  case(requestId: string): Promise<Case | null>
  /** Stores a gesture and the job that handles it; false when this gesture is known to have been stored before. */
  receive(intake: Intake): Promise<boolean>
  intake(key: string): Promise<Intake | null>
  /** How often each of these rules has decided by itself since then: for this person, for this VM, and at all. */
  usage(of: {
    readonly rules: readonly string[]
    readonly requester: Person
    readonly vmId: string
    readonly since: number
  }): Promise<ReadonlyMap<string, Usage>>
  /** What the records say about a request beside itself. */
  ownFacts(of: {
    readonly requestId: string
    readonly requester: Person
    readonly vmId: string
    readonly address: string
    readonly since: number
    readonly now: number
  }): Promise<OwnFacts>
  /** The last that they typed, or that they confirmed. */
  lastAddress(person: Person, learnt?: 'typed' | 'confirmed'): Promise<{ address: string; at: number } | null>
  /** The Entra user that a person was mapped to, by object id. */
  entraUser(person: Person): Promise<string | null>
  /** Maps a person, unless they are mapped already; answers the mapping that holds. */
  mapEntraUser(person: Person, entraId: string, at: number): Promise<string>
  /** What there is to write in one network security group: closes first, then by expiry. */
  ruleWork(nsgId: string): Promise<readonly RuleWork[]>
  /**
   * Notes a failed try of one rule; without an error it was not tried, and waits. `deniesAt` is when that try read
   * that the rule lets nothing in.
   */
  postpone(
    grantId: string,
    nsgId: string,
    nextTryAt: number,
    error: string | null,
    deniesAt?: number | null,
  ): Promise<void>
  /** Whose open sessions are to be cut in one network security group, once nothing else is to be written there. */
  flushWork(nsgId: string): Promise<readonly FlushWork[]>
  talk(requestId: string): Promise<Talk | null>
  /** The request whose card stands there. */
  requestAt(card: Place): Promise<string | null>
  /** Notes where a message stands; false, and nothing noted, when it does not stand at `before` any more. */
  place(requestId: string, which: 'card' | 'mirror', place: Place, before: Place | null): Promise<boolean>
  /** True before a note is sent; false again when Slack surely did not take it. */
  noteTried(noteId: string, tried: boolean): Promise<void>
  noteSent(noteId: string, at: number): Promise<void>
  auditAfter(seq: number, limit: number): Promise<readonly AuditRecord[]>
  /** How far a channel's copy of the audit trail has come, and whether its next line was tried before. */
  feed(name: string): Promise<{ seq: number; tried: boolean }>
  /** How far each feed has come whose name begins like this, by the rest of its name. */
  feedsOf(prefix: string): Promise<ReadonlyMap<string, number>>
  moveFeed(name: string, position: { seq: number; tried: boolean }): Promise<void>
  grants(states: readonly Grant['state'][]): Promise<readonly Case[]>
  /** The text of a policy that was once in force, by the hash that decisions carry. */
  policyText(hash: string): Promise<string | null>
  /** How things stand at `now`, and how punctual it was since `since`. */
  /** What is stopped now. */
  panics(): Promise<readonly Panic[]>
  /** One stop, lifted or not, and how many grants it has ended. */
  panic(id: string): Promise<{ readonly panic: Panic; readonly total: number } | null>
  /** Every protection that is not over. */
  protections(): Promise<readonly Protection[]>
  /** One protection, over or not. */
  protection(id: string): Promise<Protection | null>
  /** One conversion, over or not. */
  conversion(id: string): Promise<AskedConversion | null>
  /** What protections want written or removed in one network security group, and what conversions want changed. */
  shieldWork(nsgId: string): Promise<{
    readonly shields: readonly ShieldWork[]
    readonly removals: readonly RemovalWork[]
    /** Those whose turn it is, the oldest wish first. */
    readonly changes: readonly ConversionWork[]
  }>
  health(now: number, since: number): Promise<Health>
  /** The database's own clock, epoch milliseconds. */
  time(): Promise<number>
  /** Called whenever a job may have become due earlier, here or in another replica. */
  onWake(listener: () => void): () => void
  /** Housekeeping of the embedded database, and of rows that are no longer needed. */
  maintain(now: number): Promise<void>
  /** Proves that this replica lives; resolves once its place is held. */
  enlist(): Promise<void>
  close(): Promise<void>
}
