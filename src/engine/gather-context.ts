import { addressesOf } from '../core/change-address.ts'
import { type Context, type Defender, type OwnFacts, recentMs } from '../core/context.ts'
import { Fault } from '../core/fault.ts'
import type { Request } from '../core/request.ts'
import type { Claim, Clock, Posture, Store } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, done, ended, type Finish, type Handler, messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

export interface ContextParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly posture?: Posture
  readonly log: Log
}

/** Longer than this, and the card says that Defender did not answer; it is asked again later. */
const longestReadMs = 10_000
/** Some minutes together: whoever has not decided by then goes by what the card says. */
const mostTries = 8

const factsOf = ({ store, clock }: ContextParts, { id, requester, vm, source }: Request): Promise<OwnFacts> =>
  store.ownFacts({
    requestId: id,
    requester,
    vmId: vm.id,
    address: source.address,
    since: clock.now() - recentMs,
    now: clock.now(),
  })

interface Asked {
  readonly defender: Defender
  /** Set when asking again may help. */
  readonly afterMs?: number | null
}

/** What Defender says, or that it said nothing; never a throw. */
async function ask(
  { posture, clock, log }: ContextParts & { readonly posture: Posture },
  { vm, id }: Request,
  stop: AbortSignal,
): Promise<Asked> {
  try {
    const view = await within(clock, longestReadMs, stop, (signal) => posture.of(vm, signal))
    return { defender: { kind: 'read', ...view } }
  } catch (error) {
    log.warn({ request: id, error: messageOf(error) }, 'Defender for Cloud could not be read')
    const defender = { kind: 'unread', at: clock.now(), why: messageOf(error) } as const
    if (!(error instanceof Fault) || error.kind === 'permanent') return { defender }
    return { defender, afterMs: error.afterMs }
  }
}

/**
 * Finds out what an approver should know beyond the request itself. Our own records are there at once; what Azure
 * has to be asked for comes after them, and the card is edited when it comes late.
 */
export const gatherContext =
  (parts: ContextParts): Handler =>
  async (claim, stop) => {
    const { store, dispatcher, posture } = parts
    const current = await store.case(claim.subject)
    if (current?.request.state !== 'pending') return done
    const { request } = current
    const seen = addressesOf(request)
    if (!posture) return tell(parts, claim, seen, { own: await factsOf(parts, request), defender: null })
    let answered = false
    const asking = ask({ ...parts, posture }, request, stop).finally(() => {
      answered = true
    })
    // The records are read once: what an approver has read must not change under their eyes for no reason.
    const own = request.context?.own ?? (await factsOf(parts, request))
    if (!answered && !request.context?.own)
      await dispatcher.dispatch({
        requestId: request.id,
        event: { type: 'context', context: { own }, partial: true, seen },
      })
    const { defender, afterMs } = await asking
    if (afterMs === undefined || claim.attempt >= mostTries)
      return tell(parts, claim, seen, { own, defender })
    // Said once, and again only when it is known.
    if (request.context?.defender === undefined)
      await dispatcher.dispatch({
        requestId: request.id,
        event: { type: 'context', context: { own, defender }, partial: false, seen },
      })
    return again(parts.clock.now() + pauseMs(claim.attempt, afterMs), 'Defender for Cloud could not be read')
  }

async function tell(
  { dispatcher }: ContextParts,
  claim: Claim,
  seen: number,
  context: Context,
): Promise<Finish> {
  await dispatcher.dispatch({
    requestId: claim.subject,
    event: { type: 'context', context, partial: false, seen },
    claim,
  })
  return ended
}
