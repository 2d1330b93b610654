import { DateTime, IANAZone } from 'luxon'
import { day as oneDay } from './duration.ts'
import type { TimeMatch } from './policy.ts'

const minutesADay = 24 * 60
/** Access longer than this is never inside one run of hours; it bounds the search. */
const mostDays = 400

interface Window {
  readonly from: number
  readonly to: number
}

/** The hours of one day, in the zone of the match; days are counted from the first of 1970. */
function readWindow({ days, hours, zone }: TimeMatch, day: number): Window | 'none' | 'unknown' {
  const date = DateTime.fromMillis(day * oneDay, { zone: 'utc' })
  const midnight = date.setZone(zone, { keepLocalTime: true })
  if (!midnight.isValid) return 'unknown'
  if (days && !days.includes(midnight.weekday)) return 'none'
  const { from, to } = hours ?? { from: 0, to: minutesADay }
  const at = (minutes: number) =>
    midnight
      .plus({ days: Math.floor(minutes / minutesADay) })
      .set({ hour: Math.floor((minutes % minutesADay) / 60), minute: minutes % 60 })
      .toMillis()
  return { from: at(from), to: at(to > from ? to : to + minutesADay) }
}

type Windows = Map<number, ReturnType<typeof readWindow>>
/** Zones are slow to read, and the next request is about the same days as the last one. */
const read = new WeakMap<TimeMatch, Windows>()
const mostKept = 1_000

function windowOf(match: TimeMatch, day: number): ReturnType<typeof readWindow> {
  let windows = read.get(match)
  if (!windows || windows.size > mostKept) {
    windows = new Map()
    read.set(match, windows)
  }
  const known = windows.get(day)
  if (known !== undefined) return known
  const window = readWindow(match, day)
  windows.set(day, window)
  return window
}

/** No calendar goes further. */
const mostMs = 8e15

/** Whether a span of time lies in the hours wholly, in part, or not at all. Both in epoch milliseconds. */
export function timeFit(match: TimeMatch, start: number, end: number): 'none' | 'some' | 'all' {
  // A span without a start or an end: nobody knows.
  if (!(Math.abs(start) < mostMs && Math.abs(end) < mostMs) || end - start > mostDays * oneDay) return 'some'
  let covered = start
  let touched = false
  // By the zone, a day may begin half a day sooner or later, and the hours of yesterday may reach into today.
  const last = Math.floor(end / oneDay) + 1
  for (let day = Math.floor(start / oneDay) - 2; day <= last; day += 1) {
    const window = windowOf(match, day)
    if (window === 'unknown') return 'some'
    if (window === 'none') continue
    if (window.from < end && window.to > start) touched = true
    if (window.from <= covered && window.to > covered) covered = window.to
  }
  if (covered >= end) return 'all'
  return touched ? 'some' : 'none'
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
