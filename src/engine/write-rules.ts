import type { Event } from '../core/event.ts'
import { choosePriority, defaultBand } from '../core/priority.ts'
import type { Clock, Firewall, RuleWork, Store, Written } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, done, type Handler, messageOf } from './handler.ts'
import type { Log } from './log.ts'

export interface WriteParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly firewall: Firewall
  readonly log: Log
}

/** The longest that one PUT may be under way: nearer to the expiry than this, none is sent. */
export const longestPutMs = 10_000
const longestOpenMs = 60_000
const longestCloseMs = 60_000
const mostPriorities = 5

/**
 * Works on one network security group until nothing is left to do there. The claim of this job is the lease on
 * the group: one write at a time, whichever replica does it. What must close goes before what should open, and
 * the earliest expiry goes first.
 */
export const writeRules =
  (parts: WriteParts): Handler =>
  async (claim, stop) => {
    const { store, clock } = parts
    for (;;) {
      const work = await store.ruleWork(claim.subject)
      const next = work.find((one) => one.nextTryAt <= clock.now())
      if (!next || stop.aborted) {
        if (work.length === 0) return done
        const at = Math.min(...work.map((one) => one.nextTryAt))
        return again(Math.max(at, clock.now()), null)
      }
      const event = await (next.want === 'absent' ? close(parts, next, stop) : open(parts, next, stop))
      if (event) await parts.dispatcher.dispatch({ requestId: next.requestId, event })
    }
  }

type Result = Event | null

const deadline = (stop: AbortSignal, ms: number) => AbortSignal.any([stop, AbortSignal.timeout(ms)])

async function close(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<Result> {
  const { nsgId } = work.rule
  const written = await parts.firewall.close(work.rule, deadline(stop, longestCloseMs))
  if (written.kind === 'absent') return { type: 'rule absent', nsgId }
  await postpone(parts, work, written)
  return null
}

async function open(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<Result> {
  const { nsgId } = work.rule
  let { rule } = work
  for (let count = 0; count < mostPriorities; count += 1) {
    const left = work.expiresAt - parts.clock.now()
    if (left <= longestPutMs) {
      return { type: 'could not open', detail: 'too little time was left to open it and close it safely' }
    }
    const written = await parts.firewall.open(rule, deadline(stop, Math.min(longestOpenMs, left)))
    switch (written.kind) {
      case 'present':
        return { type: 'rule present', nsgId }
      case 'refused':
        return { type: 'could not open', detail: written.why }
      case 'priority taken': {
        const priority = await nextPriority(parts, work, rule.priority, stop)
        if (typeof priority === 'string') return { type: 'could not open', detail: priority }
        // The new priority is on record before the rule that carries it is written.
        const event: Event = { type: 'rule repriced', nsgId, priority }
        await parts.dispatcher.dispatch({ requestId: work.requestId, event })
        rule = { ...rule, priority }
        break
      }
      case 'try again':
      case 'absent':
        await postpone(parts, work, written)
        return null
      default:
        written satisfies never
    }
  }
  await postpone(parts, work, {
    kind: 'try again',
    why: 'every priority that was tried was taken',
    afterMs: null,
  })
  return null
}

async function nextPriority(
  parts: WriteParts,
  work: RuleWork,
  taken: number,
  stop: AbortSignal,
): Promise<number | string> {
  const { rule } = work
  try {
    const existing = await parts.firewall.list(rule.nsgId, deadline(stop, longestPutMs))
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

async function postpone(parts: WriteParts, work: RuleWork, written: Written): Promise<void> {
  const why = 'why' in written ? written.why : written.kind
  const afterMs = written.kind === 'try again' ? written.afterMs : null
  const overdue = parts.clock.now() - work.expiresAt
  const at = parts.clock.now() + pauseMs(work.attempts, afterMs, overdue)
  await parts.store.postpone(work.grantId, work.rule.nsgId, at, why)
  const fields = {
    grant: work.grantId,
    nsg: work.rule.nsgId,
    want: work.want,
    attempt: work.attempts + 1,
    why,
  }
  parts.log.warn(fields, work.want === 'absent' ? 'a rule is not closed yet' : 'a rule is not open yet')
}
