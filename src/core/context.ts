import type { CloseReason } from './grant.ts'

/** Something that Defender for Cloud noticed about a VM and that nobody has dealt with. */
export interface DefenderAlert {
  readonly type: string
  /** In Defender’s own words. */
  readonly title: string
  readonly severity: string
  readonly startedAt: number | null
}

export type Health = 'healthy' | 'unhealthy' | 'not applicable'

/** What Defender for Cloud says of a VM; an assessment that is missing was not made. */
export interface DefenderView {
  readonly readAt: number
  /** Worst first. */
  readonly alerts: readonly DefenderAlert[]
  /** Azure had more of them than it sends at a time. */
  readonly more?: true
  readonly justInTime?: Health
  readonly managementPorts?: Health
  readonly networkPorts?: Health
  /**
   * Whether Defender for Servers watches the subscription, and the identity may read what it notices. Azure leaves
   * out in silence what may not be read, so without this no absence of alerts means anything.
   */
  readonly watches: 'yes' | 'no' | 'not known' | 'not allowed'
}

export type Defender =
  | ({ readonly kind: 'read' } & DefenderView)
  | { readonly kind: 'unread'; readonly at: number; readonly why: string }

/** Somebody else who may get in to the same VM by a grant of ours. */
interface OtherAccess {
  readonly requestId: string
  readonly userId: string
  readonly label: string
  readonly expiresAt: number
}

/** What our own records say about a request, at one moment. */
export interface OwnFacts {
  readonly at: number
  /** Not the requester’s own; the earliest end first, and not more than are shown. */
  readonly others: readonly OtherAccess[]
  readonly otherCount: number
  /** The requester’s requests since then: what was opened and how it ended, and what came to nothing. */
  readonly recent: {
    readonly since: number
    readonly opened: number
    readonly ended: { readonly [reason in CloseReason]?: number }
    readonly denied: number
    /** Found not justified by whoever looked at a break-glass. */
    readonly unjustified: number
  }
  /** When access was last open from the same address: for the requester, and for anybody else. */
  readonly address: {
    readonly mine: number | null
    readonly others: readonly { readonly userId: string; readonly at: number }[]
  }
}

/** What an approver should know beyond the request itself. A part that is missing has not been read yet. */
export interface Context {
  readonly own?: OwnFacts
  /** Null where nothing can be asked. */
  readonly defender?: Defender | null
}

/** So long the card waits for it; what comes later is edited in. */
export const contextWaitMs = 1_000

/** So far back the requester’s own requests are looked at. */
export const recentMs = 30 * 86_400_000

export const mostOthers = 3

/** Somebody is trying to guess a way in, or has found one. */
export type Attack = 'guessed' | 'guessing RDP' | 'guessing SSH'

export function attackOf({ type }: DefenderAlert): Attack | null {
  if (/LoginBruteForceSuccess/i.test(type)) return 'guessed'
  if (/^RDP_Incoming_BF/i.test(type)) return 'guessing RDP'
  return /^SSH_Incoming_BF/i.test(type) ? 'guessing SSH' : null
}

const severities = ['high', 'medium', 'low', 'informational']

function rank(alert: DefenderAlert): number {
  const attack = attackOf(alert)
  if (attack !== null) return attack === 'guessed' ? 0 : 1
  const severity = severities.indexOf(alert.severity.toLowerCase())
  return 2 + (severity < 0 ? severities.length : severity)
}

/** A way in that is being guessed comes before all else, then what Defender finds worst, then what is newest. */
export const worstFirst = (alerts: readonly DefenderAlert[]): readonly DefenderAlert[] =>
  alerts.toSorted((a, b) => rank(a) - rank(b) || (b.startedAt ?? 0) - (a.startedAt ?? 0))
