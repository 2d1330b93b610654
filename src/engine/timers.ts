import type { Event } from '../core/event.ts'
import type { Dispatcher } from './dispatch.ts'
import { ended, type Handler } from './handler.ts'

/** A deadline that has come is an event like any other; the job ends in the transaction that takes it. */
export const timer =
  (
    dispatcher: Dispatcher,
    type: Extract<Event['type'], 'deadline' | 'expiry' | 'warning' | 'stuck'>,
  ): Handler =>
  async (claim) => {
    await dispatcher.dispatch({ requestId: claim.subject, event: { type }, claim })
    return ended
  }
