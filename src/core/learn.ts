import type { Case } from './case.ts'
import { addressesOf } from './change-address.ts'
import { contextWaitMs } from './context.ts'
import type { Event } from './event.ts'
import { type Transition, unchanged } from './outcome.ts'

/** What an approver should know is kept with the request while it waits; for one that is decided it comes too late. */
export function learn(
  current: Case,
  { context, partial, seen = 0 }: Extract<Event, { type: 'context' }>,
  now: number,
): Transition {
  const { request } = current
  if (request.state !== 'pending') return unchanged(current)
  // It is about the address before; what holds of this one is on its way.
  if (addressesOf(request) !== seen) return unchanged(current)
  const next = { ...current, request: { ...request, context: { ...request.context, ...context } } }
  // While the rest is on its way, the card waits for it, but no longer than it may.
  const at = partial ? Math.max(now, request.requestedAt + contextWaitMs) : now
  return { ...unchanged(next), effects: [{ kind: 'show', requestId: request.id, at }] }
}
