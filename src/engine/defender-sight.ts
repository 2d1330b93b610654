import type { Case } from '../core/case.ts'
import { type DefenderState, isDefendersFor } from '../core/defender.ts'
import { type Owner, ownerOf } from '../core/defender-owner.ts'
import type { Grant } from '../core/grant.ts'
import type { LiveRule } from '../core/live-rule.ts'
import type { RuleWork } from '../ports.ts'
import { orderOf } from './ask-defender.ts'
import { nextTry } from './close-rule.ts'
import { alarmJob } from './job-of.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

export const longestReadMs = 10_000
/** A group that has no rule of Defender’s so long after it has opened in another one gets none. */
export const leavesOutAfterMs = 30_000

/** Often at first, and the longer it takes the more seldom. */
export const pollMs = (sinceMs: number, mostMs: number) => Math.min(mostMs, Math.max(1_000, sinceMs / 3))

export interface Sight {
  readonly current: Case
  readonly grant: Grant
  /** The rules of the group; null when it is gone. */
  readonly live: readonly LiveRule[] | null
  /** The names that other grants have on record. */
  readonly others: ReadonlySet<string>
}

export async function look(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<Sight | null> {
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

export const recordedNames = ({ rule }: RuleWork): readonly string[] =>
  (rule.defender?.found ?? []).map(({ name }) => name)

/** Those that look as ours would, were born after the request, and that nobody has on record: ours perhaps. */
export const newborn = ({ live, others }: Sight, work: RuleWork): readonly LiveRule[] =>
  (live ?? []).filter(
    (one) =>
      isDefendersFor(one, work.rule) &&
      !work.rule.defender?.before.includes(one.name) &&
      !recordedNames(work).includes(one.name) &&
      !others.has(one.name),
  )

/** To be read after the rules: then it tells of everybody whose rule was among them. */
export async function stateOf(parts: WriteParts, current: Case, stop: AbortSignal): Promise<DefenderState> {
  const order = orderOf(current)
  const { defender } = parts
  if (!order || !defender) return { kind: 'unknown', rivals: null }
  return within(parts.clock, longestReadMs, stop, (signal) => defender.state(order, signal))
}

/** Whose the newborn ones are. */
export function ownerOfNewborn(
  { grant, live, others }: Sight,
  { rule }: RuleWork,
  state: DefenderState,
): Owner {
  const recorded = (live ?? []).filter((one) => others.has(one.name) && isDefendersFor(one, rule))
  return ownerOf({
    state,
    asked: grant.defender?.askingAt !== undefined,
    known: (rule.defender?.before.length ?? 0) + recorded.length,
  })
}

export const wait = (parts: WriteParts, { grantId, rule }: RuleWork, ms: number, why: string | null) =>
  parts.store.postpone(grantId, rule.nsgId, parts.clock.now() + ms, why)

export async function postpone(parts: WriteParts, work: RuleWork, why: string): Promise<void> {
  const { at } = nextTry(parts.clock, work, { kind: 'try again', why, afterMs: null })
  const { nsgId } = work.rule
  await parts.store.postpone(work.grantId, nsgId, at, why)
  parts.log.warn(
    { grant: work.grantId, nsg: nsgId, againAt: at, why },
    'a rule of Defender could not be looked at',
  )
}

/** Leaves alone what may be another person's, says so, and calls the operators, once for each rule. */
export async function tellDoubtful(
  { dispatcher, clock }: WriteParts,
  { requestId, rule: { nsgId } }: RuleWork,
  { current: { request }, grant }: Sight,
  rules: readonly LiveRule[],
): Promise<void> {
  for (const { name } of rules) {
    if (grant.defender?.left?.includes(name)) continue
    const now = clock.now()
    const alarm = {
      type: 'defender doubtful',
      requestId,
      vm: request.vm.name,
      source: request.source.address,
      nsgId,
      name,
    } as const
    await dispatcher.dispatch({
      requestId,
      event: { type: 'defender doubtful', nsgId, name },
      also: async (tx) => {
        if ((await tx.raiseAlarms([{ key: `defender doubtful:${grant.id}/${name}`, alarm }], now)) > 0)
          await tx.putJobs([alarmJob(now)], now)
      },
    })
  }
}
