import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canSuffice } from '../../src/core/can-suffice.ts'
import type { Stage } from '../../src/core/policy.ts'
import { isComplete, progressOf } from '../../src/core/quorum.ts'
import { member, person, terms } from '../support/cases.ts'

const stage = (
  users: string[],
  groups: string[] = [],
  approvals = 1,
  fromDifferentGroups = false,
): Stage => ({
  approvers: { users, groups },
  approvals,
  fromDifferentGroups,
})
const nobodyKnows = () => null

describe('whether approvers can suffice', () => {
  it.each<[string, Stage[], boolean]>([
    ['nobody is asked', [], true],
    ['one is asked and named', [stage(['U1'])], true],
    ['two are asked and one is named twice', [stage(['U1', 'U1'], [], 2)], false],
    ['the same one is asked twice', [stage(['U1']), stage(['U1'])], false],
    ['one of two is asked twice', [stage(['U1', 'U2']), stage(['U1'])], true],
    ['three stages share two people', [stage(['U1', 'U2']), stage(['U1', 'U2']), stage(['U1', 'U2'])], false],
    ['a group that nobody looked into', [stage([], ['S1'], 9)], true],
    ['two groups, each from another one', [stage([], ['S1', 'S2'], 2, true)], true],
    ['one group, each from another one', [stage([], ['S1'], 2, true)], false],
    ['nobody is named', [stage([])], false],
  ])('%s', (_, stages, yes) => {
    expect(canSuffice(stages, nobodyKnows)).toBe(yes)
  })

  it('counts owners and people on call as enough', () => {
    const owned: Stage = { ...stage([], [], 3), approvers: { users: [], groups: [], ownerTag: 'owner' } }
    const onCall: Stage = { ...stage([], [], 3), approvers: { users: [], groups: [], onCall: ['P1'] } }
    expect(canSuffice([owned, onCall], nobodyKnows)).toBe(true)
  })

  it('leaves out whoever asks', () => {
    expect(canSuffice([stage(['U1', 'U2'])], nobodyKnows, 'U1')).toBe(true)
    expect(canSuffice([stage(['U1', 'U2'], [], 2)], nobodyKnows, 'U1')).toBe(false)
  })
})

const people = ['U1', 'U2', 'U3', 'U4']
const permutations = (all: readonly string[]): string[][] =>
  all.length === 0
    ? [[]]
    : all.flatMap((one) => permutations(all.filter((other) => other !== one)).map((rest) => [one, ...rest]))
const orders = permutations(people)

const anyStages = (different: fc.Arbitrary<boolean>) =>
  fc.array(
    fc
      .tuple(fc.subarray(people), fc.subarray(['S1', 'S2']), fc.integer({ min: 1, max: 2 }), different)
      .map(([users, groups, approvals, fromDifferentGroups]) =>
        stage(users, groups, approvals, fromDifferentGroups),
      ),
    { minLength: 1, maxLength: 3 },
  )
const anyGroups = fc.record({ S1: fc.subarray(people), S2: fc.subarray(people) })

/** Whether some order of yeses of everybody there is gets to the end. */
const somehow = (stages: Stage[], groups: { S1: string[]; S2: string[] }): boolean =>
  orders.some((order) => {
    const yeses = order.map((id) => {
      const inside = (['S1', 'S2'] as const).filter((group) => groups[group].includes(id))
      return member(person(id), { groups: inside })
    })
    const given = terms({ stages })
    return isComplete(given, progressOf(given, yeses))
  })

const membersOf = (groups: { S1: string[]; S2: string[] }) => (id: string) =>
  id === 'S1' || id === 'S2' ? groups[id] : null

describe('against the counting of real yeses', () => {
  it('is never denied where some yeses would do', () => {
    fc.assert(
      fc.property(anyStages(fc.boolean()), anyGroups, (stages, groups) => {
        if (somehow(stages, groups)) expect(canSuffice(stages, membersOf(groups))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('is said exactly where some yeses would do, when groups need not differ', () => {
    fc.assert(
      fc.property(anyStages(fc.constant(false)), anyGroups, (stages, groups) => {
        expect(canSuffice(stages, membersOf(groups))).toBe(somehow(stages, groups))
      }),
      { numRuns: 300 },
    )
  })
})
