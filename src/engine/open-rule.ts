import type { Event } from '../core/event.ts'
import { choosePriority, defaultBand } from '../core/priority.ts'
import type { RuleWork, Written } from '../ports.ts'
import { tellClocks } from './clocks.ts'
import { nextTry } from './close-rule.ts'
import { type Lease, messageOf } from './handler.ts'
import { reconcileAfterFault } from './reconcile.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

/** The longest that one PUT may be under way: nearer to the expiry than this, none is sent. */
const longestPutMs = 10_000
/** A close of the same group waits for it, so it is given up soon and looked at again. */
const longestOpenMs = 10_000

/** Tries to write one rule, and tells the core what came of it. */
export async function openRule(
  parts: WriteParts,
  work: RuleWork,
  stop: AbortSignal,
  lease: Lease,
): Promise<void> {
  const event = await tryOnce(parts, work, stop, lease)
  if (!event) return
  await parts.dispatcher.dispatch({ requestId: work.requestId, event })
  if (work.attempts > 0) await reconcileAfterFault(parts.store, work.rule.nsgId, parts.clock.now())
}

async function tryOnce(
  parts: WriteParts,
  work: RuleWork,
  stop: AbortSignal,
  lease: Lease,
): Promise<Event | null> {
  const { nsgId } = work.rule
  const left = work.expiresAt - parts.clock.now()
  if (left <= longestPutMs) {
    return { type: 'could not open', detail: 'too little time was left to open it and close it safely' }
  }
  const trouble = parts.clockTrouble()
  if (trouble !== null) {
    await tellClocks(parts.store, parts.clock.now(), trouble)
    return postpone(parts, work, { kind: 'try again', why: trouble, afterMs: null })
  }
  const written = await within(parts.clock, Math.min(longestOpenMs, left), stop, (signal) =>
    parts.firewall.open(work.rule, signal),
  )
  switch (written.kind) {
    case 'present':
      return { type: 'rule present', nsgId }
    case 'refused':
      return { type: 'could not open', detail: written.why }
    case 'priority taken':
      return reprice(parts, work, stop, lease)
    case 'try again':
    case 'absent':
      return postpone(parts, work, written)
    default:
      return written satisfies never
  }
}

/**
 * Chooses another priority when somebody took the planned one. It is on record before the rule that carries it is
 * written, and the write is a try of its own: a close that came meanwhile goes first.
 */
async function reprice(
  parts: WriteParts,
  work: RuleWork,
  stop: AbortSignal,
  lease: Lease,
): Promise<Event | null> {
  const { rule } = work
  try {
    const existing = await within(parts.clock, longestPutMs, stop, (signal) =>
      parts.firewall.list(rule.nsgId, signal),
    )
    if (!existing)
      return { type: 'could not open', detail: `the security group ${rule.nsgId} no longer exists` }
    const others = (await parts.store.ruleWork(rule.nsgId)).map((one) => one.rule.priority)
    const band = (await parts.store.case(work.requestId))?.request.terms?.priorities ?? defaultBand
    const chosen = choosePriority(existing, rule, band, new Set([...others, rule.priority]))
    if (!chosen.ok) return { type: 'could not open', detail: chosen.why }
    return lease.lapsed() ? null : { type: 'rule repriced', nsgId: rule.nsgId, priority: chosen.priority }
  } catch (error) {
    const why = `the priority was taken, and the rules could not be read for a free one: ${messageOf(error)}`
    return postpone(parts, work, { kind: 'try again', why, afterMs: null })
  }
}

async function postpone(parts: WriteParts, work: RuleWork, written: Written): Promise<null> {
  const { at, why } = nextTry(parts.clock, work, written)
  const { nsgId } = work.rule
  await parts.store.postpone(work.grantId, nsgId, at, why)
  parts.log.warn({ grant: work.grantId, nsg: nsgId, againAt: at, why }, 'a rule is not open yet')
  return null
}
