import type { Case } from '../core/case.ts'
import { placeTakenBy } from '../core/change-address.ts'
import type { Request } from '../core/request.ts'
import { holds } from '../core/source.ts'
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

/** The request by which its person comes from another address now: that of its own, or of what it belongs to. */
async function movedTo({ store }: FollowingParts, { request }: Case): Promise<Request | null> {
  const { extends: before, moves, movesTo = [], extensions = [] } = request
  const read = async (ids: readonly string[]) =>
    (await Promise.all(ids.map((id) => store.case(id)))).filter((one) => one !== null)
  const open = (await read(movesTo)).find(({ grant }) => grant?.openedAt != null)
  if (open) return open.request
  // More time may have got an address of its own before the approval, and then it has nothing to do with the old one.
  const alongside = (await read([...(before ? [before.requestId] : []), ...extensions])).filter(
    (one) =>
      holds(one.request.source.address, request.source.address) ||
      holds(request.source.address, one.request.source.address),
  )
  const replaced = await read(moves ? [moves.requestId] : [])
  const id = [...alongside, ...replaced].map(placeTakenBy).find((one) => one !== null && one !== request.id)
  return id == null ? null : ((await store.case(id))?.request ?? null)
}

/** Closes access whose person comes from another address, once access from there is open, and ends what follows it. */
export const closeMoved =
  (parts: FollowingParts): Handler =>
  async (claim) => {
    const { store, clock, dispatcher } = parts
    const current = await store.case(claim.subject)
    if (!current) return claim.attempt < mostLooks ? again(clock.now() + lookEveryMs, null) : done
    const to = await movedTo(parts, current)
    if (to === null) return done
    const event = { type: 'address moved', to: to.id, source: to.source } as const
    await dispatcher.dispatch({ requestId: claim.subject, event, claim })
    return ended
  }
