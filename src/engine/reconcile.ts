import type { RaisedAlarm } from '../core/alarm.ts'
import type { AuditEvent } from '../core/audit.ts'
import { defenderDifferences } from '../core/defender.ts'
import { Fault } from '../core/fault.ts'
import { parseRuleName } from '../core/grant.ts'
import { type Difference, differences } from '../core/live-rule.ts'
import {
  compare,
  type Finding,
  inParts,
  isMove,
  type KnownRule,
  type SurveyedGroup,
} from '../core/reconcile.ts'
import type { Clock, Defender, Firewall, Inventory, JitPolicies, Store, Survey } from '../ports.ts'
import { orderOf } from './ask-defender.ts'
import type { Dispatcher } from './dispatch.ts'
import { closeForGoneVms, type LookedThrough } from './gone-vms.ts'
import { again, type Handler, messageOf } from './handler.ts'
import { alarmJob, announceJob, groupJob, reconcileJob, surveyJob } from './job-of.ts'
import type { Log } from './log.ts'
import { compareProtections } from './reconcile-protections.ts'
import { reconciledFeed, surveyedFeed } from './reconciled.ts'
import { tellTenants } from './tenants.ts'
import { within } from './within.ts'

export interface ReconcileParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly firewall: Firewall
  readonly defender?: Defender | null
  readonly jitPolicies?: JitPolicies | null
  readonly survey: Survey
  readonly inventory: Inventory
  readonly log: Log
}

const everyMs = 60_000
/** A subscription that could not be read is asked again soon: what went wrong meanwhile must not wait for its turn. */
const retryMs = 5_000
const listEveryMs = 10 * 60_000
const longestSurveyMs = 120_000

/** Has everything compared at once, as after a start: whichever replica comes first does it. */
export const reconcileNow = (store: Store, now: number): Promise<void> =>
  store.transact((tx) => tx.putJobs([surveyJob(now)], now))

const afterFaultMs = 5_000

/** Has the subscription of a group compared soon, because a fault there is over; many such wishes are one. */
export const reconcileAfterFault = async (store: Store, nsgId: string, now: number): Promise<void> => {
  const [, , subscriptionId] = nsgId.split('/')
  if (subscriptionId === undefined) return
  await store.transact((tx) => tx.putJobs([reconcileJob(subscriptionId, now + afterFaultMs)], now))
}

/** Finds the subscriptions that there are, and has each of them reconciled by whichever replica is free. */
export const findSubscriptions =
  (parts: ReconcileParts): Handler =>
  async (_, stop) => {
    const { clock, store } = parts
    try {
      const found = await within(clock, longestSurveyMs, stop, (signal) => parts.survey.subscriptions(signal))
      const now = clock.now()
      await store.transact((tx) =>
        tx.putJobs(
          found.map((id) => reconcileJob(id, now)),
          now,
        ),
      )
      await tellTenants(store, now, parts.survey.tenants?.() ?? [])
      await store.moveFeed(surveyedFeed, { seq: now, tried: false })
      return again(now + listEveryMs, null)
    } catch (error) {
      parts.log.error({ error: messageOf(error) }, 'the subscriptions could not be listed')
      return again(clock.now() + retryMs, messageOf(error))
    }
  }

/**
 * Compares what stands in one subscription with what the grants want, and has the difference put right. This
 * keeps the promise; the timers only make it prompt.
 */
export const reconcile =
  (parts: ReconcileParts, looked: LookedThrough = new Map()): Handler =>
  async (claim, stop) => {
    const { clock, store, log } = parts
    const subscriptionId = claim.subject
    try {
      const surveyedAt = clock.now()
      const groups = await within(clock, longestSurveyMs, stop, (signal) =>
        parts.survey.groups(subscriptionId, signal),
      )
      let failed: unknown = null
      // One rule that resists must not keep other groups from being looked at.
      const keep = (error: unknown) => void (failed = error)
      for (const part of inParts(groups)) await look(parts, part, surveyedAt, stop).catch(keep)
      const surveyed = new Set(groups.map(({ nsgId }) => nsgId))
      const gone = (await store.reconciling.guardedGroups(subscriptionId)).filter((id) => !surveyed.has(id))
      const empty = gone.map((nsgId) => ({ nsgId, rules: [] }))
      for (const part of inParts(empty)) await look(parts, part, surveyedAt, stop).catch(keep)
      if (failed !== null) throw failed
      await store.moveFeed(reconciledFeed(subscriptionId), { seq: clock.now(), tried: false })
      await compareProtections(parts, subscriptionId, groups, surveyedAt, stop)
      await closeForGoneVms(parts, subscriptionId, looked, stop)
      return again(clock.now() + everyMs, null)
    } catch (error) {
      log.error(
        { subscription: subscriptionId, error: messageOf(error) },
        'a subscription could not be reconciled',
      )
      const afterMs = error instanceof Fault ? (error.afterMs ?? 0) : 0
      return again(clock.now() + Math.min(everyMs, Math.max(retryMs, afterMs)), messageOf(error))
    }
  }

async function look(
  parts: ReconcileParts,
  groups: readonly SurveyedGroup[],
  surveyedAt: number,
  stop: AbortSignal,
): Promise<void> {
  const nsgIds = groups.map(({ nsgId }) => nsgId)
  const named = groups.flatMap(({ rules }) => rules.flatMap(({ name }) => parseRuleName(name)?.grantId ?? []))
  // Read after the survey: what stands there and is not on record now was never approved.
  const known = await parts.store.reconciling.knownRules(nsgIds, [...new Set(named)])
  const here = new Set(nsgIds)
  const findings = compare(
    groups,
    known.filter(({ rule }) => here.has(rule.nsgId)),
    surveyedAt,
    parts.clock.now(),
  )
  let failed: unknown = null
  for (const finding of findings.toSorted(byUrgency)) {
    if (stop.aborted) return
    try {
      await act(parts, finding, known, stop)
    } catch (error) {
      // One rule that cannot be read must not keep the others from being looked at.
      failed = error
      parts.log.error({ ...finding, error: messageOf(error) }, 'a difference could not be put right yet')
    }
  }
  if (failed !== null) throw failed
}

const urgency: readonly Finding['kind'][] = ['overdue', 'stray', 'changed', 'missing', 'moved', 'not ours']
const byUrgency = (a: Finding, b: Finding) => urgency.indexOf(a.kind) - urgency.indexOf(b.kind)

async function act(
  parts: ReconcileParts,
  finding: Finding,
  known: readonly KnownRule[],
  stop: AbortSignal,
): Promise<void> {
  parts.log.warn(finding, 'Azure and the grants differ')
  switch (finding.kind) {
    case 'overdue':
      await parts.dispatcher.dispatch({ requestId: finding.requestId, event: { type: 'expiry' } })
      return
    case 'missing':
      await missing(parts, finding, stop)
      return
    case 'changed':
      await changed(parts, finding, known, stop)
      return
    case 'moved':
      await moved(parts, finding, known, stop)
      return
    case 'not ours':
      await alarm(parts, {
        key: `not ours:${finding.nsgId}/${finding.name}`,
        alarm: { type: 'not ours', nsgId: finding.nsgId, name: finding.name },
      })
      return
    case 'stray':
      await stray(parts, finding, stop)
      return
    default:
      finding satisfies never
  }
}

type Of<K extends Finding['kind']> = Extract<Finding, { kind: K }>

const longestReadMs = 20_000

/** A list may lag, so the rule itself is read, twice, before anybody is told that it is gone. */
async function missing(parts: ReconcileParts, finding: Of<'missing'>, stop: AbortSignal): Promise<void> {
  for (let reads = 0; reads < 2; reads += 1) {
    const live = await within(parts.clock, longestReadMs, stop, (signal) =>
      parts.firewall.read(finding.nsgId, finding.name, signal),
    )
    if (live) return
  }
  if (await revoked(parts, finding.requestId, stop)) return
  await parts.dispatcher.dispatch({
    requestId: finding.requestId,
    event: { type: 'rule missing', nsgId: finding.nsgId },
  })
}

/** Whether Defender for Cloud itself took the rule away, which its own record tells. */
async function revoked(parts: ReconcileParts, requestId: string, stop: AbortSignal): Promise<boolean> {
  const current = await parts.store.case(requestId)
  const order = current && orderOf(current)
  const { defender } = parts
  if (!order || !defender) return false
  const state = await within(parts.clock, longestReadMs, stop, (signal) => defender.state(order, signal))
  if (state.kind !== 'revoked') return false
  await parts.dispatcher.dispatch({ requestId, event: { type: 'defender revoked', why: state.why } })
  return true
}

/** What differs between a rule that is on record and the one that stands there now. */
async function differencesNow(
  parts: ReconcileParts,
  { nsgId, name }: Of<'changed' | 'moved'>,
  known: readonly KnownRule[],
  stop: AbortSignal,
): Promise<readonly Difference[]> {
  const on = ({ rule }: KnownRule) => rule.defender?.found.find((one) => one.name === name)
  const wanted = known.find((one) => one.rule.nsgId === nsgId && (one.rule.name === name || on(one)))
  const live = await within(parts.clock, longestReadMs, stop, (signal) =>
    parts.firewall.read(nsgId, name, signal),
  )
  if (!wanted || !live) return []
  const found = on(wanted)
  return found ? defenderDifferences(wanted.rule, found, live) : differences(wanted.rule, live)
}

async function moved(
  parts: ReconcileParts,
  finding: Of<'moved'>,
  known: readonly KnownRule[],
  stop: AbortSignal,
): Promise<void> {
  const { nsgId, requestId, priority } = finding
  const found = await differencesNow(parts, finding, known, stop)
  if (isMove(found))
    await parts.dispatcher.dispatch({ requestId, event: { type: 'rule moved', nsgId, priority } })
}

async function changed(
  parts: ReconcileParts,
  finding: Of<'changed'>,
  known: readonly KnownRule[],
  stop: AbortSignal,
): Promise<void> {
  const { nsgId, requestId } = finding
  const found = await differencesNow(parts, finding, known, stop)
  if (found.length === 0) return
  await parts.dispatcher.dispatch({ requestId, event: { type: 'rule changed', nsgId, differences: found } })
}

async function alarm(parts: ReconcileParts, raised: RaisedAlarm): Promise<void> {
  const now = parts.clock.now()
  await parts.store.transact(async (tx) => {
    if ((await tx.raiseAlarms([raised], now)) > 0) await tx.putJobs([alarmJob(now)], now)
  })
}

/** Puts the rule on record as one to be removed, and has its group worked on: one write a group at a time. */
async function stray(parts: ReconcileParts, finding: Of<'stray'>, stop: AbortSignal): Promise<void> {
  const { nsgId, name, expiresAt, requestId, grantId, cameBack } = finding
  // The survey may have listed it just before its own grant removed it: only what stands there now is a stray.
  const live = await within(parts.clock, longestReadMs, stop, (signal) =>
    parts.firewall.read(nsgId, name, signal),
  )
  if (!live) return
  const now = parts.clock.now()
  const fresh = await parts.store.transact(async (tx) => {
    const put = await tx.putStrays([{ nsgId, name, expiresAt }], now)
    const jobs = [groupJob(nsgId, 'absent', now)]
    if (put.length > 0) {
      const details = { nsg: nsgId, rule: name, expiresAt, cameBack }
      const event: AuditEvent = { type: 'rule.stray', at: now, requestId, grantId, actor: 'jitney', details }
      await tx.audit([event])
      jobs.push(announceJob(now))
    }
    if (requestId === null) {
      const key = `unknown rule:${nsgId}/${name}`
      if ((await tx.raiseAlarms([{ key, alarm: { type: 'unknown rule', nsgId, name } }], now)) > 0)
        jobs.push(alarmJob(now))
    }
    await tx.putJobs(jobs, now)
    return put.length > 0
  })
  if (fresh && cameBack && requestId !== null) {
    await parts.dispatcher.dispatch({ requestId, event: { type: 'rule came back', nsgId, name } })
  }
}
