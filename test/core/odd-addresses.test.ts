import { describe, expect, test } from 'vitest'
import { kindNames, tryOdd } from './odd-addresses.ts'

/** Of these nothing is an address of one computer on the internet, however it is read. */
const never = [
  'one hexadecimal number',
  'short form',
  'too many parts',
  'mapped',
  'mapped, hexadecimal',
  'zoned',
  'white space',
  'list',
  'tag',
  'everything',
  'brackets and ports',
  'in a link',
]

describe('bad and odd addresses', () => {
  // A whole million: npm run addresses.
  test('none is taken that another library calls other than global unicast', { timeout: 120_000 }, () => {
    const seed = Number(process.env['ADDRESSES_SEED'] ?? Math.floor(Math.random() * 4_294_967_296))
    const { wrong, taken } = tryOdd(Number(process.env['ADDRESSES'] ?? 50_000), seed)
    expect({ seed, wrong }).toEqual({ seed, wrong: null })
    const wronglyTaken = never.filter((kind) => taken.get(kind) !== 0)
    expect({ seed, wronglyTaken }).toEqual({ seed, wronglyTaken: [] })
    // Both answers were given to what may be either.
    for (const kind of ['plain IPv4', 'plain IPv6', 'narrow range', 'upper', 'changed by one letter'])
      expect({ seed, kind, some: (taken.get(kind) ?? 0) > 0 }).toEqual({ seed, kind, some: true })
    expect(kindNames).toEqual(expect.arrayContaining(never))
  })
})
