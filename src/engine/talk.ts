import type { Case } from '../core/case.ts'
import type { Note } from '../core/effect.ts'
import { Fault } from '../core/fault.ts'
import { besideFollowing } from '../core/following.ts'
import type { Chat, Clock, Place, QueuedNote, Store, Talk } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import { again, done, type Handler, type Lease, messageOf } from './handler.ts'
import { talkJob } from './job-of.ts'
import type { Log } from './log.ts'

export interface TalkParts {
  readonly store: Store
  readonly clock: Clock
  readonly chat: Chat
  readonly log: Log
}

/** One of the two places where a case is shown; each goes on when the other cannot. */
interface Track {
  readonly which: 'card' | 'mirror'
  readonly place: Place | null
  readonly notes: readonly QueuedNote[]
}

/**
 * Brings Slack up to date with one case: the card and the thread under it, the requester's message and what
 * follows it. The messages are drawn from the state of this moment, so a late edit is never a stale one.
 */
export const talk =
  (parts: TalkParts): Handler =>
  async (claim, _, lease) => {
    const stored = await parts.store.talk(claim.subject)
    if (!stored) return done
    const state = { ...stored, case: await besideMoved(parts.store, stored.case) }
    const tracks: Track[] = [
      { which: 'mirror', place: state.mirror, notes: state.notes.filter((note) => note.to === 'requester') },
    ]
    // A request that the policy refused was never put before approvers.
    if (state.case.request.terms) {
      tracks.push({
        which: 'card',
        place: state.card,
        notes: state.notes.filter((note) => note.to === 'thread'),
      })
    }
    const all = { ...parts, lease }
    const results = await Promise.all(tracks.map((track) => follow(all, claim.attempt, state, track)))
    if (lease.lapsed()) {
      // Whoever has the job now may have shown a later state before this one landed on top of it.
      const now = parts.clock.now()
      await parts.store.transact((tx) => tx.putJobs([talkJob(claim.subject, now)], now))
    }
    const waits = results.filter((at) => at !== null)
    return waits.length > 0 ? again(Math.min(...waits), 'Slack did not take everything') : done
  }

/** What this takes the place of may have ended since, and the card says how that stands. */
async function besideMoved(store: Store, kase: Case): Promise<Case> {
  const { request, grant } = kase
  if (!request.moves) return kase
  const before = (await store.case(request.moves.requestId))?.grant
  if (before?.state !== 'closing' && before?.state !== 'closed') return kase
  const ended = before.state === 'closed' ? { at: before.closedAt } : before.state
  return { request: { ...request, moves: { ...request.moves, ended } }, grant }
}

type Talking = TalkParts & { readonly lease: Lease }

/** Null when everything was said, or the moment of the next try. */
async function follow(parts: Talking, attempt: number, state: Talk, track: Track): Promise<number | null> {
  try {
    return (await say(parts, state, track)) ? null : parts.clock.now()
  } catch (error) {
    const fields = { request: state.case.request.id, where: track.which, error: messageOf(error) }
    if (error instanceof Fault && error.kind === 'permanent') {
      parts.log.error(fields, 'Slack refuses a message for good; the audit trail still has it')
      return null
    }
    parts.log.warn(fields, 'Slack did not take a message; it will be sent again')
    return parts.clock.now() + pauseMs(attempt, error instanceof Fault ? error.afterMs : null)
  }
}

/** Edits the message where it stands; one that somebody deleted is posted anew, so that what follows has a place. */
async function show(chat: Chat, state: Talk, { which, place }: Track, now: number): Promise<Place> {
  try {
    return await chat[which](state.case, place, now)
  } catch (error) {
    if (!place || !(error instanceof Fault) || error.code !== 'message_not_found') throw error
    return chat[which](state.case, null, now)
  }
}

/** More time may have been given since the note was written, and what it says must be so when it is said. */
async function asItIs({ store, clock }: TalkParts, kase: Case, note: Note): Promise<Note | null> {
  const { extensions = [] } = kase.request
  if (extensions.length === 0 || (note.type !== 'ending' && note.type !== 'closed')) return note
  const cases = await Promise.all(extensions.map((id) => store.case(id)))
  return besideFollowing(
    note,
    kase,
    cases.filter((one) => one !== null),
    clock.now(),
  )
}

/** False when it stopped half way. */
async function say(parts: Talking, state: Talk, track: Track): Promise<boolean> {
  const { store, chat, clock, lease, log } = parts
  const { request } = state.case
  // Somebody else may have shown a later state by now; this one would stand over it for good.
  if (lease.lapsed()) return false
  const place = await show(chat, state, track, clock.now())
  if (track.place?.ts !== place.ts && !(await store.place(request.id, track.which, place, track.place))) {
    log.warn(
      { request: request.id, where: track.which, ts: place.ts },
      'somebody else posted this message meanwhile; theirs is kept up to date, and this one stays as it is',
    )
    return false
  }
  for (const { id, note, tried } of track.notes) {
    if (!tried) await store.noteTried(id, true)
    const said = await asItIs(parts, state.case, note)
    if (lease.lapsed()) return false
    try {
      if (said && track.which === 'card') await chat.note(state.case, said, place, clock.now(), tried)
      else if (said) await chat.tell(state.case, said, clock.now(), tried)
    } catch (error) {
      if (!tried && error instanceof Fault && error.kind !== 'uncertain') await store.noteTried(id, false)
      throw error
    }
    await store.noteSent(id, clock.now())
  }
  return true
}
