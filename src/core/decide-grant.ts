import { authorise } from './approval.ts'
import type { AuditEvent, AuditType, Json } from './audit.ts'
import type { Case } from './case.ts'
import type { Effect, Note, Want } from './effect.ts'
import type { Event } from './event.ts'
import { isExpired } from './expiry.ts'
import { type Grant, type GrantBase, latenessMs, type Rule } from './grant.ts'
import { type Outcome, refuse, type Transition, unchanged } from './outcome.ts'
import type { Person } from './person.ts'
import type { Request } from './request.ts'

type GrantEvent = Exclude<Event, { type: 'submit' | 'review' | 'cancel' | 'deadline' }>
type State<S extends Grant['state']> = Extract<Grant, { state: S }>

const audit = (
  type: AuditType,
  grant: GrantBase,
  actor: AuditEvent['actor'],
  at: number,
  details: Record<string, Json>,
): AuditEvent => ({ type, at, requestId: grant.requestId, grantId: grant.id, actor, details })

const baseOf = (grant: Grant): GrantBase => ({
  id: grant.id,
  requestId: grant.requestId,
  approvedAt: grant.approvedAt,
  expiresAt: grant.expiresAt,
  rules: grant.rules,
  openedAt: grant.openedAt,
})

const show = (requestId: string): Effect => ({ kind: 'show', requestId })
const noteOf = (grant: GrantBase, note: Note): Effect => ({ kind: 'note', requestId: grant.requestId, note })

const write = (grant: GrantBase, want: Want): Effect[] =>
  grant.rules
    .filter((rule) => rule.state !== 'absent')
    .map((rule) => ({ kind: 'write rules', nsgId: rule.nsgId, want }))

const ruleJson = (rule: Rule): Json => ({
  name: rule.name,
  nsg: rule.nsgId,
  priority: rule.priority,
  source: rule.source,
  destinations: rule.destinations,
  ports: rule.ports.map((port) => `${port.number}/${port.protocol}`),
})

export function decideGrant(current: Case, event: GrantEvent, now: number): Outcome {
  const { grant, request } = current
  if (!grant) return event.type === 'close' ? refuse({ code: 'nothing to close' }) : unchanged(current)
  switch (event.type) {
    case 'rules planned':
      return grant.state === 'opening' ? planned(request, grant, event.rules, now) : unchanged(current)
    case 'rule repriced':
      return repriced(current, grant, event.nsgId, event.priority)
    case 'rule present':
      return grant.state === 'opening' ? present(request, grant, event.nsgId, now) : unchanged(current)
    case 'rule absent':
      return grant.state === 'closing' ? absent(request, grant, event.nsgId, now) : unchanged(current)
    case 'could not open':
      return grant.state === 'opening'
        ? startClosing(request, grant, { reason: 'could not open', by: null, detail: event.detail }, now)
        : unchanged(current)
    case 'warning':
      return warn(current, grant, now)
    case 'expiry':
      return expire(current, grant, now)
    case 'close':
      return closeEarly(request, grant, event.by, now)
    default:
      return event satisfies never
  }
}

function planned(request: Request, grant: State<'opening'>, rules: readonly Rule[], now: number): Transition {
  if (isExpired(grant.expiresAt, now)) {
    return startClosing(request, grant, { reason: 'expired', by: null, detail: null }, now)
  }
  // A second plan, after a crash in between, must not forget rules that may have been written already.
  if (grant.rules.length > 0) return { ...unchanged({ request, grant }), effects: write(grant, 'present') }
  if (rules.length === 0) {
    const detail = 'no security group was found to put a rule in'
    return startClosing(request, grant, { reason: 'could not open', by: null, detail }, now)
  }
  const next: Grant = { ...grant, rules }
  return { ok: true, next: { request, grant: next }, audit: [], effects: write(next, 'present') }
}

/** Only a rule that is not there yet may take another priority: one that stands in Azure is never edited. */
function repriced(current: Case, grant: Grant, nsgId: string, priority: number): Transition {
  if (grant.state !== 'opening') return unchanged(current)
  const rules = grant.rules.map((rule) =>
    rule.nsgId === nsgId && rule.state === 'planned' ? { ...rule, priority } : rule,
  )
  return { ...unchanged(current), next: { ...current, grant: { ...grant, rules } } }
}

const marked = (rules: readonly Rule[], nsgId: string, state: Rule['state']): readonly Rule[] =>
  rules.map((rule) => (rule.nsgId === nsgId ? { ...rule, state } : rule))

function present(request: Request, grant: State<'opening'>, nsgId: string, now: number): Transition {
  const rules = marked(grant.rules, nsgId, 'present')
  if (isExpired(grant.expiresAt, now)) {
    return startClosing(request, { ...grant, rules }, { reason: 'expired', by: null, detail: null }, now)
  }
  // Before there is a plan nothing can be there, and “every rule of none” must not count as open.
  if (rules.length === 0 || !rules.every((rule) => rule.state === 'present'))
    return unchanged({ request, grant: { ...grant, rules } })
  const next: Grant = { ...baseOf(grant), rules, openedAt: now, state: 'open' }
  return {
    ok: true,
    next: { request, grant: next },
    audit: [
      audit('grant.open', next, 'jitney', now, { expiresAt: next.expiresAt, rules: rules.map(ruleJson) }),
    ],
    effects: [show(request.id), noteOf(next, { type: 'opened', at: now, expiresAt: next.expiresAt })],
  }
}

interface Why {
  readonly reason: State<'closing'>['reason']
  readonly by: Person | null
  readonly detail: string | null
}

function startClosing(request: Request, grant: State<'opening' | 'open'>, why: Why, now: number): Transition {
  const next: State<'closing'> = { ...baseOf(grant), ...why, closingSince: now, state: 'closing' }
  const event = audit('grant.closing', next, why.by ?? 'jitney', now, {
    reason: why.reason,
    detail: why.detail,
  })
  const drops: Effect[] = (['expiry', 'warning'] as const).map((timer) => ({
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
    effects: [...drops, ...write(next, 'absent'), show(request.id)],
  }
}

function finishClosing(
  request: Request,
  grant: State<'closing'>,
  now: number,
  before: readonly AuditEvent[],
  effects: readonly Effect[],
): Transition {
  const { closingSince, reason, by, detail } = grant
  const next: State<'closed'> = {
    ...baseOf(grant),
    reason,
    by,
    detail,
    closingSince,
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
    effects: [...effects, show(request.id), noteOf(next, note)],
  }
}

function absent(request: Request, grant: State<'closing'>, nsgId: string, now: number): Transition {
  const next = { ...grant, rules: marked(grant.rules, nsgId, 'absent') }
  const done = next.rules.every((rule) => rule.state === 'absent')
  return done ? finishClosing(request, next, now, [], []) : unchanged({ request, grant: next })
}

function warn(current: Case, grant: Grant, now: number): Transition {
  if (grant.state !== 'open' || isExpired(grant.expiresAt, now)) return unchanged(current)
  return { ...unchanged(current), effects: [noteOf(grant, { type: 'ending', expiresAt: grant.expiresAt })] }
}

function expire(current: Case, grant: Grant, now: number): Transition {
  if (grant.state !== 'opening' && grant.state !== 'open') return unchanged(current)
  if (!isExpired(grant.expiresAt, now)) return unchanged(current)
  return startClosing(current.request, grant, { reason: 'expired', by: null, detail: null }, now)
}

function closeEarly(
  request: Request,
  grant: Grant,
  by: Extract<GrantEvent, { type: 'close' }>['by'],
  now: number,
): Outcome {
  const terms = request.state === 'approved' ? request.terms : null
  const refusal = authorise('close', by, { request, terms })
  if (refusal) return refuse(refusal)
  if (grant.state === 'closed') return refuse({ code: 'already closed', at: grant.closedAt })
  if (grant.state === 'closing') return refuse({ code: 'already closing', since: grant.closingSince })
  return startClosing(request, grant, { reason: 'closed early', by: by.person, detail: null }, now)
}
