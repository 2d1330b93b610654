import type { AuditEvent } from './audit.ts'
import type { Effect } from './effect.ts'
import { expiryOf, isExpired, warningAt } from './expiry.ts'
import type { Grant } from './grant.ts'
import type { Transition } from './outcome.ts'
import type { Request, RequestBase } from './request.ts'
import { auditOf, show } from './request-parts.ts'

interface Given {
  readonly grant: Grant
  readonly effects: readonly Effect[]
}

/** The grant that a yes makes, with its end fixed now; null when that end has already come. */
export function grantFor(request: RequestBase, grantId: string, now: number): Given | null {
  const beginsAt = Math.max(now, request.startsAt ?? now)
  const expiresAt = expiryOf(beginsAt, request.durationMs, request.until)
  if (isExpired(expiresAt, now)) return null
  const requestId = request.id
  const warning = warningAt(beginsAt, expiresAt)
  const later = beginsAt > now
  const effects: Effect[] = [
    { kind: 'set timer', timer: 'expiry', requestId, at: expiresAt },
    later
      ? { kind: 'set timer', timer: 'start', requestId, at: beginsAt }
      : { kind: 'plan rules', requestId, expiresAt },
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
      ...(later && { opensAt: beginsAt }),
      state: 'opening',
    },
    effects,
  }
}

/** The expiry timer is in the same transaction as the approval, so no crash can leave access without an end. */
export function begin(
  request: Request,
  given: Given,
  audit: readonly AuditEvent[],
  drops: readonly Effect[],
): Transition {
  const { grant } = given
  const opening = auditOf(
    'grant.opening',
    request,
    'jitney',
    grant.approvedAt,
    { expiresAt: grant.expiresAt, ...(grant.opensAt !== undefined && { opensAt: grant.opensAt }) },
    grant.id,
  )
  return {
    ok: true,
    next: { request, grant },
    audit: [...audit, opening],
    effects: [...drops, ...given.effects, show(request.id)],
  }
}
