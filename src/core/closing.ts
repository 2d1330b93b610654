import type { AuditEvent, Json } from './audit.ts'
import { minute } from './duration.ts'
import type { Effect, Note } from './effect.ts'
import type { Event } from './event.ts'
import { isExpired } from './expiry.ts'
import { flushesFor } from './flush.ts'
import { latenessMs, type Rule } from './grant.ts'
import { audit, baseOf, noteOf, type State, show, verify, write } from './grant-parts.ts'
import { type Transition, unchanged } from './outcome.ts'
import type { Person } from './person.ts'
import type { Request } from './request.ts'

/** A close that takes longer than this is stuck. */
const stuckAfterMs = minute
const pageAgainMs = 5 * minute
const awaitingAgainMs = 30 * minute
/** Most closes are over by then, and one edit tells of both; Slack takes about one a second, and many end together. */
const showAfterMs = 2_000

export const marked = (rules: readonly Rule[], nsgId: string, state: Rule['state']): readonly Rule[] =>
  rules.map((rule) => (rule.nsgId === nsgId ? { ...rule, state } : rule))

/** Nobody expects these ends, so they are told when the close begins and not only when it is done. */
const toldAtOnce = new Set<State<'closing'>['reason']>([
  'changed outside',
  'vm deleted',
  'no longer allowed',
  'panic',
  'superseded',
])

interface Why {
  readonly reason: State<'closing'>['reason']
  readonly by: Person | null
  readonly detail: string | null
  /** The stop that ended it. */
  readonly panicId?: string
}

/** What an auditor may ask for beyond the words. */
type Evidence = { readonly [key: string]: Json }

/** The grant’s end has come, or something ended it: from here on its rules must go. */
export function startClosing(
  request: Request,
  grant: State<'opening' | 'open'>,
  why: Why,
  now: number,
  evidence: Evidence = {},
): Transition {
  const { reason, by, detail } = why
  const next: State<'closing'> = {
    ...baseOf(grant),
    ...why,
    closingSince: now,
    state: 'closing',
  }
  const event = audit('grant.closing', next, why.by ?? 'jitney', now, {
    reason: why.reason,
    detail: why.detail,
    ...evidence,
  })
  const drops: Effect[] = (
    [...(grant.opensAt === undefined ? [] : (['start'] as const)), 'expiry', 'warning'] as const
  ).map((timer) => ({
    kind: 'drop timer',
    timer,
    requestId: request.id,
  }))
  // Nothing was ever sent for a grant without rules, so there is nothing in Azure to read.
  if (next.rules.length === 0) return finishClosing(request, next, now, [event], drops)
  return {
    ok: true,
    next: { request, grant: next },
    audit: [event],
    effects: [
      ...drops,
      ...write(next, 'absent'),
      { kind: 'set timer', timer: 'stuck', requestId: request.id, at: now + stuckAfter(next) },
      why.reason === 'expired'
        ? { kind: 'show', requestId: request.id, at: now + showAfterMs }
        : show(request.id),
      ...(toldAtOnce.has(why.reason) ? [noteOf(next, { type: 'closing', at: now, reason, by, detail })] : []),
    ],
  }
}

/** Defender for Cloud has its time to close first, and only then do we. */
const stuckAfter = ({ defender, reason }: State<'closing'>): number =>
  defender && reason === 'expired' ? 2 * stuckAfterMs : stuckAfterMs

function finishClosing(
  request: Request,
  grant: State<'closing'>,
  now: number,
  before: readonly AuditEvent[],
  effects: readonly Effect[],
): Transition {
  const { closingSince, reason, by, detail } = grant
  const flushes = flushesFor(request, grant)
  const next: State<'closed'> = {
    ...baseOf(grant),
    ...(flushes.length > 0 && { flushes }),
    reason,
    by,
    detail,
    closingSince,
    ...(grant.stuckSince !== undefined && { stuckSince: grant.stuckSince }),
    ...(grant.panicId !== undefined && { panicId: grant.panicId }),
    closedAt: now,
    state: 'closed',
  }
  const details = { reason, detail, expiresAt: next.expiresAt, latenessMs: latenessMs(next) }
  const note: Note = {
    type: 'closed',
    at: now,
    expiresAt: next.expiresAt,
    reason,
    by,
    detail,
    opened: next.openedAt !== null,
  }
  return {
    ok: true,
    next: { request, grant: next },
    audit: [...before, audit('grant.closed', next, 'jitney', now, details)],
    effects: [
      ...effects,
      { kind: 'drop timer', timer: 'stuck', requestId: request.id },
      show(request.id),
      // What was to take its place says whether it is still open.
      ...(request.movesTo ?? []).map(show),
      noteOf(next, note),
      // Without a rule nothing was let in.
      ...(next.rules.length > 0 ? [verify(next, 'closed')] : []),
      ...flushes.map(({ nsgId }): Effect => ({ kind: 'flush', nsgId })),
    ],
  }
}

export function absent(
  request: Request,
  grant: State<'closing'>,
  { nsgId, by }: Extract<Event, { type: 'rule absent' }>,
  now: number,
): Transition {
  const { defender } = grant
  const next = {
    ...grant,
    rules: marked(grant.rules, nsgId, 'absent'),
    // What Jitney had to remove anywhere, Defender has not closed.
    ...(defender && by && defender.closedBy !== 'jitney' && { defender: { ...defender, closedBy: by } }),
  }
  const done = next.rules.every((rule) => rule.state === 'absent')
  return done ? finishClosing(request, next, now, [], []) : unchanged({ request, grant: next })
}

/** Calls the operators about what has begun to be removed only now, if that takes long. */
export const stuckIn = (requestId: string, now: number): Effect => ({
  kind: 'set timer',
  timer: 'stuck',
  requestId,
  at: now + stuckAfterMs,
})

/** Where Defender for Cloud was asked and nothing of it was seen, there is nothing to remove before the end. */
const awaitsDefender = ({ defender, rules, expiresAt }: State<'closing'>, now: number): boolean =>
  defender !== undefined &&
  !isExpired(expiresAt, now) &&
  rules.every((rule) => rule.state === 'absent' || rule.defender?.found.length === 0)

/** Pages, and again every few minutes, for as long as the close takes. The trail holds the first time. */
export function stuck(request: Request, grant: State<'closing'>, now: number): Transition {
  const next: State<'closing'> = { ...grant, stuckSince: grant.stuckSince ?? now }
  const left = next.rules
    .filter((rule) => rule.state !== 'absent')
    .map(({ name, nsgId }) => ({ name, nsg: nsgId }))
  const details = { expiresAt: next.expiresAt, closingSince: next.closingSince, left }
  return {
    ok: true,
    next: { request, grant: next },
    audit: grant.stuckSince === undefined ? [audit('grant.stuck', next, 'jitney', now, details)] : [],
    effects: [
      { kind: 'page', requestId: request.id },
      {
        kind: 'set timer',
        timer: 'stuck',
        requestId: request.id,
        at: now + (awaitsDefender(grant, now) ? awaitingAgainMs : pageAgainMs),
      },
      show(request.id),
    ],
  }
}
