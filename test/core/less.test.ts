import { describe, expect, it } from 'vitest'
import { isLess, keepsExtraTime, type Less, narrowed, withExtra } from '../../src/core/less.ts'
import { ask, clock } from '../support/cases.ts'

const minute = 60_000
const tcp = (number: number) => ({ number, protocol: 'tcp' as const })
const both = [tcp(22), tcp(3389)]
const asked = ask({ durationMs: 30 * minute, ports: both, label: 'ssh, rdp' })

describe('what an approver may leave of a request', () => {
  it.each<[string, Less, boolean]>([
    ['a shorter time', { durationMs: 10 * minute, ports: both }, true],
    ['a moment', { durationMs: 1, ports: both }, true],
    ['fewer ports', { durationMs: 30 * minute, ports: [tcp(22)] }, true],
    ['less of both', { durationMs: 10 * minute, ports: [tcp(22)] }, true],
    ['all of it', { durationMs: 30 * minute, ports: both }, false],
    ['no time', { durationMs: 0, ports: both }, false],
    ['a longer time', { durationMs: 30 * minute + 1, ports: [tcp(22)] }, false],
    ['no port', { durationMs: 10 * minute, ports: [] }, false],
    ['another port', { durationMs: 10 * minute, ports: [tcp(443)] }, false],
  ])('%s: %j, %s', (_, less, yes) => {
    expect(isLess(less, asked)).toBe(yes)
  })

  const wide = { ...asked, source: { ...asked.source, address: '81.2.69.128/28' } }
  it.each<[string, string, number, boolean]>([
    ['a part of the range', '81.2.69.128/29', 30, true],
    ['one address of it', '81.2.69.142', 30, true],
    ['one address for a shorter time', '81.2.69.142', 10, true],
    ['all of it', '81.2.69.128/28', 30, false],
    ['all of it for a shorter time', '81.2.69.128/28', 10, true],
    ['the same range in other words', '81.2.69.130/28', 30, false],
    ['a wider range', '81.2.69.128/27', 10, false],
    ['a range beside it', '81.2.69.144/28', 10, false],
    ['somebody else’s address', '9.9.9.9', 10, false],
    ['another family', '2a00::1', 10, false],
    ['nothing', '', 10, false],
  ])('of a range: %s (%s)', (_, source, minutes, yes) => {
    expect(isLess({ durationMs: minutes * minute, ports: both, source }, wide)).toBe(yes)
  })

  it('one address has no part', () => {
    const of = (source: string) => isLess({ durationMs: 10 * minute, ports: both, source }, asked)
    expect([of(asked.source.address), of('9.9.9.9')]).toEqual([true, false])
  })
})

const until = clock('10:00')
const endOf = (startsAt: number | null, end: number | null, durationMs: number) =>
  narrowed({ ...asked, startsAt, until: end }, { durationMs, ports: both }).until

describe('the request that is left', () => {
  it('keeps its name while its ports stay, and is called by its ports when they do not', () => {
    expect(narrowed(asked, { durationMs: 10 * minute, ports: both })).toEqual({
      ...asked,
      durationMs: 10 * minute,
      until: null,
    })
    expect(narrowed(asked, { durationMs: 30 * minute, ports: [tcp(22)] })).toEqual({
      ...asked,
      ports: [tcp(22)],
      label: '22/tcp',
      until: null,
    })
  })

  it('lets in what is left of the range, learnt as before', () => {
    const left = narrowed(asked, { durationMs: 30 * minute, ports: both, source: '81.2.69.142' })
    expect(left.source).toEqual({ ...asked.source, address: '81.2.69.142' })
    expect(left.label).toBe(asked.label)
  })

  it('ends no later than it was to end', () => {
    expect(endOf(null, until, 10 * minute)).toBe(until)
    expect(endOf(clock('09:00'), until, 10 * minute)).toBe(clock('09:10'))
    expect(endOf(clock('09:55'), until, 10 * minute)).toBe(until)
    expect(endOf(clock('09:00'), null, 10 * minute)).toBe(clock('09:10'))
  })
})

describe('what an approver may leave of more time', () => {
  // Twenty minutes are left, and thirty more are asked for.
  const longer = ask({
    durationMs: 50 * minute,
    until: clock('10:00'),
    extends: { requestId: 'r0', endsAt: clock('09:30'), extraMs: 30 * minute },
  })
  const { ports } = longer

  it.each([
    [50, true, false],
    [49, true, true],
    [21, true, true],
    [20, false, false],
    [10, false, false],
  ])('%i minutes in all: extra time is left: %s, and it is less: %s', (minutes, kept, less) => {
    const given = { durationMs: minutes * minute, ports }
    expect([keepsExtraTime(given, longer), isLess(given, longer)]).toEqual([kept, less])
  })

  it('is extra time, and ends as much earlier as less of it is left', () => {
    expect(withExtra(longer, 10 * minute)).toBe(30 * minute)
    expect(withExtra(asked, 10 * minute)).toBe(10 * minute)
    expect(narrowed(longer, { durationMs: withExtra(longer, 10 * minute), ports })).toEqual({
      ...longer,
      durationMs: 30 * minute,
      until: clock('09:40'),
      extends: { ...longer.extends, extraMs: 10 * minute },
    })
  })

  it('has no end to keep where nothing is followed', () => {
    expect(keepsExtraTime({ durationMs: 1 }, asked)).toBe(true)
  })
})
