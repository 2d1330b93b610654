import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  day,
  durationText,
  findStart,
  hour,
  isTomorrow,
  minute,
  parseInstant,
  parseSpan,
  startOf,
} from '../../src/core/duration.ts'

const at = (iso: string) => Date.parse(iso)
const start = (hours: number, past: number, tomorrow = false) => ({ tomorrow, hour: hours, minute: past })

describe('what people type for “from when”', () => {
  it.each<[string, string, ReturnType<typeof start> | null]>([
    ['at 18:00', 'at 18:00', start(18, 0)],
    ['ssh vm-1 1h at 18.30 because of it', ' at 18.30', start(18, 30)],
    ['AT  9:05', 'AT  9:05', start(9, 5)],
    ['tomorrow 9:00', 'tomorrow 9:00', start(9, 0, true)],
    ['Tomorrow  at  9:00', 'Tomorrow  at  9:00', start(9, 0, true)],
    ['at tomorrow 9:00', 'at tomorrow 9:00', start(9, 0, true)],
    ['at 0:00', 'at 0:00', start(0, 0)],
    ['at 23:59', 'at 23:59', start(23, 59)],
    ['at 24:00', 'at 24:00', null],
    ['at 12:60', 'at 12:60', null],
    ['until 17:00 at 12:30', ' at 12:30', start(12, 30)],
  ])('%j: found %j', (text, found, expected) => {
    expect(findStart(text)).toEqual({ found, start: expected })
  })

  it.each([
    '',
    '18:00',
    'until 18:00',
    'at 18',
    'at 18:0',
    'at 18:000',
    'at 18:00h',
    'at 018:00',
    'at18:00',
    'tomorrow9:00',
    'chat 18:00',
    'x-at 18:00',
  ])('%j says no start', (text) => {
    expect(findStart(text)).toBeNull()
  })
})

describe('when it begins', () => {
  it.each<[string, ReturnType<typeof start>, string, string | null, string]>([
    ['today', start(18, 0), '2026-11-23T09:00:00.123Z', 'Europe/Berlin', '2026-11-23T17:00:00Z'],
    [
      'at this very moment: tomorrow',
      start(18, 0),
      '2026-11-23T17:00:00Z',
      'Europe/Berlin',
      '2026-11-24T17:00:00Z',
    ],
    [
      'a moment ago: tomorrow',
      start(18, 0),
      '2026-11-23T17:00:00.001Z',
      'Europe/Berlin',
      '2026-11-24T17:00:00Z',
    ],
    [
      'tomorrow, though today it is still to come',
      start(18, 0, true),
      '2026-11-23T09:00:00Z',
      'Europe/Berlin',
      '2026-11-24T17:00:00Z',
    ],
    [
      'tomorrow, and not the day after',
      start(9, 30, true),
      '2026-11-23T17:00:00Z',
      'Europe/Berlin',
      '2026-11-24T08:30:00Z',
    ],
    [
      'over the night when summer time ends',
      start(9, 0, true),
      '2026-10-24T09:00:00Z',
      'Europe/Berlin',
      '2026-10-25T08:00:00Z',
    ],
    ['in UTC without a zone', start(18, 0), '2026-11-23T09:00:30Z', null, '2026-11-23T18:00:00Z'],
    [
      'in UTC where the zone does not exist',
      start(18, 0),
      '2026-11-23T09:00:00Z',
      'Mars/Olympus',
      '2026-11-23T18:00:00Z',
    ],
  ])('%s', (_, given, now, zone, expected) => {
    expect(new Date(startOf(given, at(now), zone)).toISOString()).toBe(new Date(at(expected)).toISOString())
  })

  it('is always to come', () => {
    const zones = fc.constantFrom('Europe/Berlin', 'America/Havana', 'Asia/Kolkata', null)
    const when = fc.record({ tomorrow: fc.boolean(), hour: fc.nat(23), minute: fc.nat(59) })
    fc.assert(
      fc.property(
        when,
        fc.integer({ min: at('2020-01-01'), max: at('2030-01-01') }),
        zones,
        (given, now, zone) => {
          const begins = startOf(given, now, zone)
          return begins > now && begins - now <= 2 * day + hour
        },
      ),
    )
  })
})

describe('a moment that is written out', () => {
  it.each<[string, string | null]>([
    ['2026-11-23T09:00+01:00', '2026-11-23T08:00:00Z'],
    ['2026-11-23T09:00', '2026-11-23T09:00:00Z'],
    ['2026-11-23', '2026-11-23T00:00:00Z'],
    ['09:00', null],
    ['T09:00', null],
    ['12026-11-23', null],
    [' 2026-11-23', null],
    ['20261123', null],
    ['2026-13-01', null],
    ['2026-11-23T25:00', null],
    ['', null],
  ])('%j is %s', (text, expected) => {
    expect(parseInstant(text)).toBe(expected === null ? null : at(expected))
  })
})

describe('a length', () => {
  it.each([
    ['10.25h', 10.25 * hour],
    ['1.25 d', 1.25 * day],
    ['12.75m', 12.75 * minute],
    ['10days', 10 * day],
    ['1 day 10 hours 10 mins', day + 10 * hour + 10 * minute],
    ['2 hr 5 min', 2 * hour + 5 * minute],
    ['1d  5m', day + 5 * minute],
  ])('%j is read', (text, ms) => {
    expect(parseSpan(text)).toEqual({ ok: true, span: { kind: 'length', ms } })
  })

  it.each(['x30m', '30mx', '1 day s', 'h', '1x30m', 'a until 18:00', '30m 1d'])('%j is none', (text) => {
    expect(parseSpan(text)).toEqual({ ok: false, why: `“${text}” is not a duration.` })
  })

  it.each(['until 118:00', 'until 18:000', 'until18:00', 'until 18-00'])('%j is no time of day', (text) => {
    expect(parseSpan(text)).toEqual({ ok: false, why: `“${text}” is not a time of day.` })
  })

  it('is written without the parts that are nothing', () => {
    expect([23 * hour + 59 * minute, day + hour, 60 * minute, 1.5 * minute].map(durationText)).toEqual([
      '23 h 59 min',
      '1 d 1 h',
      '1 h',
      '2 min',
    ])
  })
})

describe('a start in the next day', () => {
  it.each<[string, string, string | null, boolean]>([
    ['2026-11-28T08:00Z', '2026-11-27T09:00Z', 'Europe/Berlin', true],
    ['2026-11-27T20:00Z', '2026-11-27T09:00Z', 'Europe/Berlin', false],
    ['2026-11-27T23:30Z', '2026-11-27T09:00Z', 'Europe/Berlin', true],
    ['2026-11-27T23:30Z', '2026-11-27T09:00Z', 'UTC', false],
    ['2026-11-29T08:00Z', '2026-11-27T09:00Z', 'UTC', false],
    ['2026-11-28T08:00Z', '2026-11-27T09:00Z', null, false],
    ['2026-11-28T08:00Z', '2026-11-27T09:00Z', 'Mars/Olympus', false],
  ])('%s, asked at %s in %s: %s', (begins, now, zone, tomorrow) => {
    expect(isTomorrow(at(begins), at(now), zone)).toBe(tomorrow)
  })
})
