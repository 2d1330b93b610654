import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import { judge } from '../../src/core/pick.ts'
import type { Outcome, Policy, Reason, Subject } from '../../src/core/policy.ts'
import { treeLines } from '../../src/core/tree-text.ts'
import { policy } from '../support/cases.ts'
import { anyMatch, anySubject, refusal, rule } from '../support/policies.ts'

const anyRules = fc
  .array(fc.record({ match: anyMatch, approvals: fc.nat(2), perPerson: fc.option(fc.nat(2)) }), {
    maxLength: 4,
  })
  .map((drawn) =>
    drawn.map(({ match, approvals, perPerson }, at) => ({
      ...rule(`rule ${at}`, match, { approvals }),
      ...(perPerson !== null && { quota: { perPerson } }),
    })),
  )
const anyDeny = fc
  .array(anyMatch, { maxLength: 3 })
  .map((drawn) => drawn.map((match, at) => refusal(`refusal ${at}`, match)))
const usage = fc.nat(2).map((used) => {
  const counted = { byPerson: used, ofVm: used, ofRule: used }
  return new Map(Array.from({ length: 4 }, (_, at) => [`rule ${at}`, counted]))
})
const asked: fc.Arbitrary<Subject> = fc
  .tuple(anySubject, usage)
  .map(([one, counted]) => ({ ...one, usage: counted }))

/** How much an answer gives; approvals are compared where both ask for them. */
const kindness: Readonly<Record<Outcome, number>> = { deny: 0, 'needs approval': 1, allow: 2 }

/** What the explanation says came out, read from nothing but its results. */
function outcomeOf(tree: Reason, { deny, rules }: Policy): string {
  const [refusals, tried] =
    deny.length > 0 ? [tree.children[0], tree.children.slice(1)] : [null, tree.children]
  if (refusals?.result === 'no') return 'deny'
  const yes = tried.filter(({ result }) => result === 'yes')
  expect(yes.length).toBeLessThanOrEqual(1)
  return yes[0] ? (rules.find(({ name }) => name === yes[0]?.check)?.terms.rule ?? '') : 'deny'
}

const agrees = (reason: Reason): void => {
  if (reason.children.length === 0) return
  const failing = reason.children.some(({ result }) => result === 'no')
  expect(reason.result).toBe(failing ? 'no' : 'yes')
}

describe('any policy and any request', () => {
  it('a refusal that applies beats whatever allows, in whatever order both stand', () => {
    let refused = 0
    fc.assert(
      fc.property(
        anyDeny.chain((deny) =>
          fc.shuffledSubarray(deny, { minLength: deny.length }).map((other) => [deny, other]),
        ),
        anyRules.chain((rules) =>
          fc.shuffledSubarray(rules, { minLength: rules.length }).map((other) => [rules, other]),
        ),
        asked,
        ([deny = [], otherDeny = []], [rules = [], otherRules = []], one) => {
          const applies = deny.some((each) => judge(policy([rule('any')], [each]), one).outcome === 'deny')
          if (!applies || !(one.durationMs > 0)) return
          refused += 1
          expect(judge(policy(rules, deny), one)).toEqual({ outcome: 'deny', terms: null })
          expect(judge(policy(otherRules, otherDeny), one)).toEqual({ outcome: 'deny', terms: null })
        },
      ),
      { numRuns: 800 },
    )
    expect(refused).toBeGreaterThan(50)
  })

  it('one more refusal never allows more', () => {
    fc.assert(
      fc.property(anyRules, anyDeny, anyMatch, fc.nat(3), asked, (rules, deny, match, place, one) => {
        const more = deny.toSpliced(place, 0, refusal('one more', match))
        const [before, after] = [judge(policy(rules, deny), one), judge(policy(rules, more), one)]
        expect(kindness[after.outcome]).toBeLessThanOrEqual(kindness[before.outcome])
        if (after.outcome !== 'deny') expect(after).toEqual(before)
      }),
      { numRuns: 800 },
    )
  })

  it('the answer alone and the answer with its reasons are the same', () => {
    fc.assert(
      fc.property(anyRules, anyDeny, asked, (rules, deny, one) => {
        const given = policy(rules, deny)
        const { outcome, terms } = evaluate(given, one)
        expect(judge(given, one)).toEqual({ outcome, terms })
      }),
      { numRuns: 800 },
    )
  })

  it('the results in the explanation agree with the outcome and with one another', () => {
    fc.assert(
      fc.property(anyRules, anyDeny, asked, (rules, deny, one) => {
        const given = policy(rules, deny)
        const { outcome, terms, tree } = evaluate(given, one)
        expect(tree.result).toBe(outcome === 'deny' ? 'no' : 'yes')
        expect(outcomeOf(tree, given)).toBe(terms?.rule ?? 'deny')
        const refusals = deny.length > 0 ? tree.children[0] : undefined
        const applying = refusals?.children.filter(({ result }) => result === 'yes') ?? []
        if (refusals) expect(refusals.result).toBe(applying.length > 0 ? 'no' : 'yes')
        for (const each of [
          ...tree.children.filter((child) => child !== refusals),
          ...(refusals?.children ?? []),
        ])
          agrees(each)
      }),
      { numRuns: 800 },
    )
  })

  it('the text of the explanation says the outcome first and leaves no check out', () => {
    const first: Readonly<Record<Outcome, string>> = {
      allow: 'Allowed: ',
      'needs approval': 'Needs approval: ',
      deny: 'Denied: ',
    }
    const checks = (reason: Reason): string[] =>
      reason.result === 'skipped' ? [] : [reason.check, ...reason.children.flatMap(checks)]
    fc.assert(
      fc.property(anyRules, anyDeny, asked, (rules, deny, one) => {
        const verdict = evaluate(policy(rules, deny), one)
        const lines = treeLines(verdict)
        expect(lines[0]?.text.startsWith(first[verdict.outcome])).toBe(true)
        for (const [at, check] of checks(verdict.tree).entries()) expect(lines[at + 1]?.text).toContain(check)
        const skipped = verdict.tree.children.some(({ result }) => result === 'skipped') ? 1 : 0
        expect(lines).toHaveLength(checks(verdict.tree).length + 1 + skipped)
      }),
      { numRuns: 300 },
    )
  })
})
