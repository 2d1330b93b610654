import { Fault } from '../core/fault.ts'
import { type Shown, section } from './blocks.ts'
import { callTimeout, faultOf } from './web-api.ts'
import { cut, onlyOurTokens } from './words.ts'

/**
 * Where answers may go. A response URL comes from outside and is posted to from inside the network, so only
 * Slack's own host counts; a stand-in for Slack may use its own address.
 */
function allowed(responseUrl: string, slackApiUrl: string): boolean {
  if (!URL.canParse(responseUrl) || !URL.canParse(slackApiUrl)) return false
  const [url, api] = [new URL(responseUrl), new URL(slackApiUrl)]
  if (url.username !== '' || url.password !== '') return false
  if (url.origin === 'https://hooks.slack.com') return true
  return api.hostname !== 'slack.com' && !api.hostname.endsWith('.slack.com') && url.origin === api.origin
}

/** Shows a text to one person only, by the `response_url` of what they did. Throws a `Fault`. */
export async function answerPrivately(
  responseUrl: string,
  text: string,
  slackApiUrl: string,
  timeoutMs = callTimeout,
): Promise<void> {
  await answerShown(responseUrl, { text, blocks: [] }, slackApiUrl, timeoutMs)
}

/** The same with blocks, where there are any. */
export async function answerShown(
  responseUrl: string,
  { text, blocks }: Shown,
  slackApiUrl: string,
  timeoutMs = callTimeout,
): Promise<void> {
  const body = {
    response_type: 'ephemeral',
    replace_original: false,
    text: cut(onlyOurTokens(text), 3900),
    ...(blocks.length > 0 && { blocks }),
  }
  await post(responseUrl, body, slackApiUrl, timeoutMs)
}

/** Replaces the message of the button, its buttons with it. Throws a `Fault`. */
export async function replaceOriginal(
  responseUrl: string,
  text: string,
  slackApiUrl: string,
  timeoutMs = callTimeout,
): Promise<void> {
  const shown = cut(onlyOurTokens(text), 2900)
  const body = { replace_original: true, text: shown, blocks: [section(shown)] }
  await post(responseUrl, body, slackApiUrl, timeoutMs)
}

async function post(
  responseUrl: string,
  body: object,
  slackApiUrl: string,
  timeoutMs: number,
): Promise<void> {
  if (!allowed(responseUrl, slackApiUrl)) {
    throw new Fault('foreign_response_url', 'The response_url does not belong to Slack', {
      kind: 'permanent',
    })
  }
  let response: Response
  try {
    response = await fetch(responseUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.arrayBuffer()
  } catch (error) {
    throw faultOf('response_url', 'post', error)
  }
  if (response.ok) return
  const kind = response.status === 429 || response.status >= 500 ? 'try again' : 'permanent'
  throw new Fault(`http_${response.status}`, `Slack answered the response_url with HTTP ${response.status}`, {
    kind,
  })
}
