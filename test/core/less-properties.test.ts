import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grantFor } from '../../src/core/begin.ts'
import { isLess, type Less, narrowed } from '../../src/core/less.ts'
import type { Ask } from '../../src/core/request.ts'
import { covers, type Port } from '../../src/core/service.ts'
import { addressesIn, holds } from '../../src/core/source.ts'
import { ask, clock, pending } from '../support/cases.ts'

const minute = 60_000
const ports: readonly Port[] = [22, 443, 3389].map((number) => ({ number, protocol: 'tcp' }))
const somePorts = fc.subarray([...ports], { minLength: 1 })
const length = fc.integer({ min: 1, max: 60 }).map((minutes) => minutes * minute)
const source = fc.constantFrom(
  '81.2.69.128/28',
  '81.2.69.128/29',
  '81.2.69.142',
  '81.2.69.136/29',
  '81.2.69.0/24',
  '9.9.9.9',
)
const moment = fc.integer({ min: 0, max: 90 }).map((minutes) => clock('09:00') + minutes * minute)

const anyAsk: fc.Arbitrary<Ask> = fc
  .record({
    durationMs: length,
    ports: somePorts,
    address: source,
    startsAt: fc.option(moment),
    named: fc.boolean(),
    extraMs: fc.option(length),
  })
  .map(({ address, startsAt, named, extraMs, durationMs, ...rest }) => {
    const base = ask(rest)
    const given = { ...base, durationMs, source: { ...base.source, address } }
    // Access that is to follow on ends so much later than what stands, counted from the moment of the command.
    if (extraMs !== null) {
      const endsAt = clock('09:00') + durationMs
      const extended = { requestId: 'r0', endsAt, extraMs }
      return { ...given, durationMs: durationMs + extraMs, until: endsAt + extraMs, extends: extended }
    }
    const until = (startsAt ?? clock('09:00')) + durationMs
    return { ...given, startsAt, until: startsAt !== null || named ? until : null }
  })
const anyLess: fc.Arbitrary<Less> = fc.record(
  { durationMs: length, ports: somePorts, source },
  { requiredKeys: ['durationMs', 'ports'] },
)

/** When access would end that is approved then; null when no time is left. */
const endOf = (given: Ask, at: number): number | null => {
  const { request } = pending()
  if (request.state !== 'pending') throw new Error('It does not wait.')
  return grantFor({ ...request, ...given }, 'g1', at)?.grant.expiresAt ?? null
}

describe('whatever an approver leaves of a request', () => {
  it('opens nothing that was not asked for, for nobody else, and no longer', () => {
    let left = 0
    fc.assert(
      fc.property(anyAsk, anyLess, moment, (given, less, at) => {
        if (!isLess(less, given)) return
        left += 1
        const part = narrowed(given, less)
        expect(covers(given.ports, part.ports)).toBe(true)
        expect(holds(given.source.address, part.source.address)).toBe(true)
        expect(part.startsAt).toBe(given.startsAt)
        const [before, after] = [endOf(given, at), endOf(part, at)]
        if (before === null) expect(after).toBeNull()
        else expect(after ?? 0).toBeLessThanOrEqual(before)
        const smaller =
          part.durationMs < given.durationMs ||
          part.ports.length < given.ports.length ||
          addressesIn(part.source.address) < addressesIn(given.source.address)
        expect(smaller).toBe(true)
      }),
      { numRuns: 5_000 },
    )
    expect(left).toBeGreaterThan(200)
  })

  it('is still a part of it when another one leaves a part of that', () => {
    let twice = 0
    fc.assert(
      fc.property(anyAsk, anyLess, anyLess, (given, one, other) => {
        if (!isLess(one, given) || !isLess(other, narrowed(given, one))) return
        twice += 1
        const { source: whole = narrowed(given, one).source.address } = other
        expect(isLess({ ...other, source: whole }, given)).toBe(true)
      }),
      { numRuns: 20_000 },
    )
    expect(twice).toBeGreaterThan(20)
  })

  it('leaves an end to what follows on from other access that comes after the end of that', () => {
    fc.assert(
      fc.property(anyAsk, anyLess, (given, less) => {
        if (!given.extends || !isLess(less, given)) return
        expect(narrowed(given, less).until).toBeGreaterThan(given.extends.endsAt)
      }),
      { numRuns: 3_000 },
    )
  })
})
