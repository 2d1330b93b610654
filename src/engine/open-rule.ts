import type { Event } from '../core/event.ts'
import { choosePriority, defaultBand } from '../core/priority.ts'
import type { RuleWork, Written } from '../ports.ts'
import { nextTry } from './close-rule.ts'
import { type Lease, messageOf } from './handler.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

/** The longest that one PUT may be under way: nearer to the expiry than this, none is sent. */
const longestPutMs = 10_000
/** A close of the same group waits for it, so it is given up soon and looked at again. */
const longestOpenMs = 10_000
const mostPriorities = 5

/** Writes one rule, with another priority when somebody took the planned one, and tells the core what came of it. */
export async function openRule(
  parts: WriteParts,
  work: RuleWork,
  stop: AbortSignal,
  lease: Lease,
): Promise<void> {
  const event = await tryPriorities(parts, work, stop, lease)
  if (event) await parts.dispatcher.dispatch({ requestId: work.requestId, event })
}

async function tryPriorities(
  parts: WriteParts,
  work: RuleWork,
  stop: AbortSignal,
  lease: Lease,
): Promise<Event | null> {
  const { nsgId } = work.rule
  let { rule } = work
  for (let count = 0; count < mostPriorities; count += 1) {
    const left = work.expiresAt - parts.clock.now()
    if (left <= longestPutMs) {
      return { type: 'could not open', detail: 'too little time was left to open it and close it safely' }
    }
    const trouble = parts.clockTrouble()
    if (trouble !== null) return postpone(parts, work, { kind: 'try again', why: trouble, afterMs: null })
    // Somebody else may have the group by now, and may have closed what this would open.
    if (lease.lapsed()) return null
    const wanted = rule
    const written = await within(parts.clock, Math.min(longestOpenMs, left), stop, (signal) =>
      parts.firewall.open(wanted, signal),
    )
    switch (written.kind) {
      case 'present':
        return { type: 'rule present', nsgId }
      case 'refused':
        return { type: 'could not open', detail: written.why }
      case 'priority taken': {
        const priority = await nextPriority(parts, work, rule.priority, stop)
        if (typeof priority === 'string') return { type: 'could not open', detail: priority }
        // The new priority is on record before the rule that carries it is written.
        const told = await parts.dispatcher.dispatch({
          requestId: work.requestId,
          event: { type: 'rule repriced', nsgId, priority },
        })
        // Somebody may have closed the grant meanwhile: then nothing more is written for it.
        const still = told !== 'lost' && told.ok && told.next.grant?.state === 'opening'
        if (!still) return null
        rule = { ...rule, priority }
        break
      }
      case 'try again':
      case 'absent':
        return postpone(parts, work, written)
      default:
        written satisfies never
    }
  }
  return postpone(parts, work, {
    kind: 'try again',
    why: 'every priority that was tried was taken',
    afterMs: null,
  })
}

async function nextPriority(
  parts: WriteParts,
  work: RuleWork,
  taken: number,
  stop: AbortSignal,
): Promise<number | string> {
  const { rule } = work
  try {
    const existing = await within(parts.clock, longestPutMs, stop, (signal) =>
      parts.firewall.list(rule.nsgId, signal),
    )
    if (!existing) return `the security group ${rule.nsgId} no longer exists`
    const others = (await parts.store.ruleWork(rule.nsgId)).map((one) => one.rule.priority)
    const chosen = choosePriority(existing, rule, defaultBand, new Set([...others, taken]))
    return chosen.ok ? chosen.priority : chosen.why
  } catch (error) {
    parts.log.warn(
      { nsg: rule.nsgId, error: messageOf(error) },
      'could not read the rules for a free priority',
    )
    return taken
  }
}

async function postpone(parts: WriteParts, work: RuleWork, written: Written): Promise<null> {
  const { at, why } = nextTry(parts.clock, work, written)
  const { nsgId } = work.rule
  await parts.store.postpone(work.grantId, nsgId, at, why)
  parts.log.warn(
    { grant: work.grantId, nsg: nsgId, attempt: work.attempts + 1, why },
    'a rule is not open yet',
  )
  return null
}
