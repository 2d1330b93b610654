import type { AuditEvent } from './audit.ts'
import { removalDecision, voided } from './decide-removal.ts'
import type { Person } from './person.ts'
import type { Protection, Removal, ShieldRule } from './protection.ts'
import { protectionAudit } from './protection-audit.ts'

/** Something of a protection that is gone, or was changed. */
export interface Loss {
  /** The security group, or Defender's policy. */
  readonly place: string
  readonly name: string
  readonly changes: string | null
}

export type ProtectionEvent =
  | { readonly type: 'rule present' | 'rule absent'; readonly nsgId: string; readonly name: string }
  | {
      readonly type: 'rule repriced'
      readonly nsgId: string
      readonly name: string
      readonly priority: number
    }
  | { readonly type: 'entry written' }
  /** It is as it was before, or was left to whoever had changed it. */
  | { readonly type: 'entry undone'; readonly left: boolean }
  | { readonly type: 'could not protect'; readonly detail: string }
  | { readonly type: 'unprotect'; readonly by: Person }
  /** A try that did not succeed: it comes again, at that time. */
  | {
      readonly type: 'postponed'
      readonly of: { readonly nsgId: string; readonly name: string } | 'entry'
      readonly nextTryAt: number
      readonly sent: boolean
    }
  | { readonly type: 'removal proposed'; readonly removal: Removal }
  | { readonly type: 'removal decided'; readonly id: string; readonly by: Person; readonly agrees: boolean }
  /** Nobody decided in time; why it is not decided about any more, without a full stop. */
  | { readonly type: 'removal lapsed'; readonly id: string; readonly because: string }
  | { readonly type: 'removal done'; readonly id: string; readonly already?: true }
  | { readonly type: 'removal void'; readonly id: string; readonly detail: string }
  | {
      readonly type: 'removal postponed'
      readonly id: string
      readonly nextTryAt: number
      readonly taken?: true
    }
  /** Which of what it wrote are not as they were written, by what the reconciler read. */
  | { readonly type: 'compared'; readonly lost: readonly Loss[] }

export type ProtectionEffect =
  | { readonly kind: 'write'; readonly nsgId: string }
  | { readonly kind: 'write policy'; readonly policyId: string }
  | { readonly kind: 'tell' }
  | { readonly kind: 'alarm'; readonly loss: Loss }
  | { readonly kind: 'end alarm'; readonly key: string }
  | { readonly kind: 'ask about removal'; readonly removal: Removal; readonly until: number }

export interface Decided {
  readonly next: Protection
  readonly audit: readonly AuditEvent[]
  readonly effects: readonly ProtectionEffect[]
}

const is = (nsgId: string, name: string) => (rule: ShieldRule) => rule.nsgId === nsgId && rule.name === name

const changed = (next: Protection): Decided => ({ next, audit: [], effects: [] })

const withRule = (
  protection: Protection,
  at: { readonly nsgId: string; readonly name: string },
  change: Partial<ShieldRule>,
) => ({
  ...protection,
  rules: protection.rules.map((rule) =>
    is(at.nsgId, at.name)(rule) ? { ...rule, attempts: 0, nextTryAt: 0, ...change } : rule,
  ),
})

function holds(protection: Protection, now: number): Decided {
  const next: Protection = { ...protection, state: 'protected', protectedAt: now }
  return {
    next,
    audit: [protectionAudit('protection.holds', next, now, 'jitney')],
    effects: [{ kind: 'tell' }],
  }
}

function over(protection: Protection, now: number, more: AuditEvent['details'] = {}): Decided {
  const next: Protection = { ...protection, state: 'unprotected', endedAt: now }
  return {
    next,
    audit: [protectionAudit('protection.ended', next, now, 'jitney', more)],
    effects: [{ kind: 'tell' }],
  }
}

const undoing = ({ rules, entry }: Protection): readonly ProtectionEffect[] => [
  ...[...new Set(rules.map(({ nsgId }) => nsgId))].map((nsgId) => ({ kind: 'write' as const, nsgId })),
  ...(entry ? [{ kind: 'write policy' as const, policyId: entry.policyId }] : []),
]

function end(protection: Protection, now: number, by: Person | 'jitney', detail: string | null): Decided {
  const rules = protection.rules.map((rule) => ({ ...rule, attempts: 0, nextTryAt: 0 }))
  const entry = protection.entry && { ...protection.entry, attempts: 0, nextTryAt: 0 }
  const next: Protection = {
    ...voided(protection, 'the protection is ended'),
    state: 'unprotecting',
    rules,
    ...(entry && { entry }),
    ending: { by, at: now, detail },
  }
  return {
    next,
    audit: [protectionAudit('protection.ending', next, now, by, detail === null ? {} : { detail })],
    effects: undoing(next),
  }
}

/** What becomes of a protection; null when the event is no news to it. */
export function decideProtection(
  protection: Protection,
  event: ProtectionEvent,
  now: number,
): Decided | null {
  const { state, rules } = protection
  switch (event.type) {
    case 'rule present': {
      if (state !== 'protecting') return null
      const next = withRule(protection, event, { state: 'present' })
      return next.rules.every((rule) => rule.state === 'present') ? holds(next, now) : changed(next)
    }
    case 'rule absent': {
      if (state !== 'unprotecting') return null
      const next = withRule(protection, event, { state: 'absent' })
      return next.rules.every((rule) => rule.state === 'absent') ? over(next, now) : changed(next)
    }
    case 'rule repriced':
      if (state !== 'protecting' || !rules.some(is(event.nsgId, event.name))) return null
      return changed(withRule(protection, event, { priority: event.priority }))
    case 'entry written':
      return state === 'protecting' ? holds(protection, now) : null
    case 'entry undone': {
      if (state !== 'unprotecting' || !protection.entry) return null
      const entry = { ...protection.entry, ...(event.left && { left: true as const }) }
      return over({ ...protection, entry }, now, event.left ? { left: true } : {})
    }
    case 'could not protect':
      return state === 'protecting' ? end(protection, now, 'jitney', event.detail) : null
    case 'unprotect':
      return state === 'protecting' || state === 'protected' ? end(protection, now, event.by, null) : null
    case 'removal proposed':
    case 'removal decided':
    case 'removal lapsed':
    case 'removal done':
    case 'removal void':
    case 'removal postponed':
      return removalDecision(protection, event, now)
    case 'postponed':
      return postponed(protection, event)
    case 'compared':
      return compared(protection, event.lost, now)
    default:
      return event satisfies never
  }
}

type Of<T extends ProtectionEvent['type']> = Extract<ProtectionEvent, { type: T }>

function postponed(protection: Protection, { of, nextTryAt, sent }: Of<'postponed'>): Decided {
  const more = sent ? 1 : 0
  if (of === 'entry') {
    const { entry } = protection
    const attempts = (entry?.attempts ?? 0) + more
    return changed({ ...protection, ...(entry && { entry: { ...entry, attempts, nextTryAt } }) })
  }
  const rules = protection.rules.map((rule) =>
    is(of.nsgId, of.name)(rule) ? { ...rule, attempts: (rule.attempts ?? 0) + more, nextTryAt } : rule,
  )
  return changed({ ...protection, rules })
}

export const lossKey = ({ place, name }: Pick<Loss, 'place' | 'name'>): string => `${place}/${name}`

/** Told once for each thing that is lost, and again when it is lost anew. Nothing is written by itself. */
function compared(protection: Protection, lost: readonly Loss[], now: number): Decided | null {
  if (protection.state !== 'protected') return null
  const before = new Set(protection.lost)
  const keys = lost.map(lossKey)
  const fresh = lost.filter((loss) => !before.has(lossKey(loss)))
  if (fresh.length === 0 && keys.length === before.size) return null
  const { lost: _, ...rest } = protection
  const next: Protection = keys.length > 0 ? { ...rest, lost: keys } : rest
  const audit = fresh.map(({ place, name, changes }) =>
    protectionAudit('protection.lost', next, now, 'jitney', { place, name, detail: changes ?? 'it is gone' }),
  )
  const again =
    keys.length === 0 ? [protectionAudit('protection.holds', next, now, 'jitney', { again: true })] : []
  const effects = fresh.map((loss) => ({ kind: 'alarm' as const, loss }))
  const ended = [...before]
    .filter((key) => !keys.includes(key))
    .map((key) => ({ kind: 'end alarm' as const, key }))
  return { next, audit: [...audit, ...again], effects: [...effects, ...ended] }
}

/** A rule that is to be written or removed. */
export const wantOf = ({ state }: Protection, rule: ShieldRule): 'present' | 'absent' | null => {
  if (state === 'protecting') return rule.state === 'planned' ? 'present' : null
  return state === 'unprotecting' && rule.state !== 'absent' ? 'absent' : null
}
