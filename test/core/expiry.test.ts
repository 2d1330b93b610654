import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deadlineOf, expiryOf, isExpired, warningAt } from '../../src/core/expiry.ts'
import { clock } from '../support/cases.ts'

const minutes = (count: number) => count * 60_000

describe('the end of access', () => {
  it('is the approval plus the length', () => {
    expect(expiryOf(clock('09:00'), minutes(30), null)).toBe(clock('09:30'))
  })

  it('is the end that the person named, when that comes first', () => {
    expect(expiryOf(clock('09:00'), minutes(30), clock('09:20'))).toBe(clock('09:20'))
    expect(expiryOf(clock('09:00'), minutes(30), clock('09:40'))).toBe(clock('09:30'))
  })

  it('is never after either of the two', () => {
    const time = fc.integer({ min: 0, max: 2 ** 45 })
    fc.assert(
      fc.property(time, fc.nat(2 ** 31), fc.option(time), (approvedAt, length, until) => {
        const end = expiryOf(approvedAt, length, until)
        return end <= approvedAt + length && (until === null || end <= until)
      }),
    )
  })
})

/** What a broken row may hold where a number should stand. */
const row: { missing: number; nothing: number; text: number } = JSON.parse(
  '{ "nothing": null, "text": "9999999999999" }',
)

describe('over or not', () => {
  it.each<[string, number, boolean]>([
    ['one millisecond before', clock('09:30') + 1, false],
    ['at the very moment', clock('09:30'), true],
    ['afterwards', clock('09:29'), true],
    ['zero', 0, true],
    ['no number', Number.NaN, true],
    ['never', Number.POSITIVE_INFINITY, true],
    ['before all time', Number.NEGATIVE_INFINITY, true],
    ['missing', row.missing, true],
    ['null', row.nothing, true],
    ['a text', row.text, true],
  ])('%s', (_, expiresAt, over) => {
    expect(isExpired(expiresAt, clock('09:30'))).toBe(over)
  })

  it('is over when nobody can say what time it is', () => {
    expect(isExpired(clock('09:30'), Number.NaN)).toBe(true)
  })
})

describe('the deadline of approvers', () => {
  it.each([
    ['their own time', null, '10:00'],
    ['the end that was asked for', '09:20', '09:20'],
    ['their own time, when the end comes later', '11:00', '10:00'],
  ])('is %s', (_, until, expected) => {
    expect(deadlineOf(clock('09:00'), minutes(60), until === null ? null : clock(until))).toBe(
      clock(expected),
    )
  })
})

describe('the warning', () => {
  it.each([
    ['five minutes before the end', 30, '09:25'],
    ['soon after the opening, at the least', 6.001, '09:01'],
    ['not at all for six minutes', 6, null],
    ['not at all for one minute', 1, null],
  ])('comes %s', (_, length, expected) => {
    const at = warningAt(clock('09:00'), clock('09:00') + minutes(length))
    expect(at === null ? null : Math.floor(at / 60_000) * 60_000).toBe(
      expected === null ? null : clock(expected),
    )
  })
})
