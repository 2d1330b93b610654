import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { caller, messagesOf } from '../support/fake-slack/client.ts'
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

const modal = { type: 'modal', title: { type: 'plain_text', text: 'T' }, blocks: [{ type: 'divider' }] }
const open = (trigger: string, view: Json = modal): Promise<Json> =>
  call('views.open', { trigger_id: trigger, view })
const idOf = (answer: Json): string => String(Object(answer['view']).id)
const hashOf = (answer: Json): string => String(Object(answer['view']).hash)
const trigger = (): string => fake.workspace.tickets.trigger(alice.id)

const url = (): string => {
  const ticket = fake.workspace.tickets.response('commands', alice.id, 'C0OPS')
  return fake.apiUrl.replace('/api/', ticket.path)
}
const respond = async (to: string, body: Json): Promise<[number, unknown]> => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(to, { method: 'POST', headers, body: JSON.stringify(body) })
  return [response.status, await response.json()]
}

describe('Triggers and views', () => {
  test('a trigger works once', async () => {
    const id = trigger()
    expect(await open(id)).toMatchObject({ ok: true })
    expect(await open(id)).toMatchObject({ error: 'exchanged_trigger_id' })
    expect(await open('1.2.3')).toMatchObject({ error: 'invalid_trigger_id' })
  })

  test('a trigger works for three seconds', async () => {
    const [inTime, late, ended] = [trigger(), trigger(), trigger()]
    time += 3_000
    expect(await open(inTime)).toMatchObject({ ok: true })
    time += 1
    expect(await open(late)).toMatchObject({ error: 'expired_trigger_id' })
    time -= 3_001
    fake.expireTriggers()
    expect(await open(ended)).toMatchObject({ error: 'expired_trigger_id' })
  })

  test('a view that Slack refuses leaves the trigger whole', async () => {
    const id = trigger()
    expect(messagesOf(await open(id, { type: 'modal' })).length).toBeGreaterThan(0)
    expect(await open(id)).toMatchObject({ ok: true })
  })

  test('views.update wants the view to be open and the hash to be the present one', async () => {
    const opened = await open(trigger())
    const update = (args: Json): Promise<Json> =>
      call('views.update', { view_id: idOf(opened), view: modal, ...args })
    expect(await update({ hash: hashOf(opened) })).toMatchObject({ ok: true })
    expect(await update({ hash: hashOf(opened) })).toMatchObject({ error: 'hash_conflict' })
    expect(await update({ view_id: 'V0NONE' })).toMatchObject({ error: 'not_found' })
    const shown = alice.modal()
    if (shown === undefined) throw new Error('no modal')
    await alice.closes(shown)
    expect(await update({})).toMatchObject({ error: 'not_found' })
  })

  test('modals stack three deep', async () => {
    const push = (): Promise<Json> => call('views.push', { trigger_id: trigger(), view: modal })
    expect(await push()).toMatchObject({ error: 'not_found' })
    await open(trigger())
    expect([await push(), await push()].every((each) => each['ok'])).toBe(true)
    expect(await push()).toMatchObject({ error: 'push_limit_reached' })
  })

  test('views.publish guards Home by its hash', async () => {
    const publish = (hash?: string): Promise<Json> =>
      call('views.publish', {
        user_id: alice.id,
        view: { type: 'home', blocks: [] },
        ...(hash ? { hash } : {}),
      })
    const first = await publish()
    expect(await publish(hashOf(first))).toMatchObject({ ok: true })
    expect(await publish(hashOf(first))).toMatchObject({ error: 'hash_conflict' })
    const table = { type: 'table', rows: [[{ type: 'raw_text', text: 'x' }]] }
    const withTable = { user_id: alice.id, view: { type: 'home', blocks: [table] } }
    expect(await call('views.publish', withTable)).toMatchObject({ ok: true })
  })
})

describe('Response URLs', () => {
  test('works five times', async () => {
    const to = url()
    for (let use = 1; use <= 5; use += 1) expect((await respond(to, { text: `${use}` }))[0]).toBe(200)
    expect(await respond(to, { text: '6' })).toEqual([404, { ok: false, error: 'used_url' }])
    expect(fake.ephemerals('alice')).toHaveLength(5)
  })

  test('works for thirty minutes', async () => {
    const to = url()
    time += 30 * 60_000
    expect((await respond(to, { text: 'in time' }))[0]).toBe(200)
    time += 1
    expect(await respond(to, { text: 'late' })).toEqual([404, { ok: false, error: 'expired_url' }])
    const ended = url()
    fake.expireResponseUrls()
    expect((await respond(ended, { text: 'ended' }))[0]).toBe(404)
  })

  test('replaces what the command was answered, and keeps it to the person', async () => {
    const to = url()
    await respond(to, { text: 'working' })
    await respond(to, { text: 'done', replace_original: true, response_type: 'in_channel' })
    const [answer, ...others] = fake.ephemerals('alice')
    expect([answer?.versions.map((each) => each.text), others]).toEqual([['working', 'done'], []])
    await respond(to, { delete_original: true })
    expect(fake.ephemerals('alice')).toEqual([])
    expect(fake.messages('C0OPS')).toEqual([])
  })

  test('refuses bad blocks', async () => {
    const [status, body] = await respond(url(), { text: 'x', blocks: [{ type: 'banner' }] })
    expect([status, body]).toEqual([400, expect.objectContaining({ error: 'invalid_blocks' })])
  })
})
