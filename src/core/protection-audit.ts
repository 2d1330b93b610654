import type { AuditEvent } from './audit.ts'
import type { Protection } from './protection.ts'
import { portsText } from './service.ts'

/** What the audit trail says of a protection; it belongs to no request. */
export function protectionAudit(
  type: AuditEvent['type'],
  { id, vm, terms, rules, entry }: Protection,
  at: number,
  actor: AuditEvent['actor'],
  more: AuditEvent['details'] = {},
): AuditEvent {
  return {
    type,
    at,
    requestId: null,
    grantId: null,
    actor,
    details: {
      protection: id,
      vm: vm.id,
      way: terms.way,
      ports: terms.ports.map((port) => portsText([port])),
      ...(rules.length > 0 && {
        rules: rules.map(({ nsgId, name, priority }) => ({ nsgId, name, priority })),
      }),
      ...(entry && { policy: entry.policyId }),
      ...more,
    },
  }
}
