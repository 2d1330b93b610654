import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalAddress, clientAddress } from '../../src/core/forwarded.ts'

const [near, far, caller, spoofed] = ['10.0.0.4', '198.41.128.7', '81.2.69.142', '9.9.9.9']
const caller6 = '2a00:1450::1'

/** Who is trusted, and who really stands in front: the next one to us and the one before it. */
const proxies = {
  none: [],
  one: ['10.0.0.0/24'],
  two: ['10.0.0.0/24', '198.41.128.0/24'],
  wrong: ['10.9.0.0/24'],
} as const
type Proxies = keyof typeof proxies

const many = (count: number, entry: string) => Array.from({ length: count }, () => entry).join(', ')

/** The header as it arrives at us from 10.0.0.4, and who is found with each set of trusted proxies; null is nobody. */
const table: readonly (readonly [string, readonly string[], Readonly<Record<Proxies, string | null>>])[] = [
  ['none', [], { none: near, one: null, two: null, wrong: near }],
  ['one', [caller], { none: near, one: caller, two: caller, wrong: near }],
  ['one by way of another proxy', [`${caller}, ${far}`], { none: near, one: far, two: caller, wrong: near }],
  ['in two headers', [caller, far], { none: near, one: far, two: caller, wrong: near }],
  ['many of which the left is spoofed', [`${spoofed}, ${caller}`], both(caller)],
  ['a spoofed trusted one on the left', [`${near}, ${caller}`], both(caller)],
  [
    'spoofed, by both proxies',
    [`${spoofed}, ${caller}, ${far}`],
    { none: near, one: far, two: caller, wrong: near },
  ],
  ['a spoofed header before the proxy’s own', [spoofed, caller], both(caller)],
  ['rubbish to the left of the caller', [`unknown, ,, [, ${caller}`], both(caller)],
  ['IPv6', [caller6], both(caller6)],
  ['IPv6 written long', ['2A00:1450:0000:0:0:0:0:0001'], both(caller6)],
  ['IPv6 in brackets', [`[${caller6}]`], both(caller6)],
  ['IPv6 in brackets with a port', [`[${caller6}]:443`], both(caller6)],
  ['IPv4 in IPv6 clothes', [`::ffff:${caller}`], both(caller)],
  ['IPv4 in IPv6 clothes, hexadecimal, with a port', ['[::ffff:5102:458e]:1'], both(caller)],
  ['a proxy in IPv6 clothes', [`${caller}, ::ffff:10.0.0.9`], both(caller)],
  ['with a port', [`${caller}:50123`], both(caller)],
  ['a proxy with a port', [`${caller}, 10.0.0.9:80`], both(caller)],
  ['white space', [`\t ${caller} \t`], both(caller)],
  ['loopback in brackets', ['[::1]'], both('::1')],
  ['loopback', ['127.0.0.1'], both('127.0.0.1')],
  ['IPv4 in brackets', [`[${caller}]`], both(null)],
  ['an open bracket', [`[${caller6}`], both(null)],
  ['a bracket and rubbish', [`[${caller6}]x`], both(null)],
  ['a port that is none', [`${caller}:65536`], both(null)],
  ['an empty port', [`${caller}:`], both(null)],
  ['an empty port behind brackets', [`[${caller6}]:`], both(null)],
  ['a zone', ['fe80::1%eth0'], both(null)],
  ['a zone in brackets', ['[fe80::1%1]:80'], both(null)],
  ['unknown', ['unknown'], both(null)],
  ['obfuscated', ['_hidden'], both(null)],
  ['obfuscated before it is reached', [`${caller}, _SEVKISEK`], both(null)],
  ['quoted', [`"${caller}"`], both(null)],
  ['of the other header', [`for=${caller}`], both(null)],
  ['a name', ['localhost'], both(null)],
  ['a range', [`${caller}/32`], both(null)],
  ['octal', ['081.2.69.142'], both(null)],
  ['octal behind colons', ['::ffff:081.2.69.142'], both(null)],
  ['hexadecimal', ['0x51.2.69.142'], both(null)],
  ['short', ['81.2'], both(null)],
  ['one number', ['1359103374'], both(null)],
  ['digits that are none of ours', ['８１.2.69.142'], both(null)],
  ['empty', [''], both(null)],
  ['white space alone', [' \t'], both(null)],
  ['an empty entry before it is reached', [`${caller},,${near}`], both(null)],
  ['ends in a comma', [`${caller},`], both(null)],
  ['proxies and nobody else', [`${near}, ${near}`], both(null)],
  ['200 entries, the caller last', [`${many(199, spoofed)}, ${caller}`], both(caller)],
  ['200 proxies', [`${caller}, ${many(199, near)}`], both(null)],
  ['63 proxies', [`${caller}, ${many(63, near)}`], both(caller)],
  ['64 proxies', [`${caller}, ${many(64, near)}`], both(null)],
]

/** What is found alike with one proxy and with two. */
function both(found: string | null) {
  return { none: near, one: found, two: found, wrong: near }
}

describe.each(table)('header: %s', (_, header, expected) => {
  it.each(['none', 'one', 'two', 'wrong'] as const)('trusted proxies: %s', (name) => {
    const ignored = header.length > 0 && (name === 'none' || name === 'wrong')
    expect(clientAddress(near, header, proxies[name])).toEqual({ address: expected[name], ignored })
  })
})

describe('the peer', () => {
  it.each([
    ['::ffff:10.0.0.4', '81.2.69.142'],
    ['::FFFF:0a00:0004', '81.2.69.142'],
    ['10.0.1.4', '10.0.1.4'],
    ['::ffff:10.0.1.4', '10.0.1.4'],
    ['2A00:1450::0001', caller6],
    ['fe80::1%eth0', null],
    ['', null],
    ['undefined', null],
  ])('%j in front of one header answers %j', (peer, address) => {
    expect(clientAddress(peer, [caller], ['10.0.0.0/24']).address).toBe(address)
  })

  it('is found by an IPv6 range too, and by one address', () => {
    expect(clientAddress('fd00::5', [caller], ['fd00::/64']).address).toBe(caller)
    expect(clientAddress('fd00::5', [caller], ['fd00::5']).address).toBe(caller)
    expect(clientAddress('fd00::6', [caller], ['fd00::5', 'rubbish']).address).toBe('fd00::6')
  })
})

describe('always', () => {
  const entry = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string({ maxLength: 12 }),
    fc.constantFrom('10.0.0.4', '::ffff:10.0.0.9', '', 'unknown', '[::1]:8'),
  )
  const headers = fc.array(
    fc.array(entry, { maxLength: 6 }).map((entries) => entries.join(',')),
    { maxLength: 3 },
  )

  it('what a stranger writes to the left of what the proxy wrote changes nothing', () => {
    fc.assert(
      fc.property(headers, fc.ipV4(), (written, address) => {
        fc.pre(!address.startsWith('10.0.0.'))
        expect(clientAddress(near, [...written, address], proxies.one).address).toBe(address)
      }),
    )
  })

  it('whoever is found is not a proxy, and is in canonical form', () => {
    fc.assert(
      fc.property(headers, (written) => {
        const { address } = clientAddress(near, written, proxies.one)
        fc.pre(address !== null)
        expect(canonicalAddress(address ?? '')).toBe(address)
        expect(address).not.toMatch(/^10\.0\.0\./)
      }),
    )
  })

  it('a header from somebody who is not trusted changes nothing', () => {
    fc.assert(
      fc.property(headers, (written) => {
        expect(clientAddress(caller, written, proxies.two)).toEqual({
          address: caller,
          ignored: written.length > 0,
        })
      }),
    )
  })
})
