import { DateTime } from 'luxon'

/** What a person typed for “how long”: a length, or a time of day in their own zone. */
export type Span =
  | { readonly kind: 'length'; readonly ms: number }
  | { readonly kind: 'until'; readonly hour: number; readonly minute: number }

export type SpanAnswer =
  | { readonly ok: true; readonly span: Span }
  | { readonly ok: false; readonly why: string }

const no = (why: string): SpanAnswer => ({ ok: false, why })

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

const units: Readonly<Record<string, number>> = { m: minute, h: hour, d: day }
const lengthForm =
  /^(?:(\d+(?:\.\d+)?)\s*(d|days?)\s*)?(?:(\d+(?:\.\d+)?)\s*(h|hrs?|hours?)\s*)?(?:(\d+(?:\.\d+)?)\s*(m|mins?|minutes?)\s*)?$/
const untilForm = /^until\s+(\d{1,2})[:.](\d{2})$/
/** Longer than any policy would allow; it keeps sums of milliseconds exact. */
const longest = 366 * day

function parseLength(text: string): SpanAnswer {
  if (text.startsWith('-')) return no(`“${text}” is negative; a duration counts forward.`)
  if (/^\d+(\.\d+)?$/.test(text))
    return no(`“${text}” has no unit; say ${text}m for minutes or ${text}h for hours.`)
  const match = lengthForm.exec(text)
  if (!match || text === '') return no(`“${text}” is not a duration.`)
  let ms = 0
  for (const at of [1, 3, 5]) {
    const [amount, unit] = [match[at], match[at + 1]]
    if (amount !== undefined && unit !== undefined)
      ms += Number(amount) * (units[unit.charAt(0)] ?? Number.NaN)
  }
  if (!Number.isFinite(ms) || ms > longest) return no(`“${text}” is longer than a year.`)
  if (ms === 0) return no('A duration of zero opens nothing.')
  if (ms < minute) return no(`“${text}” is shorter than a minute.`)
  return { ok: true, span: { kind: 'length', ms: Math.round(ms) } }
}

/** Reads `30m`, `1h30m`, `90 min`, `2 hours`, `1.5h`, `until 18:00`; units in any case. */
export function parseSpan(text: string): SpanAnswer {
  const tidy = text.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  const until = untilForm.exec(tidy)
  if (!until) return tidy.startsWith('until') ? no(`“${text}” is not a time of day.`) : parseLength(tidy)
  const [at, past] = [Number(until[1]), Number(until[2])]
  if (at > 23 || past > 59) return no(`“${text}” is not a time of day.`)
  return { ok: true, span: { kind: 'until', hour: at, minute: past } }
}

/** When a span that begins now ends; a time of day that has passed means tomorrow's. */
export function endOf(span: Span, now: number, zone: string | null): number {
  if (span.kind === 'length') return now + span.ms
  const here = DateTime.fromMillis(now, { zone: zone ?? 'utc' })
  const start = here.isValid ? here : DateTime.fromMillis(now, { zone: 'utc' })
  const today = start.set({ hour: span.hour, minute: span.minute, second: 0, millisecond: 0 })
  const end = today.toMillis() > now ? today : today.plus({ days: 1 })
  return end.toMillis()
}

/** What a person typed for “from when”: a time of day in their own zone. */
export interface Start {
  readonly tomorrow: boolean
  readonly hour: number
  readonly minute: number
}

const startForm = /(?:^|\s)(at\s+)?(tomorrow\s+)?(at\s+)?(\d{1,2})[:.](\d{2})(?=\s|$)/gi

/** Finds `at 18:00`, `tomorrow 9:00`, `at tomorrow 9:00`; `start` is null when the time of day does not exist. */
export function findStart(text: string): { readonly found: string; readonly start: Start | null } | null {
  for (const [found, before, tomorrow, after, hourText, minuteText] of text.matchAll(startForm)) {
    // `until 18:00` is an end.
    if (before === undefined && tomorrow === undefined && after === undefined) continue
    const [hours, past] = [Number(hourText), Number(minuteText)]
    const start =
      hours > 23 || past > 59 ? null : { tomorrow: tomorrow !== undefined, hour: hours, minute: past }
    return { found, start }
  }
  return null
}

/** The moment that a start means; a time of day that has passed means tomorrow's. */
export function startOf(start: Start, now: number, zone: string | null): number {
  const here = DateTime.fromMillis(now, { zone: zone ?? 'utc' })
  const today = here.isValid ? here : DateTime.fromMillis(now, { zone: 'utc' })
  const at = today.set({ hour: start.hour, minute: start.minute, second: 0, millisecond: 0 })
  return (start.tomorrow || at.toMillis() <= now ? at.plus({ days: 1 }) : at).toMillis()
}

/** Whether a moment lies in the next day of somebody’s own zone; without a zone nobody knows. */
export function isTomorrow(at: number, now: number, zone: string | null): boolean {
  const today = DateTime.fromMillis(now, { zone: zone ?? 'invalid' })
  return (
    today.isValid && DateTime.fromMillis(at, { zone: today.zone }).hasSame(today.plus({ days: 1 }), 'day')
  )
}

const parts = (ms: number): readonly (readonly [number, string])[] => {
  const minutes = Math.max(1, Math.round(ms / minute))
  return [
    [Math.floor(minutes / 1440), 'd'],
    [Math.floor((minutes % 1440) / 60), 'h'],
    [minutes % 60, 'min'],
  ]
}

/** `1 h 30 min`, to the minute. */
export const durationText = (ms: number): string =>
  parts(ms)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')

/** `for 1 h 30 min`, `until 18:00`. */
export const spanText = (span: Span): string =>
  span.kind === 'length'
    ? `for ${durationText(span.ms)}`
    : `until ${span.hour}:${String(span.minute).padStart(2, '0')}`

/** The same as a length, behind a “for”; `begins` is when, in words. */
export const lengthOf = (span: Span, begins: string | null = null): string => {
  const from = begins === null ? '' : `from ${begins}`
  if (span.kind === 'length') return [durationText(span.ms), from].filter((part) => part !== '').join(' ')
  return ['the time', from, spanText(span)].filter((part) => part !== '').join(' ')
}

/** `23:30`, `tomorrow 9:00`: a moment of today or tomorrow in somebody’s own zone. */
export const beginningText = (at: number, now: number, zone: string | null): string => {
  const here = DateTime.fromMillis(at, { zone: zone ?? 'invalid' })
  if (!here.isValid) return utcText(at)
  return `${isTomorrow(at, now, zone) ? 'tomorrow ' : ''}${here.toFormat('H:mm')}`
}

/** `2026-11-22 17:05 UTC`. */
export const utcText = (at: number): string =>
  DateTime.fromMillis(at, { zone: 'utc' }).toFormat("yyyy-MM-dd HH:mm 'UTC'")

/** Reads `2026-11-23T09:00+01:00`; without a zone it is UTC, without a time it is midnight. Null for anything else. */
export function parseInstant(text: string): number | null {
  // A time of day alone would mean another moment every day.
  if (!/^\d{4}-/.test(text)) return null
  const moment = DateTime.fromISO(text, { zone: 'utc' })
  return moment.isValid ? moment.toMillis() : null
}
