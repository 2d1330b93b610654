import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { watchClocks } from '../../src/clock-watch.ts'
import { clock } from '../support/cases.ts'

const noon = clock('12:00')
type Given = Partial<Parameters<typeof watchClocks>[0]>

/** What is wrong when the machine’s clock is this much ahead of the database’s. */
const machine = (ahead: number, but: Given = {}) =>
  watchClocks({ database: () => noon, wall: () => noon + ahead, azure: () => null, ...but })()
const azure = (azureTime: number | null) => machine(0, { azure: () => ({ azureTime, at: noon }) })

const nothingIsOpened = 'so nothing is opened'

describe('the machine’s clock', () => {
  it.each([0, 1, -1, 4_999, -4_999, 5_000, -5_000])('may be %i ms from the database’s', (ahead) => {
    expect(machine(ahead)).toBeNull()
  })

  it.each([
    [5_001, '5 s ahead of'],
    [-5_001, '5 s behind'],
    [61_000, '61 s ahead of'],
    [-3_600_000, '3600 s behind'],
  ])('may not be %i ms from it', (ahead, apart) => {
    expect(machine(ahead)).toBe(`this machine’s clock is ${apart} the database’s, ${nothingIsOpened}`)
  })
})

describe('Azure’s clock', () => {
  it.each([
    ['has not been seen', null],
    ['has just begun the same second', 0],
    ['is in the second before, which may be one millisecond ago', -1_000],
    ['is 5 s ahead', 5_000],
    ['is 5 s behind, and at the end of its second', -6_000],
  ])('is right enough when it %s', (_, ahead) => {
    expect(azure(ahead === null ? null : noon + ahead)).toBeNull()
  })

  it.each([
    [5_001, '5 s ahead of'],
    [-6_001, '5 s behind'],
    [3_600_000, '3600 s ahead of'],
    [-3_600_000, '3599 s behind'],
  ])('is wrong when its header is %i ms from ours', (ahead, apart) => {
    expect(azure(noon + ahead)).toBe(`Azure’s clock is ${apart} the database’s, ${nothingIsOpened}`)
  })

  it('is compared with our time when its answer came, not with now', () => {
    const seen = { azureTime: noon - 60_000, at: noon - 60_000 }
    expect(machine(0, { azure: () => seen })).toBeNull()
  })

  it('is asked after the machine’s own clock, which is nearer to whoever reads it', () => {
    const seen = { azureTime: noon + 60_000, at: noon }
    expect(machine(-60_000, { azure: () => seen })).toMatch(/^this machine’s clock is 60 s behind/)
  })

  it('is never wrong within 5 s and always beyond 6 s, at any moment of its second', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: noon, max: noon + 86_400_000 }),
        fc.integer({ min: -10_000, max: 10_000 }),
        (at, off) => {
          const azureTime = Math.floor((at + off) / 1000) * 1000
          const trouble = machine(0, { azure: () => ({ azureTime, at }) })
          if (Math.abs(off) <= 5_000) expect(trouble).toBeNull()
          if (off > 6_000) expect(trouble).toContain('ahead of')
          if (off < -6_000) expect(trouble).toContain('behind')
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

it('reads the clocks each time it is asked', () => {
  let ahead = 0
  const look = watchClocks({ database: () => noon, wall: () => noon + ahead, azure: () => null })
  expect(look()).toBeNull()
  ahead = 6_000
  expect(look()).not.toBeNull()
  ahead = 0
  expect(look()).toBeNull()
})
