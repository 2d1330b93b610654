import { utcText } from '../core/duration.ts'
import type { Person } from '../core/person.ts'
import { type Refusal, refusalText, type Wording } from '../core/refusal.ts'
import { visible } from '../core/typed-text.ts'

/** Cuts at whole characters, and shows that something was cut. */
export function clip(text: string, most: number): string {
  if (text.length <= most) return text
  const letters = Array.from(text)
  let kept = ''
  for (const letter of letters) {
    if (kept.length + letter.length > most - 1) break
    kept += letter
  }
  return `${kept}…`
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escape = (text: string) => text.replaceAll(/[&<>]/g, (sign) => escapes[sign] ?? sign)

/** Somebody else's words inside our mrkdwn: no mention, no link, nothing hidden, not too long. */
export const words = (text: string, most = 200): string => escape(clip(visible(text), most))

/** Somebody else's words as plain text, where Slack reads no markup. */
export const plain = (text: string, most: number): string => clip(visible(text), most)

const userForm = /^[UW][A-Z0-9]{1,30}$/
const groupForm = /^S[A-Z0-9]{1,30}$/

export const user = (id: string): string => (userForm.test(id) ? `<@${id}>` : words(id, 40))
export const person = (who: Person): string => user(who.userId)
const channelForm = /^[CG][A-Z0-9]+$/
const channel = (id: string): string => (channelForm.test(id) ? `<#${id}>` : words(id, 40))
export const group = (id: string): string => (groupForm.test(id) ? `<!subteam^${id}>` : words(id, 40))

/** From then on a year has five digits, which nobody reads as a date. */
const yearTenThousand = 253_402_300_800_000

function dateToken(at: number, form: string): string {
  // Slack refuses the whole message when a stamp is not a number of seconds that a calendar holds.
  if (!(at >= 0 && at < yearTenThousand)) return 'an unknown time'
  return `<!date^${Math.floor(at / 1000)}^${form}|${utcText(at)}>`
}

/** `today at 17:05` in the reader's own zone; clients that cannot do that show UTC. */
export const time = (at: number): string => dateToken(at, '{date_short_pretty} at {time}')

/** The core's sentences say “at …” and “since …” themselves, so the time of day comes first in them. */
export const slackWording: Wording = {
  person,
  user,
  group,
  channel,
  time: (at) => dateToken(at, '{time} on {date_short}'),
  words,
}

/** A refusal as Slack text. What came from outside, such as a tag in the policy's reason, is escaped in it. */
export const refusalAnswer = (refusal: Refusal): string => refusalText(refusal, slackWording)

/** Cuts our own mrkdwn, never inside a token or an escape: half of one would show, or mean something else. */
export function cut(markup: string, most: number): string {
  if (markup.length <= most) return markup
  const kept = markup.slice(0, most - 1)
  const token = kept.lastIndexOf('<')
  const whole = token > kept.lastIndexOf('>') ? kept.slice(0, token) : kept
  return `${whole.replace(/&[a-z]{0,3}$/, '').replace(/[\ud800-\udbff]$/, '')}…`
}

const ours = /^<(?:@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|#[CG][A-Z0-9]+|!date\^\d+\^[^<>|]*\|[^<>|]*)>/

/** A second fence: whatever angle brackets are not one of our own tokens lose their meaning. */
export function onlyOurTokens(text: string): string {
  let safe = ''
  for (let at = 0; at < text.length; ) {
    const token = text[at] === '<' ? ours.exec(text.slice(at, at + 200))?.[0] : undefined
    const sign = text[at] ?? ''
    safe += token ?? (sign === '<' || sign === '>' ? escape(sign) : sign)
    at += token?.length ?? 1
  }
  return safe
}

/** `1 approval`, `2 approvals`. */
export const count = (amount: number, one: string, many = `${one}s`): string =>
  `${amount} ${amount === 1 ? one : many}`

/** `0.4 s`, `12 s`: rounded up, so that lateness is never made smaller than it was. */
export function seconds(ms: number): string {
  const tenths = Math.ceil(ms / 100)
  return tenths < 100 ? `${(tenths / 10).toFixed(1)} s` : `${Math.ceil(ms / 1000)} s`
}
