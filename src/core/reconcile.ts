import { defenderDifferences, isDefenders } from './defender.ts'
import { isExpired } from './expiry.ts'
import { descriptionMark, type Grant, parseRuleName, type Rule } from './grant.ts'
import { type Difference, differences, type LiveRule } from './live-rule.ts'

/** A network security group with its rules, as one reading of Azure showed them. */
export interface SurveyedGroup {
  readonly nsgId: string
  readonly rules: readonly LiveRule[]
}

/** A rule that the database knows, with the state of its grant. */
export interface KnownRule {
  readonly requestId: string
  readonly grantId: string
  readonly grantState: Grant['state']
  readonly openedAt: number | null
  readonly expiresAt: number
  readonly closedAt: number | null
  readonly rule: Rule
}

export type Finding =
  /** A rule of ours that no grant wants any more. `requestId` is null when the database never heard of it. */
  | {
      readonly kind: 'stray'
      readonly nsgId: string
      readonly name: string
      readonly expiresAt: number
      readonly requestId: string | null
      readonly grantId: string | null
      /** Somebody wrote it again after its removal had been confirmed, as an infrastructure tool does. */
      readonly cameBack: boolean
    }
  /** A grant whose end has come and whose close has not begun. */
  | { readonly kind: 'overdue'; readonly requestId: string }
  | { readonly kind: 'missing'; readonly requestId: string; readonly nsgId: string; readonly name: string }
  | {
      readonly kind: 'changed'
      readonly requestId: string
      readonly nsgId: string
      readonly name: string
      readonly differences: readonly Difference[]
    }
  /** It stands at another priority in a group where Defender for Cloud has rules too, and lets in the same. */
  | {
      readonly kind: 'moved'
      readonly requestId: string
      readonly nsgId: string
      readonly name: string
      readonly priority: number
    }
  /** It has a name of our shape, but not our description: somebody else's, and never touched. */
  | { readonly kind: 'not ours'; readonly nsgId: string; readonly name: string }

/** A list of rules may lag behind what was written; a rule that opened this shortly before is not missed yet. */
const lagMs = 30_000

const keyOf = (nsgId: string, name: string) => `${nsgId} ${name}`

const isDescribed = (live: LiveRule) => live.description.startsWith(descriptionMark)

function findStray(
  nsgId: string,
  live: LiveRule,
  named: { grantId: string; expiresAt: number },
  known: KnownRule | undefined,
): Finding {
  return {
    kind: 'stray',
    nsgId,
    name: live.name,
    expiresAt: named.expiresAt,
    requestId: known?.requestId ?? null,
    grantId: known?.grantId ?? null,
    cameBack: known?.grantState === 'closed',
  }
}

/** Defender for Cloud gives rules of others another priority when it needs room; nobody else has to. */
export const isMove = (found: readonly Difference[]): boolean =>
  found.length === 1 && found[0]?.what === 'priority'

/** What is to be said of the rules that Defender wrote for one grant; they are its own until it takes them away. */
function lookAtDefenders(
  known: KnownRule,
  rules: ReadonlyMap<string, LiveRule>,
  settled: boolean,
): Finding | null {
  const { rule, requestId, grantState } = known
  if (grantState !== 'open') return null
  const { nsgId } = rule
  for (const found of rule.defender?.found ?? []) {
    const { name } = found
    const live = rules.get(keyOf(nsgId, name))
    if (!live) {
      if (settled) return { kind: 'missing', requestId, nsgId, name }
      continue
    }
    const changes = defenderDifferences(rule, found, live)
    if (changes.length > 0) return { kind: 'changed', requestId, nsgId, name, differences: changes }
  }
  return null
}

/** What is to be said of one live rule of one group. */
function lookAt(
  nsgId: string,
  live: LiveRule,
  known: KnownRule | undefined,
  now: number,
  besideDefender: boolean,
): Finding | null {
  const named = parseRuleName(live.name)
  if (!named) return null
  if (!known || known.grantState === 'closed') {
    return isDescribed(live)
      ? findStray(nsgId, live, named, known)
      : { kind: 'not ours', nsgId, name: live.name }
  }
  // What is closing is on its way out already, unless this rule was seen gone and stands there again.
  if (known.grantState === 'closing')
    return known.rule.state === 'absent' ? findStray(nsgId, live, named, known) : null
  if (isExpired(known.expiresAt, now)) return { kind: 'overdue', requestId: known.requestId }
  // What is on its way may look in any way; a rule that was seen in place must stay as it was written.
  if (known.grantState === 'opening' && known.rule.state !== 'present') return null
  const found = differences(known.rule, live)
  if (found.length === 0) return null
  const { requestId } = known
  if (besideDefender && isMove(found))
    return { kind: 'moved', requestId, nsgId, name: live.name, priority: live.priority }
  return { kind: 'changed', requestId: known.requestId, nsgId, name: live.name, differences: found }
}

/** What is compared in one go; between two goes everything else gets its turn. */
const mostGroups = 200
const mostRules = 1_000

/** Groups of a size that differs a lot, in parts that do not. */
export function* inParts(groups: readonly SurveyedGroup[]): Generator<readonly SurveyedGroup[]> {
  let part: SurveyedGroup[] = []
  let rules = 0
  for (const group of groups) {
    if (part.length >= mostGroups || (part.length > 0 && rules + group.rules.length > mostRules)) {
      yield part
      part = []
      rules = 0
    }
    part.push(group)
    rules += group.rules.length
  }
  if (part.length > 0) yield part
}

/**
 * Compares what stands in Azure with what should. `known` must be read after the survey: a rule is on record
 * before it is written, so a rule of ours in the survey that `known` lacks is nobody's. `surveyedAt` is when the
 * survey began; epoch milliseconds.
 */
export function compare(
  groups: readonly SurveyedGroup[],
  known: readonly KnownRule[],
  surveyedAt: number,
  now: number,
): readonly Finding[] {
  const byKey = new Map(known.map((one) => [keyOf(one.rule.nsgId, one.rule.name), one]))
  const seen = new Map<string, LiveRule>()
  const findings: Finding[] = []
  for (const { nsgId, rules } of groups) {
    const besideDefender = rules.some(isDefenders)
    for (const live of rules) {
      const key = keyOf(nsgId, live.name)
      seen.set(key, live)
      const finding = lookAt(nsgId, live, byKey.get(key), now, besideDefender)
      if (finding) findings.push(finding)
    }
  }
  for (const one of known) {
    const { nsgId, name } = one.rule
    const settled = one.grantState === 'open' && one.openedAt !== null && one.openedAt < surveyedAt - lagMs
    if (!one.rule.defender && seen.has(keyOf(nsgId, name))) continue
    if (isExpired(one.expiresAt, now) && (one.grantState === 'open' || one.grantState === 'opening')) {
      findings.push({ kind: 'overdue', requestId: one.requestId })
    } else if (one.rule.defender) {
      const finding = lookAtDefenders(one, seen, settled)
      if (finding) findings.push(finding)
    } else if (settled) findings.push({ kind: 'missing', requestId: one.requestId, nsgId, name })
  }
  return findings
}

/** The sweeper's whole judgement: ours by name and description, and past the end that the name carries. */
export const isSweepable = (live: LiveRule, now: number): boolean => {
  const named = parseRuleName(live.name)
  return named !== null && isDescribed(live) && isExpired(named.expiresAt, now)
}
