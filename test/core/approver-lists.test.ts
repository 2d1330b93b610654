import { describe, expect, it } from 'vitest'
import {
  allApprovers,
  askingProblem,
  authorise,
  authoriseByEither,
  escalated,
  mayHear,
} from '../../src/core/approval.ts'
import type { Approvers, Lookup } from '../../src/core/policy.ts'
import { alice, bob, carol, dave, member, review, terms } from '../support/cases.ts'

const named = (users: readonly string[], groups: readonly string[] = []): Approvers => ({ users, groups })
const stage = (approvers: Approvers) => ({ approvers, approvals: 1, fromDifferentGroups: false })
const lookup = (name: string, ...users: string[]): Lookup => ({
  kind: 'on call',
  name,
  users,
  groups: [],
  until: null,
  problems: [],
  unsure: false,
})
const onCall = (name: string, user: string): Approvers => ({
  ...named(['UBOSS', user]),
  onCall: [name],
  looked: { up: [lookup(name, user)], named: named(['UBOSS']) },
})

describe('whom a rule names', () => {
  it('is everybody of every stage, each once', () => {
    const given = terms({
      stages: [stage(named(['UA', 'UB'], ['SX'])), stage(named(['UB', 'UC'], ['SX', 'SY']))],
    })
    expect(allApprovers(given)).toEqual(named(['UA', 'UB', 'UC'], ['SX', 'SY']))
    expect(allApprovers(null)).toEqual(named([]))
  })

  it('is also whoever was not asked in an emergency, and whoever looks at it afterwards', () => {
    const emergency = { skipped: named(['UA'], ['SX']), reviewers: named(['UB'], ['SY']) }
    expect(allApprovers(terms({ stages: [], emergency }))).toEqual(named(['UA', 'UB'], ['SX', 'SY']))
  })
})

const escalation = (approvers: Approvers) => ({ afterMs: 1, approvers })

describe('once more people are asked', () => {
  it('nothing changes where the rule asks nobody else', () => {
    const given = terms()
    expect(escalated(given)).toBe(given)
  })

  it('they may speak in every stage beside those who could before', () => {
    const stages = [stage(named(['UA'], ['SX'])), stage(named(['UB']))]
    const given = terms({ stages, escalation: escalation(named(['UB', 'UC'], ['SY'])) })
    expect(escalated(given).stages).toEqual([
      stage(named(['UA', 'UB', 'UC'], ['SX', 'SY'])),
      stage(named(['UB', 'UC'], ['SY'])),
    ])
  })

  it.each<[string, Approvers, Approvers, unknown]>([
    [
      'of those who were asked first',
      onCall('Days', 'UA'),
      named(['UC']),
      { up: [lookup('Days', 'UA')], named: named(['UBOSS', 'UC']) },
    ],
    [
      'of those who are asked as well',
      named(['UC']),
      onCall('Nights', 'UB'),
      { up: [lookup('Nights', 'UB')], named: named(['UC', 'UBOSS']) },
    ],
    [
      'of both',
      onCall('Days', 'UA'),
      onCall('Nights', 'UB'),
      { up: [lookup('Days', 'UA'), lookup('Nights', 'UB')], named: named(['UBOSS']) },
    ],
  ])('it is still known who was looked up, %s', (_, first, more, looked) => {
    const given = terms({ stages: [stage(first)], escalation: escalation(more) })
    expect(escalated(given).stages[0]?.approvers.looked).toEqual(looked)
  })
})

const mayPanic = (operators?: Approvers) =>
  authorise('panic', member(dave), { request: null, terms: null, ...(operators && { operators }) })

describe('who stops everything', () => {
  it('is told to whoever may not', () => {
    expect(mayPanic(named(['UOPS'], ['SX']))).toEqual({
      code: 'not an operator',
      users: ['UOPS'],
      groups: ['SX'],
    })
    expect(mayPanic()).toEqual({ code: 'not an operator', users: [], groups: [] })
    expect(mayPanic(named(['UDAVE']))).toBeNull()
  })
})

const mayComment = (who = carol, by = [bob, carol]) => {
  const request = { requester: alice, reviews: by.map((one) => review(one)) }
  const given = { request, terms: terms({ approvers: named(['UX']) }) }
  return authorise('comment', member(who), given)?.code ?? 'yes'
}

describe('a comment', () => {
  it('is for whoever has spoken, although nothing names them any more', () => {
    expect([mayComment(carol), mayComment(dave), mayComment(carol, [])]).toEqual([
      'yes',
      'not yours to comment',
      'not yours to comment',
    ])
    const none = { request: null, terms: null }
    expect(authorise('comment', member(bob), none)).toEqual({ code: 'not yours to comment' })
  })
})

describe('who may close', () => {
  const given = { request: { requester: alice }, terms: terms({ approvers: named(['UBOB']) }) }
  const close = (who = bob, now?: readonly string[]) =>
    authoriseByEither('close', member(who), given, now && terms({ approvers: named(now) }))?.code ?? 'yes'

  it('is whoever could when it was approved, and whoever can by now', () => {
    expect([close(bob), close(bob, ['UCAROL']), close(carol, ['UCAROL'])]).toEqual(['yes', 'yes', 'yes'])
    expect([close(carol), close(dave, ['UCAROL'])]).toEqual(['not yours to close', 'not yours to close'])
  })
})

describe('who may hear how it came out', () => {
  const request = { requester: alice }

  it('is the requester whatever they are by now, and every member', () => {
    expect(mayHear(member(alice, { guest: true }), request)).toBeNull()
    expect(mayHear(member(dave), request)).toBeNull()
    expect(mayHear(member(dave, { guest: true }), request)).toEqual({
      code: 'not a member',
      why: 'this is the account of a guest',
    })
  })
})

describe('who may ask', () => {
  it('is a member of whom Entra says who they are', () => {
    expect(askingProblem(member(alice))).toBeNull()
    expect(askingProblem(member(alice, { entraUnread: true }))).toMatch(/^Entra could not tell just now/)
    expect(askingProblem(member(alice, { entraUnread: true, bot: true }))).toBe(
      'this is the account of a bot',
    )
  })
})
