import {
  authorise,
  isComplete,
  membershipProblem,
  noProgress,
  type Progress,
  progressOf,
  sameHuman,
  yesesOf,
} from './approval.ts'
import type { AuditEvent, AuditType, Json } from './audit.ts'
import type { Case } from './case.ts'
import type { Effect } from './effect.ts'
import { approvalsOf } from './evaluate.ts'
import type { Event } from './event.ts'
import { deadlineOf, expiryOf, isExpired, warningAt } from './expiry.ts'
import type { Grant } from './grant.ts'
import { type Outcome, refuse, type Transition, unchanged } from './outcome.ts'
import type { Person } from './person.ts'
import type { Terms } from './policy.ts'
import type { PendingRequest, Request, RequestBase, Review } from './request.ts'

type Submit = Extract<Event, { type: 'submit' }>
type ReviewEvent = Extract<Event, { type: 'review' }>
type RequestEvent = Extract<Event, { type: 'review' | 'cancel' | 'deadline' }>
type Actor = AuditEvent['actor']
type Details = Record<string, Json>

const auditOf = (
  type: AuditType,
  request: RequestBase,
  actor: Actor,
  at: number,
  details: Details,
  grantId: string | null = null,
): AuditEvent => ({ type, at, requestId: request.id, grantId, actor, details })

const askDetails = (request: RequestBase): Details => ({
  requester: request.requester.userId,
  vm: request.vm.id,
  ports: request.ports.map((port) => `${port.number}/${port.protocol}`),
  source: request.source.address,
  learnt: request.source.learnt,
  durationMs: request.durationMs,
  until: request.until,
  reason: request.reason,
  rule: request.verdict.terms?.rule ?? null,
  policy: request.verdict.policyHash,
  because: request.verdict.tree.because,
})

const show = (requestId: string): Effect => ({ kind: 'show', requestId })

/** The person's own words are not kept twice: states that follow a pending one share its base. */
const baseOf = (request: Request): RequestBase => ({
  id: request.id,
  requester: request.requester,
  vm: request.vm,
  hops: request.hops,
  connectTo: request.connectTo,
  label: request.label,
  ports: request.ports,
  source: request.source,
  durationMs: request.durationMs,
  until: request.until,
  reason: request.reason,
  requestedAt: request.requestedAt,
  verdict: request.verdict,
  reviews: request.reviews,
})

export function submit(event: Submit, now: number): Outcome {
  const { verdict, ask } = event
  const base: RequestBase = { ...ask, requestedAt: now, verdict, reviews: [] }
  if (verdict.outcome === 'deny' || !verdict.terms) {
    const request: Request = { ...base, state: 'denied', terms: null, deniedAt: now, by: 'policy' }
    const audit = auditOf('request.denied', request, 'policy', now, askDetails(base))
    return { ok: true, next: { request, grant: null }, audit: [audit], effects: [show(ask.id)] }
  }
  if (verdict.outcome === 'allow') {
    const given = grantFor(base, event.grantId, now)
    if (!given) return refuse({ code: 'no time left' })
    const request: Request = { ...base, state: 'approved', terms: verdict.terms, approvedAt: now }
    const audit = auditOf('request.approved', request, 'policy', now, askDetails(base), given.grant.id)
    return begin(request, given, [audit])
  }
  const deadlineAt = deadlineOf(now, verdict.terms.deadlineMs, ask.until)
  const request: Request = {
    ...base,
    state: 'pending',
    terms: verdict.terms,
    progress: noProgress,
    deadlineAt,
  }
  return {
    ok: true,
    next: { request, grant: null },
    audit: [auditOf('request.pending', request, ask.requester, now, { ...askDetails(base), deadlineAt })],
    effects: [{ kind: 'set timer', timer: 'deadline', requestId: ask.id, at: deadlineAt }, show(ask.id)],
  }
}

interface Given {
  readonly grant: Grant
  readonly effects: readonly Effect[]
}

/** The grant that a yes makes, with its end fixed now; null when that end has already come. */
function grantFor(request: RequestBase, grantId: string, now: number): Given | null {
  const expiresAt = expiryOf(now, request.durationMs, request.until)
  if (isExpired(expiresAt, now)) return null
  const requestId = request.id
  const warning = warningAt(now, expiresAt)
  const effects: Effect[] = [
    { kind: 'set timer', timer: 'expiry', requestId, at: expiresAt },
    { kind: 'plan rules', requestId, expiresAt },
  ]
  if (warning !== null) effects.push({ kind: 'set timer', timer: 'warning', requestId, at: warning })
  return {
    grant: {
      id: grantId,
      requestId,
      approvedAt: now,
      expiresAt,
      rules: [],
      openedAt: null,
      state: 'opening',
    },
    effects,
  }
}

/** The expiry timer is in the same transaction as the approval, so no crash can leave access without an end. */
function begin(request: Request, given: Given, audit: readonly AuditEvent[]): Transition {
  const { grant } = given
  const opening = auditOf(
    'grant.opening',
    request,
    'jitney',
    grant.approvedAt,
    { expiresAt: grant.expiresAt },
    grant.id,
  )
  return {
    ok: true,
    next: { request, grant },
    audit: [...audit, opening],
    effects: [
      { kind: 'drop timer', timer: 'deadline', requestId: request.id },
      ...given.effects,
      show(request.id),
    ],
  }
}

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
    case 'cancel': {
      const refusal = authorise('cancel', event.by, { request, terms: request.terms })
      return refusal ? refuse(refusal) : end(request, 'canceled', event.by.person, now)
    }
    case 'review':
      return review(request, event, now)
    default:
      return event satisfies never
  }
}

function late(current: Case, request: Exclude<Request, PendingRequest>, event: RequestEvent): Outcome {
  if (event.type === 'deadline') return unchanged(current)
  return refuse({ code: 'already decided', state: request.state, ...decisionOf(request) })
}

function decisionOf(request: Exclude<Request, PendingRequest>): { by: readonly Person[]; at: number } {
  switch (request.state) {
    case 'approved':
      return { by: request.reviews.map((one) => one.by), at: request.approvedAt }
    case 'denied':
      return { by: request.by === 'policy' ? [] : [request.by], at: request.deniedAt }
    case 'canceled':
      return { by: [request.requester], at: request.canceledAt }
    case 'lapsed':
      return { by: [], at: request.lapsedAt }
    default:
      return request satisfies never
  }
}

/** What the policy says now; where it would ask nobody any more, whoever was asked still has to say yes. */
const termsNow = (request: PendingRequest, event: ReviewEvent): Terms => {
  const { terms } = event.policy
  return terms && terms.stages.length > 0 ? terms : request.terms
}

function review(request: PendingRequest, event: ReviewEvent, now: number): Outcome {
  const { by } = event
  const terms = termsNow(request, event)
  // Whom Entra has named meanwhile as the person who asked did not decide for somebody else.
  const earlier = yesesOf(request.reviews, event.earlier).filter(
    ({ entraId }) => terms.selfApproval || entraId === null || entraId !== event.requester.entraId,
  )
  const { stage } = progressOf(terms, earlier)
  const { entraId: requesterEntraId, entraUnread } = event.requester
  const who = { requesterEntraId, requesterUnread: entraUnread === true }
  const refusal = authorise(event.verdict, by, { request, ...who, terms, stage })
  const again = event.verdict === 'approve' && earlier.some((other) => sameHuman(other, by))
  if (refusal && !(again && refusal.code !== 'not a member')) return refuse(refusal)
  // The deadline's own job may run a moment late; a yes that comes after the deadline is no yes.
  if (isExpired(request.deadlineAt, now)) return end(request, 'lapsed', 'jitney', now)
  const { groups, entraId } = by
  const one: Review = { by: by.person, verdict: event.verdict, at: now, groups, entraId }
  if (event.verdict === 'deny')
    return end({ ...request, reviews: [...request.reviews, one] }, 'denied', one.by, now)
  if (again) return refuse({ code: 'already reviewed' })
  if (event.policy.outcome === 'deny')
    return refuse({ code: 'policy changed', because: event.policy.tree.because })
  if (membershipProblem(event.requester) !== null) return refuse({ code: 'requester gone' })
  if (earlier.some(({ known }) => !known)) return refuse({ code: 'approvers unknown' })
  const progress = progressOf(terms, [...earlier, by])
  return approve({ ...request, terms, progress, reviews: [...request.reviews, one] }, one, event.grantId, now)
}

function approve(request: PendingRequest, one: Review, grantId: string, now: number): Outcome {
  const { terms, progress } = request
  const details: Details = { ...tally(terms, progress), rule: terms.rule }
  if (!isComplete(terms, progress)) {
    const audit = auditOf('request.reviewed', request, one.by, now, details)
    return { ok: true, next: { request, grant: null }, audit: [audit], effects: [show(request.id)] }
  }
  const given = grantFor(request, grantId, now)
  if (!given) return refuse({ code: 'no time left' })
  const approved: Request = { ...baseOf(request), state: 'approved', terms, approvedAt: now }
  return begin(approved, given, [auditOf('request.approved', request, one.by, now, details, grantId)])
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
    case 'canceled':
      return { ...base, state, canceledAt: at }
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
      { kind: 'drop timer', timer: 'deadline', requestId: request.id },
      show(request.id),
      { kind: 'note', requestId: request.id, note: { type: 'decided', state, at, by: person } },
    ],
  }
}
