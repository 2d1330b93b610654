import { askingProblem, authorise, escalated, mayBeMissing, sameHuman } from './approval.ts'
import type { AuditEvent } from './audit.ts'
import { begin, grantFor } from './begin.ts'
import { addressesOf } from './change-address.ts'
import type { Event, Standing } from './event.ts'
import { isExpired } from './expiry.ts'
import { isLess, keepsExtraTime, type Less, narrowed } from './less.ts'
import { type Outcome, refuse } from './outcome.ts'
import { type Member, type Person, samePerson } from './person.ts'
import { approvalsOf } from './pick.ts'
import type { Terms, Verdict } from './policy.ts'
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
import { dropWaiting, end } from './request-end.ts'
import { auditOf, baseOf, type Details, show } from './request-parts.ts'

type ReviewEvent = Extract<Event, { type: 'review' }>

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
export function judged(request: PendingRequest, standing: Standing, clicking: readonly Member[] = []) {
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

const policyChanged = ({ tree, less }: Verdict): Refusal => ({
  code: 'policy changed',
  because: tree.because,
  ...(less && { less }),
})

/** A person says yes or no. */
export function review(request: PendingRequest, event: ReviewEvent, now: number): Outcome {
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
  if (addressesOf(request) !== (event.seen ?? 0))
    return refuse({ code: 'address changed', address: request.source.address })
  if (event.policy.outcome === 'deny') return refuse(policyChanged(event.policy))
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
  const { label, durationMs, ports, until } = request.askedFor ?? request
  const extraMs = request.askedFor ? request.askedFor.extraMs : request.extends?.extraMs
  const next = narrowed(request, less)
  const source = request.askedFor?.source ?? request.source.address
  const fewer = source !== next.source.address
  return {
    ...next,
    askedFor: {
      label,
      durationMs,
      ...(ports && until !== undefined && { ports, until }),
      ...(extraMs !== undefined && { extraMs }),
      ...(fewer && { source }),
      by,
    },
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
