import { askingProblem, authorise, escalated, mayBeMissing, mayHear, sameHuman } from './approval.ts'
import type { AuditEvent } from './audit.ts'
import { begin, grantFor } from './begin.ts'
import type { Case } from './case.ts'
import type { Effect } from './effect.ts'
import type { Event, Standing } from './event.ts'
import { isExpired } from './expiry.ts'
import { isLess, keepsExtraTime, type Less, narrowed } from './less.ts'
import { type Outcome, refuse, type Transition, unchanged } from './outcome.ts'
import { type Member, type Person, samePerson } from './person.ts'
import { approvalsOf } from './pick.ts'
import type { Terms } from './policy.ts'
import {
  countAgain,
  isApproverOf,
  isComplete,
  isSameProgress,
  type Progress,
  progressOf,
  whoIsAsked,
  yesesOf,
} from './quorum.ts'
import type { Refusal } from './refusal.ts'
import type { PendingRequest, Request, Review } from './request.ts'
import { type Actor, auditOf, baseOf, type Details, show } from './request-parts.ts'

type ReviewEvent = Extract<Event, { type: 'review' }>
type RequestEvent = Extract<
  Event,
  { type: 'review' | 'cancel' | 'deadline' | 'reminder' | 'escalation' | 'predecessor closed' }
>

const dropWaiting = (requestId: string): Effect[] =>
  (['deadline', 'reminder', 'escalation'] as const).map((timer) => ({ kind: 'drop timer', timer, requestId }))

/** The timer that told it is gone with this event; a clock that ran ahead must not cost the request its end. */
const early = (current: Case, { id, deadlineAt }: PendingRequest): Transition => ({
  ...unchanged(current),
  effects: [{ kind: 'set timer', timer: 'deadline', requestId: id, at: deadlineAt }],
})

export function decideRequest(current: Case, event: RequestEvent, now: number): Outcome {
  const { request } = current
  if (request.state !== 'pending') return late(current, request, event)
  switch (event.type) {
    case 'deadline':
      return isExpired(request.deadlineAt, now)
        ? end(request, 'lapsed', 'jitney', now)
        : early(current, request)
    case 'reminder':
      return remind(current, asNow(request, event.standing), now)
    case 'escalation': {
      const asked = asNow(request, event.standing)
      return asked.terms.escalation && asked.escalatedAt === null ? escalate(asked, now) : unchanged(current)
    }
    case 'cancel': {
      const refusal = authorise('cancel', event.by, { request, terms: request.terms })
      return refusal ? refuse(refusal) : end(request, 'canceled', event.by.person, now)
    }
    case 'predecessor closed':
      return end(request, 'canceled', event.by, now)
    case 'review':
      return review(request, event, now)
    default:
      return event satisfies never
  }
}

function late(current: Case, request: Exclude<Request, PendingRequest>, event: RequestEvent): Outcome {
  if (event.type !== 'review' && event.type !== 'cancel') return unchanged(current)
  const refusal = mayHear(event.by, request)
  return refuse(refusal ?? { code: 'already decided', state: request.state, ...decisionOf(request) })
}

function decisionOf(request: Exclude<Request, PendingRequest>): { by: readonly Person[]; at: number } {
  switch (request.state) {
    case 'approved':
      return { by: request.reviews.map((one) => one.by), at: request.approvedAt }
    case 'denied':
      return { by: request.by === 'policy' ? [] : [request.by], at: request.deniedAt }
    case 'canceled':
      return { by: [request.closedBy ?? request.requester], at: request.canceledAt }
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

function remind(current: Case, request: PendingRequest, now: number): Transition {
  const note = { type: 'waiting', at: now, ...whoIsAsked(request) } as const
  const same = request === current.request
  return {
    ...unchanged(same ? current : { ...current, request }),
    effects: [...(same ? [] : [show(request.id)]), { kind: 'note', requestId: request.id, note }],
  }
}

function escalate(request: PendingRequest, now: number): Transition {
  const { users = [], groups = [] } = request.terms.escalation?.approvers ?? {}
  const next: Request = { ...request, terms: escalated(request.terms), escalatedAt: now }
  return {
    ok: true,
    next: { request: next, grant: null },
    audit: [auditOf('request.escalated', request, 'jitney', now, { users, groups })],
    effects: [
      show(request.id),
      { kind: 'note', requestId: request.id, note: { type: 'escalated', at: now, users, groups } },
    ],
  }
}

/** What the policy says now; where it would ask nobody any more, whoever was asked still has to say yes. */
const termsNow = (request: PendingRequest, { policy, asked }: Standing): Terms => {
  const { terms } = policy
  const now = terms && terms.stages.length > 0 ? terms : (asked ?? request.terms)
  return request.escalatedAt === null ? now : escalated(now)
}

/** In which stages a yes is taken: where a policy that has changed has enough of them already, in any. */
const stagesOpen = (terms: Terms, progress: Progress): Pick<Progress, 'stage' | 'also'> =>
  isComplete(terms, progress) ? { stage: 0, also: [...terms.stages.keys()] } : progress

/** How far the request has come, by what holds at this moment. */
function judged(request: PendingRequest, standing: Standing, clicking: readonly Member[] = []) {
  const terms = termsNow(request, standing)
  const asker = { person: request.requester, entraId: standing.requester.entraId }
  // A yes to one’s own request that was allowed when it was given counts only while it still is.
  const earlier = yesesOf(request.reviews, [...clicking, ...standing.earlier]).filter(
    (other) => terms.selfApproval || !sameHuman(other, asker),
  )
  return { terms, asker, earlier, ...countAgain(terms, earlier) }
}

/** What the yeses come to by the policy of this moment, before a click and with it. */
function countWith(request: PendingRequest, event: ReviewEvent) {
  const { by } = event
  const { terms, asker, earlier, progress, counted } = judged(request, event, [by])
  const authority = {
    request,
    requesterEntraId: asker.entraId,
    requesterUnread: event.requester.entraUnread === true,
    terms,
    ...stagesOpen(terms, progress),
  }
  const refusal = authorise(event.verdict, by, authority)
  const again = event.verdict === 'approve' && earlier.some((other) => sameHuman(other, by))
  const next = progressOf(terms, [...earlier, by])
  const enough = isComplete(terms, next)
  // Whoever has said yes hears that it stands, also where nobody like them is asked any more.
  const stands = again && refusal?.code !== 'not a member' && isApproverOf(terms, by) && !enough
  const counts = counted.some((other) => sameHuman(other, by))
  const asked = whoIsAsked({ ...request, terms, progress })
  const said: Refusal = { code: 'already reviewed', ...(!counts && { waitsFor: asked }) }
  const idle = again && !enough && isSameProgress(progress, next)
  return { terms, earlier, next, refusal: stands && (refusal || idle) ? said : refusal }
}

function review(request: PendingRequest, event: ReviewEvent, now: number): Outcome {
  const { by, less } = event
  const { terms, earlier, next, refusal } = countWith(request, event)
  if (refusal && refusal.code !== 'already reviewed') return refuse(refusal)
  // The deadline's own job may run a moment late; a yes that comes after the deadline is no yes.
  if (isExpired(request.deadlineAt, now)) return end(request, 'lapsed', 'jitney', now)
  if (refusal) return refuse(refusal)
  const { groups, entraId } = by
  const one: Review = { by: by.person, verdict: event.verdict, at: now, groups, entraId }
  if (event.verdict === 'deny')
    return end({ ...request, reviews: [...request.reviews, one] }, 'denied', one.by, now)
  if (event.policy.outcome === 'deny')
    return refuse({ code: 'policy changed', because: event.policy.tree.because })
  if (askingProblem(event.requester) !== null) return refuse({ code: 'requester gone' })
  if (earlier.some((other) => !other.known || other.entraUnread || mayBeMissing(terms, other)))
    return refuse({ code: 'approvers unknown' })
  if (less && !keepsExtraTime(less, request)) return refuse({ code: 'no extra time' })
  if (less && !isLess(less, request)) return refuse({ code: 'not less' })
  const kept = earlier.some(({ person }) => samePerson(person, by.person))
  const reviews = kept ? request.reviews : [...request.reviews, one]
  const narrower = less ? lessBy(request, less, by.person) : request
  return approve({ ...narrower, terms, progress: next, reviews }, one, event.grantId, now)
}

/** Who has approved more has approved this too; the person reads what was asked for beside it. */
const lessBy = (request: PendingRequest, less: Less, by: Person): PendingRequest => {
  const { label, durationMs } = request.askedFor ?? request
  const extraMs = request.askedFor ? request.askedFor.extraMs : request.extends?.extraMs
  const next = narrowed(request, less)
  const source = request.askedFor?.source ?? request.source.address
  const fewer = source !== next.source.address
  return {
    ...next,
    askedFor: { label, durationMs, ...(extraMs !== undefined && { extraMs }), ...(fewer && { source }), by },
  }
}

const givenBy = (
  { label, durationMs }: Pick<PendingRequest, 'label' | 'durationMs'>,
  source?: string,
): Details => ({
  label,
  durationMs,
  ...(source !== undefined && { source }),
})

const narrowedAudit = (request: PendingRequest, one: Review, now: number): AuditEvent[] =>
  request.askedFor && samePerson(request.askedFor.by, one.by)
    ? [
        auditOf('request.narrowed', request, one.by, now, {
          asked: givenBy(request.askedFor, request.askedFor.source),
          given: givenBy(request, request.askedFor.source && request.source.address),
        }),
      ]
    : []

function approve(request: PendingRequest, one: Review, grantId: string, now: number): Outcome {
  const { terms, progress } = request
  const details: Details = { ...tally(terms, progress), rule: terms.rule }
  if (!isComplete(terms, progress)) {
    const audit = auditOf('request.reviewed', request, one.by, now, details)
    const events = [...narrowedAudit(request, one, now), audit]
    return { ok: true, next: { request, grant: null }, audit: events, effects: [show(request.id)] }
  }
  const given = grantFor(request, grantId, now)
  if (!given) return refuse({ code: 'no time left' })
  const approved: Request = { ...baseOf(request), state: 'approved', terms, approvedAt: now }
  const audit = auditOf('request.approved', request, one.by, now, details, grantId)
  return begin(approved, given, [...narrowedAudit(request, one, now), audit], dropWaiting(request.id))
}

/** How many approvals there are, of how many: those of the stages that are done, and of the one that waits. */
const tally = (terms: Terms, { stage, approvals }: Progress): Details => ({
  approvals: approvalsOf({ stages: terms.stages.slice(0, stage) }) + approvals,
  needed: approvalsOf(terms),
})

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
): Request {
  const base = { ...baseOf(request), terms: request.terms }
  switch (state) {
    case 'denied':
      return { ...base, state, deniedAt: at, by: typeof by === 'string' ? 'policy' : by }
    case 'canceled': {
      const others = typeof by !== 'string' && !samePerson(by, request.requester) && request.extends
      return { ...base, state, canceledAt: at, ...(others && { closedBy: by }) }
    }
    case 'lapsed':
      return { ...base, state, lapsedAt: at }
    default:
      return state satisfies never
  }
}

function end(
  request: PendingRequest,
  state: 'denied' | 'canceled' | 'lapsed',
  by: Actor,
  at: number,
): Transition {
  const person = typeof by === 'string' ? null : by
  return {
    ok: true,
    next: { request: ended(request, state, by, at), grant: null },
    audit: [auditOf(auditTypes[state], request, by, at, {})],
    effects: [
      ...dropWaiting(request.id),
      show(request.id),
      { kind: 'note', requestId: request.id, note: { type: 'decided', state, at, by: person } },
    ],
  }
}
