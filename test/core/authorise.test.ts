import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Authority,
  allApprovers,
  authorise,
  escalated,
  mayBeMissing,
  sameHuman,
  type Verb,
} from '../../src/core/approval.ts'
import type { Member } from '../../src/core/person.ts'
import type { Approvers, Lookup, Stage } from '../../src/core/policy.ts'
import { countAgain, isComplete, progressOf, yesesOf } from '../../src/core/quorum.ts'
import { alice, bob, carol, dave, member, person, review, terms } from '../support/cases.ts'

const erin = person('UERIN')
const named = (...users: string[]): Approvers => ({ users, groups: [] })
const stage = (approvers: Approvers, approvals = 1, fromDifferentGroups = false): Stage => ({
  approvers,
  approvals,
  fromDifferentGroups,
})
const looked = (...up: Partial<Lookup>[]): NonNullable<Approvers['looked']> => ({
  named: named(),
  up: up.map((but) => ({
    kind: 'on call',
    name: 'Nights',
    users: [],
    groups: [],
    until: null,
    problems: [],
    unsure: false,
    ...but,
  })),
})

const troubled = (...problems: string[]) => looked({ problems })

const broken = terms({
  approvals: 0,
  emergency: { skipped: named(bob.userId), reviewers: named(carol.userId) },
})
const said = (verb: Verb, who: Member, given: Authority) => authorise(verb, who, given)?.code ?? 'yes'

describe('an operator', () => {
  const given: Authority = {
    request: { requester: alice },
    terms: terms(),
    operators: { users: [erin.userId], groups: ['SNOC'] },
  }
  it.each<[string, Member]>([
    ['by name', member(erin)],
    ['by group', member(dave, { groups: ['SNOC'] })],
  ])('%s may end anything, stop everything and sign, and decides nothing', (_, who) => {
    expect(
      (['close', 'panic', 'lift', 'sign', 'approve', 'deny', 'cancel', 'extend', 'comment'] as const).map(
        (verb) => said(verb, who, given),
      ),
    ).toEqual([
      'yes',
      'yes',
      'yes',
      'yes',
      'not an approver',
      'not an approver',
      'not yours to cancel',
      'not yours to extend',
      'not yours to comment',
    ])
  })

  it('may stop everything where no request is spoken of', () => {
    expect(authorise('panic', member(erin), { ...given, request: null, terms: null })).toBeNull()
    expect(said('panic', member(bob), { ...given, request: null, terms: null })).toBe('not an operator')
    expect(said('lift', member(bob), { ...given, request: null, terms: null })).toBe('not an operator')
    expect(said('close', member(bob), { ...given, request: null, terms: null })).toBe('not yours to close')
  })

  it('of whom Entra says nothing only ends things', () => {
    const silent = member(erin, { entraId: 'e1', entraUnread: true })
    const answers = (['close', 'panic', 'lift', 'sign'] as const).map((verb) =>
      authorise(verb, silent, given),
    )
    const refusal = { code: 'identity unknown', of: 'you' }
    expect(answers).toEqual([null, null, refusal, refusal])
  })

  it('who has left the organisation stops nothing', () => {
    expect(said('panic', member(erin, { deleted: true }), given)).toBe('not a member')
    expect(said('lift', member(erin, { deleted: true }), given)).toBe('not a member')
  })

  it('who broke the glass does not sign for it', () => {
    const own = { ...given, request: { requester: erin }, terms: broken }
    expect(said('sign', member(erin), own)).toBe('own emergency')
    expect(said('sign', member(erin), { ...own, request: { requester: alice } })).toBe('yes')
  })
})

describe('what nobody foresaw', () => {
  it('is no yes, whoever asks for it', () => {
    const given: Authority = { request: { requester: alice }, terms: terms({ selfApproval: true }) }
    for (const who of [alice, bob]) {
      // @ts-expect-error: a caller without types
      expect(authorise('sell', member(who), given)).toBeTruthy()
    }
  })

  it('is one’s own request where no rule is left: it stays one’s own', () => {
    const given: Authority = { request: { requester: alice }, terms: null }
    expect(said('approve', member(alice), given)).toBe('own request')
    expect(said('approve', member(bob), { ...given, requesterUnread: true })).toBe('not an approver')
  })
})

describe('after the glass was broken', () => {
  const given: Authority = { request: { requester: alice }, terms: broken }
  it.each<[string, Member, string]>([
    ['whoever was passed over', member(bob), 'yes'],
    ['whoever was named to look at it', member(carol), 'yes'],
    ['a colleague', member(dave), 'not yours to sign'],
    ['the one who did it', member(alice), 'own emergency'],
    ['an approver who is disabled in Entra', member(bob, { entraDisabled: true }), 'not a member'],
  ])('%s signs: %s', (_, who, expected) => {
    expect(said('sign', who, given)).toBe(expected)
  })

  it('nobody signs while it is not known whether they did it themselves', () => {
    const second = member(bob, { entraId: 'e1' })
    expect(said('sign', second, { ...given, requesterEntraId: 'e1' })).toBe('own emergency')
    expect(authorise('sign', second, { ...given, requesterUnread: true })).toEqual({
      code: 'identity unknown',
      of: 'requester',
    })
    expect(authorise('sign', member(bob, { entraUnread: true }), given)).toEqual({
      code: 'identity unknown',
      of: 'you',
    })
    expect(said('sign', member(dave, { entraUnread: true }), given)).toBe('not yours to sign')
  })

  it('both may say no, close and comment', () => {
    for (const who of [bob, carol]) {
      for (const verb of ['deny', 'close', 'comment'] as const) {
        expect(said(verb, member(who), given)).toBe('yes')
      }
    }
  })

  it('there is nothing to sign where nobody broke it, or no rule is left', () => {
    expect(said('sign', member(bob), { ...given, terms: terms() })).toBe('not yours to sign')
    expect(said('sign', member(bob), { ...given, terms: null })).toBe('not yours to sign')
  })
})

describe('who is told that they are no approver', () => {
  it('hears each problem once, and of all stages when they would have said no', () => {
    const given: Authority = {
      request: { requester: alice },
      terms: terms({
        stages: [
          stage({ ...named(bob.userId), looked: troubled('no tag', 'no tag') }),
          stage({
            users: [bob.userId, carol.userId],
            groups: ['SOPS', 'SOPS'],
            looked: troubled('no answer'),
          }),
        ],
      }),
    }
    expect(authorise('deny', member(dave), given)).toEqual({
      code: 'not an approver',
      users: [bob.userId, carol.userId],
      groups: ['SOPS'],
      problems: ['no tag', 'no answer'],
    })
    expect(authorise('approve', member(dave), given)).toEqual({
      code: 'not an approver',
      users: [bob.userId],
      groups: [],
      problems: ['no tag'],
    })
  })

  it('hears of nobody once all stages have their yeses, or there is none', () => {
    const nobody = { code: 'not an approver', users: [], groups: [] }
    const request = { requester: alice }
    expect(authorise('approve', member(bob), { request, terms: terms(), stage: 1 })).toEqual(nobody)
    expect(authorise('deny', member(bob), { request, terms: null })).toEqual(nobody)
    expect(authorise('approve', member(bob), { request, terms: broken })).toEqual(nobody)
  })

  it('is not waiting for a turn that was before, and is for any that is to come', () => {
    const given: Authority = {
      request: { requester: alice },
      stage: 1,
      terms: terms({ stages: [bob, carol, dave, erin].map(({ userId }) => stage(named(userId))) }),
    }
    const codes = [bob, carol, dave, erin].map((who) => said('approve', member(who), given))
    expect(codes).toEqual(['not an approver', 'yes', 'not your turn', 'not your turn'])
  })

  it('is told so where whoever approves everything is not known either', () => {
    const given: Authority = { request: null, terms: terms({ selfApproval: true }), requesterUnread: true }
    expect(said('approve', member(bob), given)).toBe('yes')
    expect(said('approve', member(bob), { ...given, terms: terms() })).toBe('identity unknown')
  })
})

const account = (who: string, entraId: string | null) => ({ person: person(who), entraId })

describe('two accounts', () => {
  it.each([
    ['of the same id', account('U1', null), account('U1', 'e1'), true],
    ['of one Entra user', account('U1', 'e1'), account('U2', 'e1'), true],
    ['of two Entra users', account('U1', 'e1'), account('U2', 'e2'), false],
    ['of whom neither is in Entra', account('U1', null), account('U2', null), false],
  ])('%s', (_, a, b, same) => {
    expect([sameHuman(a, b), sameHuman(b, a)]).toEqual([same, same])
  })
})

const unsureOf = (...unsure: boolean[]) =>
  terms({ approvers: { ...named(bob.userId), looked: looked(...unsure.map((each) => ({ unsure: each }))) } })

describe('everybody whom a rule names', () => {
  it('is each there once, from every stage and from what follows an emergency', () => {
    const given = terms({
      stages: [
        stage({ users: ['U1', 'U2'], groups: ['S1'] }),
        stage({ users: ['U2', 'U3'], groups: ['S1', 'S2'] }),
      ],
      emergency: { skipped: { users: ['U4'], groups: ['S2'] }, reviewers: { users: ['U4'], groups: ['S3'] } },
    })
    expect(allApprovers(given)).toEqual({ users: ['U1', 'U2', 'U3', 'U4'], groups: ['S1', 'S2', 'S3'] })
    expect(allApprovers(null)).toEqual({ users: [], groups: [] })
  })

  it('may be more than is known when one lookup of several failed', () => {
    expect(mayBeMissing(unsureOf(false, true), member(dave))).toBe(true)
    expect(mayBeMissing(unsureOf(false, false), member(dave))).toBe(false)
    expect(mayBeMissing(unsureOf(true), member(bob))).toBe(false)
  })
})

describe('once more people are asked', () => {
  const before = terms({
    stages: [
      stage({ users: ['U1', 'U2'], groups: ['S1'], ownerTag: 'owner' }, 2, true),
      stage({ users: [], groups: [] }),
    ],
    escalation: { afterMs: 1, approvers: { users: ['U2', 'U9'], groups: ['S1', 'S9'] } },
  })

  it('they may speak in every stage, beside those who could before', () => {
    expect(escalated(before)).toEqual({
      ...before,
      stages: [
        stage({ users: ['U1', 'U2', 'U9'], groups: ['S1', 'S9'], ownerTag: 'owner' }, 2, true),
        stage({ users: ['U2', 'U9'], groups: ['S1', 'S9'] }),
      ],
    })
  })

  it('nothing changes where the rule names nobody else', () => {
    expect(escalated(terms())).toEqual(terms())
  })
})

describe('how far the approvals have come', () => {
  it('is the end when as many stages are through as there are', () => {
    const two = terms({ stages: [stage(named('U1')), stage(named('U2'))] })
    expect([0, 1, 2].map((at) => isComplete(two, { stage: at, approvals: 0 }))).toEqual([false, false, true])
  })

  it('begins each stage at nothing, and leaves what comes after the last one out', () => {
    const given = terms({ stages: [stage(named('UBOB', 'UCAROL'), 2), stage(named('UDAVE', 'UERIN'), 2)] })
    const yeses = [bob, carol, dave].map((who) => member(who))
    expect(progressOf(given, yeses)).toEqual({ stage: 1, approvals: 1 })
    const all = [...yeses, member(erin), member(person('U9'))]
    expect(countAgain(given, all)).toEqual({
      progress: { stage: 2, approvals: 0 },
      counted: all.slice(0, 4),
    })
  })

  it('leaves one person’s second account out of the next stage too', () => {
    const given = terms({ stages: [stage(named('UBOB')), stage(named('UCAROL'))] })
    const yeses = [member(bob, { entraId: 'e1' }), member(carol, { entraId: 'e1' })]
    expect(countAgain(given, yeses)).toEqual({
      progress: { stage: 1, approvals: 0 },
      counted: yeses.slice(0, 1),
    })
  })

  it('from different groups: one person in all of them is one voice, whatever the order', () => {
    const groups = ['SA', 'SB', 'SC']
    const given = terms({ stages: [stage({ users: ['U1'], groups }, 4, true)] })
    const someone = fc.record({ id: fc.constantFrom('U1', 'U2', 'U3', 'U4'), groups: fc.subarray(groups) })
    const most = (people: readonly (readonly string[])[], taken: readonly string[] = []): number => {
      const [first, ...rest] = people
      if (!first) return 0
      const free = first.filter((voice) => !taken.includes(voice))
      return Math.max(most(rest, taken), ...free.map((voice) => 1 + most(rest, [...taken, voice])))
    }
    fc.assert(
      fc.property(fc.uniqueArray(someone, { selector: ({ id }) => id, maxLength: 4 }), (drawn) => {
        const people = drawn.map((one) => member(person(one.id), { groups: one.groups }))
        const voices = drawn.map((one) => [...one.groups, ...(one.id === 'U1' ? ['U1'] : [])])
        const could = most(voices)
        expect(progressOf(given, people)).toEqual(
          could < 4 ? { stage: 0, approvals: could } : { stage: 1, approvals: 0 },
        )
      }),
    )
  })
})

describe('those who said yes', () => {
  it('are taken as the directory knows them now, in order, and without those who said no', () => {
    const now = [member(carol, { groups: ['SOPS'] }), member(bob, { deleted: true })]
    const reviews = [review(bob), review(dave, 'deny'), review(carol)]
    expect(yesesOf(reviews, now)).toEqual([now[1], now[0]])
  })

  it('are taken as they were judged when the directory was not asked about them', () => {
    const reviews = [{ ...review(bob), groups: ['SOPS'], entraId: 'e1' }, review(carol)]
    expect(yesesOf(reviews, [member(dave)])).toEqual([
      { ...member(bob, { groups: ['SOPS'], entraId: 'e1' }), timeZone: null },
      { ...member(carol), timeZone: null },
    ])
  })
})
