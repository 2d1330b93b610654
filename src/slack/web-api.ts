import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
  type WebClientOptions,
} from '@slack/web-api'
import { Fault } from '../core/fault.ts'
import { type Log, sdkLogger } from './log.ts'

export const callTimeout = 10_000

/**
 * One try per call, and a 429 comes back at once: by default the SDK tries again for half an hour, pauses every
 * other call meanwhile and changes their order. Trying again is the engine's work.
 */
export const clientOptions = (slackApiUrl: string, log: Log) => ({
  slackApiUrl,
  retryConfig: { retries: 0 },
  rejectRateLimitedCalls: true,
  timeout: callTimeout,
  logger: sdkLogger(log),
})

export const webClient = (
  token: string,
  slackApiUrl: string,
  log: Log,
  more: WebClientOptions = {},
): WebClient => new WebClient(token, { ...clientOptions(slackApiUrl, log), ...more })

/** A `post` that is done twice stands there twice; an `edit` or a `read` may be repeated freely. */
export type Verb = 'post' | 'edit' | 'read'

const passing = new Set([
  'ratelimited',
  'rate_limited',
  'message_limit_exceeded',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
  'external_channel_migrating',
])
const halfDone = new Set(['fatal_error', 'internal_error'])
const neverSent =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED)/

/** The code of the failure underneath, however deep `fetch` has wrapped it. */
function innerCode(error: unknown): string {
  let found = ''
  for (let each = error, depth = 0; each instanceof Error && depth < 6; each = each.cause, depth += 1) {
    if ('code' in each && typeof each.code === 'string') found = each.code
    else if (found === '' && each.name !== 'Error' && each.name !== 'TypeError') found = each.name
  }
  return found || 'no answer'
}

function platformFault(method: string, code: string, verb: Verb, cause: unknown): Fault {
  // The SDK puts a reply that is no JSON, such as a proxy's page, in the place of the error code.
  const known = /^[a-z][a-z0-9_]{1,60}$/.test(code)
  const name = known ? code : 'garbled_reply'
  const message = `Slack answered ${method} with ${name}`
  if (passing.has(name)) return new Fault(name, message, { kind: 'try again', cause })
  if (!known || halfDone.has(name)) {
    return new Fault(name, message, { kind: verb === 'post' ? 'uncertain' : 'try again', cause })
  }
  return new Fault(name, message, { kind: 'permanent', cause })
}

function httpFault(method: string, status: number, verb: Verb, cause: unknown): Fault {
  const message = `Slack answered ${method} with HTTP ${status}`
  // A gateway that gave up waiting does not know what the server behind it did.
  const lost = verb === 'post' && (status === 502 || status === 504)
  const kind = lost ? 'uncertain' : status >= 500 || status === 429 ? 'try again' : 'permanent'
  return new Fault(`http_${status}`, message, { kind, cause })
}

/** Says in the core's words what a failed call means for whoever wants to try again. */
export function faultOf(method: string, verb: Verb, error: unknown): Fault {
  if (error instanceof Fault) return error
  if (error instanceof WebAPIRateLimitedError) {
    const afterMs = error.retryAfter * 1000
    return new Fault('rate_limited', `Slack asks to wait before ${method}`, {
      kind: 'try again',
      afterMs,
      cause: error,
    })
  }
  if (error instanceof WebAPIPlatformError) return platformFault(method, error.data.error, verb, error)
  if (error instanceof WebAPIHTTPError) return httpFault(method, error.statusCode, verb, error)
  const inner = error instanceof WebAPIRequestError ? error.original : error
  if (inner instanceof Error && inner.message.startsWith('Retry header'))
    return httpFault(method, 429, verb, error)
  const code = innerCode(inner)
  const kind = verb === 'post' && !neverSent.test(code) ? 'uncertain' : 'try again'
  return new Fault(code, `Slack could not be reached for ${method}: ${code}`, { kind, cause: error })
}

/** Runs one call and turns whatever goes wrong into a `Fault`. */
export async function calling<T>(method: string, verb: Verb, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw faultOf(method, verb, error)
  }
}
