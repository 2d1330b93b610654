import type { AuditEvent } from './audit.ts'
import {
  type AskedChange,
  type AskedConversion,
  changeJson,
  lapsesAt,
  nextChange,
  type OpenAfter,
  vmOf,
} from './conversion.ts'
import type { Person } from './person.ts'

export type ConversionEvent =
  | { readonly type: 'decided'; readonly by: Person; readonly agrees: boolean }
  /** It is not decided about any more; why, without a full stop. */
  | { readonly type: 'lapsed'; readonly because: string }
  /** Azure showed the rule as it was to be. */
  | { readonly type: 'change done'; readonly index: number; readonly already?: true }
  | { readonly type: 'change void'; readonly index: number; readonly detail: string }
  /** A try that did not succeed: it comes again, at that time. */
  | {
      readonly type: 'change postponed'
      readonly index: number
      readonly nextTryAt: number
      /** Null when nothing was sent, so that there was no try. */
      readonly met: string | null
      /** Azure took it, or may have. */
      readonly taken?: true
    }
  /** What stands open was read after the last change. */
  | { readonly type: 'looked'; readonly after: OpenAfter }

type ConversionEffect =
  /** The next change waits for the lease on its group. */
  | { readonly kind: 'write'; readonly nsgId: string }
  | { readonly kind: 'show' }
  /** Whoever asked is told, once what stands open was read. */
  | { readonly kind: 'look' }
  | { readonly kind: 'set deadline'; readonly at: number }

export interface DecidedConversion {
  readonly next: AskedConversion
  readonly audit: readonly AuditEvent[]
  readonly effects: readonly ConversionEffect[]
}

const show: ConversionEffect = { kind: 'show' }

function auditOf(
  type: AuditEvent['type'],
  conversion: AskedConversion,
  at: number,
  actor: AuditEvent['actor'],
  more: AuditEvent['details'] = {},
): AuditEvent {
  const details = { conversion: conversion.id, vm: vmOf(conversion).id, ...more }
  return { type, at, requestId: null, grantId: null, actor, details }
}

const wholeOf = ({ changes }: AskedConversion): AuditEvent['details'] => ({
  changes: changes.map(({ change }) => changeJson(change)),
})

/** A conversion that nobody has decided about. */
export const proposed = (conversion: AskedConversion): DecidedConversion => ({
  next: conversion,
  audit: [auditOf('conversion.proposed', conversion, conversion.at, conversion.by, wholeOf(conversion))],
  effects: [show, { kind: 'set deadline', at: lapsesAt(conversion) }],
})

const writing = (conversion: AskedConversion): readonly ConversionEffect[] => {
  const work = nextChange(conversion)
  return work ? [{ kind: 'write', nsgId: work.change.nsgId }] : []
}

function decided(
  conversion: AskedConversion,
  { by, agrees }: Extract<ConversionEvent, { type: 'decided' }>,
  now: number,
): DecidedConversion | null {
  if (conversion.state !== 'proposed') return null
  const state = agrees ? ('agreed' as const) : ('kept' as const)
  const changes = conversion.changes.map((one) => ({ ...one, state }))
  const base: AskedConversion = { ...conversion, state, changes, decided: { by, at: now } }
  const next = agrees ? base : { ...base, endedAt: now }
  const audit = [auditOf(agrees ? 'conversion.agreed' : 'conversion.kept', next, now, by, wholeOf(next))]
  return { next, audit, effects: [show, ...writing(next)] }
}

function lapsed(conversion: AskedConversion, because: string, now: number): DecidedConversion | null {
  if (conversion.state !== 'proposed') return null
  const changes = conversion.changes.map((one) => ({ ...one, state: 'kept' as const }))
  const next: AskedConversion = {
    ...conversion,
    state: 'lapsed',
    changes,
    lapsedBecause: because,
    endedAt: now,
  }
  const audit = [auditOf('conversion.lapsed', next, now, 'jitney', { ...wholeOf(next), detail: because })]
  return { next, audit, effects: [show, { kind: 'look' }] }
}

const withChange = (
  conversion: AskedConversion,
  index: number,
  change: Partial<AskedChange>,
): AskedConversion => ({
  ...conversion,
  changes: conversion.changes.map((one, at) => (at === index ? { ...one, ...change } : one)),
})

/** One change is settled; the rest goes on, or nothing is left. */
function settled(
  conversion: AskedConversion,
  index: number,
  become: Partial<AskedChange>,
  now: number,
): DecidedConversion | null {
  const { change, state } = conversion.changes[index] ?? {}
  if (!change || state !== 'agreed') return null
  const after = withChange(conversion, index, { ...become, at: now })
  const isDone = become.state === 'done'
  const facts = {
    ...changeJson(change),
    rule: change.rule.name,
    ...(become.detail !== undefined && { detail: become.detail }),
  }
  const type = isDone ? (become.already ? 'conversion.already' : 'conversion.changed') : 'conversion.void'
  const audit = [auditOf(type, after, now, 'jitney', facts)]
  if (after.changes.some((one) => one.state === 'agreed'))
    return { next: after, audit, effects: [show, ...writing(after)] }
  const next: AskedConversion = { ...after, state: 'ended', endedAt: now }
  const count = (is: (one: AskedChange) => boolean) => next.changes.filter(is).length
  const already = count((one) => one.already === true)
  const ended = auditOf('conversion.ended', next, now, 'jitney', {
    done: count((one) => one.state === 'done' && !one.already),
    void: count((one) => one.state === 'void'),
    ...(already > 0 && { already }),
  })
  return { next, audit: [...audit, ended], effects: [show, { kind: 'look' }] }
}

function postponed(
  conversion: AskedConversion,
  { index, nextTryAt, met, taken }: Extract<ConversionEvent, { type: 'change postponed' }>,
): DecidedConversion | null {
  const found = conversion.changes[index]
  if (found?.state !== 'agreed') return null
  const attempts = (found.attempts ?? 0) + (met === null ? 0 : 1)
  const next = withChange(conversion, index, {
    attempts,
    nextTryAt,
    ...(met !== null && { met }),
    ...(taken && { taken }),
  })
  // Whoever looks at it sees why it waits, once for each reason.
  return { next, audit: [], effects: met === null || met === found.met ? [] : [show] }
}

/** What becomes of a conversion; null when the event is no news to it. */
export function decideConversion(
  conversion: AskedConversion,
  event: ConversionEvent,
  now: number,
): DecidedConversion | null {
  switch (event.type) {
    case 'decided':
      return decided(conversion, event, now)
    case 'lapsed':
      return lapsed(conversion, event.because, now)
    case 'change done':
      return settled(conversion, event.index, { state: 'done', ...(event.already && { already: true }) }, now)
    case 'change void':
      return settled(conversion, event.index, { state: 'void', detail: event.detail }, now)
    case 'change postponed':
      return postponed(conversion, event)
    case 'looked':
      if (conversion.state !== 'ended' || conversion.after) return null
      return { next: { ...conversion, after: event.after }, audit: [], effects: [show] }
    default:
      return event satisfies never
  }
}
