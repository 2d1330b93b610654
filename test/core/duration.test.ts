import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  day,
  durationText,
  endOf,
  hour,
  minute,
  parseSpan,
  spanText,
  utcText,
} from '../../src/core/duration.ts'

const until = (at: number, past: number) => ({ kind: 'until', hour: at, minute: past }) as const

describe('what people type for “how long”', () => {
  it.each([
    ['30m', 30 * minute],
    ['30 m', 30 * minute],
    ['30M', 30 * minute],
    ['  30m  ', 30 * minute],
    ['90 min', 90 * minute],
    ['90mins', 90 * minute],
    ['1 minute', minute],
    ['45 minutes', 45 * minute],
    ['1h', hour],
    ['1 hr', hour],
    ['2hrs', 2 * hour],
    ['1 hour', hour],
    ['2 HOURS', 2 * hour],
    ['1h30m', 90 * minute],
    ['1h 30m', 90 * minute],
    ['1h\t30m', 90 * minute],
    ['1 hour 30 minutes', 90 * minute],
    ['1.5h', 90 * minute],
    ['0.5h', 30 * minute],
    ['1.333h', 79.98 * minute],
    ['090m', 90 * minute],
    ['1d', day],
    ['2 days', 2 * day],
    ['1d2h3m', day + 2 * hour + 3 * minute],
    ['366d', 366 * day],
  ])('%j', (text, ms) => {
    expect(parseSpan(text)).toEqual({ ok: true, span: { kind: 'length', ms: Math.round(ms) } })
  })

  it.each([
    ['until 18:00', until(18, 0)],
    ['until 18.30', until(18, 30)],
    ['Until  9:05', until(9, 5)],
    ['until 0:00', until(0, 0)],
    ['until 23:59', until(23, 59)],
  ])('%j', (text, span) => {
    expect(parseSpan(text)).toEqual({ ok: true, span })
  })
})

describe('what is refused, and why', () => {
  it.each([
    ['', '“” is not a duration.'],
    ['   ', '“” is not a duration.'],
    ['0m', 'A duration of zero opens nothing.'],
    ['0', '“0” has no unit; say 0m for minutes or 0h for hours.'],
    ['0h0m', 'A duration of zero opens nothing.'],
    ['30', '“30” has no unit; say 30m for minutes or 30h for hours.'],
    ['1.5', '“1.5” has no unit; say 1.5m for minutes or 1.5h for hours.'],
    ['-30m', '“-30m” is negative; a duration counts forward.'],
    ['-1', '“-1” is negative; a duration counts forward.'],
    ['0.5m', '“0.5m” is shorter than a minute.'],
    ['0.000000001h', '“0.000000001h” is shorter than a minute.'],
    ['367d', '“367d” is longer than a year.'],
    ['366d1m', '“366d1m” is longer than a year.'],
    ['99999999999999d', '“99999999999999d” is longer than a year.'],
    [`${'9'.repeat(400)}h`, `“${'9'.repeat(400)}h” is longer than a year.`],
    ['1e308h', '“1e308h” is not a duration.'],
    ['1e3m', '“1e3m” is not a duration.'],
    ['0x10m', '“0x10m” is not a duration.'],
    ['+30m', '“+30m” is not a duration.'],
    ['−30m', '“−30m” is not a duration.'],
    ['30m1h', '“30m1h” is not a duration.'],
    ['1h1h', '“1h1h” is not a duration.'],
    ['1h30', '“1h30” is not a duration.'],
    ['1,5h', '“1,5h” is not a duration.'],
    ['.5h', '“.5h” is not a duration.'],
    ['1.h', '“1.h” is not a duration.'],
    ['30s', '“30s” is not a duration.'],
    ['1w', '“1w” is not a duration.'],
    ['m', '“m” is not a duration.'],
    ['NaN', '“nan” is not a duration.'],
    ['Infinity h', '“infinity h” is not a duration.'],
    ['forever', '“forever” is not a duration.'],
    ['３０m', '“３０m” is not a duration.'],
    ['٣٠m', '“٣٠m” is not a duration.'],
    ['30m; rm', '“30m; rm” is not a duration.'],
    ['until', '“until” is not a time of day.'],
    ['until 18', '“until 18” is not a time of day.'],
    ['until 24:00', '“until 24:00” is not a time of day.'],
    ['until 12:60', '“until 12:60” is not a time of day.'],
    ['until 6pm', '“until 6pm” is not a time of day.'],
    ['until 18:00:00', '“until 18:00:00” is not a time of day.'],
    ['until -1:00', '“until -1:00” is not a time of day.'],
  ])('%j', (text, why) => {
    expect(parseSpan(text)).toEqual({ ok: false, why })
  })

  it('never answers a length below a minute, above a year, or that is no whole number', () => {
    const odd = fc.stringMatching(/^-?[0-9.e]{0,25} ?(d|h|m|min|days|hours)?[0-9.]{0,5}(h|m)?$/)
    fc.assert(
      fc.property(fc.oneof(odd, fc.string()), (text) => {
        const answer = parseSpan(text)
        if (!answer.ok) return answer.why !== ''
        if (answer.span.kind === 'until') return answer.span.hour <= 23 && answer.span.minute <= 59
        const { ms } = answer.span
        return Number.isInteger(ms) && ms >= minute && ms <= 366 * day
      }),
      { numRuns: 5_000 },
    )
  })
})

const at = (iso: string) => Date.parse(iso)

describe('when it ends', () => {
  it('a length ends that much later, whatever the clocks on the wall do', () => {
    const now = at('2026-03-29T00:30:00Z')
    expect(endOf({ kind: 'length', ms: hour }, now, 'Europe/Berlin')).toBe(now + hour)
  })

  it.each([
    [
      'today, when it is still to come',
      '2026-11-23T09:00:00Z',
      'Europe/Berlin',
      until(18, 0),
      '2026-11-23T17:00:00Z',
    ],
    [
      'tomorrow, when it has passed',
      '2026-11-23T18:00:00Z',
      'Europe/Berlin',
      until(18, 0),
      '2026-11-24T17:00:00Z',
    ],
    [
      'tomorrow, when it is this very minute',
      '2026-11-23T17:00:00Z',
      'Europe/Berlin',
      until(18, 0),
      '2026-11-24T17:00:00Z',
    ],
    [
      'today, one millisecond before',
      '2026-11-23T16:59:59.999Z',
      'Europe/Berlin',
      until(18, 0),
      '2026-11-23T17:00:00Z',
    ],
    [
      'in the person’s own date, far east',
      '2026-11-23T20:00:00Z',
      'Pacific/Auckland',
      until(10, 0),
      '2026-11-23T21:00:00Z',
    ],
    [
      'in the person’s own date, far west',
      '2026-11-23T03:00:00Z',
      'America/Los_Angeles',
      until(20, 0),
      '2026-11-23T04:00:00Z',
    ],
    [
      'in a zone with half an hour',
      '2026-11-23T09:00:00Z',
      'Asia/Kolkata',
      until(18, 0),
      '2026-11-23T12:30:00Z',
    ],
    ['in UTC without a zone', '2026-11-23T09:00:00Z', null, until(18, 0), '2026-11-23T18:00:00Z'],
    [
      'in UTC when the zone does not exist',
      '2026-11-23T09:00:00Z',
      'Mars/Olympus',
      until(18, 0),
      '2026-11-23T18:00:00Z',
    ],
    ['in UTC when the zone is empty', '2026-11-23T09:00:00Z', '', until(18, 0), '2026-11-23T18:00:00Z'],
    [
      'in spring, across the hour that is left out',
      '2026-03-29T00:30:00Z',
      'Europe/Berlin',
      until(4, 0),
      '2026-03-29T02:00:00Z',
    ],
    [
      'in spring, in the hour that is left out: an hour later by the wall',
      '2026-03-29T00:30:00Z',
      'Europe/Berlin',
      until(2, 30),
      '2026-03-29T01:30:00Z',
    ],
    [
      'the evening before spring',
      '2026-03-28T20:00:00Z',
      'Europe/Berlin',
      until(18, 0),
      '2026-03-29T16:00:00Z',
    ],
    [
      'in autumn, across the hour that comes twice',
      '2026-10-24T23:30:00Z',
      'Europe/Berlin',
      until(4, 0),
      '2026-10-25T03:00:00Z',
    ],
    [
      'in autumn, the first of the two',
      '2026-10-24T23:30:00Z',
      'Europe/Berlin',
      until(2, 30),
      '2026-10-25T00:30:00Z',
    ],
    [
      'in autumn, the second of the two, once it has begun',
      '2026-10-25T01:10:00Z',
      'Europe/Berlin',
      until(2, 30),
      '2026-10-25T01:30:00Z',
    ],
    [
      'the evening before autumn',
      '2026-10-24T20:00:00Z',
      'Europe/Berlin',
      until(18, 0),
      '2026-10-25T17:00:00Z',
    ],
  ])('%s', (_, now, zone, span, end) => {
    expect(new Date(endOf(span, at(now), zone)).toISOString()).toBe(new Date(at(end)).toISOString())
  })

  it('is always later than now, and a time of day at most about a day later', () => {
    const zones = [
      'Europe/Berlin',
      'America/New_York',
      'Asia/Beirut',
      'Australia/Lord_Howe',
      'Pacific/Apia',
      'America/Havana',
      'Atlantic/Azores',
      'UTC',
      'nonsense',
      null,
    ]
    const time = fc.record({ kind: fc.constant('until' as const), hour: fc.nat(23), minute: fc.nat(59) })
    const length = fc.record({
      kind: fc.constant('length' as const),
      ms: fc.integer({ min: minute, max: 366 * day }),
    })
    fc.assert(
      fc.property(
        fc.oneof(time, length),
        fc.integer({ min: at('2010-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') }),
        fc.constantFrom(...zones),
        (span, now, zone) => {
          const end = endOf(span, now, zone)
          return end > now && (span.kind === 'length' ? end === now + span.ms : end - now <= 2 * day + hour)
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('is later than now in every quarter of an hour of the two nights that are odd', () => {
    for (const night of ['2026-03-28T20:00:00Z', '2026-10-24T20:00:00Z']) {
      for (let quarter = 0; quarter < 48; quarter += 1) {
        for (let past = 0; past < 1440; past += 15) {
          const now = at(night) + quarter * 15 * minute
          const end = endOf(until(Math.floor(past / 60), past % 60), now, 'Europe/Berlin')
          expect(end).toBeGreaterThan(now)
          expect(end - now).toBeLessThanOrEqual(25 * hour)
        }
      }
    }
  })
})

describe('how it is written', () => {
  it.each([
    [minute, '1 min'],
    [90 * minute, '1 h 30 min'],
    [hour, '1 h'],
    [day, '1 d'],
    [day + minute, '1 d 1 min'],
    [2 * day + 3 * hour + 4 * minute, '2 d 3 h 4 min'],
    [59.6 * minute, '1 h'],
    [1, '1 min'],
    [0, '1 min'],
  ])('%d ms is %s', (ms, text) => {
    expect(durationText(ms)).toBe(text)
  })

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 366 * 1440 }), (minutes) => {
        expect(parseSpan(durationText(minutes * minute))).toEqual({
          ok: true,
          span: { kind: 'length', ms: minutes * minute },
        })
      }),
    )
  })

  it('writes an instant in UTC, and says so', () => {
    expect(utcText(at('2026-11-22T17:05:59Z'))).toBe('2026-11-22 17:05 UTC')
  })
})

describe('how long, in words', () => {
  it('is a length or an end', () => {
    expect([
      spanText({ kind: 'length', ms: 90 * minute }),
      spanText(until(18, 5)),
      spanText(until(9, 5)),
    ]).toEqual(['for 1 h 30 min', 'until 18:05', 'until 9:05'])
  })
})
