import { begin, grantFor } from './begin.ts'
import { contextWaitMs } from './context.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { deadlineOf, reminderAt } from './expiry.ts'
import { type Outcome, refuse } from './outcome.ts'
import { brokenGlass } from './oversight.ts'
import { noProgress } from './quorum.ts'
import type { PendingRequest, Request, RequestBase } from './request.ts'
import { askDetails, auditOf, show } from './request-parts.ts'

type Submit = Extract<Event, { type: 'submit' }>

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
    const watched = verdict.terms.emergency && { oversight: { state: 'open', since: now } as const }
    const request: Request = { ...base, ...watched, state: 'approved', terms: verdict.terms, approvedAt: now }
    const audit = auditOf('request.approved', request, 'policy', now, askDetails(base), given.grant.id)
    return begin(request, given, [audit], brokenGlass(ask, verdict.terms, now))
  }
  const deadlineAt = deadlineOf(now, verdict.terms.deadlineMs, ask.until)
  const request: Request = {
    ...base,
    context: {},
    state: 'pending',
    terms: verdict.terms,
    progress: noProgress,
    escalatedAt: null,
    deadlineAt,
  }
  return {
    ok: true,
    next: { request, grant: null },
    audit: [auditOf('request.pending', request, ask.requester, now, { ...askDetails(base), deadlineAt })],
    effects: [
      ...waitingTimers(request, now),
      { kind: 'gather context', requestId: ask.id },
      { kind: 'show', requestId: ask.id, at: now + contextWaitMs },
    ],
  }
}

/** The deadline ends the waiting; before it people are reminded, and others asked where the rule says so. */
function waitingTimers({ id, terms, deadlineAt }: PendingRequest, now: number): Effect[] {
  const timers: Effect[] = [
    { kind: 'set timer', timer: 'deadline', requestId: id, at: deadlineAt },
    { kind: 'set timer', timer: 'reminder', requestId: id, at: reminderAt(now, deadlineAt) },
  ]
  const at = terms.escalation ? now + terms.escalation.afterMs : deadlineAt
  if (at < deadlineAt) timers.push({ kind: 'set timer', timer: 'escalation', requestId: id, at })
  return timers
}
