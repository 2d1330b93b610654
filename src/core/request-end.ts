import type { Effect } from './effect.ts'
import type { Transition } from './outcome.ts'
import type { PendingRequest, Request } from './request.ts'
import { type Actor, auditOf, baseOf, show } from './request-parts.ts'

/** What no longer has to be waited for once a request has been decided. */
export const dropWaiting = (requestId: string): Effect[] =>
  (['deadline', 'reminder', 'escalation'] as const).map((timer) => ({ kind: 'drop timer', timer, requestId }))

const auditTypes = {
  denied: 'request.denied',
  canceled: 'request.canceled',
  lapsed: 'request.lapsed',
} as const

function ended(
  request: PendingRequest,
  state: 'denied' | 'canceled' | 'lapsed',
  by: Actor,
  at: number,
  more: Ending,
): Request {
  const base = { ...baseOf(request), terms: request.terms }
  switch (state) {
    case 'denied':
      return { ...base, state, deniedAt: at, by: typeof by === 'string' ? 'policy' : by }
    case 'canceled':
      return { ...base, state, canceledAt: at, ...more }
    case 'lapsed':
      return { ...base, state, lapsedAt: at }
    default:
      return state satisfies never
  }
}

/** Why a request was canceled, where nobody canceled it. */
type Ending = Pick<Extract<Request, { state: 'canceled' }>, 'closedBy' | 'movedTo' | 'instead'>

/** The request ends without access. */
export function end(
  request: PendingRequest,
  state: 'denied' | 'canceled' | 'lapsed',
  by: Actor,
  at: number,
  more: Ending = {},
): Transition {
  const person = typeof by === 'string' ? null : by
  return {
    ok: true,
    next: { request: ended(request, state, by, at, more), grant: null },
    audit: [
      auditOf(auditTypes[state], request, by, at, more.movedTo ? { detail: `request ${more.movedTo}` } : {}),
    ],
    effects: [
      ...dropWaiting(request.id),
      show(request.id),
      { kind: 'note', requestId: request.id, note: { type: 'decided', state, at, by: person } },
    ],
  }
}
