import { coversPorts, type DefenderState, foundRule } from '../core/defender.ts'
import { isExpired } from '../core/expiry.ts'
import type { Grant, Rule } from '../core/grant.ts'
import type { LiveRule } from '../core/live-rule.ts'
import type { RuleWork, Written } from '../ports.ts'
import { nextTry } from './close-rule.ts'
import {
  leavesOutAfterMs,
  longestReadMs,
  look,
  newborn,
  ownerOfNewborn,
  pollMs,
  postpone,
  recordedNames,
  type Sight,
  stateOf,
  tellDoubtful,
  wait,
} from './defender-sight.ts'
import { messageOf } from './handler.ts'
import { alarmJob } from './job-of.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

const longestCloseMs = 20_000
/** So long after the end it is left to Defender to close. */
const graceMs = 60_000
/** A request that Defender does not know of so long after it was sent has not arrived. */
const arrivesWithinMs = 120_000

/**
 * Looks whether Defender has closed by now. It closes by itself at the end and knows no early close, so what ends
 * early, or is left a while after its end, is removed here: the very rules that are on record, and no others. What
 * appears meanwhile goes on record first, if it is surely of this request.
 */
export async function watchClosing(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<void> {
  try {
    const sight = await look(parts, work, stop)
    if (sight) await judgeClosing(parts, work, sight, stop)
    else await wait(parts, work, longestReadMs, 'its case could not be read')
  } catch (error) {
    await postpone(parts, work, messageOf(error))
  }
}

const standingOf = ({ live }: Sight, work: RuleWork): readonly LiveRule[] => {
  const recorded = recordedNames(work)
  return (live ?? []).filter(({ name }) => recorded.includes(name))
}

async function judgeClosing(
  parts: WriteParts,
  work: RuleWork,
  sight: Sight,
  stop: AbortSignal,
): Promise<void> {
  const standing = standingOf(sight, work)
  if (standing.length === 0) return judgeNewborn(parts, work, sight, stop)
  const sinceEnd = parts.clock.now() - work.expiresAt
  const itsTurn = sight.grant.state === 'closing' && sight.grant.reason === 'expired' && sinceEnd < graceMs
  if (itsTurn) return wait(parts, work, Math.min(pollMs(sinceEnd, 5_000), graceMs - sinceEnd), null)
  if (sinceEnd >= graceMs) await tellLate(parts, work, sight, standing)
  await removeAll(parts, work, standing, stop)
}

/** None of those on record stands any more. What appeared since then goes on record, or is left alone. */
async function judgeNewborn(
  parts: WriteParts,
  work: RuleWork,
  sight: Sight,
  stop: AbortSignal,
): Promise<void> {
  const born = newborn(sight, work)
  if (born.length === 0) return confirmGone(parts, work, stop)
  const { grant } = sight
  const owner = ownerOfNewborn(sight, work, await stateOf(parts, sight.current, stop))
  if (owner === 'ours') {
    const { nsgId } = work.rule
    const event = { type: 'defender seen', nsgId, found: born.map(foundRule) } as const
    await parts.dispatcher.dispatch({ requestId: work.requestId, event })
    return
  }
  if (owner === 'unknowable') {
    // Defender may be about to remove it, or to end our request, which then tells whose it is.
    const since = grant.state === 'closing' ? parts.clock.now() - grant.closingSince : graceMs
    if (since < graceMs) return wait(parts, work, pollMs(since, 5_000), null)
    await tellDoubtful(parts, work, sight, born)
  }
  return confirmGone(parts, work, stop)
}

/** Two reads must miss them; and what was asked for and has never been seen may still come. */
async function confirmGone(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<void> {
  const again = await look(parts, work, stop)
  if (!again) return wait(parts, work, longestReadMs, 'its case could not be read')
  const state = await stateOf(parts, again.current, stop)
  const { grant } = again
  const born = newborn(again, work)
  const owner = ownerOfNewborn(again, work, state)
  const untold = born.some(({ name }) => !grant.defender?.left?.includes(name))
  const back = standingOf(again, work).length > 0
  if (back || (born.length > 0 && (owner === 'ours' || (owner === 'unknowable' && untold))))
    return wait(parts, work, 1_000, null)
  const why = again.live === null ? null : mayStillOpen(parts, grant, work.rule, state)
  if (why !== null) return wait(parts, work, 10_000, why)
  const removed = grant.defender?.closedBy === 'jitney'
  const wasSeen = recordedNames(work).length > 0
  // That Defender closed it is said only when its own record says so.
  const by = removed ? 'jitney' : wasSeen && state.kind === 'revoked' ? 'defender' : undefined
  await parts.dispatcher.dispatch({
    requestId: work.requestId,
    event: { type: 'rule absent', nsgId: work.rule.nsgId, ...(by && { by }) },
  })
}

const wasWhole = (rule: Rule): boolean =>
  rule.state === 'present' || coversPorts(rule.defender?.found ?? [], rule.ports)

/** Why Defender may open even now, in words; null when it surely does not any more. */
function mayStillOpen({ clock }: WriteParts, grant: Grant, rule: Rule, state: DefenderState): string | null {
  const { askingAt, left = [] } = grant.defender ?? {}
  const now = clock.now()
  if (askingAt === undefined || wasWhole(rule) || state.kind === 'revoked') return null
  if (isExpired(grant.expiresAt, now)) return null
  const sinceAsked = now - askingAt
  if (state.kind === 'unknown' && sinceAsked >= arrivesWithinMs) return null
  const elsewhere = grant.rules.some((one) => one.nsgId !== rule.nsgId && one.defender && wasWhole(one))
  if (elsewhere && state.kind === 'initiated' && sinceAsked >= leavesOutAfterMs) return null
  const asked =
    'Defender for Cloud was asked to open this, and it cannot be told not to. A rule that is surely of this request is removed when it appears.'
  return left.length === 0 ? asked : `${asked} ${left.join(', ')} may be another person’s and is left alone.`
}

async function removeAll(
  parts: WriteParts,
  work: RuleWork,
  standing: readonly LiveRule[],
  stop: AbortSignal,
): Promise<void> {
  const { defender, clock, store, log, dispatcher } = parts
  if (!defender) return wait(parts, work, longestReadMs, 'Defender for Cloud is not connected')
  const { rule, grantId, requestId } = work
  for (const { name } of standing) {
    const written: Written = await within(clock, longestCloseMs, stop, (signal) =>
      defender.remove(rule, name, signal),
    )
    if (written.kind === 'absent') continue
    const { at, why, sent } = nextTry(clock, work, written)
    await store.postpone(grantId, rule.nsgId, at, sent ? why : null)
    log.warn({ grant: grantId, nsg: rule.nsgId, rule: name, why }, 'a rule of Defender is not closed yet')
    return
  }
  await dispatcher.dispatch({ requestId, event: { type: 'defender removed' } })
  const after = await look(parts, work, stop)
  // Another one of the same request may stand there, and a part of what was asked for may still come.
  if (!after || standingOf(after, work).length > 0 || newborn(after, work).length > 0 || !wasWhole(rule))
    return wait(parts, work, 1_000, null)
  const { nsgId } = rule
  await dispatcher.dispatch({ requestId, event: { type: 'rule absent', nsgId, by: 'jitney' } })
}

/** Before anything is removed it is on record why, and the operators are called: Defender failed to close. */
async function tellLate(
  { dispatcher, clock }: WriteParts,
  work: RuleWork,
  { current, grant }: Sight,
  [first]: readonly LiveRule[],
): Promise<void> {
  if (grant.defender?.lateSince !== undefined || !first) return
  const { requestId, rule, grantId, expiresAt } = work
  const now = clock.now()
  await dispatcher.dispatch({
    requestId,
    event: { type: 'defender late' },
    also: async (tx) => {
      const alarm = {
        type: 'defender late',
        requestId,
        vm: current.request.vm.name,
        nsgId: rule.nsgId,
        name: first.name,
        expiresAt,
      } as const
      if ((await tx.raiseAlarms([{ key: `defender late:${grantId}`, alarm }], now)) > 0)
        await tx.putJobs([alarmJob(now)], now)
    },
  })
}
