import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { caller } from '../support/fake-slack/client.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Json } from '../support/fake-slack/json.ts'
import type { Person } from '../support/fake-slack/person.ts'

let fake: FakeSlack
let call: ReturnType<typeof caller>
let alice: Person
let time = Date.UTC(2026, 10, 22, 9, 0)

beforeEach(async () => {
  time = Date.UTC(2026, 10, 22, 9, 0)
  fake = await startFakeSlack({ now: () => time })
  call = caller(fake)
  alice = fake.person('alice', { tz: 'Europe/Berlin' })
  fake.channel('C0OPS', { name: 'ops', members: ['alice'] })
})

afterEach(async () => {
  await fake.stop()
})

const user = async (name: string): Promise<unknown> => (await call('users.info', { user: name }))['user']
const info = async (channel: string): Promise<Json> => call('conversations.info', { channel })

describe('People, groups and conversations', () => {
  test('users.info tells members, guests, strangers and the departed apart', async () => {
    fake.person('guest', { guest: 'single-channel' })
    fake.person('outsider', { stranger: true, team: 'T0ELSE' })
    fake.person('gone', { deleted: true })
    fake.person('robot', { bot: true })
    const member = {
      deleted: false,
      is_bot: false,
      is_restricted: false,
      team_id: 'T0TEAM',
      tz: 'Europe/Berlin',
    }
    expect(await user(alice.id)).toMatchObject({
      ...member,
      tz_offset: 3600,
      profile: { email: 'alice@example.com' },
    })
    expect(await user('U0GUEST')).toMatchObject({ is_restricted: true, is_ultra_restricted: true })
    expect(await user('U0OUTSIDER')).toMatchObject({ is_stranger: true, team_id: 'T0ELSE' })
    expect(await user('U0GONE')).toMatchObject({ deleted: true })
    expect(await user('U0ROBOT')).toMatchObject({ is_bot: true })
    expect(await call('users.info', { user: 'U0NOBODY' })).toMatchObject({ error: 'user_not_found' })
    alice.becomes({ deleted: true })
    expect(await user(alice.id)).toMatchObject({ deleted: true })
  })

  test('e-mail addresses need their own scope', async () => {
    fake.scopes.delete('users:read.email')
    expect(await user(alice.id)).not.toHaveProperty('profile.email')
    expect(await call('users.lookupByEmail', { email: 'alice@example.com' })).toMatchObject({
      error: 'missing_scope',
    })
  })

  test('lists come in pages', async () => {
    fake.person('bob')
    const first = await call('users.list', { limit: 2 })
    const cursor = String(Object(first['response_metadata']).next_cursor)
    const second = await call('users.list', { limit: 2, cursor })
    expect([first['members'], second['members']]).toEqual([
      [expect.anything(), expect.anything()],
      [expect.objectContaining({ name: 'bob' })],
    ])
  })

  test('user groups give their members', async () => {
    const group = fake.group('S0ONCALL', 'oncall', ['alice'])
    expect(await call('usergroups.users.list', { usergroup: 'S0ONCALL' })).toMatchObject({
      users: [alice.id],
    })
    group.members([])
    const list = await call('usergroups.list', { include_users: true })
    expect(list['usergroups']).toEqual([expect.objectContaining({ handle: 'oncall', users: [] })])
    expect(await call('usergroups.users.list', { usergroup: 'S0NONE' })).toMatchObject({
      error: 'no_such_subteam',
    })
  })

  test('conversations.info tells what a channel is', async () => {
    fake.channel('C0SHARED', { shared: true, archived: true, bot: false })
    expect((await info('C0OPS'))['channel']).toMatchObject({
      is_ext_shared: false,
      is_archived: false,
      is_member: true,
    })
    expect((await info('C0SHARED'))['channel']).toMatchObject({
      is_ext_shared: true,
      is_archived: true,
      is_member: false,
    })
    expect(await info('C0NOWHERE')).toMatchObject({ error: 'channel_not_found' })
    fake.scopes.delete('channels:read')
    expect(await info('C0OPS')).toMatchObject({ error: 'missing_scope', needed: 'channels:read' })
  })

  test('conversations.open gives the same direct conversation each time', async () => {
    const first = await call('conversations.open', { users: alice.id })
    expect(first).toMatchObject({ channel: { id: 'D0ALICE' } })
    const second = await call('conversations.open', { users: alice.id })
    expect(second).toMatchObject({ already_open: true, channel: { id: 'D0ALICE' } })
    expect(await call('conversations.open', { users: 'U0NOBODY' })).toMatchObject({ error: 'user_not_found' })
  })
})
