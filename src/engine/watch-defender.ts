import type { Case } from '../core/case.ts'
import { coversPorts, type DefenderState, foundRule, isDefendersFor } from '../core/defender.ts'
import type { Event } from '../core/event.ts'
import { isExpired } from '../core/expiry.ts'
import type { Grant } from '../core/grant.ts'
import type { LiveRule } from '../core/live-rule.ts'
import type { RuleWork, Written } from '../ports.ts'
import { orderOf } from './ask-defender.ts'
import { nextTry } from './close-rule.ts'
import { messageOf } from './handler.ts'
import { alarmJob } from './job-of.ts'
import { planRule } from './plan-rules.ts'
import { reconcileAfterFault } from './reconcile.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

const longestReadMs = 10_000
const longestCloseMs = 20_000
/** So long Defender may take to open before anybody is told that it does. */
const slowAfterMs = 120_000
/** A group that has no rule of Defender’s so long after it has opened in another one gets none. */
const leavesOutAfterMs = 30_000
/** So long after the end it is left to Defender to close. */
const graceMs = 60_000
/** A request that Defender does not know of so long after it was sent has not arrived. */
const arrivesWithinMs = 120_000

/** Often at first, and the longer it takes the more seldom. */
const pollMs = (sinceMs: number, mostMs: number) => Math.min(mostMs, Math.max(1_000, sinceMs / 3))

interface Sight {
  readonly current: Case
  readonly grant: Grant
  /** Rules of Defender's in the group that let in what this rule is to let in; null when the group is gone. */
  readonly live: readonly LiveRule[] | null
  /** The names that other grants have on record. */
  readonly others: ReadonlySet<string>
}

async function look(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<Sight | null> {
  const { store, clock, firewall } = parts
  const { nsgId } = work.rule
  const current = await store.case(work.requestId)
  if (!current?.grant) return null
  const live = await within(clock, longestReadMs, stop, (signal) => firewall.list(nsgId, signal))
  const known = await store.reconciling.knownRules([nsgId], [])
  const others = known.filter(({ grantId }) => grantId !== work.grantId)
  return {
    current,
    grant: current.grant,
    live,
    others: new Set(others.flatMap(({ rule }) => (rule.defender?.found ?? []).map(({ name }) => name))),
  }
}

/** Those that were born after the request and that nobody else has on record. */
const newborn = ({ live, others }: Sight, { rule }: RuleWork): readonly LiveRule[] =>
  (live ?? []).filter(
    (one) => isDefendersFor(one, rule) && !rule.defender?.before.includes(one.name) && !others.has(one.name),
  )

const wait = (parts: WriteParts, { grantId, rule }: RuleWork, ms: number, why: string | null) =>
  parts.store.postpone(grantId, rule.nsgId, parts.clock.now() + ms, why)

const stateOf = async (parts: WriteParts, current: Case, stop: AbortSignal): Promise<DefenderState> => {
  const order = orderOf(current)
  const { defender } = parts
  if (!order || !defender) return { kind: 'unknown' }
  return within(parts.clock, longestReadMs, stop, (signal) => defender.state(order, signal))
}

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
  const found = newborn(sight, work).map(foundRule)
  if (coversPorts(found, rule.ports)) {
    await dispatcher.dispatch({ requestId, event: { type: 'defender opened', nsgId, found } })
    // What it replaces ends with it, and is found by looking.
    return reconcileAfterFault(store, nsgId, clock.now())
  }
  const since = clock.now() - askedAt
  const state = await stateOf(parts, sight.current, stop)
  if (state.kind === 'revoked') {
    await dispatcher.dispatch({ requestId, event: { type: 'defender revoked', why: state.why } })
    return
  }
  const elsewhere = sight.grant.rules.some((one) => one.defender && one.state === 'present')
  if (elsewhere && state.kind === 'initiated' && since >= leavesOutAfterMs && found.length === 0)
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

async function postpone(parts: WriteParts, work: RuleWork, why: string): Promise<void> {
  const { at } = nextTry(parts.clock, work, { kind: 'try again', why, afterMs: null })
  const { nsgId } = work.rule
  await parts.store.postpone(work.grantId, nsgId, at, why)
  parts.log.warn(
    { grant: work.grantId, nsg: nsgId, againAt: at, why },
    'a rule of Defender could not be looked at',
  )
}

/**
 * Looks whether Defender has closed by now. It closes by itself at the end and knows no early close, so what ends
 * early, or is left a while after its end, is removed here: the very rules that are on record, and no others.
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

async function judgeClosing(
  parts: WriteParts,
  work: RuleWork,
  sight: Sight,
  stop: AbortSignal,
): Promise<void> {
  const { rule } = work
  const recorded = new Set((rule.defender?.found ?? []).map(({ name }) => name))
  const standing =
    recorded.size > 0 ? (sight.live ?? []).filter(({ name }) => recorded.has(name)) : newborn(sight, work)
  if (standing.length === 0) return confirmGone(parts, work, sight, recorded.size > 0, stop)
  const sinceEnd = parts.clock.now() - work.expiresAt
  const itsTurn = sight.grant.state === 'closing' && sight.grant.reason === 'expired' && sinceEnd < graceMs
  if (itsTurn) return wait(parts, work, Math.min(pollMs(sinceEnd, 5_000), graceMs - sinceEnd), null)
  if (sinceEnd >= graceMs) await tellLate(parts, work, sight, standing)
  await removeAll(parts, work, standing, stop)
}

/** Two reads must miss them; and what was asked for and has never been seen may still come. */
async function confirmGone(
  parts: WriteParts,
  work: RuleWork,
  sight: Sight,
  wasSeen: boolean,
  stop: AbortSignal,
): Promise<void> {
  const again = await look(parts, work, stop)
  const recorded = (work.rule.defender?.found ?? []).map(({ name }) => name)
  const back =
    again?.live?.some(({ name }) => recorded.includes(name)) || (again && newborn(again, work).length > 0)
  if (!again || back) return wait(parts, work, 1_000, null)
  const state = await stateOf(parts, sight.current, stop)
  const why = wasSeen || again.live === null ? null : mayStillOpen(parts, sight.grant, state)
  if (why !== null) return wait(parts, work, 10_000, why)
  const removed = sight.grant.defender?.closedBy === 'jitney'
  // That Defender closed it is said only when its own record says so.
  const by = removed ? 'jitney' : wasSeen && state.kind === 'revoked' ? 'defender' : undefined
  await parts.dispatcher.dispatch({
    requestId: work.requestId,
    event: { type: 'rule absent', nsgId: work.rule.nsgId, ...(by && { by }) },
  })
}

/** Why Defender may open even now, in words; null when it surely does not any more. */
function mayStillOpen({ clock }: WriteParts, grant: Grant, state: DefenderState): string | null {
  const { askingAt } = grant.defender ?? {}
  if (askingAt === undefined || state.kind === 'revoked' || isExpired(grant.expiresAt, clock.now()))
    return null
  if (state.kind !== 'initiating' && clock.now() - askingAt >= arrivesWithinMs) return null
  return 'Defender for Cloud was asked to open this and has not done so yet, and it cannot be told not to. No rule of it stands there now; one that appears is removed.'
}

async function removeAll(
  parts: WriteParts,
  work: RuleWork,
  standing: readonly LiveRule[],
  stop: AbortSignal,
): Promise<void> {
  const { defender, clock, store, log } = parts
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
  // A part of what was asked for may still come.
  if (!coversPorts(standing.map(foundRule), rule.ports) && rule.state !== 'present')
    return wait(parts, work, 1_000, null)
  const { nsgId } = rule
  await parts.dispatcher.dispatch({ requestId, event: { type: 'rule absent', nsgId, by: 'jitney' } })
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
