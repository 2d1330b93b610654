import { coversPorts, foundRule } from '../core/defender.ts'
import type { Event } from '../core/event.ts'
import type { RuleWork } from '../ports.ts'
import {
  leavesOutAfterMs,
  longestReadMs,
  look,
  newborn,
  ownerOfNewborn,
  pollMs,
  postpone,
  type Sight,
  stateOf,
  tellDoubtful,
  wait,
} from './defender-sight.ts'
import { messageOf } from './handler.ts'
import { planRule } from './plan-rules.ts'
import { reconcileAfterFault } from './reconcile.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

/** So long Defender may take to open before anybody is told that it does. */
const slowAfterMs = 120_000

/** Looks whether Defender has opened by now. That it took the request says nothing about it. */
export async function watchOpening(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<void> {
  try {
    const sight = await look(parts, work, stop)
    if (sight) await judgeOpening(parts, work, sight, stop)
    else await wait(parts, work, longestReadMs, 'its case could not be read')
  } catch (error) {
    await postpone(parts, work, messageOf(error))
  }
}

async function judgeOpening(
  parts: WriteParts,
  work: RuleWork,
  sight: Sight,
  stop: AbortSignal,
): Promise<void> {
  const { dispatcher, store, clock } = parts
  const { requestId, rule } = work
  const { nsgId } = rule
  const askedAt = sight.grant.defender?.askedAt
  // Whoever asks has the group looked at afterwards.
  if (askedAt === undefined) return wait(parts, work, longestReadMs, null)
  if (sight.live === null) {
    const detail = `the security group ${nsgId} no longer exists`
    await dispatcher.dispatch({ requestId, event: { type: 'could not open', detail } })
    return
  }
  const state = await stateOf(parts, sight.current, stop)
  if (state.kind === 'revoked') {
    await dispatcher.dispatch({ requestId, event: { type: 'defender revoked', why: state.why } })
    return
  }
  const born = newborn(sight, work)
  const found = born.map(foundRule)
  const owner = ownerOfNewborn(sight, work, state)
  if (owner === 'ours' && coversPorts(found, rule.ports)) {
    await dispatcher.dispatch({ requestId, event: { type: 'defender opened', nsgId, found } })
    // What it replaces ends with it, and is found by looking.
    return reconcileAfterFault(store, nsgId, clock.now())
  }
  const since = clock.now() - askedAt
  if (born.length > 0 && owner !== 'ours') {
    await tellDoubtful(parts, work, sight, born)
    return wait(parts, work, pollMs(since, 15_000), null)
  }
  const elsewhere = sight.grant.rules.some((one) => one.defender && one.state === 'present')
  if (elsewhere && state.kind === 'initiated' && since >= leavesOutAfterMs && born.length === 0)
    return openOurselves(parts, work, sight, stop)
  if (since >= slowAfterMs) await dispatcher.dispatch({ requestId, event: { type: 'defender waits' } })
  return wait(parts, work, pollMs(since, 15_000), null)
}

async function openOurselves(
  parts: WriteParts,
  { requestId, rule }: RuleWork,
  { current: { request }, grant }: Sight,
  stop: AbortSignal,
): Promise<void> {
  const planned = await within(parts.clock, longestReadMs, stop, (signal) =>
    planRule(parts, request, grant, rule, signal),
  )
  const event: Event =
    typeof planned === 'string'
      ? { type: 'could not open', detail: planned }
      : { type: 'rule of our own', rule: planned }
  await parts.dispatcher.dispatch({ requestId, event })
}
