import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  approvalCount,
  authorise,
  hasApproved,
  isApprover,
  membershipProblem,
  type Verb,
} from '../../src/core/approval.ts'
import type { Member } from '../../src/core/person.ts'
import { alice, bob, carol, dave, member, person, review, terms } from '../support/cases.ts'

const verbs: readonly Verb[] = ['approve', 'deny', 'cancel', 'close']
const authority = { request: { requester: alice }, terms: terms() }
const code = (verb: Verb, who: Member, given: Parameters<typeof authorise>[2] = authority) =>
  authorise(verb, who, given)?.code ?? 'yes'

describe('who may do what', () => {
  it.each<[string, Member, Record<Verb, string>]>([
    [
      'the requester',
      member(alice),
      { approve: 'own request', deny: 'own request', cancel: 'yes', close: 'yes' },
    ],
    [
      'an approver by name',
      member(bob),
      { approve: 'yes', deny: 'yes', cancel: 'not yours to cancel', close: 'yes' },
    ],
    [
      'an approver by group',
      member(dave, { groups: ['SX', 'SOPS'] }),
      { approve: 'yes', deny: 'yes', cancel: 'not yours to cancel', close: 'yes' },
    ],
    [
      'a colleague',
      member(dave, { groups: ['SX'] }),
      {
        approve: 'not an approver',
        deny: 'not an approver',
        cancel: 'not yours to cancel',
        close: 'not yours to close',
      },
    ],
    [
      'the requester, who is an approver too',
      member(alice, { groups: ['SOPS'] }),
      { approve: 'own request', deny: 'own request', cancel: 'yes', close: 'yes' },
    ],
    [
      'the requester, from another team of the same grid',
      member({ enterpriseId: 'E1', teamId: 'T9', userId: alice.userId }, { groups: ['SOPS'] }),
      { approve: 'own request', deny: 'own request', cancel: 'yes', close: 'yes' },
    ],
  ])('%s', (_, who, expected) => {
    expect(Object.fromEntries(verbs.map((verb) => [verb, code(verb, who)]))).toEqual(expected)
  })

  it.each<[string, Partial<Member>, string]>([
    ['unknown', { known: false }, 'Slack could not tell who you are just now, so try again in a minute'],
    ['deleted', { deleted: true }, 'this account is deactivated'],
    ['a bot', { bot: true }, 'this is the account of a bot'],
    ['a guest', { guest: true }, 'this is the account of a guest'],
    ['foreign', { foreign: true }, 'this account belongs to another organisation'],
  ])('nobody who is %s, whatever else they are', (_, but, why) => {
    for (const verb of verbs) {
      for (const who of [alice, bob, dave]) {
        // Ending what is one's own is the one thing that needs no word of the directory.
        const ending = who === alice && (verb === 'cancel' || verb === 'close')
        expect(authorise(verb, member(who, { ...but, groups: ['SOPS'] }), authority)).toEqual(
          ending ? null : { code: 'not a member', why },
        )
      }
    }
  })

  it('the directory’s silence weighs more than what it said before', () => {
    expect(membershipProblem(member(bob, { known: false, deleted: true }))).toContain('try again')
    expect(membershipProblem(member(bob))).toBeNull()
  })

  it('without terms nobody is an approver', () => {
    const bare = { ...authority, terms: null }
    expect(authorise('approve', member(bob), bare)).toEqual({
      code: 'not an approver',
      users: [],
      groups: [],
    })
    expect(code('close', member(bob), bare)).toBe('not yours to close')
    expect(code('close', member(alice), bare)).toBe('yes')
  })

  it('says who could have approved', () => {
    expect(authorise('deny', member(dave), authority)).toEqual({
      code: 'not an approver',
      users: ['UBOB', 'UCAROL'],
      groups: ['SOPS'],
    })
  })

  it('nobody ever decides on their own request, whoever the approvers are', () => {
    const ids = fc.constantFrom('U1', 'U2', 'U3')
    fc.assert(
      fc.property(
        ids,
        ids,
        fc.subarray(['U1', 'U2', 'U3']),
        fc.subarray(['S1', 'S2']),
        (asker, clicker, users, groups) => {
          const given = {
            request: { requester: person(asker) },
            terms: terms({ approvers: { users, groups: ['S1'] } }),
          }
          const allowed = authorise('approve', member(person(clicker), { groups }), given) === null
          return allowed === (asker !== clicker && (users.includes(clicker) || groups.includes('S1')))
        },
      ),
    )
  })
})

describe('approver sets', () => {
  it('an empty one has nobody in it', () => {
    expect(isApprover({ users: [], groups: [] }, member(bob, { groups: ['SOPS'] }))).toBe(false)
  })

  it('a group of the person must be a group of the set', () => {
    expect(isApprover({ users: [], groups: ['SOPS'] }, member(bob, { groups: ['SOPS'] }))).toBe(true)
    expect(isApprover({ users: [], groups: ['SOPS'] }, member(bob, { groups: ['SOPS2'] }))).toBe(false)
  })
})

describe('counting', () => {
  it('counts people who said yes, each once, and no one who said no', () => {
    const sameBob = { ...bob, teamId: 'T2' }
    expect(approvalCount([])).toBe(0)
    expect(approvalCount([review(bob), review(sameBob), review(carol), review(dave, 'deny')])).toBe(2)
  })

  it('knows who has said yes already', () => {
    const said = [review(bob), review(carol, 'deny')]
    expect(hasApproved(said, member(bob))).toBe(true)
    expect(hasApproved(said, member(carol))).toBe(false)
    expect(hasApproved(said, member(dave))).toBe(false)
  })
})
