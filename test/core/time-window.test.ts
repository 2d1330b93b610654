import { DateTime } from 'luxon'
import { describe, expect, it } from 'vitest'
import type { TimeMatch } from '../../src/core/policy.ts'
import { isZone, momentText, parseDays, parseHours, timeFit, timeText } from '../../src/core/time-window.ts'

const zone = 'Europe/Berlin'
const at = (text: string, where = zone) => DateTime.fromISO(text, { zone: where }).toMillis()
const fit = (match: Partial<TimeMatch>, from: string, to: string) =>
  timeFit({ zone, ...match }, at(from, match.zone), at(to, match.zone))

const office = { from: 8 * 60, to: 18 * 60 }
const night = { from: 22 * 60, to: 6 * 60 }
const weekdays = [1, 2, 3, 4, 5]

const moment = (text: string) => timeFit({ zone, hours: office }, at(text), at(text))

// 23 November 2026 is a Monday.
describe('whether a span of time lies in the hours', () => {
  it.each<[string, Partial<TimeMatch>, string, string, string]>([
    ['from the first moment to the last', { hours: office }, '2026-11-23T08:00', '2026-11-23T18:00', 'all'],
    ['a moment too early', { hours: office }, '2026-11-23T07:59:59.999', '2026-11-23T18:00', 'some'],
    ['a moment too late', { hours: office }, '2026-11-23T08:00', '2026-11-23T18:00:00.001', 'some'],
    ['ending when they begin', { hours: office }, '2026-11-23T07:00', '2026-11-23T08:00', 'none'],
    ['beginning when they end', { hours: office }, '2026-11-23T18:00', '2026-11-23T18:30', 'none'],
    ['around them', { hours: office }, '2026-11-23T07:00', '2026-11-23T19:00', 'some'],
    ['from one day’s to the next day’s', { hours: office }, '2026-11-23T17:00', '2026-11-24T09:00', 'some'],
    ['over midnight', { hours: night }, '2026-11-23T23:00', '2026-11-24T05:00', 'all'],
    ['to the end of the night', { hours: night }, '2026-11-23T22:00', '2026-11-24T06:00', 'all'],
    [
      'in the morning of a night that began yesterday',
      { hours: night },
      '2026-11-23T05:00',
      '2026-11-23T06:00',
      'all',
    ],
    ['past the end of the night', { hours: night }, '2026-11-24T05:00', '2026-11-24T06:01', 'some'],
    ['in the day between two nights', { hours: night }, '2026-11-23T10:00', '2026-11-23T12:00', 'none'],
    [
      'in the night of its own day',
      { hours: night, days: [1] },
      '2026-11-24T02:00',
      '2026-11-24T03:00',
      'all',
    ],
    [
      'in the night of another day',
      { hours: night, days: [1] },
      '2026-11-23T02:00',
      '2026-11-23T03:00',
      'none',
    ],
    ['on one of the days', { days: weekdays }, '2026-11-23T03:00', '2026-11-23T04:00', 'all'],
    ['over several of them', { days: weekdays }, '2026-11-23T00:00', '2026-11-28T00:00', 'all'],
    ['a moment into the weekend', { days: weekdays }, '2026-11-27T12:00', '2026-11-28T00:00:00.001', 'some'],
    ['at the weekend', { days: weekdays }, '2026-11-28T12:00', '2026-11-28T13:00', 'none'],
    ['to midnight', { hours: { from: 20 * 60, to: 24 * 60 } }, '2026-11-23T20:00', '2026-11-24T00:00', 'all'],
    [
      'all day, every day',
      { hours: { from: 0, to: 24 * 60 } },
      '2026-11-23T05:00',
      '2026-11-30T17:00',
      'all',
    ],
  ])('%s', (_, match, from, to, expected) => {
    expect(fit(match, from, to)).toBe(expected)
  })

  it('the hours are those of their zone', () => {
    const [from, to] = [at('2026-11-23T08:00'), at('2026-11-23T09:00')]
    expect(timeFit({ zone, hours: office }, from, to)).toBe('all')
    expect(timeFit({ zone: 'UTC', hours: office }, from, to)).toBe('none')
    expect(timeFit({ zone: 'Asia/Tokyo', hours: office }, from, to)).toBe('all')
  })

  it('of no length: inside while they last, outside at their end', () => {
    expect(moment('2026-11-23T12:00')).toBe('all')
    expect(moment('2026-11-23T08:00')).toBe('all')
  })
})

describe('when the clocks change', () => {
  it('the hours stay what the clock on the wall shows', () => {
    // Summer time ended on 25 October 2026 at 03:00, and began on 29 March 2026 at 02:00.
    for (const day of ['2026-10-24', '2026-10-25', '2026-10-26', '2026-03-28', '2026-03-29']) {
      expect(fit({ hours: office }, `${day}T08:00`, `${day}T18:00`)).toBe('all')
      expect(fit({ hours: office }, `${day}T07:59`, `${day}T18:00`)).toBe('some')
      expect(fit({ hours: office }, `${day}T08:00`, `${day}T18:01`)).toBe('some')
    }
  })

  it('a night lasts an hour longer or shorter, and still ends at its end', () => {
    expect(fit({ hours: night }, '2026-10-24T22:00', '2026-10-25T06:00')).toBe('all')
    expect(at('2026-10-25T06:00') - at('2026-10-24T22:00')).toBe(9 * 3_600_000)
    expect(fit({ hours: night }, '2026-03-28T22:00', '2026-03-29T06:00')).toBe('all')
    expect(fit({ hours: night }, '2026-10-24T22:00', '2026-10-25T06:01')).toBe('some')
  })

  it('a day that begins at one, because midnight is skipped, is a whole day', () => {
    const where = { zone: 'America/Sao_Paulo' }
    expect(fit(where, '2018-11-03T12:00', '2018-11-05T00:30')).toBe('all')
    expect(fit({ ...where, days: [7] }, '2018-11-04T01:00', '2018-11-05T00:00')).toBe('all')
    expect(fit({ ...where, hours: { from: 0, to: 24 * 60 } }, '2018-11-04T12:00', '2018-11-06T00:30')).toBe(
      'all',
    )
  })
})

describe('what nobody can know', () => {
  it.each<[string, TimeMatch, number, number]>([
    ['a zone that does not exist', { zone: 'Mars/Olympus' }, 0, 1],
    ['no end', { zone }, 0, Number.POSITIVE_INFINITY],
    ['no number', { zone }, 0, Number.NaN],
    ['longer than anybody looks', { zone }, 0, 400 * 86_400_000 + 1],
  ])('%s counts as partly inside', (_, match, from, to) => {
    expect(timeFit(match, from, to)).toBe('some')
  })
})

describe('hours that do not begin on the hour', () => {
  const odd = { from: 9 * 60 + 15, to: 17 * 60 + 45 }
  it.each<[string, string, string]>([
    ['2026-11-23T09:15', '2026-11-23T17:45', 'all'],
    ['2026-11-23T09:14', '2026-11-23T17:45', 'some'],
    ['2026-11-23T09:15', '2026-11-23T17:46', 'some'],
    ['2026-11-23T17:45', '2026-11-23T23:00', 'none'],
  ])('%s to %s: %s', (from, to, expected) => {
    expect(fit({ hours: odd }, from, to)).toBe(expected)
  })

  it('as long as anybody looks is still looked at', () => {
    expect(timeFit({ zone: 'UTC' }, 0, 400 * 86_400_000)).toBe('all')
  })
})

describe('how days and hours are written', () => {
  it.each<[string[], number[] | null]>([
    [['mon'], [1]],
    [['mon-fri'], [1, 2, 3, 4, 5]],
    [['fri-mon'], [1, 5, 6, 7]],
    [
      ['Sun', 'mon'],
      [1, 7],
    ],
    [['mon-sun'], [1, 2, 3, 4, 5, 6, 7]],
    [['monday'], null],
    [[' Wed - FRI '], [3, 4, 5]],
    [['sat-mon'], [1, 6, 7]],
    [
      ['tue', 'mon-tue', 'thu'],
      [1, 2, 4],
    ],
    [['mon-x'], null],
    [['x-mon'], null],
    [[], []],
    [['mon-tue-wed'], null],
    [['mon', 'x'], null],
    [[''], null],
  ])('%j is %j', (texts, days) => {
    expect(parseDays(texts)).toEqual(days)
  })

  it.each<[string, { from: number; to: number } | null]>([
    ['08:00-18:00', office],
    ['8:00 - 18:00', office],
    ['22:00-06:00', night],
    ['00:00-24:00', { from: 0, to: 1440 }],
    ['24:00-06:00', null],
    ['08:00-08:00', null],
    ['08:00-25:00', null],
    ['08:60-09:00', null],
    ['8-18', null],
    ['08:00-24:00', { from: 480, to: 1440 }],
    ['08:00-24:01', null],
    ['23:59-00:00', { from: 1439, to: 0 }],
    [' 08:00-18:00 ', office],
    ['x08:00-18:00', null],
    ['08:00-18:00x', null],
    ['08:00-18:000', null],
    ['108:00-18:00', null],
    ['08:00–18:00', null],
    ['12:34-15:56', { from: 754, to: 956 }],
    ['', null],
  ])('%j is %j', (text, hours) => {
    expect(parseHours(text)).toEqual(hours)
  })

  it('are read aloud as they are', () => {
    expect(timeText({ zone, days: [1, 7], hours: night })).toBe(
      'Monday, Sunday 22:00 to 06:00 (Europe/Berlin)',
    )
    expect(timeText({ zone })).toBe('every day (Europe/Berlin)')
    expect(timeText({ zone, days: [1, 2, 3, 4, 5, 6, 7] })).toBe(
      'Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday (Europe/Berlin)',
    )
    expect(timeText({ zone, hours: { from: 9 * 60 + 5, to: 17 * 60 + 30 } })).toBe(
      'every day 09:05 to 17:30 (Europe/Berlin)',
    )
  })

  it('a moment is told in their zone, with its day', () => {
    const sunday = at('2026-11-29T23:30')
    expect(momentText({ zone }, sunday)).toBe('Sunday 23:30')
    expect(momentText({ zone: 'Asia/Tokyo' }, sunday)).toBe('Monday 07:30')
    expect(momentText({ zone: 'Mars/Olympus' }, sunday)).toBe('an unknown time')
  })

  it('a zone has a name that the world knows', () => {
    expect([zone, 'UTC', 'Mars/Olympus', ''].map(isZone)).toEqual([true, true, false, false])
  })
})
