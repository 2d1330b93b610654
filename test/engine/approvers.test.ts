import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/core/fault.ts'
import type { Approvers } from '../../src/core/policy.ts'
import { type LookupParts, withApprovers } from '../../src/engine/approvers.ts'
import { rosterFor } from '../../src/engine/roster.ts'
import type { Directory, Shift } from '../../src/ports.ts'
import { alice, member, person, terms, vm } from '../support/cases.ts'

const away = () => new Fault('away', 'Slack could not be reached', { kind: 'try again' })

const directory: Directory = {
  member: async (who) => member(who, { known: who.userId !== 'UUNKNOWN', guest: who.userId === 'UGUEST' }),
  userByEmail: async (email) => {
    if (email.startsWith('away')) throw away()
    return email.startsWith('nobody') ? null : `U${email.split('@')[0]?.toUpperCase()}`
  },
  roster: async (group) => (group === 'SAWAY' ? null : group === 'SMANY' ? many : ['UBOB', 'UGUEST']),
}
const many = Array.from({ length: 21 }, (_, at) => `U${at}`)

const shift = (scheduleId: string, email: string | null, until: number | null = null): Shift => ({
  scheduleId,
  schedule: `Schedule ${scheduleId}`,
  email,
  until,
})

const parts = (shifts: (() => readonly Shift[]) | null): LookupParts => ({
  directory,
  onCall: shifts && { shifts: async () => shifts() },
  log: { info: () => {}, warn: () => {}, error: () => {} },
})

const of = (approvers: Partial<Approvers>) => terms({ approvers: { users: [], groups: [], ...approvers } })

async function found(from: LookupParts, approvers: Partial<Approvers>, tags = {}) {
  const { stages } = await withApprovers(from, of(approvers), vm({ tags }))
  return stages[0]?.approvers
}

describe('looking up approvers', () => {
  test('leaves terms that name everybody as they are', async () => {
    const given = of({ users: ['UBOB'] })
    expect(await withApprovers(parts(null), given, vm())).toEqual(given)
  })

  test('adds owners and people on call to those who are named, and keeps apart who came from where', async () => {
    const from = parts(() => [shift('P1', 'carol@x.example', 7), shift('P1', 'dave@x.example', 5)])
    const approvers = await found(
      from,
      { users: ['UBOB'], groups: ['SOPS'], ownerTag: 'owner', onCall: ['P1'] },
      { owner: 'UBOB, SDBA, erin@x.example' },
    )
    expect(approvers).toMatchObject({
      users: ['UBOB', 'UERIN', 'UCAROL', 'UDAVE'],
      groups: ['SOPS', 'SDBA'],
      ownerTag: 'owner',
      onCall: ['P1'],
      looked: {
        named: { users: ['UBOB'], groups: ['SOPS'] },
        up: [
          { kind: 'owner tag', name: 'owner', users: ['UBOB', 'UERIN'], groups: ['SDBA'], until: null },
          { kind: 'on call', name: 'Schedule P1', users: ['UCAROL', 'UDAVE'], until: 5, unsure: false },
        ],
      },
    })
  })

  test('a second time forgets who was found the first time', async () => {
    const before = of({ onCall: ['P1'] })
    const first = await withApprovers(
      parts(() => [shift('P1', 'carol@x.example')]),
      before,
      vm(),
    )
    const second = await withApprovers(
      parts(() => [shift('P1', 'dave@x.example')]),
      first,
      vm(),
    )
    expect(second.stages[0]?.approvers.users).toEqual(['UDAVE'])
  })

  test.each<[string, (() => readonly Shift[]) | null, object]>([
    ['no service', null, { problems: ['no on-call service is configured'], unsure: false, users: [] }],
    [
      'nobody',
      () => [shift('P2', 'dave@x.example')],
      { problems: ['nobody is on call for P1'], unsure: false },
    ],
    [
      'somebody without an address',
      () => [shift('P1', null)],
      { problems: ['somebody is on call for Schedule P1 without an e-mail address'], unsure: false },
    ],
    [
      'an address that Slack does not know',
      () => [shift('P1', 'nobody@x.example'), shift('P1', 'dave@x.example')],
      { problems: ['nobody in Slack has the address nobody@x.example'], unsure: false, users: ['UDAVE'] },
    ],
    [
      'an address that could not be looked up',
      () => [shift('P1', 'away@x.example'), shift('P1', 'dave@x.example')],
      { problems: ['Slack could not be reached'], unsure: true, users: ['UDAVE'] },
    ],
    [
      'a service that is away',
      () => {
        throw new Fault('http_500', 'PagerDuty answered with HTTP 500', { kind: 'try again' })
      },
      { problems: ['PagerDuty answered with HTTP 500'], unsure: true, users: [] },
    ],
  ])('says what is missing with %s', async (_, shifts, expected) => {
    const approvers = await found(parts(shifts), { onCall: ['P1'] })
    expect(approvers?.looked?.up).toMatchObject([expected])
  })

  test('hides no mistake of our own', async () => {
    const broken = parts(() => {
      throw new TypeError('no')
    })
    await expect(found(broken, { onCall: ['P1'] })).rejects.toThrow(TypeError)
  })
})

describe('who is there to approve', () => {
  test('are the members of the groups, and nobody who is known to be no full member', async () => {
    const roster = await rosterFor(directory, of({ users: ['UUNKNOWN', 'UCAROL'], groups: ['SOPS'] }), alice)
    expect(roster).toEqual({
      groups: new Map([['SOPS', ['UBOB', 'UGUEST']]]),
      barred: new Set(['UGUEST']),
    })
  })

  test('is not known of a group that could not be read', async () => {
    const roster = await rosterFor(directory, of({ groups: ['SAWAY'] }), alice)
    expect(roster.groups.get('SAWAY')).toBeNull()
  })

  test('is taken for granted of more people than can be asked about one by one', async () => {
    const asked: string[] = []
    const noting: Directory = {
      ...directory,
      member: async (who) => {
        asked.push(who.userId)
        return member(person(who.userId), { guest: true })
      },
    }
    const roster = await rosterFor(noting, of({ groups: ['SMANY'] }), alice)
    expect([asked, roster.barred.size]).toEqual([[], 0])
  })
})
