import * as fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, it } from 'vitest'
import type { TimeMatch } from '../../src/core/policy.ts'
import { parseDays, parseHours, timeFit } from '../../src/core/time-window.ts'

const at = (text: string) => DateTime.fromISO(text, { zone: 'utc' }).toMillis()
const minute = 60_000
const day = 1440 * minute

const match = (days: string | null, hours: string | null, zone = 'Europe/Berlin'): TimeMatch => {
  const [read, parsed] = [days === null ? null : parseDays([days]), hours === null ? null : parseHours(hours)]
  return { ...(read && { days: read }), ...(parsed && { hours: parsed }), zone }
}

/** Whether a minute is inside, read off the clock and the calendar on the wall. */
function isInside({ days, hours, zone }: TimeMatch, moment: number): boolean {
  const here = DateTime.fromMillis(moment, { zone })
  const { from, to } = hours ?? { from: 0, to: 1440 }
  const now = here.hour * 60 + here.minute
  const has = (weekday: number) => !days || days.includes(weekday)
  const yesterday = ((here.weekday + 5) % 7) + 1
  if (to > from) return has(here.weekday) && now >= from && now < to
  return (has(here.weekday) && now >= from) || (has(yesterday) && now < to)
}

describe('how much of a span lies in the hours', () => {
  const office = match('mon-fri', '08:00-18:00')
  it.each([
    ['from the first minute to the last', '2026-11-23T07:00', '2026-11-23T17:00', 'all'],
    ['a minute too early', '2026-11-23T06:59', '2026-11-23T17:00', 'some'],
    ['a minute too late', '2026-11-23T07:00', '2026-11-23T17:01', 'some'],
    ['over the night', '2026-11-23T16:00', '2026-11-24T08:00', 'some'],
    ['between two days', '2026-11-23T17:00', '2026-11-24T07:00', 'none'],
    ['at the weekend', '2026-11-28T08:00', '2026-11-28T09:00', 'none'],
    ['in summer, by the same clock', '2026-07-06T06:00', '2026-07-06T16:00', 'all'],
    ['in summer, an hour later', '2026-07-06T06:00', '2026-07-06T17:00', 'some'],
  ])('%s', (_, from, to, fit) => {
    expect(timeFit(office, at(from), at(to))).toBe(fit)
    // It is remembered, and still the same.
    expect(timeFit(office, at(from), at(to))).toBe(fit)
  })

  it('knows nothing of a span without an end, of a year of years, and of a zone that is none', () => {
    const [start, end] = [at('2026-11-23T09:00'), at('2026-11-23T10:00')]
    for (const [from, to] of [
      [start, Number.POSITIVE_INFINITY],
      [start, Number.NaN],
      [Number.NaN, end],
      [Number.NEGATIVE_INFINITY, end],
      [9e15, 9e15 + 1],
      [start, start + 401 * day],
    ] as const)
      expect(timeFit(office, from, to)).toBe('some')
    expect(timeFit({ ...office, zone: 'Nowhere/Land' }, start, end)).toBe('some')
  })

  it('agrees with the clock on the wall, wherever it hangs', () => {
    const halfHour = fc.integer({ min: 0, max: 47 }).map((half) => half * 30)
    // Where the clocks change, between midnight and four, a time of day may be twice or not at all.
    const safe = halfHour.filter((minutes) => minutes === 0 || minutes >= 240)
    const hours = fc.record({ from: safe, to: safe }).filter(({ from, to }) => from !== to)
    const days = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 })
    const zone = fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Pacific/Kiritimati',
      'Pacific/Pago_Pago',
      'Asia/Kathmandu',
    )
    const given = fc.record({ days, hours, zone }, { requiredKeys: ['zone'] })
    const quarter = 15 * minute
    const start = fc
      .integer({ min: 0, max: 2 * 366 * 96 })
      .map((quarters) => at('2026-01-01') + quarters * quarter)
    fc.assert(
      fc.property(given, start, fc.integer({ min: 1, max: 200 }), (time, from, quarters) => {
        const inside = Array.from({ length: quarters }, (_, index) => isInside(time, from + index * quarter))
        const expected = inside.every(Boolean) ? 'all' : inside.some(Boolean) ? 'some' : 'none'
        expect(timeFit(time, from, from + quarters * quarter)).toBe(expected)
      }),
      { numRuns: 300 },
    )
  })
})
