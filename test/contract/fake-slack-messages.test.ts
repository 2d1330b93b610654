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

const post = (args: Json = {}): Promise<Json> =>
  call('chat.postMessage', { channel: 'C0OPS', text: 'hello', ...args })

const json = async (body: string): Promise<unknown> => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${fake.botToken}` }
  return (await fetch(`${fake.apiUrl}chat.postMessage`, { method: 'POST', headers, body })).json()
}

describe('Tokens and scopes', () => {
  test('a method wants its own kind of token', async () => {
    expect(await call('auth.test')).toMatchObject({
      ok: true,
      user_id: 'U0BOT',
      bot_id: 'B0JITNEY',
      team_id: 'T0TEAM',
    })
    expect(await caller(fake, 'xoxb-other')('auth.test')).toMatchObject({ error: 'invalid_auth' })
    expect(await caller(fake, '')('auth.test')).toMatchObject({ error: 'not_authed' })
    expect(await call('apps.connections.open')).toMatchObject({ error: 'not_allowed_token_type' })
    const opened = await caller(fake, fake.appToken)('apps.connections.open')
    expect(opened['url']).toMatch(/^ws:\/\/127\.0\.0\.1:/)
  })

  test('a scope that is not granted is named', async () => {
    fake.scopes.delete('chat:write')
    expect(await post()).toMatchObject({ error: 'missing_scope', needed: 'chat:write' })
  })

  test('other methods are unknown', async () => {
    expect(await call('chat.meMessage')).toMatchObject({ error: 'unknown_method' })
    expect(await call('constructor')).toMatchObject({ error: 'unknown_method' })
  })

  test('arguments may come as JSON, but not as broken JSON', async () => {
    expect(await json('{"channel":"C0OPS","text":"hi","blocks":[{"type":"divider"}]}')).toMatchObject({
      ok: true,
    })
    expect(await json('{"channel":')).toMatchObject({ error: 'invalid_json' })
  })
})

describe('Posting', () => {
  test.each<[string, Json, string]>([
    ['an unknown channel', { channel: 'C0NOWHERE' }, 'channel_not_found'],
    ['no channel', { channel: '' }, 'invalid_arguments'],
    ['an archived channel', { channel: 'C0OLD' }, 'is_archived'],
    ['a channel without the bot', { channel: 'C0APART' }, 'not_in_channel'],
    ['a private channel without the bot', { channel: 'G0HIDDEN' }, 'channel_not_found'],
    ['a person who left', { channel: 'U0GONE' }, 'user_disabled'],
    ['itself', { channel: 'U0BOT' }, 'cannot_dm_bot'],
    ['a thread that is not there', { thread_ts: '1.000001' }, 'thread_not_found'],
    ['metadata without payload', { metadata: { event_type: 'x' } }, 'invalid_metadata_schema'],
  ])('to %s is refused', async (_what, args, error) => {
    fake.person('gone', { deleted: true })
    fake.channel('C0OLD', { archived: true })
    fake.channel('C0APART', { bot: false })
    fake.channel('G0HIDDEN', { private: true, bot: false })
    expect(await post(args)).toMatchObject({ ok: false, error })
  })

  test('a public channel is open to chat:write.public', async () => {
    fake.channel('C0APART', { bot: false })
    fake.scopes.add('chat:write.public')
    expect(await post({ channel: 'C0APART' })).toMatchObject({ ok: true })
  })

  test('a user id opens the direct conversation and gives back its own id', async () => {
    const posted = await post({ channel: alice.id })
    expect(posted['channel']).toBe('D0ALICE')
    expect(fake.dm('alice').map((each) => each.text)).toEqual(['hello'])
  })

  test('timestamps never repeat, though the clock stands still', async () => {
    const stamps = [await post(), await post(), await post()].map((each) => String(each['ts']))
    expect(stamps.toSorted()).toEqual(stamps)
    expect(new Set(stamps).size).toBe(3)
    expect(stamps[0]).toBe('1795338000.000000')
  })

  test('a thread is read apart from the channel, and only its parent takes replies', async () => {
    const parent = await post()
    const reply = await post({ text: 'reply', thread_ts: parent['ts'] })
    await post({ text: 'loud reply', thread_ts: parent['ts'], reply_broadcast: true })
    expect(fake.messages('C0OPS').map((each) => each.text)).toEqual(['hello', 'loud reply'])
    expect(fake.thread({ channel: 'C0OPS', ts: String(parent['ts']) })).toHaveLength(2)
    expect(await post({ thread_ts: reply['ts'] })).toMatchObject({ error: 'cannot_reply_to_message' })
  })

  test('metadata stays with the message until it is replaced', async () => {
    const metadata = { event_type: 'card', event_payload: { id: 'r1' } }
    const { ts } = await post({ metadata })
    await call('chat.update', { channel: 'C0OPS', ts, text: 'new' })
    expect(fake.messages('C0OPS')[0]?.metadata).toEqual(metadata)
  })
})

describe('Changing messages', () => {
  test('a message is changed where it stands, and remembers what it was', async () => {
    const { ts } = await post({ blocks: [{ type: 'divider' }] })
    expect(await call('chat.update', { channel: 'C0OPS', ts, text: 'new' })).toMatchObject({
      ok: true,
      text: 'new',
    })
    const [message] = fake.messages('C0OPS')
    expect(message).toMatchObject({ text: 'new', blocks: [] })
    expect(message?.versions.map((each) => each.blocks.length)).toEqual([1, 0])
  })

  test('direct messages are changed by the id of the conversation, not of the person', async () => {
    const { ts } = await post({ channel: alice.id })
    const byUser = await call('chat.update', { channel: alice.id, ts, text: 'new' })
    expect(byUser).toMatchObject({ error: 'channel_not_found' })
    expect(await call('chat.update', { channel: 'D0ALICE', ts, text: 'new' })).toMatchObject({ ok: true })
  })

  test.each(['chat.update', 'chat.delete'])(
    '%s reaches the lasting messages of the bot only',
    async (method) => {
      const foreign = alice.says('C0OPS', 'mine')
      const ephemeral = await call('chat.postEphemeral', { channel: 'C0OPS', user: alice.id, text: 'psst' })
      const error = method === 'chat.update' ? 'cant_update_message' : 'cant_delete_message'
      expect(await call(method, { channel: 'C0OPS', ts: foreign.ts, text: 'x' })).toMatchObject({ error })
      for (const ts of [ephemeral['message_ts'], '1.000001']) {
        expect(await call(method, { channel: 'C0OPS', ts, text: 'x' })).toMatchObject({
          error: 'message_not_found',
        })
      }
    },
  )

  test('an archived channel is frozen', async () => {
    const old = fake.channel('C0OLD')
    const { ts } = await post({ channel: old.id })
    old.archived = true
    const update = { channel: old.id, ts, text: 'x' }
    expect(await call('chat.update', update)).toMatchObject({ error: 'is_inactive' })
  })

  test('rich text gives way to rich text only', async () => {
    const section = { type: 'rich_text_section', elements: [{ type: 'text', text: 'x' }] }
    const { ts } = await post({ blocks: [{ type: 'rich_text', elements: [section] }] })
    const plain = await call('chat.update', {
      channel: 'C0OPS',
      ts,
      text: 'x',
      blocks: [{ type: 'divider' }],
    })
    expect(plain).toMatchObject({ error: 'block_mismatch' })
  })

  test('a deleted message is gone', async () => {
    const { ts } = await post()
    expect(await call('chat.delete', { channel: 'C0OPS', ts })).toMatchObject({ ok: true })
    expect(fake.messages('C0OPS')).toEqual([])
    const link = await call('chat.getPermalink', { channel: 'C0OPS', message_ts: ts })
    expect(link).toMatchObject({ error: 'message_not_found' })
  })

  test('a permalink names channel and message', async () => {
    const { ts } = await post()
    const link = await call('chat.getPermalink', { channel: 'C0OPS', message_ts: ts })
    expect(link['permalink']).toBe('https://example.slack.com/archives/C0OPS/p1795338000000000')
  })

  test('ephemeral messages reach members only, and only their own', async () => {
    fake.person('bob')
    const outside = await call('chat.postEphemeral', { channel: 'C0OPS', user: 'U0BOB', text: 'psst' })
    expect(outside).toMatchObject({ error: 'user_not_in_channel' })
    await call('chat.postEphemeral', { channel: 'C0OPS', user: alice.id, text: 'psst' })
    expect(fake.ephemerals('alice').map((each) => each.text)).toEqual(['psst'])
    expect(fake.messages('C0OPS')).toEqual([])
  })
})
