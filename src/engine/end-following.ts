import type { Clock, Store } from '../ports.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, done, ended, type Handler } from './handler.ts'

interface FollowingParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
}

const mostLooks = 12
const lookEveryMs = 5_000

/** Ends a request, or its access, because somebody closed the access that it follows on from. */
export const endFollowing =
  ({ store, clock, dispatcher }: FollowingParts): Handler =>
  async (claim) => {
    const current = await store.case(claim.subject)
    // The request may be on its way to the database: its own gesture put it on the other's list first.
    if (!current) return claim.attempt < mostLooks ? again(clock.now() + lookEveryMs, null) : done
    const follows = current.request.extends ?? current.request.moves
    const before = follows && (await store.case(follows.requestId))
    const { grant } = before ?? {}
    const by = grant?.state === 'closing' || grant?.state === 'closed' ? grant.by : null
    if (by === null) return done
    await dispatcher.dispatch({ requestId: claim.subject, event: { type: 'predecessor closed', by }, claim })
    return ended
  }

/** Closes access whose person comes from another address, once access from there is open. */
export const closeMoved =
  ({ store, dispatcher }: FollowingParts): Handler =>
  async (claim) => {
    const current = await store.case(claim.subject)
    const after = await Promise.all((current?.request.movesTo ?? []).map((id) => store.case(id)))
    const open = after.find((one) => one?.grant?.openedAt != null)
    if (!open) return done
    const event = { type: 'address moved', to: open.request.id } as const
    await dispatcher.dispatch({ requestId: claim.subject, event, claim })
    return ended
  }
