import type { Member } from '../core/person.ts'
import type { Subject, Usage } from '../core/policy.ts'
import type { Ask } from '../core/request.ts'

const extensionOf = (
  { extraMs, emergency }: NonNullable<Ask['extends']>,
  first: boolean,
): NonNullable<Subject['extension']> => ({ extraMs, first, ...(emergency && { emergency }) })

/** What the policy looks at of an ask. */
export type Judged = Pick<
  Ask,
  | 'requester'
  | 'vm'
  | 'ports'
  | 'source'
  | 'reason'
  | 'startsAt'
  | 'durationMs'
  | 'until'
  | 'emergency'
  | 'extends'
>

/** What the policy is asked about when access for this request would begin now. */
export const subjectOf = (
  ask: Judged,
  requester: Member,
  now: number,
  usage: ReadonlyMap<string, Usage>,
  first = false,
): Subject => {
  const startsAt = Math.max(now, ask.startsAt ?? now)
  return {
    requester: ask.requester,
    groups: requester.groups,
    ...(requester.unknownGroups && { unknownGroups: requester.unknownGroups }),
    entraGroups: requester.entraGroups,
    ...(requester.unknownEntraGroups && { unknownEntraGroups: requester.unknownEntraGroups }),
    vm: ask.vm,
    ports: ask.ports,
    source: ask.source,
    reason: ask.reason,
    startsAt,
    // An end that was named holds, however late the yes.
    durationMs: Math.min(ask.durationMs, (ask.until ?? Number.POSITIVE_INFINITY) - startsAt),
    ...(ask.emergency && { emergency: true }),
    ...(ask.extends && { extension: extensionOf(ask.extends, first) }),
    usage,
  }
}
