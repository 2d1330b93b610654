import type { Context } from './context.ts'
import type { Guard } from './defender.ts'
import type { Person } from './person.ts'
import type { Terms, Verdict } from './policy.ts'
import type { PreFlight } from './pre-flight.ts'
import type { Progress } from './quorum.ts'
import type { Port } from './service.ts'
import type { Source } from './source.ts'
import type { Hop, Vm } from './vm.ts'

/** One person's approve or deny of a request. */
export interface Review {
  readonly by: Person
  readonly verdict: 'approve' | 'deny'
  readonly at: number
  /** What this person was at the click: the groups that the policy named, and their Entra object id. */
  readonly groups?: readonly string[]
  readonly entraId?: string | null
}

/** What a person asks for, after parsing and before any decision. All instants are epoch milliseconds. */
export interface Ask {
  readonly id: string
  readonly requester: Person
  readonly vm: Vm
  /** The network security groups that a rule is needed in, as read when the request was made. */
  readonly hops: readonly Hop[]
  /** Address or name to connect to, when Azure knows one. */
  readonly connectTo: string | null
  /** The just-in-time policy of Defender for Cloud that the VM was under; absent without one. */
  readonly guard?: Guard
  /** What the person typed, tidied: `rdp` or `ssh, 443/tcp`. */
  readonly label: string
  readonly ports: readonly Port[]
  readonly source: Source
  readonly durationMs: number
  /** Set when access is to begin later (`at 18:00`); nothing opens before it. */
  readonly startsAt?: number | null
  /** Set when the person named an end (`until 18:00`) or a start: access never outlives it, whenever the yes comes. */
  readonly until: number | null
  readonly reason: string | null
  /** Asked for without waiting for anybody’s yes. */
  readonly emergency?: boolean
  /** What was planned and noticed in Azure when it was asked for. */
  readonly preFlight?: PreFlight
  /** Set when it is to take the place of open access, because its person comes from another address now. */
  readonly moves?: {
    readonly requestId: string
    readonly address: string
    /** How that has ended; known only when it is shown, and never stored. */
    readonly ended?: 'closing' | { readonly at: number }
  }
  /** Set when it is to follow on from access that is open. */
  readonly extends?: {
    readonly requestId: string
    readonly endsAt: number
    readonly extraMs: number
    /** It all began with an emergency, for which nobody had said yes. */
    readonly emergency?: true
  }
}

type Oversight =
  | { readonly state: 'open'; readonly since: number }
  | { readonly state: 'signed' | 'unjustified'; readonly by: Person; readonly at: number }

export interface RequestBase extends Ask {
  readonly requestedAt: number
  /** The policy's answer when the request was made. */
  readonly verdict: Verdict
  readonly reviews: readonly Review[]
  /** Set when nobody was asked: somebody else looks at it afterwards. */
  readonly oversight?: Oversight
  /** The requests that were made to follow on from this one. */
  readonly extensions?: readonly string[]
  /** The requests that were made to take its place, because its person comes from another address. */
  readonly movesTo?: readonly string[]
  /** The last change of its address before it was decided, and how many there were. */
  readonly addressChange?: {
    readonly count: number
    readonly at: number
    readonly before: string
    /** Whose yes to the address before counts for nothing. */
    readonly voided: readonly Person[]
  }
  /** What approvers are told beyond the request itself; absent where nobody is asked. */
  readonly context?: Context
  /** What was asked for, where an approver has said yes to less. */
  readonly askedFor?: {
    readonly label: string
    readonly durationMs: number
    /** How much longer, where more time was asked for. */
    readonly extraMs?: number
    /** Absent where all of it was left. */
    readonly source?: string
    /** Absent in what was stored before they were kept. */
    readonly ports?: readonly Port[]
    readonly until?: number | null
    readonly by: Person
  }
}

interface Pending {
  readonly state: 'pending'
  readonly terms: Terms
  readonly progress: Progress
  /** When more people were asked; null until then. */
  readonly escalatedAt: number | null
  readonly deadlineAt: number
  /** The stop because of which nobody was called when it was time, once that was said. */
  readonly toldOfStop?: string
}
interface Approved {
  readonly state: 'approved'
  /** Null when the policy allowed the request without asking anybody. */
  readonly terms: Terms | null
  readonly approvedAt: number
}
interface Denied {
  readonly state: 'denied'
  readonly terms: Terms | null
  readonly deniedAt: number
  /** The policy, or the approver who said no. */
  readonly by: Person | 'policy'
}
interface Canceled {
  readonly state: 'canceled'
  readonly terms: Terms
  readonly canceledAt: number
  /** Set when somebody closed the access that this was to follow. */
  readonly closedBy?: Person
  /** Set when its person comes from another address: the request that took its place, or that of what it was to follow. */
  readonly movedTo?: string
  /** It was for this very request, and others approve it. */
  readonly instead?: true
}
interface Lapsed {
  readonly state: 'lapsed'
  readonly terms: Terms
  readonly lapsedAt: number
}

export type Request = RequestBase & (Pending | Approved | Denied | Canceled | Lapsed)
export type PendingRequest = RequestBase & Pending
