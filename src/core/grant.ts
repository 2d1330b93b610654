import type { FoundRule } from './defender.ts'
import type { Flush } from './flush.ts'
import type { Person } from './person.ts'
import type { Proofs } from './proof.ts'
import type { Port } from './service.ts'
import type { Endpoint } from './vm.ts'

/** One NSG security rule of a grant. It is recorded before it is written and never edited in place. */
export interface Rule {
  /** `jit-<grant id>-<expiry, Unix seconds>`; the same name in each network security group. */
  readonly name: string
  readonly nsgId: string
  readonly priority: number
  readonly source: string
  readonly destinations: readonly string[]
  readonly ports: readonly Port[]
  readonly description: string
  readonly state: 'planned' | 'present' | 'absent'
  /** Set where Defender for Cloud writes it: until it is found, nobody knows its name and priority. */
  readonly defender?: {
    /** Rules of Defender's that would look the same and stood there before it was asked: none of them is this one. */
    readonly before: readonly string[]
    /** More than one where each port has a rule of its own. */
    readonly found: readonly FoundRule[]
  }
}

/** How it stands between a grant and Defender for Cloud, which opens and closes for it. */
export interface ByDefender {
  readonly policyId: string
  /** On record before the request leaves; from then on Defender may open at any time. */
  readonly askingAt?: number
  /** When Defender had taken the request, which does not mean that it has opened. */
  readonly askedAt?: number
  /** When it was said that Defender takes long. */
  readonly waitsSince?: number
  /** Set when Defender had not closed in time, so that Jitney does. */
  readonly lateSince?: number
  /** Names of rules that may be another person's and are left alone. */
  readonly left?: readonly string[]
  /** Who took the rules away, where that is known. */
  readonly closedBy?: 'defender' | 'jitney'
}

export type CloseReason =
  | 'expired'
  | 'closed early'
  | 'could not open'
  | 'changed outside'
  | 'vm deleted'
  | 'no longer allowed'
  | 'panic'
  | 'superseded'
  | 'address changed'

export interface GrantBase {
  readonly id: string
  readonly requestId: string
  readonly approvedAt: number
  /** Fixed at the moment of approval; nothing ever moves it. */
  readonly expiresAt: number
  readonly rules: readonly Rule[]
  readonly openedAt: number | null
  /** Set when it was approved before its start: nothing is written earlier. */
  readonly opensAt?: number
  /** The addresses that its rules let somebody in to, as read when they were planned. */
  readonly endpoints?: readonly Endpoint[]
  /** What Azure's IP flow verify said once it was open, and once it was closed. */
  readonly proofs?: Proofs
  /** Set when Defender for Cloud opens and closes it. */
  readonly defender?: ByDefender
}

interface Opening {
  readonly state: 'opening'
  /** Who does not answer, so that a start that has come has to wait. */
  readonly waitsFor?: 'Slack' | 'Entra' | 'Azure'
}
interface Open {
  readonly state: 'open'
}
interface Closing {
  readonly state: 'closing'
  readonly reason: CloseReason
  /** Who asked for an early close. */
  readonly by: Person | null
  /** What went wrong, when the reason is a fault. */
  readonly detail: string | null
  readonly closingSince: number
  /** Set once the close has taken more than a minute: then it pages. */
  readonly stuckSince?: number
  /** The stop that ended it. */
  readonly panicId?: string
}
interface Closed {
  readonly state: 'closed'
  readonly reason: CloseReason
  readonly by: Person | null
  readonly detail: string | null
  readonly closingSince: number
  readonly stuckSince?: number
  readonly panicId?: string
  readonly closedAt: number
  /** Set where the policy wants open sessions to be cut. */
  readonly flushes?: readonly Flush[]
}

export type Grant = GrantBase & (Opening | Open | Closing | Closed)

/** Azure allows 80 characters; this one has at most 4 + id + 1 + 11. */
export const ruleName = (grantId: string, expiresAt: number): string =>
  `jit-${grantId}-${Math.floor(expiresAt / 1000)}`

const nameForm = /^jit-([a-z0-9]+)-(\d{9,11})$/

/** Reads a rule's name back; null when it does not have our shape. */
export function parseRuleName(name: string): { grantId: string; expiresAt: number } | null {
  const match = nameForm.exec(name)
  return match ? { grantId: match[1] ?? '', expiresAt: Number(match[2]) * 1000 } : null
}

export const descriptionMark = 'jitney'

/** At most 140 characters, which is Azure's limit. */
export const ruleDescription = (requestId: string, requester: Person): string =>
  `${descriptionMark} request ${requestId} for ${requester.userId}`.slice(0, 140)

/** Ours by name and by description; anything else is somebody else's and is never touched. */
export const isOurs = (name: string, description: string | undefined): boolean =>
  parseRuleName(name) !== null && (description ?? '').startsWith(descriptionMark)

/** Zero when it closed in time or early. */
export const latenessMs = (grant: { expiresAt: number; closedAt: number }): number =>
  Math.max(0, grant.closedAt - grant.expiresAt)
