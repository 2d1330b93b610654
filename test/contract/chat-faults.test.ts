import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { minute } from '../../src/core/duration.ts'
import { Fault } from '../../src/core/fault.ts'
import type { Chat, Place } from '../../src/ports.ts'
import { createChat } from '../../src/slack/chat.ts'
import { cases, noon } from '../slack/a-case.ts'
import { listen, shut } from '../slack/listen.ts'
import { quiet } from '../slack/quiet.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import { textOf } from '../support/fake-slack/json.ts'
import type { Person } from '../support/fake-slack/person.ts'

let fake: FakeSlack
let chat: Chat
let asker: Person

const chatAt = (slackApiUrl: string) =>
  createChat({ token: fake.botToken, slackApiUrl, showTags: () => [], log: quiet })

beforeEach(async () => {
  fake = await startFakeSlack()
  asker = fake.person('alice')
  fake.channel('C0APPROVE', { members: ['alice'] })
  chat = chatAt(fake.apiUrl)
})

afterEach(() => fake.stop())

const now = noon + 5 * minute
const post = () => chat.card(cases.pending, null, now)
const edit = (place: Place) => chat.card(cases.open, place, now)

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof Fault) return error
  throw new Error('There was no fault', { cause: error })
}

const permanent = [
  'channel_not_found',
  'is_archived',
  'not_in_channel',
  'account_inactive',
  'user_disabled',
  'invalid_blocks',
  'msg_too_long',
  'restricted_action',
  'invalid_auth',
  'missing_scope',
  'message_not_found',
  'cant_update_message',
]

describe('a failed call says what it means for trying again', () => {
  it.each(permanent)('%s: never again', async (error) => {
    const place = await post()
    fake.fault({ kind: 'error', error, times: 2 })
    expect(await faultOf(post())).toMatchObject({ kind: 'permanent', code: error })
    expect(await faultOf(edit(place))).toMatchObject({ kind: 'permanent', code: error })
  })

  it.each(['ratelimited', 'service_unavailable', 'request_timeout'])('%s: later', async (error) => {
    fake.fault({ kind: 'error', error })
    expect(await faultOf(post())).toMatchObject({ kind: 'try again', code: error })
  })

  it.each(['fatal_error', 'internal_error'])('%s: it may have been posted', async (error) => {
    const place = await post()
    fake.fault({ kind: 'error', error, times: 2 })
    expect(await faultOf(post())).toMatchObject({ kind: 'uncertain', code: error })
    expect(await faultOf(edit(place))).toMatchObject({ kind: 'try again', code: error })
  })

  it('429: when Slack says so, after one call', async () => {
    fake.fault({ kind: '429', retryAfter: 7 })
    expect(await faultOf(post())).toMatchObject({ kind: 'try again', afterMs: 7000 })
    expect(fake.calls({ method: 'chat.postMessage' })).toHaveLength(1)
  })

  it('500: later, after one call', async () => {
    fake.fault({ kind: '500' })
    expect(await faultOf(post())).toMatchObject({ kind: 'try again', code: 'http_500' })
    expect(fake.calls({ method: 'chat.postMessage' })).toHaveLength(1)
  })

  it('a lost reply: the post stands there, and is not sent again by itself', async () => {
    fake.fault({ kind: 'lost-reply' })
    expect(await faultOf(post())).toMatchObject({ kind: 'uncertain' })
    expect(fake.messages('C0APPROVE')).toHaveLength(1)
  })

  it('a lost reply to an edit: later', async () => {
    const place = await post()
    fake.fault({ kind: 'lost-reply' })
    expect(await faultOf(edit(place))).toMatchObject({ kind: 'try again' })
  })

  it('a cut line: nobody knows', async () => {
    fake.fault({ kind: 'drop' })
    expect(await faultOf(post())).toMatchObject({ kind: 'uncertain' })
  })

  it('silence: nobody knows, and the call ends by itself', async () => {
    const soon = createChat({
      token: fake.botToken,
      slackApiUrl: fake.apiUrl,
      showTags: () => [],
      log: quiet,
      callTimeoutMs: 50,
    })
    fake.fault({ kind: 'black-hole', times: 3 })
    expect(await faultOf(soon.card(cases.pending, null, now))).toMatchObject({ kind: 'uncertain' })
    expect(await faultOf(soon.card(cases.open, { channel: 'C0APPROVE', ts: '1.0' }, now))).toMatchObject({
      kind: 'try again',
    })
    const url = await responseUrl()
    expect(await faultOf(soon.answer(url, 'Nothing changed.'))).toMatchObject({ kind: 'uncertain' })
  })

  it('nobody there: later, because nothing was sent', async () => {
    const { apiUrl } = fake
    await fake.stop()
    const alone = chatAt(apiUrl)
    expect(await faultOf(alone.card(cases.pending, null, now))).toMatchObject({
      kind: 'try again',
      code: 'ECONNREFUSED',
    })
  })

  it.each([
    [502, 'uncertain'],
    [503, 'try again'],
    [504, 'uncertain'],
    [403, 'permanent'],
    [200, 'uncertain'],
  ] as const)('a proxy’s own page with status %i: %s', async (status, kind) => {
    const { origin, server } = await listen((_req, res) => res.writeHead(status).end('<html>Sorry</html>'))
    const behind = chatAt(`${origin}/api/`)
    expect(await faultOf(behind.card(cases.pending, null, now))).toMatchObject({ kind })
    shut(server)
  })

  it('no fault tells the token', async () => {
    fake.fault({ kind: '500' })
    const fault = await faultOf(post())
    expect(fault.message).not.toContain(fake.botToken)
  })
})

/** Nobody listens, so Slack reports a failure to the person; the response_url works all the same. */
const responseUrl = async () => textOf((await asker.types('/jit', 'help')).payload, 'response_url')

describe('a private answer', () => {
  it('is seen by the person alone', async () => {
    await chat.answer(await responseUrl(), 'Nothing <!channel> changed.')
    const [answer] = fake.ephemerals('alice').slice(-1)
    expect(answer?.text).toBe('Nothing &lt;!channel&gt; changed.')
    expect(fake.messages('C0APPROVE')).toEqual([])
  })

  it('fails for good once Slack takes no more', async () => {
    const url = await responseUrl()
    fake.expireResponseUrls()
    expect(await faultOf(chat.answer(url, 'Too late'))).toMatchObject({ kind: 'permanent' })
  })

  it.each([
    'https://evil.example/commands/T1/2/3',
    'http://hooks.slack.com/commands/T1/2/3',
    'https://hooks.slack.com.evil.example/commands/T1/2/3',
    'https://hooks.slack.com@evil.example/commands/T1/2/3',
    'https://user:secret@hooks.slack.com/commands/T1/2/3',
    'https://hooks.slack.com:8443/commands/T1/2/3',
    'http://169.254.169.254/metadata/instance',
    'file:///etc/passwd',
    'not a url',
    '',
  ])('goes nowhere else: %s', async (url) => {
    expect(await faultOf(chat.answer(url, 'Secret'))).toMatchObject({
      kind: 'permanent',
      code: 'foreign_response_url',
    })
  })

  it('goes to Slack’s own host only, when the API is Slack’s own', async () => {
    const url = await responseUrl()
    for (const api of ['https://slack.com/api/', 'https://acme.slack.com/api/']) {
      for (const elsewhere of [url, `${new URL(api).origin}/api/chat.delete`]) {
        expect(await faultOf(chatAt(api).answer(elsewhere, 'Secret'))).toMatchObject({
          code: 'foreign_response_url',
        })
      }
    }
  })

  it('follows no redirect', async () => {
    const visited: string[] = []
    const { origin, server } = await listen((req, res) => {
      visited.push(req.url ?? '')
      res.writeHead(302, { location: '/elsewhere' }).end()
    })
    const trapped = chatAt(`${origin}/api/`)
    expect(await faultOf(trapped.answer(`${origin}/commands/1`, 'Secret'))).toBeInstanceOf(Fault)
    expect(visited).toEqual(['/commands/1'])
    shut(server)
  })
})
