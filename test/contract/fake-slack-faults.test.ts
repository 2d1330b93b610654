import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
} from '@slack/web-api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clientOf } from '../support/fake-slack/client.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import { silent } from '../support/fake-slack/silent-logger.ts'

let fake: FakeSlack

beforeEach(async () => {
  fake = await startFakeSlack()
  fake.person('alice')
  fake.channel('C0OPS', { members: ['alice'] })
})

afterEach(async () => {
  await fake.stop()
})

const post = (client: WebClient, text = 'hello') =>
  client.apiCall('chat.postMessage', { channel: 'C0OPS', text })
const texts = (): string[] => fake.messages('C0OPS').map((each) => each.text)

/** Posts, and hangs up once Slack has the call in hand. */
async function giveUp(text: string): Promise<void> {
  const hangUp = new AbortController()
  const failure = post(clientOf(fake, { signal: hangUp.signal }), text).catch((error: unknown) => error)
  await fake.until(() => fake.calls({ method: 'chat.postMessage' }).length === 1)
  hangUp.abort()
  expect(await failure).toBeInstanceOf(WebAPIRequestError)
}

describe('Faults', () => {
  test('429 says when to come back, and strikes only its method and its times', async () => {
    fake.fault({ method: 'chat.postMessage', kind: '429', retryAfter: 3, times: 1 })
    const client = new WebClient(fake.botToken, {
      slackApiUrl: fake.apiUrl,
      rejectRateLimitedCalls: true,
      logger: silent,
    })
    await client.auth.test()
    await expect(post(client)).rejects.toSatisfy(
      (error) => error instanceof WebAPIRateLimitedError && error.retryAfter === 3,
    )
    expect(texts()).toEqual([])
    await post(client)
    expect(texts()).toEqual(['hello'])
  })

  test('500 is an HTTP error', async () => {
    fake.fault({ kind: '500' })
    await expect(post(clientOf(fake))).rejects.toSatisfy(
      (error) => error instanceof WebAPIHTTPError && error.statusCode === 500,
    )
    expect(texts()).toEqual([])
  })

  test('an error code is answered without any effect', async () => {
    fake.fault({ method: 'chat.postMessage', kind: 'error', error: 'channel_not_found', times: 2 })
    for (const client of [clientOf(fake), clientOf(fake)]) {
      await expect(post(client)).rejects.toSatisfy(
        (error) => error instanceof WebAPIPlatformError && error.data.error === 'channel_not_found',
      )
    }
    await post(clientOf(fake))
    expect(texts()).toEqual(['hello'])
  })

  test('a dropped call has no effect', async () => {
    fake.fault({ kind: 'drop' })
    await expect(post(clientOf(fake))).rejects.toBeInstanceOf(WebAPIRequestError)
    expect(texts()).toEqual([])
  })

  test('a lost reply has its effect, so that a retry makes a second message', async () => {
    fake.fault({ kind: 'lost-reply' })
    await post(clientOf(fake, { retries: 1 }))
    expect(texts()).toEqual(['hello', 'hello'])
    expect(fake.calls({ method: 'chat.postMessage' }).map((call) => call.fault)).toEqual([
      'lost-reply',
      undefined,
    ])
  })

  test('a black hole answers nobody until it heals', async () => {
    fake.fault({ method: 'chat.postMessage', kind: 'black-hole', times: 2 })
    await giveUp('given up')
    const waiting = post(clientOf(fake), 'patient')
    const [first, second] = await fake.until(() => {
      const calls = fake.calls({ method: 'chat.postMessage' })
      return calls.length === 2 && calls[0]?.abandoned === true && calls
    })
    expect([first?.answer, second?.abandoned]).toEqual([undefined, undefined])
    expect(texts()).toEqual([])
    fake.heal()
    await waiting
    expect(texts()).toEqual(['patient'])
  })

  test('a slow call has its effect in the end, even when its caller has given up', async () => {
    fake.fault({ kind: 'slow', ms: 60_000 })
    await giveUp('hello')
    expect(texts()).toEqual([])
    fake.heal()
    await fake.until(() => texts().length === 1)
    fake.fault({ kind: 'slow', ms: 1 })
    await post(clientOf(fake))
    expect(texts()).toEqual(['hello', 'hello'])
  })

  test('healing disarms the faults that have not struck', async () => {
    fake.fault({ kind: '500', times: 5 })
    fake.heal()
    await post(clientOf(fake))
    expect(texts()).toEqual(['hello'])
  })

  test('response URLs can fail too', async () => {
    const ticket = fake.workspace.tickets.response('commands', 'U0ALICE', 'C0OPS')
    const respond = (): Promise<Response> =>
      fetch(fake.apiUrl.replace('/api/', ticket.path), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"text":"hi"}',
      })
    fake.fault({ method: 'response_url', kind: '500' })
    expect((await respond()).status).toBe(500)
    fake.fault({ method: 'response_url', kind: 'lost-reply' })
    await expect(respond()).rejects.toThrow()
    expect(fake.ephemerals('alice').map((each) => each.text)).toEqual(['hi'])
  })
})

describe('The record', () => {
  test('keeps every call with its arguments and its answer', async () => {
    await post(clientOf(fake))
    expect(fake.calls({ method: 'chat.postMessage' })).toEqual([
      expect.objectContaining({
        args: { channel: 'C0OPS', text: 'hello' },
        at: expect.any(Number),
        status: 200,
        answer: expect.objectContaining({ ok: true, channel: 'C0OPS' }),
      }),
    ])
    expect(fake.calls({ method: 'chat.update' })).toEqual([])
  })

  test('wakes who waits for it, with the value that came true', async () => {
    const waiting = fake.until(() => fake.messages('C0OPS')[0])
    await post(clientOf(fake), 'awaited')
    expect((await waiting).text).toBe('awaited')
  })

  test('says what it saw when the wait is in vain', async () => {
    await post(clientOf(fake), 'something else')
    const waiting = fake.until(() => false, { within: 1, what: 'the card' })
    await expect(waiting).rejects.toThrow(
      /never saw the card within 1 ms[^]*chat\.postMessage[^]*something else/,
    )
  })

  test('hands on what the predicate throws', async () => {
    const waiting = fake.until(() => {
      throw new Error('wrong predicate')
    })
    await expect(waiting).rejects.toThrow('wrong predicate')
  })
})
