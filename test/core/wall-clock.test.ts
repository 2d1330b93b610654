import * as fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, it } from 'vitest'
import type { TimeMatch } from '../../src/core/policy.ts'
import { parseHours, timeFit } from '../../src/core/time-window.ts'

const minute = 60_000
const day = 1440 * minute
const utc = (text: string) => Date.parse(`${text}Z`)

const during = (hours: string, from: string, to: string, zone = 'Europe/Berlin') =>
  timeFit({ zone, hours: parseHours(hours) ?? { from: 0, to: 0 } }, utc(from), utc(to))

const earlyMorning = (moment: string) => during('02:00-02:30', moment, moment)

describe('hours with an end inside an hour that the clocks change', () => {
  // In Berlin 02:00 to 03:00 came twice on 25 October 2026, from 00:00 and from 01:00 UTC.
  it.each<[string, string, string, string, string]>([
    ['the first 02:05 is inside', '02:00-02:30', '2026-10-25T00:05', '2026-10-25T00:10', 'all'],
    ['and so is the second', '02:00-02:30', '2026-10-25T01:05', '2026-10-25T01:10', 'all'],
    ['what lies between them is not', '02:00-02:30', '2026-10-25T00:30', '2026-10-25T01:00', 'none'],
    [
      'from the first to the second is in part',
      '02:00-02:30',
      '2026-10-25T00:05',
      '2026-10-25T01:05',
      'some',
    ],
    [
      'the first 02:10 is outside what begins later',
      '02:30-06:00',
      '2026-10-25T00:10',
      '2026-10-25T00:20',
      'none',
    ],
    ['and so is the second', '02:30-06:00', '2026-10-25T01:10', '2026-10-25T01:20', 'none'],
    ['the first 02:40 is inside it', '02:30-06:00', '2026-10-25T00:40', '2026-10-25T00:50', 'all'],
    ['but it ends when the clock is set back', '02:30-06:00', '2026-10-25T00:40', '2026-10-25T01:40', 'some'],
    ['the whole of both hours', '02:00-03:00', '2026-10-25T00:00', '2026-10-25T02:00', 'all'],
  ])('in autumn: %s', (_, hours, from, to, fit) => {
    expect(during(hours, from, to)).toBe(fit)
  })

  // There 02:00 to 03:00 was left out on 29 March 2026, at 01:00 UTC.
  it.each<[string, string, string, string, string]>([
    [
      'what begins in the gap begins at its end',
      '02:30-06:00',
      '2026-03-29T01:00',
      '2026-03-29T01:30',
      'all',
    ],
    ['but not before it', '02:30-06:00', '2026-03-29T00:59', '2026-03-29T01:30', 'some'],
    ['what lies in the gap is never', '02:00-02:30', '2026-03-29T00:00', '2026-03-29T03:00', 'none'],
    ['what ends in the gap ends at its start', '01:00-02:30', '2026-03-29T00:00', '2026-03-29T01:00', 'all'],
    ['and lasts no longer', '01:00-02:30', '2026-03-29T00:30', '2026-03-29T01:01', 'some'],
  ])('in spring: %s', (_, hours, from, to, fit) => {
    expect(during(hours, from, to)).toBe(fit)
  })

  it('a moment is inside or not', () => {
    expect(['2026-10-25T01:00', '2026-10-25T01:29', '2026-10-25T01:30'].map(earlyMorning)).toEqual([
      'all',
      'all',
      'none',
    ])
  })

  it('nobody knows about a span that ends before it begins', () => {
    expect(during('02:00-02:30', '2026-10-25T01:10', '2026-10-25T01:05')).toBe('some')
  })
})

/** Where the clocks were changed, by an hour, half an hour or a day, forth and back, at midnight and at other times. */
const changes: readonly (readonly [zone: string, near: number])[] = [
  ['Europe/Berlin', utc('2026-03-29T01:00')],
  ['Europe/Berlin', utc('2026-10-25T01:00')],
  ['America/Sao_Paulo', utc('2018-02-18T02:00')],
  ['America/Sao_Paulo', utc('2018-11-04T03:00')],
  ['Australia/Lord_Howe', utc('2026-04-04T15:00')],
  ['Australia/Lord_Howe', utc('2026-10-03T15:30')],
  ['Africa/Casablanca', utc('2026-02-15T02:00')],
  ['Africa/Casablanca', utc('2026-03-22T02:00')],
  ['Pacific/Apia', utc('2011-12-30T10:00')],
  ['Pacific/Kiritimati', utc('2026-07-01T00:00')],
  ['UTC', utc('2026-10-25T01:00')],
]
const around = 3 * day

/** What the clock and the calendar on the wall show in each minute around a change: slow to ask, so asked once. */
const shown = new Map<string, readonly (readonly [weekday: number, now: number])[]>()
function wall(zone: string, near: number) {
  const name = `${zone} ${near}`
  const minutes =
    shown.get(name) ??
    Array.from({ length: (2 * around) / minute }, (_, index) => {
      const here = DateTime.fromMillis(near - around + index * minute, { zone })
      return [here.weekday, here.hour * 60 + here.minute] as const
    })
  shown.set(name, minutes)
  return minutes
}

/** The day that is meant is the one on which the hours begin. */
function isInside({ days, hours }: TimeMatch, [weekday, now]: readonly [number, number]): boolean {
  const { from, to } = hours ?? { from: 0, to: 1440 }
  const has = (one: number) => !days || days.includes(one)
  if (to > from) return has(weekday) && now >= from && now < to
  const yesterday = ((weekday + 5) % 7) + 1
  return (has(weekday) && now >= from) || (has(yesterday) && now < to)
}

describe('beside the clock on the wall, read minute by minute', () => {
  const hours = fc
    .record({ from: fc.nat(1439), to: fc.nat(1440) })
    .filter(({ from, to }) => from !== to && !(from === 0 && to === 0))
  const days = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 })
  /** Most spans begin or end near the change, and most hours have an end near what the clock shows there. */
  const given = fc.record({
    change: fc.constantFrom(...changes),
    match: fc.record({ days, hours }, { requiredKeys: [] }),
    start: fc.oneof(fc.integer({ min: -240, max: 240 }), fc.integer({ min: -4300, max: 1500 })),
    length: fc.oneof(fc.integer({ min: 1, max: 180 }), fc.integer({ min: 1, max: 2800 })),
    nearby: fc.option(fc.tuple(fc.integer({ min: -90, max: 90 }), fc.boolean())),
  })

  it('says the same of every span around every kind of change', () => {
    fc.assert(
      fc.property(given, ({ change: [zone, near], match, start, length, nearby }) => {
        const minutes = wall(zone, near)
        const middle = around / minute
        const [, now] = minutes[middle + (nearby?.[0] ?? 0)] ?? [1, 0]
        const moved =
          match.hours && nearby ? { ...match.hours, [nearby[1] ? 'from' : 'to']: now } : match.hours
        if (moved && moved.from === moved.to) return
        const time: TimeMatch = { ...match, ...(moved && { hours: moved }), zone }
        const inside = minutes
          .slice(middle + start, middle + start + length)
          .map((one) => isInside(time, one))
        const expected = inside.every(Boolean) ? 'all' : inside.some(Boolean) ? 'some' : 'none'
        const from = near + start * minute
        expect(timeFit(time, from, from + length * minute)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })
})
