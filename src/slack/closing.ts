import { durationText, minute } from '../core/duration.ts'
import type { Flush } from '../core/flush.ts'
import { type CloseReason, type Grant, latenessMs } from '../core/grant.ts'
import type { Person } from '../core/person.ts'
import { closedByWhom, closingByDefender, leftAlone } from './defender.ts'
import { cutSentence } from './flush-lines.ts'
import { person, seconds, time, words } from './words.ts'

/** Closing a rule stops new connections only; nobody may read a notice as “the session has ended”. */
const openSessions = 'Sessions that are already open stay open until they disconnect: sign out.'
/** The card stands for long, and whether more time is open is said in a message of its own. */
const maybeLonger =
  'Sessions that are already open stay open until they disconnect: sign out, unless the request for more time is open.'

export interface Why {
  readonly reason: CloseReason
  readonly by: Person | null
  readonly detail: string | null
}

export function reasonSentence({ reason, by, detail }: Why, you: Person | null = null): string {
  const because = detail === null ? '' : `: ${words(detail, 500)}`
  switch (reason) {
    case 'expired':
      return `Its time is over${because}.`
    case 'closed early':
      if (by === null) return 'It was closed early.'
      return by.userId === you?.userId ? 'You closed it early.' : `${person(by)} closed it early.`
    case 'could not open':
      return `It could not be opened${because || '.'}${because.endsWith('.') || because === '' ? '' : '.'}`
    case 'changed outside':
      return `Its network rule was changed outside Jitney${because || '.'}${because.endsWith('.') || because === '' ? '' : '.'}`
    case 'no longer allowed':
      return `It is no longer allowed${because}.`
    case 'panic':
      return `${by === null ? 'An operator' : person(by)} stopped all such access${because}.`
    case 'address changed':
      return `Its person comes from another address now, and ${words(detail ?? 'another request', 80)} took its place.`
    case 'superseded':
      return `Defender for Cloud replaced it by a newer request for the same VM and port${because}.`
    case 'vm deleted':
      return 'Azure no longer knows this VM by the id that was approved.'
    default:
      return reason satisfies never
  }
}

/** `0.4 s after its end`, `12 min before its end`: how punctual the close was. */
function punctuality(grant: { expiresAt: number; closedAt: number }): string {
  if (grant.closedAt >= grant.expiresAt) return `${seconds(latenessMs(grant))} after its end`
  const early = grant.expiresAt - grant.closedAt
  return early < minute ? `${seconds(early)} before its end` : `${durationText(early)} before its end`
}

interface Closed {
  readonly closedAt: number
  readonly expiresAt: number
  readonly opened: boolean
  readonly reason: CloseReason
  /** Without any rule there was nothing to ask Azure about. */
  readonly ruled: boolean
  /** True where access goes on by another request; null where that may be. */
  readonly stays?: boolean | null
  /** Set where somebody else than Jitney may have closed it. */
  readonly grant?: Grant | null
  /** Where open sessions are to be cut. */
  readonly flushes?: readonly Flush[] | undefined
}

/** What is known at the end: only what Azure confirmed. */
export function closedSentences({
  closedAt,
  expiresAt,
  opened,
  ruled,
  reason,
  stays = false,
  grant = null,
  flushes,
}: Closed): string[] {
  if (!ruled) return ['No network rule was written for it.']
  const left = grant?.defender?.left
  const gone = left
    ? 'no network rule that is surely of this request is left'
    : 'no network rule of this request is left'
  const besides = left ? [leftAlone(left)] : []
  if (!opened) return [`Azure never confirmed that it was open, and confirms now that ${gone}.`, ...besides]
  const when = `It closed ${time(closedAt)}, ${punctuality({ closedAt, expiresAt })}.`
  const closed = [when, ...closedByWhom(grant), `Azure confirms that ${gone}.`, ...besides].join(' ')
  // Nobody is connected to a VM that is gone.
  if (reason === 'vm deleted' || stays === true) return [closed]
  const cut = flushes && cutSentence(flushes)
  if (cut) return [closed, cut]
  return [closed, stays === null ? maybeLonger : openSessions]
}

/** Why a start that has come opens nothing so far, and what becomes of it. */
export const startWaits = (silent: string, expiresAt: number): string =>
  `${words(silent, 40)} did not answer when it was to be looked at again whether this is still allowed. I keep trying until ${time(expiresAt)}, when its time ends.`

const tolerated = 60_000

/** Said while a rule may still stand: since when, and how far past its end. */
export function closingSentences(
  grant: Extract<Grant, { state: 'closing' }>,
  address: string,
  now: number,
): string[] {
  const late = now - grant.expiresAt
  const waiting =
    closingByDefender(grant) ??
    `Removing the network rule since ${time(grant.closingSince)}. Azure has not confirmed yet that it is gone.`
  if (late <= tolerated) return [waiting]
  return [
    waiting,
    `*Overdue by ${durationText(late)}:* ${words(address, 60)} may still get in. I keep trying until it is closed.`,
  ]
}
