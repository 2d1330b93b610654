import type { Case } from '../core/case.ts'
import { justification, justificationMark } from '../core/defender.ts'
import type { Event } from '../core/event.ts'
import type { Claim, Clock, Defender, DefenderOrder, Store } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import { tellClocks } from './clocks.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, done, ended, type Finish, type Handler, messageOf } from './handler.ts'
import { within } from './within.ts'

export interface AskParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly defender?: Defender | null
  readonly clockTrouble: () => string | null
}

/** Nearer to the end than this, nothing is asked for any more. */
const longestAskMs = 10_000
const longestReadMs = 20_000

/** What Defender for Cloud is asked for in the name of a grant; null when it is not to open it. */
export function orderOf({ request, grant }: Case): (DefenderOrder & { readonly mark: string }) | null {
  if (!grant?.defender) return null
  return {
    policyId: grant.defender.policyId,
    vmId: request.vm.id,
    ports: request.ports.map(({ number }) => number),
    source: request.source.address,
    endsAt: grant.expiresAt,
    justification: justification(request),
    mark: justificationMark(request.id),
  }
}

/**
 * Asks Defender to open. That this is about to be done is on record before; after a crash Defender's own record
 * tells whether it was asked.
 */
export const askDefender =
  (parts: AskParts): Handler =>
  async (claim, stop, lease) => {
    const { store, clock, dispatcher, defender } = parts
    const current = await store.case(claim.subject)
    const order = current && orderOf(current)
    const grant = current?.grant
    if (!order || !defender || grant?.state !== 'opening' || grant.defender?.askedAt !== undefined)
      return done
    const end = async (event: Event) => {
      await dispatcher.dispatch({ requestId: claim.subject, event, claim })
      return ended
    }
    if (order.endsAt - clock.now() <= longestAskMs)
      return end({
        type: 'could not open',
        detail: 'too little time was left to open it and close it safely',
      })
    const trouble = parts.clockTrouble()
    if (trouble !== null) {
      await tellClocks(store, clock.now(), trouble)
      return again(clock.now() + pauseMs(claim.attempt, null), trouble)
    }
    try {
      const known = await within(clock, longestReadMs, stop, (signal) => defender.state(order, signal))
      if (known.kind !== 'unknown') return await end({ type: 'defender asked' })
    } catch (error) {
      return again(clock.now() + pauseMs(claim.attempt, null), messageOf(error))
    }
    const asking = await dispatcher.dispatch({ requestId: claim.subject, event: { type: 'defender asking' } })
    const may = asking !== 'lost' && asking.ok && asking.next.grant?.state === 'opening'
    if (!may || lease.lapsed()) return again(clock.now(), null)
    return send(parts, claim, order, stop, end)
  }

async function send(
  { clock, defender }: AskParts,
  claim: Claim,
  order: DefenderOrder,
  stop: AbortSignal,
  end: (event: Event) => Promise<Finish>,
): Promise<Finish> {
  if (!defender) return done
  const answer = await within(clock, longestAskMs, stop, (signal) => defender.ask(order, signal))
  if (answer.kind === 'taken') return end({ type: 'defender asked' })
  if (answer.kind === 'refused') {
    const detail = `Defender for Cloud refuses: ${answer.why}`
    // An earlier try, whose answer was lost, may have been taken.
    return end({ type: 'could not open', detail, ...(claim.attempt === 1 && { unasked: true }) })
  }
  return again(clock.now() + pauseMs(claim.attempt, answer.afterMs), answer.why)
}
