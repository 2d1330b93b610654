import type { Member } from '../core/person.ts'
import type { Subject, Usage } from '../core/policy.ts'
import type { Ask } from '../core/request.ts'

/** What the policy is asked about when access for this request would begin now. */
export const subjectOf = (
  ask: Ask,
  requester: Member,
  now: number,
  usage: ReadonlyMap<string, Usage>,
  first = false,
): Subject => ({
  requester: ask.requester,
  groups: requester.groups,
  entraGroups: requester.entraGroups,
  vm: ask.vm,
  ports: ask.ports,
  source: ask.source,
  reason: ask.reason,
  startsAt: Math.max(now, ask.startsAt ?? now),
  durationMs: ask.durationMs,
  ...(ask.emergency && { emergency: true }),
  ...(ask.extends && { extension: { extraMs: ask.extends.extraMs, first } }),
  usage,
})
