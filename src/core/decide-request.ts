import { authorise, escalated, mayHear } from './approval.ts'
import type { Case } from './case.ts'
import { minute } from './duration.ts'
import type { Event, Standing } from './event.ts'
import { isExpired } from './expiry.ts'
import { type Outcome, refuse, type Transition, unchanged } from './outcome.ts'
import { type Panic, panicOver } from './panic.ts'
import { type Person, samePerson } from './person.ts'
import type { Named } from './policy.ts'
import { isComplete, whoIsAsked } from './quorum.ts'
import type { PendingRequest, Request } from './request.ts'
import { end } from './request-end.ts'
import { auditOf, show } from './request-parts.ts'
import { judged, review } from './review.ts'

type RequestEvent = Extract<
  Event,
  { type: 'review' | 'cancel' | 'deadline' | 'reminder' | 'escalation' | 'predecessor closed' }
>

/** The timer that told it is gone with this event; a clock that ran ahead must not cost the request its end. */
const early = (current: Case, { id, deadlineAt }: PendingRequest): Transition => ({
  ...unchanged(current),
  effects: [{ kind: 'set timer', timer: 'deadline', requestId: id, at: deadlineAt }],
})

export function decideRequest(
  current: Case,
  event: RequestEvent,
  now: number,
  panics: readonly Panic[] = [],
): Outcome {
  const { request } = current
  if (request.state !== 'pending') return late(current, request, event)
  switch (event.type) {
    case 'deadline':
      return isExpired(request.deadlineAt, now)
        ? end(request, 'lapsed', 'jitney', now)
        : early(current, request)
    case 'reminder':
    case 'escalation':
      return call(current, request, event, now, panics)
    case 'cancel': {
      const refusal = authorise('cancel', event.by, { request, terms: request.terms })
      return refusal ? refuse(refusal) : end(request, 'canceled', event.by.person, now)
    }
    case 'predecessor closed':
      return end(request, 'canceled', event.by, now, { closedBy: event.by })
    case 'review':
      return review(request, event, now)
    default:
      return event satisfies never
  }
}

/** Whoever wanted to cancel their request can close the access that came of it. */
const canClose = ({ request, grant }: Case, event: RequestEvent): boolean =>
  event.type === 'cancel' &&
  samePerson(event.by.person, request.requester) &&
  (grant?.state === 'opening' || grant?.state === 'open')

function late(current: Case, request: Exclude<Request, PendingRequest>, event: RequestEvent): Outcome {
  if (event.type !== 'review' && event.type !== 'cancel') return unchanged(current)
  const refusal = mayHear(event.by, request)
  return refuse(
    refusal ?? {
      code: 'already decided',
      state: request.state,
      ...decisionOf(request),
      ...(canClose(current, event) && { closes: request.id }),
    },
  )
}

function decisionOf(request: Exclude<Request, PendingRequest>): { by: readonly Person[]; at: number } {
  switch (request.state) {
    case 'approved':
      return { by: request.reviews.map((one) => one.by), at: request.approvedAt }
    case 'denied':
      return { by: request.by === 'policy' ? [] : [request.by], at: request.deniedAt }
    case 'canceled':
      return {
        by: request.movedTo ? [] : [request.closedBy ?? request.requester],
        at: request.canceledAt,
      }
    case 'lapsed':
      return { by: [], at: request.lapsedAt }
    default:
      return request satisfies never
  }
}

/** The request under the terms of this moment, so that nobody is called whose yes would be refused. */
function asNow(request: PendingRequest, standing: Standing | undefined): PendingRequest {
  if (!standing) return request
  const { terms, progress } = judged(request, standing)
  return isComplete(terms, progress) ? request : { ...request, terms, progress }
}

/** So soon are people called once a stop is lifted. */
const lookAgainMs = 5 * minute

function call(
  current: Case,
  request: PendingRequest,
  { type, standing }: Extract<Event, { type: 'reminder' | 'escalation' }>,
  now: number,
  panics: readonly Panic[],
): Transition {
  const asked = asNow(request, standing)
  if (type === 'escalation' && (!asked.terms.escalation || asked.escalatedAt !== null))
    return unchanged(current)
  const panic = panicOver(panics, request, standing?.requester.entraId ?? null)
  if (panic) return putOff(request, type, panic, now)
  return type === 'reminder' ? remind(current, asked, now, panics) : escalate(asked, now, panics)
}

/** Nobody is called for a yes that would be refused; they are once it would count. */
function putOff(
  request: PendingRequest,
  timer: 'reminder' | 'escalation',
  { id, by, at, reason }: Panic,
  now: number,
): Transition {
  const again = { kind: 'set timer', timer, requestId: request.id, at: now + lookAgainMs } as const
  if (request.toldOfStop === id) return { ...unchanged({ request, grant: null }), effects: [again] }
  const note = { type: 'stopped', at, by, reason } as const
  return {
    ...unchanged({ request: { ...request, toldOfStop: id }, grant: null }),
    effects: [again, { kind: 'note', requestId: request.id, note }],
  }
}

/** Whoever is stopped says yes to nothing. */
function without(panics: readonly Panic[], { users, groups }: Named): Named {
  const stopped = panics.flatMap(({ scope }) => (scope.kind === 'person' ? [scope.person.userId] : []))
  return { users: users.filter((id) => !stopped.includes(id)), groups }
}

function remind(current: Case, request: PendingRequest, now: number, panics: readonly Panic[]): Transition {
  const note = { type: 'waiting', at: now, ...without(panics, whoIsAsked(request)) } as const
  const same = request === current.request
  return {
    ...unchanged(same ? current : { ...current, request }),
    effects: [...(same ? [] : [show(request.id)]), { kind: 'note', requestId: request.id, note }],
  }
}

function escalate(request: PendingRequest, now: number, panics: readonly Panic[]): Transition {
  const { users = [], groups = [] } = request.terms.escalation?.approvers ?? {}
  const next: Request = { ...request, terms: escalated(request.terms), escalatedAt: now }
  return {
    ok: true,
    next: { request: next, grant: null },
    audit: [auditOf('request.escalated', request, 'jitney', now, { users, groups })],
    effects: [
      show(request.id),
      {
        kind: 'note',
        requestId: request.id,
        note: { type: 'escalated', at: now, ...without(panics, { users, groups }) },
      },
    ],
  }
}
