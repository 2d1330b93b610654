import * as fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, test } from 'vitest'
import { beginning, type DigestSchedule, dueSlot, latestSlot, nextSlot } from '../../src/core/digest.ts'

const berlin: DigestSchedule = { channel: 'C1', day: 1, hour: 9, zone: 'Europe/Berlin' }
const at = (text: string) => Date.parse(text)
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 16)

describe('the moments of a weekly digest', () => {
  test.each([
    ['on its day, before its hour', '2026-11-23T07:59Z', '2026-11-16T08:00', '2026-11-23T08:00'],
    ['at its very moment', '2026-11-23T08:00Z', '2026-11-23T08:00', '2026-11-30T08:00'],
    ['on another day', '2026-11-26T12:00Z', '2026-11-23T08:00', '2026-11-30T08:00'],
    ['across the end of summer time', '2026-10-24T12:00Z', '2026-10-19T07:00', '2026-10-26T08:00'],
  ])('%s', (_, now, latest, next) => {
    expect(iso(latestSlot(berlin, at(now)))).toBe(latest)
    expect(iso(nextSlot(berlin, at(now)))).toBe(next)
  })

  test('an hour that the clocks leave out is the one that follows', () => {
    const sunday = { ...berlin, day: 7, hour: 2 }
    expect(iso(nextSlot(sunday, at('2026-03-28T12:00Z')))).toBe('2026-03-29T01:00')
  })

  test('there is one a week, the latest is never after now and the next always is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at('2025-01-01T00:00Z'), max: at('2030-01-01T00:00Z') }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 23 }),
        fc.constantFrom('Europe/Berlin', 'America/New_York', 'UTC', 'Australia/Lord_Howe', 'Pacific/Apia'),
        (now, day, hour, zone) => {
          const schedule = { ...berlin, day, hour, zone }
          const [latest, next] = [latestSlot(schedule, now), nextSlot(schedule, now)]
          expect(latest).toBeLessThanOrEqual(now)
          expect(next).toBeGreaterThan(now)
          const days = DateTime.fromMillis(next, { zone })
            .startOf('day')
            .diff(DateTime.fromMillis(latest, { zone }).startOf('day'), 'days').days
          expect(Math.round(days)).toBe(7)
          expect(latestSlot(schedule, next)).toBe(next)
          expect(latestSlot(schedule, next - 1)).toBe(latest)
        },
      ),
    )
  })
})

describe('what is due', () => {
  const now = at('2026-11-25T12:00Z')
  test('nothing that lies before its beginning, and each moment once', () => {
    const begun = beginning(berlin, null, now)
    expect(dueSlot(berlin, begun, now)).toBeNull()
    const monday = at('2026-11-30T08:00Z')
    expect(dueSlot(berlin, begun, monday - 1)).toBeNull()
    expect(dueSlot(berlin, begun, monday)).toBe(monday)
    expect(dueSlot(berlin, { ...begun, slot: monday }, monday + 1)).toBeNull()
  })

  test('only the latest of several that were missed', () => {
    const begun = beginning(berlin, null, now)
    expect(iso(dueSlot(berlin, begun, at('2026-12-23T12:00Z')) ?? 0)).toBe('2026-12-21T08:00')
  })

  test('nothing by a schedule that has not begun, which keeps what stood open before', () => {
    const before = { ...beginning(berlin, null, now), at: 5 }
    const other = { ...berlin, hour: 10 }
    expect(dueSlot(other, before, at('2027-01-01T00:00Z'))).toBeNull()
    expect(dueSlot(other, null, now)).toBeNull()
    expect(beginning(other, before, now)).toMatchObject({ at: 5, tried: null })
  })
})
