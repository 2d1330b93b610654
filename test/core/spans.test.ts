import { BlockList, isIP } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holds } from '../../src/core/source.ts'
import { isSpan, spansOf } from '../../src/core/spans.ts'

const byte = fc.constantFrom(0, 1, 2, 127, 128, 254, 255)
const v4 = fc.tuple(fc.constantFrom(0, 9, 81, 255), byte, byte, byte).map((parts) => parts.join('.'))
const group = fc.constantFrom('0', '1', '7fff', '8000', 'ffff')
const v6 = fc
  .tuple(fc.constantFrom('2a00', '0', 'ffff', '64'), fc.array(group, { minLength: 7, maxLength: 7 }))
  .map(([first, more]) => [first, ...more].join(':'))
  .filter((text) => !/^(0:){5}ffff/.test(text))
const ranges = fc.oneof(
  fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map(([base, bits]) => `${base}/${bits}`),
  fc.tuple(v6, fc.integer({ min: 0, max: 128 })).map(([base, bits]) => `${base}/${bits}`),
)

function blocked(list: readonly string[]): BlockList {
  const blocks = new BlockList()
  for (const range of list) {
    const [base = '', bits] = range.split('/')
    blocks.addSubnet(base, Number(bits), isIP(base) === 4 ? 'ipv4' : 'ipv6')
  }
  return blocks
}

describe('many ranges at once', () => {
  it('hold an address exactly when Node finds it in one of them', () => {
    fc.assert(
      fc.property(fc.array(ranges, { maxLength: 12 }), fc.oneof(v4, v6), (list, address) => {
        // Node finds an IPv4 address in ::/0 as well.
        const ofFamily = list.filter((range) => isIP(range.split('/')[0] ?? '') === isIP(address))
        const theirs = blocked(ofFamily).check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
        expect(spansOf(list).touches(address)).toBe(theirs)
      }),
      { numRuns: 2000 },
    )
  })

  it('touch a range exactly when one of them holds it or it holds one of them', () => {
    fc.assert(
      fc.property(fc.array(ranges, { maxLength: 12 }), ranges, (list, asked) => {
        const one = list.some((range) => holds(range, asked) || holds(asked, range))
        expect(spansOf(list).touches(asked)).toBe(one)
      }),
      { numRuns: 2000 },
    )
  })

  it('become one where they follow each other', () => {
    expect(
      spansOf(['81.2.69.0/25', '81.2.69.128/25', '81.2.70.0/24', '2a00::/33', '2a00:0:8000::/33']).size,
    ).toBe(2)
    expect(spansOf([]).touches('81.2.69.1')).toBe(false)
  })

  it('are found among a hundred thousand', () => {
    const list = Array.from({ length: 50_000 }, (_, at) => [
      `${11 + (at >> 12)}.${(at >> 4) & 255}.${(at & 15) * 16}.0/28`,
      `2a00:${(at * 2)
        .toString(16)
        .replace(/(.{4})$/, ':$1')
        .replace(/^:/, '0:')}::/64`,
    ]).flat()
    const spans = spansOf(list)
    expect(spans.size).toBe(100_000)
    expect(spans.touches('11.0.16.0')).toBe(true)
    expect(spans.touches('11.0.16.15')).toBe(true)
    expect(spans.touches('11.0.16.16')).toBe(false)
    expect(spans.touches('22.255.0.1')).toBe(true)
    expect(spans.touches('9.255.255.255')).toBe(false)
    expect(spans.touches('255.255.255.255')).toBe(false)
  })
})

describe('what can be read in one way only', () => {
  it.each([
    '81.2.69.142',
    '81.2.69.0/24',
    '0.0.0.0/0',
    '255.255.255.255/32',
    '::/0',
    '2A00::1',
    '2a00::/32',
    '1:2:3:4:5:6:7:8',
    '1::',
    '::1/128',
  ])('%s is a range', (text) => expect(isSpan(text)).toBe(true))
  it.each([
    '',
    '/',
    '81.2.69',
    '81.2.69.256',
    '081.2.69.1',
    '0x51.2.69.1',
    '81.2.69.0/33',
    '81.2.69.0/024',
    '81.2.69.0/',
    '81.2.69.0/8/8',
    '81.2.69.0/-1',
    ' 81.2.69.0',
    ':',
    ':::',
    '1::2::3',
    '2a00::/129',
    '2a00::12345',
    '2a00::%1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7::8',
    '1:2:3:4:5:6:7:8:9',
    '2a00::81.2.69.1',
    '::ffff:5102:458e',
    '::ffff:0:0/96',
    '2a00:g::',
    'office',
    '[::1]',
    ':1::',
    '1::2:',
  ])('%j is none', (text) => expect(isSpan(text)).toBe(false))
})
