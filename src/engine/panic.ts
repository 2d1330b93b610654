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

/** A person may have more than one account; the Entra user says so where Entra is asked. */
async function inScope(store: Store, { scope }: Panic, states: Parameters<Store['grants']>[0]) {
  const mapped = scope.kind === 'person' && scope.entraId !== undefined
  const users = new Map<string, string | null>()
  const found: Case[] = []
  for (const kase of await store.grants(states)) {
    const { requester } = kase.request
    const { userId } = requester
    if (mapped && !users.has(userId)) users.set(userId, await store.entraUser(requester))
    if (isInScope(scope, kase.request, users.get(userId) ?? null)) found.push(kase)
  }
  return found
}

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
    const closing = await inScope(store, panic, ['closing'])
    // One that the stop ended since the total was read is in the list and not yet in the total.
    const closed = Math.max(0, total - closing.filter((one) => endedBy(one, panic)).length)
    const holds = (await store.panics()).some(({ id }) => id === panic.id)
    try {
      await chat.panicNews(parts.pages(), panic, { closed, closing, holds })
    } catch (error) {
      log.error({ panic: panic.id, error: messageOf(error) }, 'how far a stop has come could not be told')
      return again(clock.now() + everyMs, messageOf(error))
    }
    // What does not close for long pages by itself; this must not fill the channel meanwhile.
    return closing.length === 0
      ? done
      : again(clock.now() + Math.min(longestMs, everyMs * claim.attempt), null)
  }

/** Ends that were noted before there was room for the stop’s id are told by when they began. */
function endedBy({ grant }: Case, panic: Panic): boolean {
  if (grant?.state !== 'closing' || grant.reason !== 'panic') return false
  return grant.panicId === undefined ? grant.closingSince >= panic.at : grant.panicId === panic.id
}
