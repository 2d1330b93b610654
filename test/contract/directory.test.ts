import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Directory } from '../../src/ports.ts'
import { createDirectory } from '../../src/slack/directory.ts'
import { noon, someone } from '../slack/a-case.ts'
import { quiet } from '../slack/quiet.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { PersonOptions } from '../support/fake-slack/people.ts'

let fake: FakeSlack
let time: number
let directory: Directory

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
    'do not exist where Slack has none: %s',
    async (error) => {
      fake.person('pat')
      fake.group('S0OPS', 'ops', ['pat'])
      fake.fault({ method: 'usergroups.users.list', kind: 'error', error })
      expect(await member('U0PAT', ['S0OPS'])).toMatchObject({ ...full, groups: [] })
    },
  )

  it('that the policy names and Slack does not know hold nobody', async () => {
    fake.person('pat')
    expect(await member('U0PAT', ['S0GONE'])).toMatchObject({ ...full, groups: [] })
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
