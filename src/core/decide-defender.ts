import type { Case } from './case.ts'
import { startClosing, stuckIn } from './closing.ts'
import { policyName } from './defender.ts'
import type { Event } from './event.ts'
import { isExpired } from './expiry.ts'
import type { ByDefender, CloseReason, Grant, Rule } from './grant.ts'
import { audit, noteOf, show, write } from './grant-parts.ts'
import { nowPresent } from './opening.ts'
import { type Transition, unchanged } from './outcome.ts'

export type DefenderEvent = Extract<
  Event,
  {
    type:
      | 'defender asking'
      | 'defender asked'
      | 'defender opened'
      | 'defender waits'
      | 'defender late'
      | 'defender seen'
      | 'defender removed'
      | 'defender doubtful'
      | 'defender revoked'
      | 'rule of our own'
      | 'rule moved'
  }
>
type Of<T extends DefenderEvent['type']> = Extract<DefenderEvent, { type: T }>

const types: Readonly<Record<DefenderEvent['type'], true>> = {
  'defender asking': true,
  'defender asked': true,
  'defender opened': true,
  'defender waits': true,
  'defender late': true,
  'defender seen': true,
  'defender removed': true,
  'defender doubtful': true,
  'defender revoked': true,
  'rule of our own': true,
  'rule moved': true,
}

export const isDefenderEvent = (event: Event): event is DefenderEvent => Object.hasOwn(types, event.type)

/** What follows from what Defender for Cloud does, or has been seen to do. */
export function decideDefender(current: Case, event: DefenderEvent, now: number): Transition {
  const { grant } = current
  if (!grant) return unchanged(current)
  if (event.type === 'rule moved') return moved(current, grant, event, now)
  const { defender } = grant
  if (!defender) return unchanged(current)
  switch (event.type) {
    case 'defender asking':
      return grant.state === 'opening' && !isExpired(grant.expiresAt, now)
        ? knowing(current, grant, { ...defender, askingAt: now })
        : unchanged(current)
    case 'defender asked':
      return asked(current, grant, defender, now)
    case 'defender opened':
      return grant.state === 'opening' ? opened(current, grant, event, now) : unchanged(current)
    case 'rule of our own':
      return grant.state === 'opening' ? ourOwn(current, grant, event) : unchanged(current)
    case 'defender waits':
      return waits(current, grant, defender, now)
    case 'defender late':
      return late(current, grant, defender, now)
    case 'defender seen':
      return grant.state === 'closing' ? seen(current, grant, event, now) : unchanged(current)
    case 'defender removed':
      return grant.state === 'closing'
        ? knowing(current, grant, { ...defender, closedBy: 'jitney' })
        : unchanged(current)
    case 'defender doubtful':
      return doubtful(current, grant, defender, event, now)
    case 'defender revoked':
      return revoked(current, grant, defender, event, now)
    default:
      return event satisfies never
  }
}

const knowing = (current: Case, grant: Grant, defender: ByDefender): Transition => ({
  ...unchanged({ ...current, grant: { ...grant, defender } }),
})

/** A close that began meanwhile must know of it too: what was asked for may open yet. */
function asked(current: Case, grant: Grant, defender: ByDefender, now: number): Transition {
  if (grant.state === 'closed' || defender.askedAt !== undefined) return unchanged(current)
  const next = { ...grant, defender: { ...defender, askedAt: now } }
  const { policyId } = defender
  return {
    ok: true,
    next: { ...current, grant: next },
    audit: [audit('grant.asked', next, 'jitney', now, { policy: policyId, expiresAt: grant.expiresAt })],
    effects: [...write(next, grant.state === 'closing' ? 'absent' : 'present'), show(grant.requestId)],
  }
}

function opened(
  { request }: Case,
  grant: Extract<Grant, { state: 'opening' }>,
  { nsgId, found }: Of<'defender opened'>,
  now: number,
): Transition {
  const [first] = found
  const rules = grant.rules.map((rule): Rule => {
    if (rule.nsgId !== nsgId || !rule.defender || !first) return rule
    const { name, priority } = first
    return { ...rule, name, priority, state: 'present', defender: { ...rule.defender, found } }
  })
  return nowPresent(request, grant, rules, now)
}

/** Nobody says into which groups Defender writes, and every group on the way must let in. */
function ourOwn(
  current: Case,
  grant: Extract<Grant, { state: 'opening' }>,
  { rule }: Of<'rule of our own'>,
): Transition {
  const isOpen = (one: Rule) => one.nsgId === rule.nsgId && one.defender && one.state === 'planned'
  if (!grant.rules.some(isOpen)) return unchanged(current)
  const rules = grant.rules.map((one) => (isOpen(one) ? rule : one))
  return {
    ...unchanged({ ...current, grant: { ...grant, rules } }),
    effects: [{ kind: 'write rules', nsgId: rule.nsgId, want: 'present' }],
  }
}

/** Said once. Defender cannot be told to stop, so there is nothing to do but to go on looking. */
function waits(current: Case, grant: Grant, defender: ByDefender, now: number): Transition {
  if (grant.state !== 'opening' || defender.waitsSince !== undefined) return unchanged(current)
  const { expiresAt } = grant
  return {
    ...knowing(current, grant, { ...defender, waitsSince: now }),
    effects: [show(grant.requestId), noteOf(grant, { type: 'defender waits', at: now, expiresAt })],
  }
}

function late(current: Case, grant: Grant, defender: ByDefender, now: number): Transition {
  if (grant.state !== 'closing' || defender.lateSince !== undefined) return unchanged(current)
  const { expiresAt } = grant
  const next = { ...grant, defender: { ...defender, lateSince: now } }
  const left = grant.rules.flatMap(({ nsgId, defender: rule }) =>
    (rule?.found ?? []).map(({ name }) => ({ name, nsg: nsgId })),
  )
  return {
    ok: true,
    next: { ...current, grant: next },
    audit: [audit('grant.late', next, 'jitney', now, { expiresAt, latenessMs: now - expiresAt, left })],
    effects: [show(grant.requestId), noteOf(grant, { type: 'defender late', at: now, expiresAt })],
  }
}

/** On record before it is removed, so that operators are told its name and it is known after a restart. */
function seen(current: Case, grant: Grant, { nsgId, found }: Of<'defender seen'>, now: number): Transition {
  const rules = grant.rules.map((rule): Rule => {
    if (rule.nsgId !== nsgId || !rule.defender) return rule
    const before = rule.defender.found
    const fresh = found.filter(({ name }) => !before.some((one) => one.name === name))
    const [first] = fresh
    if (!first) return rule
    const { name, priority } = first
    return { ...rule, name, priority, defender: { ...rule.defender, found: [...before, ...fresh] } }
  })
  return {
    ...unchanged({ ...current, grant: { ...grant, rules } }),
    effects: [show(grant.requestId), stuckIn(grant.requestId, now)],
  }
}

/** Said once for each rule. */
function doubtful(
  current: Case,
  grant: Grant,
  defender: ByDefender,
  { nsgId, name }: Of<'defender doubtful'>,
  now: number,
): Transition {
  const { left = [] } = defender
  if ((grant.state !== 'opening' && grant.state !== 'closing') || left.includes(name))
    return unchanged(current)
  const next = { ...grant, defender: { ...defender, left: [...left, name] } }
  const { expiresAt, requestId } = grant
  return {
    ok: true,
    next: { ...current, grant: next },
    audit: [audit('grant.doubtful', next, 'jitney', now, { nsg: nsgId, rule: name })],
    effects: [show(requestId), noteOf(grant, { type: 'defender doubtful', at: now, nsgId, name, expiresAt })],
  }
}

function revoked(
  { request, ...rest }: Case,
  grant: Grant,
  { policyId }: ByDefender,
  { why }: Of<'defender revoked'>,
  now: number,
): Transition {
  if (grant.state !== 'opening' && grant.state !== 'open') return unchanged({ request, ...rest, grant })
  if (isExpired(grant.expiresAt, now))
    return startClosing(request, grant, { reason: 'expired', by: null, detail: null }, now)
  const policy = `by its policy ${policyName(policyId)}`
  const ends: Record<typeof why, readonly [CloseReason, string]> = {
    'newer request': ['superseded', policy],
    'asked to': ['changed outside', 'somebody told Defender for Cloud to close it'],
    expired: ['changed outside', 'Defender for Cloud closed it before its end'],
  }
  const [reason, detail] = ends[why]
  return startClosing(request, grant, { reason, by: null, detail }, now, { policy: policyId, why })
}

/** It lets in what it let in before. Where it stands now is on record, so that nobody takes it for changed again. */
function moved(current: Case, grant: Grant, { nsgId, priority }: Of<'rule moved'>, now: number): Transition {
  const rule = grant.rules.find((one) => one.nsgId === nsgId && one.priority !== priority)
  if (!rule || grant.state === 'closed') return unchanged(current)
  const rules = grant.rules.map((one) => (one === rule ? { ...rule, priority } : one))
  const next = { ...grant, rules }
  const { name, priority: before } = rule
  const details = { nsg: nsgId, rule: name, before, after: priority }
  return {
    ok: true,
    next: { ...current, grant: next },
    audit: [audit('grant.moved', next, 'jitney', now, details)],
    effects: [noteOf(grant, { type: 'moved', at: now, nsgId, name, before, after: priority })],
  }
}
