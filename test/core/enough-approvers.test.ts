import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Roster, refusedFor, tooFewApprovers } from '../../src/core/enough-approvers.ts'
import type { Member } from '../../src/core/person.ts'
import type { Approvers, Lookup, Reason, Stage, Terms } from '../../src/core/policy.ts'
import { isComplete, progressOf } from '../../src/core/quorum.ts'
import { alice, member, person, terms, verdict } from '../support/cases.ts'

const stage = (approvers: Partial<Approvers>, approvals = 1, fromDifferentGroups = false): Stage => ({
  approvers: { users: [], groups: [], ...approvers },
  approvals,
  fromDifferentGroups,
})

const roster = (
  groups: Record<string, readonly string[] | null> = {},
  barred: readonly string[] = [],
): Roster => ({
  groups: new Map(Object.entries(groups)),
  barred: new Set(barred),
})

const lookup = (but: Partial<Lookup>): NonNullable<Approvers['looked']> => ({
  up: [
    {
      kind: 'owner tag',
      name: 'owner',
      users: [],
      groups: [],
      until: null,
      problems: [],
      unsure: false,
      ...but,
    },
  ],
  named: { users: [], groups: [] },
})

const lack = (stages: readonly Stage[], known = roster(), but: Partial<Terms> = {}) =>
  tooFewApprovers(terms({ stages, ...but }), alice, known)?.because ?? 'enough'

const rule = (check: string): Reason => ({ check, result: 'yes', because: 'it fits', children: [] })

describe('a request that nobody can approve', () => {
  it.each<[string, readonly Stage[], Roster, string]>([
    ['another person', [stage({ users: ['UBOB'] })], roster(), 'enough'],
    [
      'only the requester',
      [stage({ users: [alice.userId] })],
      roster(),
      'nobody but the requester could approve',
    ],
    [
      'a group with only the requester in it',
      [stage({ groups: ['SOPS'] })],
      roster({ SOPS: [alice.userId] }),
      'nobody but the requester could approve: the group SOPS has nobody else who could',
    ],
    [
      'an empty group',
      [stage({ groups: ['SOPS'] })],
      roster({ SOPS: [] }),
      'nobody but the requester could approve: the group SOPS has nobody else who could',
    ],
    ['a group that could not be read', [stage({ groups: ['SOPS'] }, 5)], roster({ SOPS: null }), 'enough'],
    ['a group that nobody asked about', [stage({ groups: ['SOPS'] }, 5)], roster(), 'enough'],
    [
      'somebody who has left',
      [stage({ users: ['UBOB'] })],
      roster({}, ['UBOB']),
      'nobody but the requester could approve: UBOB is no full, active member',
    ],
    [
      'two of one',
      [stage({ users: ['UBOB', alice.userId] }, 2)],
      roster(),
      '2 people must approve, and at most 1 could',
    ],
    [
      'the same one in two stages',
      [stage({ users: ['UBOB'] }), stage({ groups: ['SOPS'] })],
      roster({ SOPS: ['UBOB'] }),
      '2 people must approve, and at most 1 could: each person counts for one stage only',
    ],
    [
      'two from different groups, who are in one',
      [stage({ groups: ['SOPS', 'SDBA'] }, 2, true)],
      roster({ SOPS: ['UBOB', 'UCAROL'], SDBA: [] }),
      '2 people must approve, and at most 1 could: the group SDBA has nobody else who could',
    ],
    [
      'two from different groups, of which one is not known',
      [stage({ groups: ['SOPS', 'SDBA'] }, 2, true)],
      roster({ SOPS: ['UBOB'], SDBA: null }),
      'enough',
    ],
    [
      'a VM without its tag',
      [stage({ ownerTag: 'owner', looked: lookup({ problems: ['the VM has no tag owner'] }) })],
      roster(),
      'nobody but the requester could approve: the VM has no tag owner',
    ],
    [
      'a schedule that could not be read',
      [
        stage({
          onCall: ['P1'],
          looked: lookup({ problems: ['PagerDuty could not be reached'], unsure: true }),
        }),
      ],
      roster(),
      'enough',
    ],
  ])('names %s', (_, stages, known, expected) => {
    expect(lack(stages, known)).toBe(expected)
  })

  it('may be approved by the requester where the rule says so', () => {
    expect(lack([stage({ users: [alice.userId] })], roster(), { selfApproval: true })).toBe('enough')
    expect(lack([stage({ groups: ['SOPS'] })], roster({ SOPS: [] }), { selfApproval: true })).toBe(
      'nobody could approve: the group SOPS has nobody else who could',
    )
  })

  it('says of each stage what could be given', () => {
    const found = tooFewApprovers(
      terms({ stages: [stage({ users: ['UBOB'] }), stage({ groups: ['SOPS', 'SDBA'] }, 2, true)] }),
      alice,
      roster({ SOPS: ['UCAROL'], SDBA: [] }),
    )
    expect(found).toMatchObject({ check: 'enough people to approve', result: 'no' })
    expect(found?.children).toMatchObject([
      { check: 'stage 1', result: 'yes', because: '1 of the 1 approvals could be given' },
      {
        check: 'stage 2',
        result: 'no',
        because: '1 of the 2 approvals from different groups could be given',
      },
    ])
  })

  it('is denied, with the reason under the rule that decided', () => {
    const given = terms({ stages: [stage({ users: [alice.userId] })] })
    const before = verdict('needs approval', given)
    const tree = { ...before.tree, children: [rule('another'), rule(given.rule)] }
    const found = tooFewApprovers(given, alice, roster())
    if (!found) throw new Error('somebody could approve')
    expect(refusedFor(found, { ...before, tree }, given)).toEqual({
      ...before,
      outcome: 'deny',
      terms: null,
      tree: {
        ...tree,
        result: 'no',
        because: 'the rule “a colleague agrees” applies, but nobody but the requester could approve',
        children: [
          rule('another'),
          {
            check: given.rule,
            result: 'no',
            because: 'enough people to approve: nobody but the requester could approve',
            children: [found],
          },
        ],
      },
    })
  })
})

/* ---- beside brute force ---- */

const ids = ['U1', 'U2', 'U3', 'U4'] as const
const groupIds = ['SA', 'SB'] as const
const anyStage: fc.Arbitrary<Stage> = fc.record({
  approvers: fc.record({ users: fc.subarray([...ids]), groups: fc.subarray([...groupIds]) }),
  approvals: fc.integer({ min: 1, max: 3 }),
  fromDifferentGroups: fc.boolean(),
})
interface World {
  readonly stages: readonly Stage[]
  readonly selfApproval: boolean
  readonly groups: Readonly<Record<(typeof groupIds)[number], readonly string[]>>
  readonly barred: readonly string[]
}
const anyWorld: fc.Arbitrary<World> = fc.record({
  stages: fc.array(anyStage, { minLength: 1, maxLength: 3 }),
  selfApproval: fc.boolean(),
  groups: fc.record({ SA: fc.subarray([...ids]), SB: fc.subarray([...ids]) }),
  barred: fc.subarray([...ids]),
})

const asker = person('U1')

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]))
}

/** Whether any order in which people could click leads to the end: the counting that the clicks go through. */
function somehow({ stages, selfApproval, groups, barred }: World): boolean {
  const given = terms({ stages, selfApproval })
  const all: Member[] = ids
    .filter((id) => selfApproval || id !== asker.userId)
    .map((id) =>
      member(person(id), {
        groups: groupIds.filter((group) => groups[group].includes(id)),
        deleted: barred.includes(id),
      }),
    )
  return permutations(all).some((order) => isComplete(given, progressOf(given, order)))
}

const enough = (
  { stages, selfApproval, groups, barred }: World,
  unknown: readonly string[] = [],
): boolean => {
  const known = Object.fromEntries(
    Object.entries(groups).map(([id, members]) => [id, unknown.includes(id) ? null : members]),
  )
  return tooFewApprovers(terms({ stages, selfApproval }), asker, roster(known, barred)) === null
}

describe('counting who could approve', () => {
  it('says yes exactly when some order of clicks would do', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        expect(enough(world)).toBe(somehow(world))
      }),
      { numRuns: 1000 },
    )
  })

  it('never refuses because something is not known', () => {
    fc.assert(
      fc.property(anyWorld, fc.subarray([...groupIds]), (world, unknown) => {
        if (enough(world)) expect(enough(world, unknown)).toBe(true)
      }),
    )
  })

  it('takes an unknown group as one that has as many other people as are asked for', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const many = Array.from({ length: 9 }, (_, at) => `UNEW${at}`)
        const filled = { ...world, groups: { ...world.groups, SA: [...world.groups.SA, ...many] } }
        expect(enough(world, ['SA'])).toBe(enough(filled))
      }),
    )
  })
})
