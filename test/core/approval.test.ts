import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { authorise, isApprover, mayBeMissing, membershipProblem, type Verb } from '../../src/core/approval.ts'
import type { Member } from '../../src/core/person.ts'
import { alice, bob, carol, dave, member, person, terms } from '../support/cases.ts'

const verbs: readonly Verb[] = [
  'approve',
  'deny',
  'cancel',
  'close',
  'comment',
  'extend',
  'sign',
  'panic',
  'lift',
  'protect',
  'unprotect',
  'agree',
]
const authority = { request: { requester: alice }, terms: terms() }
const code = (verb: Verb, who: Member, given: Parameters<typeof authorise>[2] = authority) =>
  authorise(verb, who, given)?.code ?? 'yes'

describe('who may do what', () => {
  it.each<[string, Member, Record<Verb, string>]>([
    [
      'the requester',
      member(alice),
      {
        approve: 'own request',
        deny: 'own request',
        cancel: 'yes',
        close: 'yes',
        comment: 'yes',
        extend: 'yes',
        sign: 'own emergency',
        panic: 'not an operator',
        lift: 'not an operator',
        protect: 'not an operator',
        unprotect: 'not an operator',
        agree: 'own request',
      },
    ],
    [
      'an approver by name',
      member(bob),
      {
        approve: 'yes',
        deny: 'yes',
        cancel: 'not yours to cancel',
        close: 'yes',
        comment: 'yes',
        extend: 'not yours to extend',
        sign: 'not yours to sign',
        panic: 'not an operator',
        lift: 'not an operator',
        protect: 'not an operator',
        unprotect: 'not an operator',
        agree: 'not an operator',
      },
    ],
    [
      'an approver by group',
      member(dave, { groups: ['SX', 'SOPS'] }),
      {
        approve: 'yes',
        deny: 'yes',
        cancel: 'not yours to cancel',
        close: 'yes',
        comment: 'yes',
        extend: 'not yours to extend',
        sign: 'not yours to sign',
        panic: 'not an operator',
        lift: 'not an operator',
        protect: 'not an operator',
        unprotect: 'not an operator',
        agree: 'not an operator',
      },
    ],
    [
      'a colleague',
      member(dave, { groups: ['SX'] }),
      {
        approve: 'not an approver',
        deny: 'not an approver',
        cancel: 'not yours to cancel',
        close: 'not yours to close',
        comment: 'not yours to comment',
        extend: 'not yours to extend',
        sign: 'not yours to sign',
        panic: 'not an operator',
        lift: 'not an operator',
        protect: 'not an operator',
        unprotect: 'not an operator',
        agree: 'not an operator',
      },
    ],
    [
      'the requester, who is an approver too',
      member(alice, { groups: ['SOPS'] }),
      {
        approve: 'own request',
        deny: 'own request',
        cancel: 'yes',
        close: 'yes',
        comment: 'yes',
        extend: 'yes',
        sign: 'own emergency',
        panic: 'not an operator',
        lift: 'not an operator',
        protect: 'not an operator',
        unprotect: 'not an operator',
        agree: 'own request',
      },
    ],
    [
      'the requester, from another team of the same grid',
      member({ enterpriseId: 'E1', teamId: 'T9', userId: alice.userId }, { groups: ['SOPS'] }),
      {
        approve: 'own request',
        deny: 'own request',
        cancel: 'yes',
        close: 'yes',
        comment: 'yes',
        extend: 'yes',
        sign: 'own emergency',
        panic: 'not an operator',
        lift: 'not an operator',
        protect: 'not an operator',
        unprotect: 'not an operator',
        agree: 'own request',
      },
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
    ['stopped', { stopped: true }, 'an operator has stopped all their access'],
    [
      'disabled in Entra',
      { entraDisabled: true },
      'the Entra account behind this account is disabled or deleted',
    ],
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

describe('approvers who have to be looked up', () => {
  const failing = terms({
    approvers: {
      users: ['UBOB'],
      groups: [],
      onCall: ['P1'],
      looked: {
        up: [
          {
            kind: 'on call',
            name: 'Nights',
            users: ['UBOB'],
            groups: [],
            until: null,
            problems: ['PagerDuty answered with HTTP 503'],
            unsure: true,
          },
        ],
        named: { users: [], groups: [] },
      },
    },
  })

  it('are nobody until they are', () => {
    const given = { ...authority, terms: terms({ approvers: { users: [], groups: [], ownerTag: 'owner' } }) }
    expect(code('approve', member(bob), given)).toBe('not an approver')
  })

  it('may approve when they were found, and who was not found is told why', () => {
    const given = { ...authority, terms: failing }
    expect(code('approve', member(bob), given)).toBe('yes')
    for (const verb of ['approve', 'deny'] as const) {
      expect(authorise(verb, member(carol), given)).toEqual({
        code: 'not an approver',
        users: ['UBOB'],
        groups: [],
        problems: ['PagerDuty answered with HTTP 503'],
      })
    }
  })

  it('may be somebody who was not found, where something failed', () => {
    expect(mayBeMissing(failing, member(carol))).toBe(true)
    expect(mayBeMissing(failing, member(bob))).toBe(false)
    expect(mayBeMissing(terms(), member(dave))).toBe(false)
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

const stage = (
  users: readonly string[],
  groups: readonly string[],
  approvals = 1,
  fromDifferentGroups = false,
) => ({
  approvers: { users, groups },
  approvals,
  fromDifferentGroups,
})

describe('stages and turns', () => {
  const given = {
    request: { requester: alice },
    terms: terms({ stages: [stage(['UBOB'], []), stage(['UCAROL'], [])] }),
  }

  it('whoever comes in a later stage waits; a no counts at once', () => {
    expect(code('approve', member(bob), given)).toBe('yes')
    expect(authorise('approve', member(carol), given)).toEqual({
      code: 'not your turn',
      users: ['UBOB'],
      groups: [],
    })
    expect(code('approve', member(carol), { ...given, stage: 1 })).toBe('yes')
    expect(code('approve', member(bob), { ...given, stage: 1 })).toBe('not an approver')
    expect(code('deny', member(carol), given)).toBe('yes')
    expect(code('close', member(carol), given)).toBe('yes')
  })
})

describe('one’s own request', () => {
  it('may be approved where the rule says so, by who is an approver', () => {
    const own = { request: { requester: bob }, terms: terms({ selfApproval: true }) }
    expect(code('approve', member(bob), own)).toBe('yes')
    expect(code('deny', member(bob), own)).toBe('own request')
    expect(code('approve', member(dave), { ...own, request: { requester: dave } })).toBe('not an approver')
  })

  it('is recognised by the Entra user behind a second account', () => {
    const second = member(carol, { entraId: 'e1' })
    expect(code('approve', second, { ...authority, requesterEntraId: 'e1' })).toBe('own request')
    expect(code('approve', second, { ...authority, requesterEntraId: 'e2' })).toBe('yes')
    expect(code('approve', member(carol), { ...authority, requesterEntraId: null })).toBe('yes')
  })

  it('may be behind another account for as long as Entra does not say whose it is', () => {
    const unread = member(carol, { entraUnread: true })
    expect(code('approve', unread)).toBe('identity unknown')
    expect(code('approve', member(carol), { ...authority, requesterUnread: true })).toBe('identity unknown')
    expect(code('approve', member(dave), { ...authority, requesterUnread: true })).toBe('not an approver')
    // A no and an end harm nobody, and where self-approval is allowed it makes no difference.
    expect(code('deny', unread)).toBe('yes')
    expect(code('close', unread)).toBe('yes')
    const lenient = { ...authority, requesterUnread: true, terms: terms({ selfApproval: true }) }
    expect(code('approve', member(carol), lenient)).toBe('yes')
    // Whoever is not read may be disabled, or have said yes already by another account.
    expect(code('approve', unread, lenient)).toBe('identity unknown')
  })
})
