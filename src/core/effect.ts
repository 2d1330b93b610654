import type { Flush } from './flush.ts'
import type { CloseReason } from './grant.ts'
import type { Person } from './person.ts'
import type { Named } from './policy.ts'
import type { Proof, Proved } from './proof.ts'

/** What the grant wants of its rules: that they are there, or that they are gone. */
export type Want = 'present' | 'absent'

export type Timer =
  | 'deadline'
  | 'reminder'
  | 'escalation'
  | 'start'
  | 'unsigned'
  | 'expiry'
  | 'warning'
  | 'stuck'

/** A message that is posted once, in order, under the card or to the requester. Facts only: words are chosen late. */
export type Note =
  | { readonly type: 'opened'; readonly at: number; readonly expiresAt: number }
  | { readonly type: 'ending'; readonly expiresAt: number }
  | {
      readonly type: 'closing'
      readonly at: number
      readonly reason: CloseReason
      readonly by: Person | null
      readonly detail: string | null
    }
  | {
      readonly type: 'closed'
      readonly at: number
      readonly expiresAt: number
      readonly reason: CloseReason
      readonly by: Person | null
      readonly detail: string | null
      readonly opened: boolean
      /** What follows on from it is open; known only when it is said, and never stored. */
      readonly goesOn?: { readonly requestId: string; readonly until: number }
    }
  /** Somebody says something about the request, or why they said no. */
  | {
      readonly type: 'said'
      readonly at: number
      readonly by: Person
      readonly text: string
      readonly inThread: boolean
    }
  /** Nobody was asked, or nobody has looked at that yet. */
  | {
      readonly type: 'glass broken' | 'unsigned'
      readonly at: number
      readonly users: readonly string[]
      readonly groups: readonly string[]
    }
  | { readonly type: 'signed'; readonly at: number; readonly by: Person; readonly justified: boolean }
  /** Half of the time to approve is over, or more people are asked now. */
  | {
      readonly type: 'waiting' | 'escalated'
      readonly at: number
      readonly users: readonly string[]
      readonly groups: readonly string[]
    }
  /** The requester comes from another address; whoever said yes before is asked anew. */
  | {
      readonly type: 'address changed'
      readonly at: number
      readonly before: string
      readonly after: string
      readonly voided: readonly string[]
      /** Who is asked by the new address and was not before. */
      readonly asks?: Named
    }
  /** Its start has come, and who is asked whether it may still open does not answer. */
  | { readonly type: 'start waits'; readonly at: number; readonly silent: string; readonly expiresAt: number }
  /** Defender for Cloud has taken the request, and has not opened so far; or it has not closed in time. */
  | { readonly type: 'defender waits' | 'defender late'; readonly at: number; readonly expiresAt: number }
  /** Whose a rule of Defender's is cannot be known. */
  | {
      readonly type: 'defender doubtful'
      readonly at: number
      readonly nsgId: string
      readonly name: string
      readonly expiresAt: number
    }
  /** A rule of ours has another place than before, which Defender for Cloud does when it needs room. */
  | {
      readonly type: 'moved'
      readonly at: number
      readonly nsgId: string
      readonly name: string
      readonly before: number
      readonly after: number
    }
  /** People would be called now, and a stop keeps their yes from counting. */
  | { readonly type: 'stopped'; readonly at: number; readonly by: Person; readonly reason: string }
  /** A rule whose removal had been confirmed stood there again. */
  | { readonly type: 'came back'; readonly at: number; readonly nsgId: string; readonly name: string }
  /** What Azure's IP flow verify said is news. */
  | { readonly type: 'flow'; readonly at: number; readonly of: Proved; readonly proof: Proof }
  /** What became of open sessions. */
  | { readonly type: 'flushed'; readonly at: number; readonly flushes: readonly Flush[] }
  | {
      readonly type: 'decided'
      readonly state: 'denied' | 'canceled' | 'lapsed'
      readonly at: number
      readonly by: Person | null
    }

/** What must be done after a transition, as data. Each one may be done more than once without harm. */
export type Effect =
  | { readonly kind: 'set timer'; readonly timer: Timer; readonly requestId: string; readonly at: number }
  | { readonly kind: 'drop timer'; readonly timer: Timer; readonly requestId: string }
  /** Look at Azure and work out the rules of a grant. */
  | { readonly kind: 'plan rules'; readonly requestId: string; readonly expiresAt: number }
  /** Ask Defender for Cloud to open. */
  | { readonly kind: 'ask defender'; readonly requestId: string }
  /** Bring every rule of one network security group to where its grant wants it. */
  | { readonly kind: 'write rules'; readonly nsgId: string; readonly want: Want }
  /** Ask Azure whether traffic passes. */
  | { readonly kind: 'verify flow'; readonly requestId: string; readonly of: Proved }
  /** Ask Azure to judge the open connections of a security group anew, when nothing else is to be done there. */
  | { readonly kind: 'flush'; readonly nsgId: string }
  /** Bring the card and the requester's message up to date: at once, or by `at` when nothing else does before. */
  | { readonly kind: 'show'; readonly requestId: string; readonly at?: number }
  | { readonly kind: 'note'; readonly requestId: string; readonly note: Note }
  /** Find out what an approver should know beyond the request itself. */
  | { readonly kind: 'gather context'; readonly requestId: string }
  /** End what was to follow on from access that somebody closed. */
  | { readonly kind: 'end following'; readonly requestId: string }
  /** Close the access that this one takes the place of. */
  | { readonly kind: 'close moved'; readonly requestId: string; readonly to: string }
  /** Call the operators: this grant does not close. */
  | { readonly kind: 'page'; readonly requestId: string }
