import { createHmac } from 'node:crypto'
import type { Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSlackApp } from '../../src/slack/app.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Person } from '../support/fake-slack/person.ts'
import { listening, postButtons, slackHalf } from './app-under-test.ts'
import { shut } from './listen.ts'

let fake: FakeSlack
let half: ReturnType<typeof slackHalf>
let server: Server
let url: string
let alice: Person

beforeEach(async () => {
  fake = await startFakeSlack()
  alice = fake.person('alice')
  fake.channel('C0APPROVE', { members: ['alice'] })
  half = slackHalf(fake, { kind: 'http', signingSecret: fake.signingSecret })
  const there = await listening(half.app)
  server = there.server
  url = there.url
  fake.postsTo(url)
})

afterEach(async () => {
  shut(server)
  await fake.stop()
})

const form = 'application/x-www-form-urlencoded'
const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': form, ...headers } })
const seconds = () => Math.floor(Date.now() / 1000)
const sign = (body: string) => {
  const stamp = String(seconds())
  const digest = createHmac('sha256', fake.signingSecret).update(`v0:${stamp}:${body}`).digest('hex')
  return { 'x-slack-request-timestamp': stamp, 'x-slack-signature': `v0=${digest}` }
}

describe('a request that Slack did not sign just now', () => {
  it.each(['unsigned', 'wrong-secret', 'stale', 'future', 'altered'] as const)(
    'is refused: %s',
    async (forged) => {
      const command = await alice.types('/jit', 'rdp vm-jump01 30m', { forged })
      expect(command).toMatchObject({ acked: false, status: 401 })
      const click = await alice.clicks(await postButtons(fake, 'C0APPROVE'), 'approve', { forged })
      expect(click).toMatchObject({ acked: false, status: 401 })
      expect(half.seenKeys).toEqual([])
    },
  )

  it.each([
    ['no stamp', { 'x-slack-signature': 'v0=00' }],
    ['a stamp that is no number', { 'x-slack-request-timestamp': 'NaN', 'x-slack-signature': 'v0=00' }],
    ['an empty stamp', { 'x-slack-request-timestamp': '', 'x-slack-signature': 'v0=00' }],
    ['another version', { 'x-slack-request-timestamp': String(seconds()), 'x-slack-signature': 'v1=00' }],
    ['no hash', { 'x-slack-request-timestamp': String(seconds()), 'x-slack-signature': 'v0=' }],
  ])('is refused with %s', async (_, headers) => {
    expect((await post('command=/jit', headers)).status).toBe(401)
  })

  const click = {
    type: 'block_actions',
    user: { id: 'U0ALICE', team_id: 'T0TEAM' },
    team: { id: 'T0TEAM' },
    trigger_id: '1.2.3',
    actions: [{ type: 'button', action_id: 'approve', value: 'r7k3m9x2' }],
  }

  it.each([
    `ssl_check=1&payload=${encodeURIComponent(JSON.stringify(click))}`,
    `payload=${encodeURIComponent(JSON.stringify(click))}&ssl_check=1`,
    'ssl_check=1&command=%2Fjit&text=rdp+vm1+30m&user_id=U0ALICE&team_id=T0TEAM&trigger_id=1.2.3',
  ])('cannot hide behind the check of the certificate', async (body) => {
    const answer = await post(body)
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    expect(half.seenKeys).toEqual([])
  })

  it.each(['ssl_check=2', 'ssl_check=true', 'xssl_check=1'])(
    'is no certificate check with %s',
    async (start) => {
      const answer = await post(`${start}&payload=${encodeURIComponent(JSON.stringify(click))}`)
      expect(answer.status).toBe(401)
      expect(half.seenKeys).toEqual([])
    },
  )
})

describe('what Slack signs', () => {
  it('answers the challenge that proves the address', async () => {
    const body = JSON.stringify({ type: 'url_verification', challenge: 'abc' })
    const answer = await post(body, { ...sign(body), 'content-type': 'application/json' })
    expect(await answer.json()).toEqual({ challenge: 'abc' })
  })

  it('is refused by its size before anything else', async () => {
    const body = `text=${'a'.repeat(1_100_000)}`
    expect((await post(body, sign(body))).status).toBe(413)
  })

  it.each(['payload=%7B', 'payload=null', '[]', ''])(
    'is refused when it cannot be read: “%s”',
    async (body) => {
      const answer = await post(body, { ...sign(body), 'content-type': form })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(half.seenKeys).toEqual([])
    },
  )

  it('comes by POST only', async () => {
    expect((await fetch(url)).status).toBe(405)
  })

  it('leaves the server able to serve the next one', async () => {
    await post('payload=%7B', sign('payload=%7B'))
    expect((await alice.types('/jit', 'rdp vm-jump01 30m')).acked).toBe(true)
  })
})

it('tells Slack at once that a click could not be stored', async () => {
  half.breakDatabase()
  const click = await alice.clicks(await postButtons(fake, 'C0APPROVE'), 'approve')
  expect(click).toMatchObject({ acked: false, status: 500 })
})

it('does not start with an empty secret, which would let anybody in', () => {
  expect(() =>
    createSlackApp({
      config: { botToken: 'xoxb-1', slackApiUrl: fake.apiUrl, mode: { kind: 'http', signingSecret: '' } },
      receive: async () => true,
      read: async () => null,
      remembered: async () => null,
      stops: async () => [],
      services: () => [],
      now: () => 0,
      log: half.log,
    }),
  ).toThrow('empty signing secret')
})

it('has no request handler in Socket Mode', () => {
  expect(slackHalf(fake, { kind: 'socket', appToken: 'xapp-1' }).app.handle).toBeNull()
})
