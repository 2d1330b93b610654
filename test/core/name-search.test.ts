import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NameSearch } from '../../src/core/name-search.ts'
import { plainNearest } from '../support/plain-search.ts'

const letters = (alphabet: string, most: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet.split('')), minLength: 1, maxLength: most })
const sorted = (names: readonly string[]) => [...new Set(names)].toSorted()

const built = (names: readonly string[]): NameSearch => {
  const steps = NameSearch.building(names)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

const finds = (names: readonly string[], wanted: string, most: number) =>
  built(names)
    .nearest(wanted, most)
    .map((at) => names[at])

describe('the search for names', () => {
  // Few letters, so that names share their beginnings, hold one another and are near one another.
  test.each([
    ['ab', 7],
    ['ab-1', 12],
    ['xyz0123456789-', 6],
  ])('gives what a look at every name gives, in the same order: names of %s', (alphabet, most) => {
    fc.assert(
      fc.property(
        fc.array(letters(alphabet, most), { maxLength: 60 }).map(sorted),
        letters(alphabet, most + 1),
        fc.integer({ min: 1, max: 70 }),
        (names, wanted, count) => {
          expect(finds(names, wanted, count)).toEqual(plainNearest(names, wanted, count))
        },
      ),
      { numRuns: 600 },
    )
  })

  test('finds a name with any one or two slips in it', () => {
    const slip = fc.record({ at: fc.nat(), kind: fc.constantFrom('add', 'drop', 'change', 'swap') })
    const others = Array.from({ length: 200 }, (_, index) => `vm-other-${String(index).padStart(4, '0')}`)
    fc.assert(
      fc.property(
        letters('abcdefgh-01', 14),
        fc.array(slip, { minLength: 1, maxLength: 2 }),
        (name, slips) => {
          fc.pre(name.length >= 7)
          const wanted = slips.reduce((text, { at, kind }) => {
            const place = at % text.length
            const [head, tail] = [text.slice(0, place), text.slice(place)]
            if (kind === 'add') return `${head}z${tail}`
            if (kind === 'drop') return head + tail.slice(1)
            if (kind === 'change') return `${head}z${tail.slice(1)}`
            return head + (tail[1] ?? '') + (tail[0] ?? '') + tail.slice(2)
          }, name)
          const names = sorted([...others, name])
          // Two slips at one place may be a single one for the eye; a swap of a swapped letter counts as two.
          expect(plainNearest(names, wanted, 300).includes(name)).toBe(
            finds(names, wanted, 300).includes(name),
          )
        },
      ),
    )
  })

  test('takes names of any length, and nothing', () => {
    const names = sorted(['a'.repeat(64), 'a'.repeat(150), `${'a'.repeat(149)}b`, 'short'])
    expect(finds(names, 'a'.repeat(66), 9)).toEqual([names[1], names[2], names[0]])
    expect(finds(names, 'a'.repeat(151), 9)).toEqual([])
    expect(finds(names, '', 9)).toEqual([])
    expect(finds([], 'short', 9)).toEqual([])
    expect(finds(names, 'short', 0)).toEqual([])
    expect(finds(names, 'rt\n', 9)).toEqual([])
  })
})
