import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Fault } from '../../src/core/fault.ts'
import type { SlackDirectory } from '../../src/ports.ts'
import { createDirectory } from '../../src/slack/directory.ts'
import { noon, someone } from '../slack/a-case.ts'
import { listen, shut } from '../slack/listen.ts'
import { quiet } from '../slack/quiet.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { PersonOptions } from '../support/fake-slack/people.ts'

let fake: FakeSlack
let time: number
let directory: SlackDirectory

async function begin(enterpriseId?: string) {
  time = noon
  fake = await startFakeSlack({ now: () => time, ...(enterpriseId === undefined ? {} : { enterpriseId }) })
  directory = createDirectory({ token: fake.botToken, slackApiUrl: fake.apiUrl, now: () => time, log: quiet })
}

beforeEach(() => begin())
afterEach(() => fake.stop())

const member = (id: string, groups: readonly string[] = []) => directory.member(someone(id), groups)
const full = { known: true, deleted: false, bot: false, guest: false, foreign: false }
const calls = (method: string) => fake.calls({ method }).length

describe('what Slack says about a person', () => {
  it.each<[string, PersonOptions, object]>([
    ['a full member', { tz: 'Europe/Berlin' }, { ...full, timeZone: 'Europe/Berlin' }],
    ['a guest', { guest: true }, { ...full, guest: true }],
    ['a guest in one channel', { guest: 'single-channel' }, { ...full, guest: true }],
    ['somebody who left', { deleted: true }, { ...full, deleted: true, timeZone: null }],
    ['a bot', { bot: true }, { ...full, bot: true }],
    ['Slackbot', { id: 'USLACKBOT' }, { ...full, bot: true }],
    ['a stranger', { stranger: true }, { ...full, foreign: true }],
    ['a member of another team', { team: 'T0ELSE' }, { ...full, foreign: true }],
    ['a stranger of another team', { team: 'T0ELSE', stranger: true }, { ...full, foreign: true }],
    [
      'a member of another organisation',
      { team: 'T0ELSE', enterprise: 'E0ELSE' },
      { ...full, foreign: true },
    ],
    ['a member of an organisation that is not ours', { team: 'E0ORG' }, { ...full, foreign: true }],
  ])('%s', async (_, options, expected) => {
    const person = fake.person('pat', options)
    expect(await member(person.id)).toMatchObject(expected)
  })

  it('gives the person back as they were asked about', async () => {
    fake.person('pat')
    expect((await member('U0PAT')).person).toEqual(someone('U0PAT'))
  })
})

describe('on an organisation’s grid', () => {
  beforeEach(async () => {
    await fake.stop()
    await begin('E0ORG')
  })

  it.each<[string, PersonOptions, boolean]>([
    ['whose team is the workspace', { team: 'T0TEAM', enterprise: 'E0ORG' }, false],
    ['whose team is given as the organisation', { team: 'E0ORG', enterprise: 'E0ORG' }, false],
    ['of another workspace of the organisation', { team: 'T0SISTER', enterprise: 'E0ORG' }, true],
    ['of another organisation', { team: 'E0ELSE', enterprise: 'E0ELSE' }, true],
  ])('a person %s', async (_, options, foreign) => {
    const person = fake.person('pat', options)
    expect(await member(person.id)).toMatchObject({ known: true, foreign })
  })
})

/** What the directory makes of a user object that Slack may send. */
const ask = async (user: object) => {
  const replies: Record<string, object> = {
    '/api/auth.test': { team_id: 'T0TEAM', enterprise_id: 'E0ORG' },
    '/api/users.info': { user },
  }
  const { origin, server } = await listen((req, res) => {
    res.writeHead(200, { 'content-type': 'application/json' })
    res.end(JSON.stringify({ ok: true, ...replies[req.url ?? ''] }))
  })
  const other = createDirectory({ token: 't', slackApiUrl: `${origin}/api/`, now: () => time, log: quiet })
  const answer = await other.member(someone('U0PAT'), [])
  shut(server)
  return answer
}

describe('answers that the fake Slack does not give', () => {
  it.each([
    [
      'a guest in one channel only',
      { team_id: 'T0TEAM', is_ultra_restricted: true },
      { ...full, guest: true },
    ],
    [
      'several workspaces, ours among them',
      { team_id: 'E0ORG', enterprise_user: { teams: ['T0X', 'T0TEAM'] } },
      full,
    ],
    [
      'several workspaces, ours not among them',
      { team_id: 'E0ORG', enterprise_user: { teams: ['T0X'] } },
      { ...full, foreign: true },
    ],
    ['no team at all', {}, { ...full, foreign: true }],
  ])('%s', async (_, user, expected) => {
    expect(await ask({ id: 'U0PAT', ...user })).toMatchObject(expected)
  })

  it('somebody else than was asked about', async () => {
    expect(await ask({ id: 'U0KIM', team_id: 'T0TEAM' })).toMatchObject({ known: false })
  })
})

describe('groups', () => {
  it('are those asked about that the person is in', async () => {
    fake.person('pat')
    fake.person('kim')
    fake.group('S0OPS', 'ops', ['pat', 'kim'])
    fake.group('S0DBA', 'dba', ['kim'])
    fake.group('S0ALL', 'all', ['pat'])
    expect((await member('U0PAT', ['S0OPS', 'S0DBA'])).groups).toEqual(['S0OPS'])
    expect((await member('U0PAT')).groups).toEqual([])
  })

  it.each(['plan_upgrade_required', 'unknown_method'])(
    'are not known where Slack has none: %s',
    async (error) => {
      fake.person('pat')
      fake.group('S0OPS', 'ops', ['pat'])
      fake.fault({ method: 'usergroups.users.list', kind: 'error', error })
      const found = await member('U0PAT', ['S0OPS'])
      expect(found).toMatchObject({ ...full, groups: [], unknownGroups: ['S0OPS'] })
    },
  )

  it('that the policy names and Slack does not show are not known; the others are', async () => {
    fake.person('pat')
    fake.group('S0OPS', 'ops', ['pat'])
    fake.group('S0OFF', 'off', ['pat']).disable()
    const found = await member('U0PAT', ['S0GONE', 'S0OPS', 'S0OFF'])
    expect(found).toMatchObject({ ...full, groups: ['S0OPS'], unknownGroups: ['S0GONE', 'S0OFF'] })
    expect(await member('U0PAT', ['S0OPS'])).not.toHaveProperty('unknownGroups')
  })

  it('that cannot be read make the person unknown', async () => {
    fake.person('pat')
    fake.group('S0OPS', 'ops', ['pat'])
    fake.fault({ method: 'usergroups.users.list', kind: '500' })
    expect(await member('U0PAT', ['S0OPS'])).toMatchObject({ known: false, groups: [] })
  })
})

describe('what Slack does not say', () => {
  it.each(['auth.test', 'users.info'])('counts as no: %s', async (method) => {
    fake.person('pat')
    fake.fault({ method, kind: '500' })
    expect(await member('U0PAT')).toEqual({
      person: someone('U0PAT'),
      known: false,
      deleted: false,
      bot: false,
      guest: false,
      foreign: false,
      timeZone: null,
      entraId: null,
      entraGroups: null,
      groups: [],
    })
  })

  it.each([
    ['429', { kind: '429' }],
    ['a lost reply', { kind: 'lost-reply' }],
    ['an error', { kind: 'error', error: 'user_not_found' }],
    ['a missing scope', { kind: 'error', error: 'missing_scope' }],
  ] as const)('is asked again the next time, without a retry of its own: %s', async (_, fault) => {
    fake.person('pat')
    fake.fault({ method: 'users.info', ...fault })
    expect(await member('U0PAT')).toMatchObject({ known: false })
    expect(calls('users.info')).toBe(1)
    expect(await member('U0PAT')).toMatchObject(full)
  })

  it('is not made up for somebody whom Slack does not know', async () => {
    expect(await member('U0NOBODY')).toMatchObject({ known: false })
  })
})

describe('an e-mail address', () => {
  it('is the one of the profile, out of the same memory', async () => {
    fake.person('pat', { email: 'Pat@Example.com' })
    await member('U0PAT')
    expect(await directory.email(someone('U0PAT'))).toBe('Pat@Example.com')
    expect(calls('users.info')).toBe(1)
  })

  it('is not there for an app without the scope', async () => {
    fake.person('pat')
    fake.scopes.delete('users:read.email')
    expect(await directory.email(someone('U0PAT'))).toBeNull()
  })

  it('that Slack cannot tell is a fault, and not none', async () => {
    fake.person('pat')
    fake.fault({ method: 'users.info', kind: '500' })
    await expect(directory.email(someone('U0PAT'))).rejects.toThrow()
  })
})

describe('memory', () => {
  it('lasts a minute and no longer', async () => {
    const pat = fake.person('pat')
    fake.group('S0OPS', 'ops', ['pat']).members(['pat'])
    expect(await member('U0PAT', ['S0OPS'])).toMatchObject({ deleted: false, groups: ['S0OPS'] })
    pat.becomes({ deleted: true })
    time += 59_999
    expect(await member('U0PAT', ['S0OPS'])).toMatchObject({ deleted: false })
    expect([calls('users.info'), calls('usergroups.users.list')]).toEqual([1, 1])
    time += 1
    expect(await member('U0PAT', ['S0OPS'])).toMatchObject({ deleted: true })
    expect([calls('users.info'), calls('usergroups.users.list')]).toEqual([2, 2])
  })

  it('does not outlive a clock that was set back', async () => {
    fake.person('pat')
    await member('U0PAT')
    time -= 1
    await member('U0PAT')
    expect(calls('users.info')).toBe(2)
  })

  it('is one question for those who ask at once', async () => {
    fake.person('pat')
    await Promise.all([member('U0PAT'), member('U0PAT'), member('U0PAT')])
    expect(calls('users.info')).toBe(1)
  })
})

describe('the account behind an e-mail address', () => {
  it('is the one that Slack names, in any case, and nobody when Slack knows none', async () => {
    fake.person('pat', { email: 'pat@corp.example' })
    expect(await directory.userByEmail('Pat@Corp.example')).toBe('U0PAT')
    expect(await directory.userByEmail('kim@corp.example')).toBeNull()
  })

  it('is looked up once a minute', async () => {
    const pat = fake.person('pat', { email: 'pat@corp.example' })
    await directory.userByEmail('pat@corp.example')
    pat.becomes({ email: 'other@corp.example' })
    time += 59_999
    expect(await directory.userByEmail('pat@corp.example')).toBe('U0PAT')
    time += 1
    expect(await directory.userByEmail('pat@corp.example')).toBeNull()
    expect(calls('users.lookupByEmail')).toBe(2)
  })

  it.each([
    ['429', { kind: '429' }, 'rate_limited'],
    ['a lost reply', { kind: 'lost-reply' }, undefined],
    ['a missing scope', { kind: 'error', error: 'missing_scope' }, 'missing_scope'],
  ] as const)('is not known after %s, which is not remembered', async (_, fault, code) => {
    fake.person('pat')
    fake.fault({ method: 'users.lookupByEmail', ...fault })
    const failed = await directory.userByEmail('pat@example.com').catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(Fault)
    if (code !== undefined) expect(failed).toMatchObject({ code })
    expect(await directory.userByEmail('pat@example.com')).toBe('U0PAT')
  })
})

describe('the people in a group', () => {
  it('are those that Slack lists; nobody when there is no such group', async () => {
    fake.person('pat')
    fake.group('S0OPS', 'ops', ['pat'])
    expect(await directory.roster('S0OPS')).toEqual(['U0PAT'])
    expect(await directory.roster('S0GONE')).toEqual([])
  })

  it('are not known when Slack does not say', async () => {
    fake.person('pat')
    fake.group('S0OPS', 'ops', ['pat'])
    fake.fault({ method: 'usergroups.users.list', kind: '500' })
    expect(await directory.roster('S0OPS')).toBeNull()
    expect(await directory.roster('S0OPS')).toEqual(['U0PAT'])
  })
})
