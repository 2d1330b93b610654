import { beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../src/core/fault.ts'
import type { Member } from '../../src/core/person.ts'
import { entraDirectory } from '../../src/engine/entra-directory.ts'
import type { EntraStanding } from '../../src/ports.ts'
import { alice, clock, member, policy, terms } from '../support/cases.ts'
import { TestClock } from '../support/test-clock.ts'

const down = () => Promise.reject(new Fault('timeout', 'Azure did not answer in time', { kind: 'try again' }))

/** Everything that the directory asks, as it is at this moment. */
let slack: { member: Member; email: string | null }
let entra: { found: string | null; standing: EntraStanding; missing: string[]; down: boolean }
let mapped: string | null
let asked: string[]
let meanwhile: () => void
let time: TestClock

const given = policy([
  {
    name: 'r',
    match: { vm: {}, requester: { entraGroups: ['g1', 'g2'] } },
    reason: { kind: 'optional' },
    quota: {},
    extension: { kind: 'same' },
    terms: terms(),
  },
])

const directory = () =>
  entraDirectory({
    slack: {
      member: () => Promise.resolve(slack.member),
      email: () => Promise.resolve(slack.email),
      userByEmail: () => Promise.resolve(null),
      roster: () => Promise.resolve([]),
    },
    entra: {
      find: (email) => {
        asked.push(`find ${email}`)
        meanwhile()
        return entra.down ? down() : Promise.resolve(entra.found)
      },
      standing: (id, groups) => {
        asked.push(`standing ${id} ${groups.join(',')}`)
        return entra.down ? down() : Promise.resolve(entra.standing)
      },
      missing: (groups) => {
        asked.push(`missing ${groups.join(',')}`)
        return entra.down ? down() : Promise.resolve(entra.missing)
      },
    },
    store: {
      entraUser: () => Promise.resolve(mapped),
      mapEntraUser: (_, id) => {
        mapped ??= id
        return Promise.resolve(mapped)
      },
    },
    policy: () => given,
    clock: time,
    log: { info: () => {}, warn: () => {}, error: () => {} },
  })

beforeEach(() => {
  slack = { member: member(alice), email: 'Alice@example.com' }
  entra = { found: 'e1', standing: { active: true, groups: ['g1'] }, missing: [], down: false }
  mapped = null
  asked = []
  meanwhile = () => {}
  time = new TestClock(clock('09:00'))
})

describe('what Entra adds to a person', () => {
  test('is their object id, found once, and their groups among those that the policy names', async () => {
    const people = directory()
    expect(await people.member(alice, [])).toMatchObject({ entraId: 'e1', entraGroups: ['g1'] })
    expect(asked).toEqual(['find Alice@example.com', 'standing e1 g1,g2', 'missing g1,g2'])
    expect(mapped).toBe('e1')
    entra.found = 'e2'
    expect(await people.member(alice, [], 'live')).toMatchObject({ entraId: 'e1' })
    expect(asked).toHaveLength(5)
  })

  test('is a minute old at most, and new at a click', async () => {
    const people = directory()
    await people.member(alice, [])
    entra.standing = { active: true, groups: [] }
    time.to(time.now() + 59_999)
    expect((await people.member(alice, [])).entraGroups).toEqual(['g1'])
    expect((await people.member(alice, [], 'live')).entraGroups).toEqual([])
    entra.standing = { active: true, groups: ['g2'] }
    time.to(time.now() + 60_000)
    expect((await people.member(alice, [])).entraGroups).toEqual(['g2'])
  })

  test('is what another replica has found at the same moment', async () => {
    meanwhile = () => {
      mapped = 'e0'
    }
    expect(await directory().member(alice, [])).toMatchObject({ entraId: 'e0' })
    expect(asked).toEqual(['find Alice@example.com', 'standing e0 g1,g2', 'missing g1,g2'])
  })

  test('is nothing when Entra does not know them', async () => {
    entra.found = null
    expect(await directory().member(alice, [])).toEqual(slack.member)
    expect(mapped).toBeNull()
  })

  test.each<[string, Partial<Member>]>([
    ['a guest', { guest: true }],
    ['from another organisation', { foreign: true }],
    ['a bot', { bot: true }],
    ['deactivated', { deleted: true }],
    ['unknown to Slack', { known: false }],
  ])('is only who they were for who is %s, and nobody is asked about them', async (_, but) => {
    slack.member = member(alice, but)
    const silent = but.known === false && { entraUnread: true }
    expect(await directory().member(alice, [])).toEqual({ ...slack.member, ...silent })
    mapped = 'e1'
    expect(await directory().member(alice, [])).toEqual({ ...slack.member, entraId: 'e1' })
    expect(asked).toEqual([])
  })

  test('is which of the groups Entra does not know, asked at most once a minute for everybody', async () => {
    const people = directory()
    entra.missing = ['g2']
    expect(await people.member(alice, [])).toMatchObject({ entraGroups: ['g1'], unknownEntraGroups: ['g2'] })
    mapped = 'e2'
    time.to(time.now() + 59_999)
    expect(await people.member(alice, [])).toMatchObject({ entraId: 'e2', unknownEntraGroups: ['g2'] })
    expect(asked.filter((it) => it.startsWith('missing'))).toHaveLength(1)
    entra.missing = []
    expect(await people.member(alice, [], 'live')).not.toHaveProperty('unknownEntraGroups')
  })

  test('is no doubt about a group that they are in', async () => {
    entra.missing = ['g1']
    expect(await directory().member(alice, [])).not.toHaveProperty('unknownEntraGroups')
  })

  test('is that they are disabled, and in no group that is known', async () => {
    entra.standing = { active: false, groups: [] }
    expect(await directory().member(alice, [])).toMatchObject({
      entraId: 'e1',
      entraGroups: null,
      entraDisabled: true,
    })
  })
})

describe('what Entra does not say', () => {
  test('is not known about who was never mapped, and asked again the next time', async () => {
    const people = directory()
    entra.down = true
    expect(await people.member(alice, [])).toMatchObject({
      entraId: null,
      entraGroups: null,
      entraUnread: true,
    })
    entra.down = false
    expect(await people.member(alice, [])).toMatchObject({ entraId: 'e1', entraGroups: ['g1'] })
    expect(await people.member(alice, [])).not.toHaveProperty('entraUnread')
  })

  test('leaves who was mapped as who they are, in no group that is known, and perhaps disabled', async () => {
    mapped = 'e1'
    entra.down = true
    const found = await directory().member(alice, [])
    expect(found).toMatchObject({ entraId: 'e1', entraGroups: null, entraUnread: true })
  })

  test('may be so because Slack shows no address', async () => {
    slack.email = null
    expect(await directory().member(alice, [])).toMatchObject({ entraId: null, entraUnread: true })
    expect(asked).toEqual([])
  })
})
