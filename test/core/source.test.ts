import { BlockList, isIP, isIPv4 } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRange, parseAddress } from '../../src/core/source.ts'

describe('a public address of one computer is taken', () => {
  it.each([
    ['81.2.69.142', '81.2.69.142'],
    ['8.8.8.8', '8.8.8.8'],
    ['1.1.1.1', '1.1.1.1'],
    ['223.255.255.255', '223.255.255.255'],
    ['9.255.255.255', '9.255.255.255'],
    ['11.0.0.0', '11.0.0.0'],
    ['172.15.255.255', '172.15.255.255'],
    ['172.32.0.0', '172.32.0.0'],
    ['100.63.255.255', '100.63.255.255'],
    ['100.128.0.0', '100.128.0.0'],
    ['192.0.1.0', '192.0.1.0'],
    ['198.17.255.255', '198.17.255.255'],
    ['198.20.0.0', '198.20.0.0'],
    ['2a00:1450:4001:82a::200e', '2a00:1450:4001:82a::200e'],
    ['2A00:1450:4001:082A:0:0:0:200E', '2a00:1450:4001:82a::200e'],
    ['2a00:0:0:1:0:0:0:1', '2a00:0:0:1::1'],
    ['2a00:1:2:3:4:5:6:7', '2a00:1:2:3:4:5:6:7'],
    ['2a00::1.2.3.4', '2a00::102:304'],
    ['2001:4860:4860::8888', '2001:4860:4860::8888'],
    ['2001:200::1', '2001:200::1'],
    ['3fff:1000::1', '3fff:1000::1'],
  ])('%s is written %s', (text, address) => {
    const family = address.includes(':') ? 'IPv6' : 'IPv4'
    expect(parseAddress(text)).toEqual({ ok: true, address, family })
  })
})

const refused = {
  'No address was given.': [''],
  'is a list; give one address.': [
    '8.8.8.8,1.1.1.1',
    '8.8.8.8;1.1.1.1',
    '8.8.8.8 1.1.1.1',
    ' 8.8.8.8',
    '8.8.8.8\n',
    '8.8.8.8\t',
    '8.8.8.8\u00A0',
    '\uFEFF8.8.8.8',
    ' ',
  ],
  'is a range; give the one address': [
    '8.8.8.8/32',
    '0.0.0.0/0',
    '8.8.8.0/24',
    '::/0',
    '2a00::1/128',
    '/',
    '8.8.8.8/',
  ],
  'is not an IP address. Names, tags': [
    '*',
    'Internet',
    'internet',
    'VirtualNetwork',
    'AzureLoadBalancer',
    'AzureCloud.westeurope',
    'localhost',
    'example.com',
    '8.8.8.8-8.8.8.9',
    '0x8.8.8.8',
    '0x08080808',
    '8.8.8.8a',
    '8.8.8.8%eth0',
    '+8.8.8.8',
    '-1',
    '8.8.8.-8',
    '８.８.８.８',
    '8。8。8。8',
    '٨.٨.٨.٨',
    '8.8.8.8\u200B',
    '8.8.8.8\u0000',
    '<8.8.8.8>',
    'undefined',
    'null',
  ],
  'is not a whole IPv4 address': [
    '8',
    '8.8',
    '8.8.8',
    '8.8.8.8.8',
    '8.8.8.8.',
    '.8.8.8.8',
    '8..8.8',
    '8.8.8.256',
    '8.8.8.999',
    '134744072',
    '789',
    '1234',
    '99999999999999999999',
    '.',
    '....',
  ],
  'can be read in two ways; write it without leading zeros': [
    '010.8.8.8',
    '8.8.8.08',
    '8.8.8.008',
    '8.8.8.00',
    '0177.0.0.1',
    '081.2.69.142',
    '2a00::010.1.2.3',
    '2a00::1.2.3.04',
    '::ffff:010.8.8.8',
  ],
  'names a network card (%)': ['fe80::1%eth0', '2a00::1%1', '2a00::1%', '%:'],
  'is not an IPv6 address': [
    ':',
    ':::',
    '2a00:1',
    '2a00:::1',
    '2a00::1::2',
    '2a00:1:2:3:4:5:6:7:8',
    '2a00:1::3:4:5:6:7:8',
    '2a00::00001',
    '2a00::g',
    '2a00::0x1',
    '[2a00::1]',
    '[2a00::1]:443',
    '8.8.8.8:443',
    'http:',
    '2a00::1.2.3',
    '2a00::1.2.3.256',
    '2a00::１',
  ],
  'is an IPv4 address in IPv6 clothes; write 8.8.8.8.': [
    '::ffff:8.8.8.8',
    '::FFFF:808:808',
    '0:0:0:0:0:ffff:8.8.8.8',
  ],
  'stands for “no address”': ['0.0.0.0', '0.1.2.3', '0.255.255.255', '::', '0:0:0:0:0:0:0:0'],
  'is the broadcast address': ['255.255.255.255'],
  'means “this computer” (loopback)': ['127.0.0.1', '127.255.255.255', '::1'],
  'is private: it does not exist on the internet': [
    '10.0.0.1',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    'fc00::1',
    'fd12:3456::1',
    'fec0::1',
  ],
  'only works on one cable (link-local)': ['169.254.1.1', '169.254.169.254', 'fe80::1', 'febf::1'],
  'is shared inside a provider’s network (100.64.0.0/10)': ['100.64.0.1', '100.127.255.255'],
  'is a multicast address': ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  'is reserved for special purposes, such as documentation': [
    '192.0.0.1',
    '192.0.0.9',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '255.255.255.254',
    '2001:1::1',
    '2001:100::1',
    '2001:1ff:ffff::1',
    '2001:db8::1',
    '3fff::1',
    '3fff:fff::1',
  ],
  'is reserved for benchmarks': ['2001:2::1'],
  'leads nowhere (100::/64)': ['100::1'],
  'belongs to a tunnel (6to4)': ['2002::1', '2002:808:808::1'],
  'belongs to a tunnel (Teredo)': ['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  'belongs to a tunnel (AMT)': ['192.52.193.1', '2001:3::1'],
  'belongs to name servers (AS112)': ['192.31.196.1', '192.175.48.1', '2001:4:112::1', '2620:4f:8000::1'],
  'is an IPv4 address in translation': [
    '64:ff9b::8.8.8.8',
    '64:ff9b::808:808',
    '64:ff9b:1::1',
    '::ffff:0:808:808',
  ],
  'is an identifier and not an address': ['2001:10::1', '2001:20::1', '2001:30::1'],
  'only works inside a provider’s network (segment routing)': ['5f00::1'],
  'is not a public address of one computer': [
    '::808:808:1',
    '1::1',
    '1fff::1',
    '4000::1',
    'c000::1',
    'fe00::1',
  ],
} satisfies Record<string, string[]>

describe.each(Object.entries(refused))('refused, because it %s', (why, texts) => {
  it.each(texts)('%j', (text) => {
    const answer = parseAddress(text)
    expect(answer.ok).toBe(false)
    expect(answer.ok ? '' : answer.why).toContain(why)
  })
})

it('a range is what is written as one', () => {
  expect(['81.2.69.0/24', '2a00::/16', '81.2.69.142', '81.2.69.0/33', 'x', ''].map(isRange)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ])
})

/** The special-purpose registries of IANA, with multicast, written down here a second time and on purpose. */
const special4 = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
  192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15
  198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4`
const special6 = `2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20`

const listOf = (text: string, family: 'ipv4' | 'ipv6') => {
  const list = new BlockList()
  for (const range of text.split(/\s+/)) {
    const [net = '', bits = ''] = range.split('/')
    list.addSubnet(net, Number(bits), family)
  }
  return list
}
const [list4, list6, global6] = [
  listOf(special4, 'ipv4'),
  listOf(special6, 'ipv6'),
  listOf('2000::/3', 'ipv6'),
]

/** The family is always named: without it BlockList does not look at IPv6 at all. */
const isGlobal = (address: string) =>
  isIPv4(address)
    ? !list4.check(address, 'ipv4')
    : global6.check(address, 'ipv6') && !list6.check(address, 'ipv6')

const near4 = fc
  .tuple(fc.constantFrom(...special4.split(/\s+/)), fc.integer({ min: -3, max: 3 }), fc.boolean())
  .map(([range, step, atEnd]) => {
    const [net = '', bits = ''] = range.split('/')
    const first = net.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    const value = (first + (atEnd ? 2 ** (32 - Number(bits)) : 0) + step + 2 ** 32) % 2 ** 32
    return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
  })
const near6 = fc
  .tuple(
    fc.constantFrom(
      0x1fff,
      0x2000,
      0x2001,
      0x2002,
      0x2003,
      0x2620,
      0x3ffe,
      0x3fff,
      0x4000,
      0x5f00,
      0xfc00,
      0xfe80,
      0,
      0x64,
    ),
    fc.constantFrom(
      0,
      1,
      2,
      3,
      4,
      0x10,
      0x1f,
      0x20,
      0x2f,
      0x30,
      0x1ff,
      0x200,
      0xdb7,
      0xdb8,
      0xdb9,
      0x4f,
      0xfff,
      0x1000,
      0xff9b,
    ),
    fc.array(fc.constantFrom(0, 1, 0x112, 0x8000, 0xffff), { minLength: 6, maxLength: 6 }),
  )
  .map(([first, second, rest]) => [first, second, ...rest].map((part) => part.toString(16)).join(':'))
const address = fc.oneof(fc.ipV4(), fc.ipV6(), near4, near6)

/** What turns an address into something that another program may read as another address. */
const twists: readonly ((text: string, at: number) => string)[] = [
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => `::ffff:${text}`,
  (text) => `2a00::${text}`,
  (text) => `::${text}`,
  (text) => `${text}%eth0`,
  (text) => `${text}/32`,
  (text) => `[${text}]`,
  (text) => text.replace(/\d+/, (part) => `0${part}`),
  (text) => text.replace(/\d+/, (part) => `0x${Number(part).toString(16)}`),
  (text) => text.replace(/\.\d+$/, ''),
  (text) => String(text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)),
  (text, at) => text.slice(0, at % (text.length + 1)) + text.slice((at % (text.length + 1)) + 1),
  (text, at) => `${text.slice(0, at % text.length)}0${text.slice(at % text.length)}`,
  (text, at) => `${text.slice(0, at % text.length)}:${text.slice(at % text.length)}`,
  (text, at) => `${text.slice(0, at % text.length)}.${text.slice(at % text.length)}`,
  (text, at) => `${text.slice(0, at % text.length)} ${text.slice(at % text.length)}`,
  (text) => text.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
]
const odd = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(address, fc.constantFrom(...twists), fc.nat(50))
      .map(([text, twist, at]) => twist(text, at)),
  },
  { weight: 1, arbitrary: fc.stringMatching(/^[0-9a-fx:.%/]{0,24}$/) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
)

describe('whatever is typed', () => {
  it('takes nothing that Node does not call an address, or that IANA does not call global', () => {
    let taken = 0
    fc.assert(
      fc.property(odd, (text) => {
        const answer = parseAddress(text)
        if (!answer.ok) return
        taken += 1
        expect(isIP(text), text).not.toBe(0)
        expect(isIP(answer.address)).toBe(answer.family === 'IPv4' ? 4 : 6)
        expect(isGlobal(text), text).toBe(true)
        expect(isGlobal(answer.address), text).toBe(true)
      }),
      { numRuns: 20_000 },
    )
    expect(taken).toBeGreaterThan(1_000)
  })

  it('takes every address that is global, and only those', () => {
    fc.assert(
      fc.property(address, (text) => {
        expect(parseAddress(text).ok, text).toBe(isGlobal(text))
      }),
      { numRuns: 5_000 },
    )
  })

  it('writes each address in one way: the one of the web’s own URLs, and reads it back', () => {
    fc.assert(
      fc.property(address, (text) => {
        const answer = parseAddress(text)
        if (!answer.ok) return
        const host = answer.family === 'IPv6' ? `[${text}]` : text
        const hostname = new URL(`http://${host}/`).hostname.replaceAll(/[[\]]/g, '')
        expect(answer.address).toBe(hostname)
        expect(parseAddress(answer.address)).toEqual(answer)
      }),
      { numRuns: 5_000 },
    )
  })

  it('says why in one sentence that quotes what was typed', () => {
    fc.assert(
      fc.property(odd, (text) => {
        const answer = parseAddress(text)
        if (!answer.ok && text !== '') expect(answer.why).toContain(text)
      }),
    )
  })
})
