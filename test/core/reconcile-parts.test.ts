import { describe, expect, it } from 'vitest'
import { inParts, type SurveyedGroup } from '../../src/core/reconcile.ts'
import { live, rule } from '../support/cases.ts'

const withRules = (nsgId: string, count: number): SurveyedGroup => ({
  nsgId,
  rules: Array.from({ length: count }, () => live(rule(nsgId))),
})
const sizes = (groups: readonly SurveyedGroup[]) => [...inParts(groups)].map((part) => part.length)

describe('what is compared in one go', () => {
  it('is no more than two hundred groups or about a thousand rules, and every group once', () => {
    expect(sizes([])).toEqual([])
    expect(sizes(Array.from({ length: 450 }, (_, index) => withRules(`g${index}`, 1)))).toEqual([
      200, 200, 50,
    ])
    expect(sizes(Array.from({ length: 25 }, (_, index) => withRules(`g${index}`, 100)))).toEqual([10, 10, 5])
    expect(sizes([withRules('small', 1), withRules('huge', 3_000), withRules('last', 1)])).toEqual([1, 1, 1])
    expect(sizes([withRules('huge', 3_000), withRules('last', 1)])).toEqual([1, 1])
    const groups = Array.from({ length: 450 }, (_, index) => withRules(`g${index}`, index % 40))
    expect([...inParts(groups)].flat()).toEqual(groups)
  })
})
