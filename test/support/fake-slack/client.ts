import { WebAPIPlatformError, WebClient } from '@slack/web-api'
import type { FakeSlack } from './fake-slack.ts'
import { isJson, type Json } from './json.ts'
import { silent } from './silent-logger.ts'

interface ClientOptions {
  token?: string
  retries?: number
  /** Lets the test give up a call at a moment of its choice, as a timeout would. */
  signal?: AbortSignal
}

/** The real SDK, which sees each failure once unless `retries` says otherwise. */
export function clientOf(fake: FakeSlack, options: ClientOptions = {}): WebClient {
  const { signal } = options
  return new WebClient(options.token ?? fake.botToken, {
    slackApiUrl: fake.apiUrl,
    logger: silent,
    retryConfig: { retries: options.retries ?? 0, minTimeout: 1, maxTimeout: 1 },
    ...(signal === undefined ? {} : { fetch: (url, init) => fetch(url, { ...init, signal }) }),
  })
}

/** Calls a Web API method with the real SDK and gives Slack's answer, be it `ok` or not. */
export function caller(fake: FakeSlack, token: string = fake.botToken) {
  const client = clientOf(fake, { token })
  return async (method: string, args: Json = {}): Promise<Json> => {
    try {
      return { ...(await client.apiCall(method, args)) }
    } catch (error) {
      if (error instanceof WebAPIPlatformError) return { ...error.data }
      throw error
    }
  }
}

/** The complaints that come with an answer. */
export function messagesOf(answer: Json): string[] {
  const metadata = answer['response_metadata']
  const messages: unknown = isJson(metadata) ? metadata['messages'] : undefined
  return Array.isArray(messages) ? messages.map(String) : []
}
