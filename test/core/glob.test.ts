import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beginningOf, folded, globMatches } from '../../src/core/glob.ts'

describe('what a text must begin with to match a glob', () => {
  it.each([
    [['vm-*'], 'vm-'],
    [['VM-Jump01'], 'vm-jump01'],
    [['vm-?1', 'vm-*'], 'vm-'],
    [['vm-shop-*', 'vm-sales-*'], 'vm-s'],
    [['vm-*', 'db-*'], ''],
    [['vm', 'vm-1'], 'vm'],
    [['*-vm'], ''],
    [['?m'], ''],
    [[''], ''],
    [[], ''],
  ])('%j: “%s”', (globs, beginning) => {
    expect(beginningOf(globs)).toBe(beginning)
  })

  it('is never asked of a text that matches', () => {
    const letters = fc.string({
      unit: fc.constantFrom('a', 'B', 'İ', 'Σ', '\u0307', '-', '*', '?'),
      maxLength: 6,
    })
    const globs = fc.array(letters, { minLength: 1, maxLength: 3 })
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', 'A', 'B', 'İ', 'i', 'I', '\u0307', 'Σ', 'σ', 'ς', '-'),
      maxLength: 8,
    })
    fc.assert(
      fc.property(globs, text, (some, one) => {
        fc.pre(some.some((glob) => globMatches(glob, one)))
        expect(folded(one).startsWith(beginningOf(some))).toBe(true)
      }),
    )
  })
})

describe('letters that have more than one small form', () => {
  it.each([
    ['ΟΔΟΣ*', 'ΟΔΟΣΑ'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['οδος', 'ΟΔΟΣ'],
    ['*ς', 'ΟΔΟΣ'],
    ['?stanbul', 'İstanbul'],
    ['istanbul', 'İstanbul'],
    ['İST*', 'istanbul'],
    ['I\u0307stanbul', 'İSTANBUL'],
  ])('“%s” matches “%s”', (glob, text) => {
    expect(globMatches(glob, text)).toBe(true)
  })

  it.each([
    ['İ', 'i'],
    ['I\u0307\u0307', 'i'],
    ['e\u0307', 'e\u0307'],
    ['ΣΑΣ', 'σασ'],
    ['Straße', 'straße'],
    ['ẞ', 'ß'],
  ])('“%s” counts as “%s”', (text, counts) => {
    expect(folded(text)).toBe(counts)
  })

  it('are folded once and for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('İ', 'I', 'i', '\u0307', 'Σ', 'ς', 'a') }), (text) => {
        expect(folded(folded(text))).toBe(folded(text))
      }),
    )
  })
})
