import type { AuditEvent, AuditType, Json } from './audit.ts'
import type { Effect } from './effect.ts'
import type { Request, RequestBase } from './request.ts'

export type Actor = AuditEvent['actor']
export type Details = Record<string, Json>

export const auditOf = (
  type: AuditType,
  request: RequestBase,
  actor: Actor,
  at: number,
  details: Details,
  grantId: string | null = null,
): AuditEvent => ({ type, at, requestId: request.id, grantId, actor, details })

/** What only some requests have. */
function special({ emergency, extends: before, moves }: RequestBase): Details {
  return {
    ...(emergency && { emergency }),
    ...(before && { extends: before.requestId }),
    ...(moves && { moves: moves.requestId }),
  }
}

export const askDetails = (request: RequestBase): Details => ({
  requester: request.requester.userId,
  vm: request.vm.id,
  ports: request.ports.map((port) => `${port.number}/${port.protocol}`),
  source: request.source.address,
  learnt: request.source.learnt,
  durationMs: request.durationMs,
  ...(request.startsAt != null && { startsAt: request.startsAt }),
  until: request.until,
  reason: request.reason,
  ...special(request),
  rule: request.verdict.terms?.rule ?? null,
  policy: request.verdict.policyHash,
  because: request.verdict.tree.because,
})

export const show = (requestId: string): Effect => ({ kind: 'show', requestId })

/** The person's own words are not kept twice: states that follow a pending one share its base. */
export const baseOf = (request: Request): RequestBase => ({
  id: request.id,
  requester: request.requester,
  vm: request.vm,
  hops: request.hops,
  connectTo: request.connectTo,
  ...(request.guard && { guard: request.guard }),
  label: request.label,
  ports: request.ports,
  source: request.source,
  durationMs: request.durationMs,
  ...(request.startsAt != null && { startsAt: request.startsAt }),
  until: request.until,
  reason: request.reason,
  requestedAt: request.requestedAt,
  verdict: request.verdict,
  reviews: request.reviews,
  ...(request.emergency && { emergency: true }),
  ...(request.preFlight && { preFlight: request.preFlight }),
  ...(request.oversight && { oversight: request.oversight }),
  ...(request.extends && { extends: request.extends }),
  ...(request.moves && { moves: request.moves }),
  ...(request.extensions && { extensions: request.extensions }),
  ...(request.movesTo && { movesTo: request.movesTo }),
  ...(request.addressChange && { addressChange: request.addressChange }),
  ...(request.askedFor && { askedFor: request.askedFor }),
  ...(request.context && { context: request.context }),
})
