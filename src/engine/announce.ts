import { Fault } from '../core/fault.ts'
import type { Chat, Clock, Store } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import { again, done, type Handler, messageOf } from './handler.ts'
import type { Log } from './log.ts'

export interface AnnounceParts {
  readonly store: Store
  readonly clock: Clock
  readonly chat: Chat
  readonly channel: () => string
  readonly log: Log
}

const page = 50
/** Slack takes about one message a second in one channel. */
const paceMs = 1_100

/**
 * Copies the audit trail to its channel, one line a record, in order, each with its number so that a reader
 * sees a gap. The trail is the truth and the channel a copy: how far the copy has come is all that is kept.
 */
export const announce =
  (parts: AnnounceParts): Handler =>
  async (claim, stop, lease) => {
    const { store, clock, chat, log } = parts
    let { seq, tried } = await store.feed('audit')
    for (;;) {
      const records = await store.auditAfter(seq, page)
      if (records.length === 0) return done
      for (const [index, record] of records.entries()) {
        if (index > 0) await clock.sleep(paceMs, stop)
        if (stop.aborted) return again(clock.now(), null)
        if (!tried) await store.moveFeed('audit', { seq, tried: true })
        if (lease.lapsed()) return again(clock.now(), 'the lease lapsed')
        try {
          await chat.announce(parts.channel(), record, tried)
        } catch (error) {
          log.error(
            { seq: record.seq, error: messageOf(error) },
            'the audit channel did not take a line; it will be sent again',
          )
          // Only an uncertain outcome may have left the line in the channel.
          const uncertain = error instanceof Fault && error.kind === 'uncertain'
          if (!uncertain && !tried) await store.moveFeed('audit', { seq, tried: false })
          const afterMs = error instanceof Fault ? error.afterMs : null
          return again(clock.now() + pauseMs(claim.attempt, afterMs), messageOf(error))
        }
        seq = record.seq
        tried = false
        await store.moveFeed('audit', { seq, tried })
      }
    }
  }
