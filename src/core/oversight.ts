import { authorise } from './approval.ts'
import type { Case } from './case.ts'
import { day } from './duration.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { type Outcome, refuse, type Transition, unchanged } from './outcome.ts'
import type { Terms } from './policy.ts'
import type { Request } from './request.ts'
import { auditOf, show } from './request-parts.ts'

/** Once a day, until somebody has looked at it. */
const remindAfterMs = day

const timer = (requestId: string, now: number): Effect => ({
  kind: 'set timer',
  timer: 'unsigned',
  requestId,
  at: now + remindAfterMs,
})

type Asked = Pick<Request, 'id' | 'requester'>

/** Whoever did it knows of it, and cannot review it. */
const others = (users: readonly string[], { userId }: Asked['requester']): readonly string[] =>
  users.filter((one) => one !== userId)

/** What follows at once from access that nobody was asked about. */
export function brokenGlass({ id, requester }: Asked, { emergency }: Terms, now: number): Effect[] {
  if (!emergency) return []
  const { users, groups } = emergency.skipped
  const note = { type: 'glass broken', at: now, users: others(users, requester), groups } as const
  return [timer(id, now), { kind: 'note', requestId: id, note }]
}

/** Whoever reads the reminder may sign: those whom the policy names at this moment, where that was read. */
function remind(current: Case, terms: Terms | undefined, now: number): Transition {
  const next = terms ? under(current, terms) : current
  const { id, requester } = next.request
  const { users = [], groups = [] } = next.request.terms?.emergency?.reviewers ?? {}
  return {
    ...unchanged(next),
    effects: [
      timer(id, now),
      ...(terms ? [show(id)] : []),
      {
        kind: 'note',
        requestId: id,
        note: { type: 'unsigned', at: now, users: others(users, requester), groups },
      },
    ],
  }
}

const under = (current: Case, terms: Terms): Case =>
  current.request.state === 'approved' ? { ...current, request: { ...current.request, terms } } : current

/** The review of an emergency stays open until somebody else than the requester has signed it or called it unjustified. */
export function decideOversight(
  current: Case,
  event: Extract<Event, { type: 'sign' | 'unsigned' }>,
  now: number,
): Outcome {
  const { request, grant } = current
  const open = request.oversight?.state === 'open'
  if (event.type === 'unsigned') return open ? remind(current, event.terms, now) : unchanged(current)
  const { by, justified, operators, requesterEntraId, requesterUnread = false, terms = request.terms } = event
  const authority = { request, requesterEntraId, requesterUnread, terms, operators }
  const refusal = authorise('sign', by, authority)
  // Whoever did it is told that it waits for somebody else only while it does.
  if (!open && (!refusal || refusal.code === 'own emergency')) return refuse({ code: 'nothing to sign' })
  if (refusal) return refuse(refusal)
  const state = justified ? 'signed' : 'unjustified'
  const next: Request = { ...request, oversight: { state, by: by.person, at: now } }
  return {
    ok: true,
    next: { request: next, grant },
    audit: [auditOf(`request.${state}`, request, by.person, now, {}, grant?.id ?? null)],
    effects: [
      { kind: 'drop timer', timer: 'unsigned', requestId: request.id },
      show(request.id),
      {
        kind: 'note',
        requestId: request.id,
        note: { type: 'signed', at: now, by: by.person, justified },
      },
    ],
  }
}
