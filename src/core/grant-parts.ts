import type { AuditEvent, AuditType, Json } from './audit.ts'
import type { Effect, Note, Want } from './effect.ts'
import type { Grant, GrantBase } from './grant.ts'
import type { Proved } from './proof.ts'

export type State<S extends Grant['state']> = Extract<Grant, { state: S }>

export const audit = (
  type: AuditType,
  grant: GrantBase,
  actor: AuditEvent['actor'],
  at: number,
  details: Record<string, Json>,
): AuditEvent => ({ type, at, requestId: grant.requestId, grantId: grant.id, actor, details })

export const baseOf = (grant: Grant): GrantBase => ({
  id: grant.id,
  requestId: grant.requestId,
  approvedAt: grant.approvedAt,
  expiresAt: grant.expiresAt,
  rules: grant.rules,
  openedAt: grant.openedAt,
  ...(grant.opensAt !== undefined && { opensAt: grant.opensAt }),
  ...(grant.endpoints && { endpoints: grant.endpoints }),
  ...(grant.proofs && { proofs: grant.proofs }),
  ...(grant.defender && { defender: grant.defender }),
})

export const show = (requestId: string): Effect => ({ kind: 'show', requestId })
export const noteOf = (grant: GrantBase, note: Note): Effect => ({
  kind: 'note',
  requestId: grant.requestId,
  note,
})

export const verify = (grant: GrantBase, of: Proved): Effect => ({
  kind: 'verify flow',
  requestId: grant.requestId,
  of,
})

export const write = (grant: GrantBase, want: Want): Effect[] =>
  grant.rules
    .filter((rule) => rule.state !== 'absent')
    .map((rule) => ({ kind: 'write rules', nsgId: rule.nsgId, want }))
