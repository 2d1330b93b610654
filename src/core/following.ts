import type { Case } from './case.ts'
import type { Note } from './effect.ts'
import { covers } from './service.ts'
import { holds } from './source.ts'

/** The access that lets the same people in to the same ports for longer; null when nothing does. */
function following({ request, grant }: Case, cases: readonly Case[], now: number): Case | null {
  const takesOver = (after: Case): boolean =>
    grant !== null &&
    (after.grant?.state === 'opening' || after.grant?.state === 'open') &&
    after.grant.expiresAt > Math.max(grant.expiresAt, now) &&
    covers(after.request.ports, request.ports) &&
    holds(after.request.source.address, request.source.address)
  return cases.find((one) => one.grant?.state === 'open' && takesOver(one)) ?? cases.find(takesOver) ?? null
}

/** What ends all of it, or is to, says nothing of access that goes on. */
const endsPartOnly = new Set<Extract<Note, { type: 'closed' }>['reason']>(['expired', 'changed outside'])

/** A note as it is to be said beside the requests that follow on from this one; null when it would mislead. */
export function besideFollowing(note: Note, kase: Case, cases: readonly Case[], now: number): Note | null {
  if (note.type !== 'ending' && note.type !== 'closed') return note
  const after = following(kase, cases, now)
  // More time that is only just opening may be late, and yet “closes” would not be so.
  if (note.type === 'ending') return after ? null : note
  if (after?.grant?.state !== 'open' || !endsPartOnly.has(note.reason)) return note
  return { ...note, goesOn: { requestId: after.request.id, until: after.grant.expiresAt } }
}
