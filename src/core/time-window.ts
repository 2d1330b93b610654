import { DateTime, IANAZone } from 'luxon'
import { day as oneDay } from './duration.ts'
import type { TimeMatch } from './policy.ts'

const oneMinute = 60_000
const minutesADay = 24 * 60
/** Access longer than this is never inside one run of hours; it bounds the search. */
const mostDays = 400

/** A part of a day in which the clocks of a zone do not change. */
interface Steady {
  readonly until: number
  /** What the clock on the wall is ahead of UTC. */
  readonly ahead: number
}

/** The parts of one day of UTC, counted from the first of 1970; null where nobody knows the zone. */
function readDay(zone: IANAZone, day: number): readonly Steady[] | null {
  const aheadAt = (moment: number) => zone.offset(moment) * oneMinute
  const end = (day + 1) * oneDay
  const last = aheadAt(end)
  let [from, ahead] = [day * oneDay, aheadAt(day * oneDay)]
  if (Number.isNaN(ahead + last)) return null
  const parts: Steady[] = []
  while (ahead !== last) {
    let [before, after] = [from, end]
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (aheadAt(middle) === ahead) before = middle
      else after = middle
    }
    parts.push({ until: after, ahead })
    from = after
    ahead = aheadAt(after)
  }
  return [...parts, { until: end, ahead: last }]
}

/** Zones are slow to read, and the next request is about the same days as the last one. */
const read = new Map<string, Map<number, readonly Steady[]>>()
const mostKept = 1_000

function partsOf(zone: string, day: number): readonly Steady[] | null {
  let days = read.get(zone)
  const known = days?.get(day)
  if (known) return known
  const parts = isZone(zone) ? readDay(IANAZone.create(zone), day) : null
  if (!parts) return null
  if (!days || days.size > mostKept) {
    days = new Map()
    read.set(zone, days)
  }
  days.set(day, parts)
  return parts
}

/** No calendar goes further. */
const mostMs = 8e15

type TimeFit = 'none' | 'some' | 'all'

/** The first of 1970 was a Thursday. */
const weekdayOf = (day: number): number => ((((day + 3) % 7) + 7) % 7) + 1

/** The same while the clocks do not change: both ends as the clock and the calendar on the wall show them. */
function fitOnTheWall({ days, hours }: TimeMatch, start: number, end: number): TimeFit {
  const { from, to } = hours ?? { from: 0, to: minutesADay }
  const length = (to > from ? to - from : to - from + minutesADay) * oneMinute
  let covered = start
  let touched = false
  // The hours of yesterday may reach into today.
  for (let day = Math.floor(start / oneDay) - 1; day * oneDay < end; day += 1) {
    if (days && !days.includes(weekdayOf(day))) continue
    const begins = day * oneDay + from * oneMinute
    if (begins < end && begins + length > start) touched = true
    if (begins <= covered && begins + length > covered) covered = begins + length
  }
  if (covered >= end) return 'all'
  return touched ? 'some' : 'none'
}

/**
 * Whether a span of time lies in the hours wholly, in part, or not at all. Both in epoch milliseconds. Each moment is
 * judged by the clock on the wall, so an hour that comes twice is inside twice.
 */
export function timeFit(match: TimeMatch, start: number, end: number): TimeFit {
  // A span without a start or an end: nobody knows.
  if (!(Math.abs(start) < mostMs && Math.abs(end) < mostMs && start <= end)) return 'some'
  if (end - start > mostDays * oneDay) return 'some'
  // A span of no length is judged as the moment that it is.
  const until = Math.max(end, start + 1)
  let fit: TimeFit | null = null
  for (let at = start; at < until; ) {
    const parts = partsOf(match.zone, Math.floor(at / oneDay))
    if (!parts) return 'some'
    for (const { until: change, ahead } of parts) {
      if (change <= at) continue
      const stop = Math.min(change, until)
      const here = fitOnTheWall(match, at + ahead, stop + ahead)
      if (here === 'some' || (fit !== null && fit !== here)) return 'some'
      fit = here
      at = stop
      if (at >= until) break
    }
  }
  return fit ?? 'some'
}

const shortNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

function parseDay(word: string): readonly number[] | null {
  const ends = word.split('-').map((name) => shortNames.indexOf(name.trim().toLowerCase()))
  const [from = -1, to = from] = ends
  if (ends.length > 2 || from < 0 || to < 0) return null
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, at) => ((from + at) % 7) + 1)
}

/** Reads `mon`, `mon-fri` or `fri-mon` as numbers, Monday being 1; null when a word is no day. */
export function parseDays(texts: readonly string[]): readonly number[] | null {
  const found = texts.map(parseDay)
  const days = found.filter((one) => one !== null).flat()
  return found.includes(null) ? null : [...new Set(days)].toSorted((a, b) => a - b)
}

const hoursForm = /^(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)$/

/** Reads `08:00-18:00`; `22:00-06:00` ends on the next day. Minutes after midnight, or null. */
export function parseHours(text: string): { readonly from: number; readonly to: number } | null {
  const [, fromHour, fromMinute, toHour, toMinute] = (hoursForm.exec(text.trim()) ?? []).map(Number)
  if (fromHour === undefined || fromMinute === undefined) return null
  if (toHour === undefined || toMinute === undefined) return null
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute]
  return from < minutesADay && to <= minutesADay && from !== to ? { from, to } : null
}

export const isZone = (name: string): boolean => IANAZone.isValidZone(name)

const dayNames = ['', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']

const clock = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`

/** `Monday, Tuesday 08:00 to 18:00 (Europe/Berlin)`. */
export function timeText({ days, hours, zone }: TimeMatch): string {
  const when = days ? days.map((number) => dayNames[number] ?? String(number)).join(', ') : 'every day'
  return `${when}${hours ? ` ${clock(hours.from)} to ${clock(hours.to)}` : ''} (${zone})`
}

/** `Friday 17:50`, in the zone of the match. */
export function momentText({ zone }: TimeMatch, at: number): string {
  const moment = DateTime.fromMillis(at, { zone })
  return moment.isValid ? `${dayNames[moment.weekday] ?? ''} ${moment.toFormat('HH:mm')}` : 'an unknown time'
}
