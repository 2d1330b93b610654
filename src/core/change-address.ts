import { allApprovers, authorise, escalated } from './approval.ts'
import type { Case } from './case.ts'
import { startClosing } from './closing.ts'
import type { Effect, Timer } from './effect.ts'
import type { Event } from './event.ts'
import { isExpired, reminderAt } from './expiry.ts'
import { audit } from './grant-parts.ts'
import { type Outcome, refuse, unchanged } from './outcome.ts'
import { type Member, samePerson } from './person.ts'
import type { Named } from './policy.ts'
import { noProgress, whoIsAsked } from './quorum.ts'
import type { Refusal } from './refusal.ts'
import type { PendingRequest } from './request.ts'
import { end } from './request-end.ts'
import { auditOf, show } from './request-parts.ts'
import type { Source } from './source.ts'

/** Whether a request may still open, or is open: as long as one does, no other one takes the same place. */
export const lives = ({ request, grant }: Case): boolean =>
  request.state === 'pending' || grant?.state === 'opening' || grant?.state === 'open'

/** A confirmation that was held up must not take the place of a newer one. */
export const isOlder = (source: Source, { source: now }: Pick<PendingRequest, 'source'>): boolean =>
  source.learnt === 'confirmed' && now.learnt === 'confirmed' && source.learntAt < now.learntAt

/** Why a request that waits keeps its address, whether it would get another one itself or another request its place. */
function keepsAddress(
  request: Case['request'],
  { by, source }: { readonly by: Member; readonly source: Source },
  now: number,
): Refusal | null {
  if (!samePerson(by.person, request.requester)) return { code: 'not yours to move' }
  if (request.state !== 'pending' || isExpired(request.deadlineAt, now)) return { code: 'address stays' }
  const isOther = source.address !== request.source.address
  return isOther && isOlder(source, request)
    ? { code: 'newer address', address: request.source.address }
    : null
}

const newerAddress = ({ source }: Pick<PendingRequest, 'source'>): Outcome =>
  refuse({ code: 'newer address', address: source.address })

type Of<T extends Event['type']> = Extract<Event, { type: T }>

/** How often the address of a request became another one; whoever approves says which of them they saw. */
export const addressesOf = ({ addressChange }: Pick<PendingRequest, 'addressChange'>): number =>
  addressChange?.count ?? 0

/** All that was asked for: a yes to less that is void leaves nothing less. */
export function asAsked<R extends PendingRequest>(request: R): Omit<R, 'askedFor'> {
  const { askedFor, ...rest } = request
  if (!askedFor) return rest
  const { label, durationMs, extraMs, until = request.until } = askedFor
  // Of older requests it is not on record which ports those were.
  const ports = askedFor.ports ?? (label === request.label ? request.ports : undefined)
  const longer = request.extends && extraMs !== undefined && { extends: { ...request.extends, extraMs } }
  return { ...rest, ...(ports && { label, ports }), durationMs, until, ...longer }
}

/** An edited card calls nobody, so whoever was not asked before is called by name. */
function newlyAsked(before: PendingRequest, after: PendingRequest): Named {
  const [asked, asks] = [allApprovers(before.terms), whoIsAsked(after)]
  const { selfApproval } = after.terms
  const own = after.requester.userId
  return {
    users: asks.users.filter((id) => !asked.users.includes(id) && (selfApproval || id !== own)),
    groups: asks.groups.filter((id) => !asked.groups.includes(id)),
  }
}

/** Whoever is asked has the time from now on; who else is called, and when, is in the terms of the new address. */
function callTimers({ id, terms, escalatedAt, deadlineAt }: PendingRequest, now: number): Effect[] {
  const set = (timer: Timer, at: number): Effect => ({ kind: 'set timer', timer, requestId: id, at })
  const at = terms.escalation && escalatedAt === null ? now + terms.escalation.afterMs : deadlineAt
  return [
    set('reminder', reminderAt(now, deadlineAt)),
    at < deadlineAt ? set('escalation', at) : { kind: 'drop timer', timer: 'escalation', requestId: id },
  ]
}

/** Whoever said yes said it to another address, so nothing of that counts any more. */
export function changeAddress(
  { request }: Case,
  { by, change, verdict }: Of<'address changed'>,
  now: number,
): Outcome {
  const refusal = keepsAddress(request, { by, source: change.source }, now)
  if (refusal) return refuse(refusal)
  if (request.state !== 'pending' || change.source.address === request.source.address)
    return unchanged({ request, grant: null })
  const voided = request.reviews.filter((one) => one.verdict === 'approve').map((one) => one.by)
  const asked = verdict.terms && verdict.terms.stages.length > 0 ? verdict.terms : request.terms
  const { guard: _guard, preFlight: _preFlight, ...rest } = asAsked(request)
  const count = addressesOf(request) + 1
  const next: PendingRequest = {
    ...rest,
    ...change,
    verdict,
    terms: request.escalatedAt === null ? asked : escalated(asked),
    progress: noProgress,
    reviews: [],
    context: {},
    addressChange: { count, at: now, before: request.source.address, voided },
  }
  const details = {
    before: request.source.address,
    source: change.source.address,
    learnt: change.source.learnt,
    voided: voided.map(({ userId }) => userId),
  }
  return {
    ok: true,
    next: { request: next, grant: null },
    audit: [auditOf('request.address', request, by.person, now, details)],
    effects: [
      ...callTimers(next, now),
      show(request.id),
      { kind: 'gather context', requestId: request.id },
      {
        kind: 'note',
        requestId: request.id,
        note: {
          type: 'address changed',
          asks: newlyAsked(request, next),
          at: now,
          before: request.source.address,
          after: change.source.address,
          voided: voided.map(({ userId }) => userId),
        },
      },
    ],
  }
}

/**
 * A request from another address is a request of its own; the open access only knows that there is one. It is put on
 * record together with that request, and only while no earlier one lives.
 */
export function addressMoves(
  { request, grant }: Case,
  { by, requestId, source, last }: Of<'address moves'>,
  now: number,
): Outcome {
  const refusal = authorise('extend', by, { request, terms: request.terms })
  if (refusal) return refuse(refusal.code === 'not yours to extend' ? { code: 'not yours to move' } : refusal)
  if (grant?.state !== 'open' || isExpired(grant.expiresAt, now)) return refuse({ code: 'address stays' })
  if (request.oversight?.state === 'unjustified') return refuse({ code: 'unjustified' })
  // The same confirmation, handled a second time after something failed in between.
  if (request.movesTo?.includes(requestId)) return unchanged({ request, grant })
  if (isOlder(source, request)) return newerAddress(request)
  // Whoever asks has looked at the last one and found it over; one that came since may live.
  if ((request.movesTo?.at(-1) ?? null) !== last) return refuse({ code: 'moved meanwhile' })
  const movesTo = [...(request.movesTo ?? []), requestId]
  return {
    ...unchanged({ request, grant }),
    next: { request: { ...request, movesTo }, grant },
    audit: [audit('grant.address', grant, by.person, now, { by: requestId, source: source.address })],
    effects: [show(request.id)],
  }
}

/** It waits still, and another request is made in its place. */
function takesPlace(
  request: Case['request'],
  { to, ...of }: { readonly to: string; readonly by: Member; readonly source: Source },
  now: number,
): Outcome {
  const refusal = keepsAddress(request, of, now)
  if (refusal) return refuse(refusal)
  // It was decided meanwhile, or got this very address, so nothing else takes its place unasked.
  if (request.state !== 'pending' || of.source.address === request.source.address)
    return refuse({ code: 'address stays' })
  return end(request, 'canceled', 'jitney', now, { movedTo: to, instead: true })
}

/** Access from the new address is open, so the old one has no reason any more, nor has what was to follow on from it. */
export function addressMoved(
  current: Case,
  { to, source, instead }: Of<'address moved'>,
  now: number,
): Outcome {
  const { request, grant } = current
  if (instead) return takesPlace(request, { to, source, by: instead.by }, now)
  // Its person has been somewhere else since then, so this is not what they left.
  if (isOlder(source, request)) return unchanged(current)
  if (request.state === 'pending') return end(request, 'canceled', 'jitney', now, { movedTo: to })
  if (grant?.state !== 'open' && grant?.state !== 'opening') return unchanged(current)
  const why = { reason: 'address changed', by: null, detail: `request ${to}` } as const
  const closing = startClosing(request, grant, why, now)
  const { extensions = [], movesTo = [], extends: before } = request
  const others = [...extensions, ...movesTo.filter((id) => id !== to), ...(before ? [before.requestId] : [])]
  const moved = others.map((requestId): Effect => ({ kind: 'close moved', requestId, to }))
  return { ...closing, effects: [...closing.effects, ...moved] }
}

/** The request from another address that took the place of this one. */
export const placeTakenBy = ({ grant }: Case): string | null =>
  (grant?.state === 'closing' || grant?.state === 'closed') && grant.reason === 'address changed'
    ? (grant.detail?.replace('request ', '') ?? null)
    : null
