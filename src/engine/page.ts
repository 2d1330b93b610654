import { Fault } from '../core/fault.ts'
import type { Pages } from '../core/policy.ts'
import type { Chat, Clock, Store } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import { again, done, type Handler, messageOf } from './handler.ts'
import type { Log } from './log.ts'

export interface PageParts {
  readonly store: Store
  readonly clock: Clock
  readonly chat: Chat
  readonly pages: () => Pages
  readonly log: Log
}

/** Calls the operators about a grant that does not close, as it stands at this moment. */
export const page =
  (parts: PageParts): Handler =>
  async (claim) => {
    const current = await parts.store.case(claim.subject)
    if (current?.grant?.state !== 'closing') return done
    try {
      const troubles = await parts.store.reconciling.troubles(current.grant.id)
      await parts.chat.page(parts.pages(), current, troubles, parts.clock.now())
      return done
    } catch (error) {
      parts.log.error(
        { request: claim.subject, error: messageOf(error) },
        'the operators could not be called',
      )
      const afterMs = error instanceof Fault ? error.afterMs : null
      return again(parts.clock.now() + pauseMs(claim.attempt, afterMs), messageOf(error))
    }
  }

/** Tells the operators, once each, of what belongs to no request. */
export const alarms =
  (parts: PageParts): Handler =>
  async (claim) => {
    const { store, clock, chat, log } = parts
    for (;;) {
      const waiting = await store.reconciling.waitingAlarms()
      if (waiting.length === 0) return done
      for (const { id, alarm, tried } of waiting) {
        if (!tried) await store.reconciling.alarmTried(id, true)
        try {
          await chat.alarm(parts.pages(), alarm, tried)
        } catch (error) {
          log.error({ alarm, error: messageOf(error) }, 'an alarm could not be told')
          if (!tried && error instanceof Fault && error.kind !== 'uncertain')
            await store.reconciling.alarmTried(id, false)
          const afterMs = error instanceof Fault ? error.afterMs : null
          return again(clock.now() + pauseMs(claim.attempt, afterMs), messageOf(error))
        }
        await store.reconciling.alarmSent(id, clock.now())
      }
    }
  }
