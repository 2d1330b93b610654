import type { Case } from '../core/case.ts'
import { isInScope, type Panic } from '../core/panic.ts'
import type { Pages } from '../core/policy.ts'
import type { Chat, Clock, Store } from '../ports.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, done, type Handler, messageOf } from './handler.ts'
import { panicNewsJob } from './job-of.ts'
import type { Log } from './log.ts'

interface PanicParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
}

interface PanicNewsParts {
  readonly store: Store
  readonly clock: Clock
  readonly chat: Pick<Chat, 'panicNews'>
  readonly pages: () => Pages
  readonly log: Log
}

/** So often it is looked again at what is still closing; each time whoever called the stop is told. */
const everyMs = 15_000
const longestMs = 10 * 60_000

const inScope = async (store: Store, { scope }: Panic, states: Parameters<Store['grants']>[0]) =>
  (await store.grants(states)).filter(({ request }) => isInScope(scope, request))

/** Ends all access in the scope, and then has it told. */
export const closeAll =
  (parts: PanicParts): Handler =>
  async (claim) => {
    const { store, clock, dispatcher } = parts
    const found = await store.panic(claim.subject)
    if (!found) return done
    const { panic } = found
    const open = await inScope(store, panic, ['opening', 'open'])
    await Promise.all(
      open.map(({ request }) =>
        dispatcher.dispatch({ requestId: request.id, event: { type: 'panic', panic } }),
      ),
    )
    if (found.total === null) await store.countPanic(panic.id, open.length)
    const now = clock.now()
    await store.transact((tx) => tx.putJobs([panicNewsJob(panic.id, now)], now))
    return done
  }

/** Says how far a stop has come, until nothing of it is left; no close waits for this. */
export const tellPanic =
  (parts: PanicNewsParts): Handler =>
  async (claim) => {
    const { store, clock, chat, log } = parts
    const found = await store.panic(claim.subject)
    if (!found) return done
    const { panic, total } = found
    const closing = (await inScope(store, panic, ['closing'])).filter((one) => endedBy(one, panic))
    const holds = (await store.panics()).some(({ id }) => id === panic.id)
    try {
      await chat.panicNews(parts.pages(), panic, { total: total ?? closing.length, closing, holds })
    } catch (error) {
      log.error({ panic: panic.id, error: messageOf(error) }, 'how far a stop has come could not be told')
      return again(clock.now() + everyMs, messageOf(error))
    }
    // What does not close for long pages by itself; this must not fill the channel meanwhile.
    return closing.length === 0
      ? done
      : again(clock.now() + Math.min(longestMs, everyMs * claim.attempt), null)
  }

const endedBy = ({ grant }: Case, panic: Panic): boolean =>
  grant?.state === 'closing' && grant.reason === 'panic' && grant.closingSince >= panic.at
