import { isIP } from 'node:net'
import { Address4, Address6 } from 'ip-address'
import { addressRefusal } from '../../src/core/address-policy.ts'
import { clientAddress } from '../../src/core/forwarded.ts'
import { parseAddress, parseSource, widestRange } from '../../src/core/source.ts'

type Random = (below: number) => number

function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const oneOf = <T>(random: Random, all: readonly [T, ...T[]]): T => all[random(all.length)] ?? all[0]

/** Where the special blocks begin and end, so that most addresses fall into one or beside it. */
const blocks4: readonly [string, ...string[]] = [
  '0.0',
  '10.255',
  '10.0',
  '100.64',
  '100.127',
  '100.128',
  '127.0',
  '169.254',
  '172.16',
  '172.31',
  '172.32',
  '192.0',
  '192.168',
  '192.88',
  '198.18',
  '198.19',
  '198.51',
  '203.0',
  '223.255',
  '224.0',
  '239.255',
  '240.0',
  '255.255',
  '81.2',
  '8.8',
  '1.1',
  '52.169',
  '9.9',
  '11.0',
  '126.255',
]
const blocks6: readonly [string, ...string[]] = [
  '2a00:1450',
  '2001:4860',
  '2001:db8',
  '2001:0',
  '2001:2',
  '2001:10',
  '2001:20',
  '2001:1ff',
  '2001:200',
  '2002:808',
  '3fff:0',
  '3fff:fff',
  '3fff:1000',
  '5f00:0',
  'fe80:0',
  'febf:1',
  'fec0:0',
  'fc00:0',
  'fdff:1',
  'ff02:0',
  'ff0e:0',
  '64:ff9b',
  '100:0',
  '0:0',
  '1fff:1',
  '4000:0',
  '2620:4f',
  '2003:1',
  '3ffe:1',
  '2000:1',
]

const plain4 = (random: Random): string => {
  const third = oneOf(random, [0, 2, 99, 100, 113, 255, random(256)])
  return `${oneOf(random, blocks4)}.${third}.${oneOf(random, [0, 1, 255, random(256)])}`
}
const plain6 = (random: Random): string => {
  const group = () => random(0x1_0000).toString(16)
  const tail = Array.from({ length: 1 + random(6) }, group)
  const whole = tail.length === 6 ? ':' : '::'
  return `${oneOf(random, blocks6)}${whole}${tail.join(':')}`
}
const plain = (random: Random): string => (random(2) === 0 ? plain4(random) : plain6(random))

const eachPart = (text: string, change: (part: string) => string): string =>
  text.split('.').map(change).join('.')
const number4 = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
const hex4 = (text: string): string => {
  const value = number4(text)
  return `${Math.floor(value / 65_536).toString(16)}:${(value % 65_536).toString(16)}`
}

const white: readonly [string, ...string[]] = [
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\v',
  '\u00a0',
  '\u200b',
  '\ufeff',
  '\u2003',
  '\u0000',
]
const digits = [0x660, 0x6f0, 0x966, 0xff10, 0x1d7ce, 0x2080, 0x2460] as const
const dots: readonly [string, ...string[]] = ['.', '。', '．', '｡', '․', '·']
const tags: readonly [string, ...string[]] = [
  'Internet',
  'VirtualNetwork',
  'AzureLoadBalancer',
  'AzureCloud',
  'Storage.WestEurope',
  '*',
  'any',
  'localhost',
  'all',
  '0',
  '::',
  ':',
  '',
  '-',
  'null',
  'NaN',
  'example.com',
  'fe80',
  'dead.beef',
  'face::book',
]
const oddLetters = '0123456789abcdefxXoO.:%/[]-+ ,_@#&;\'"\\\u0661\uff11'

function mutated(random: Random, text: string): string {
  const at = random(text.length + 1)
  const letter = oddLetters[random(oddLetters.length)] ?? '0'
  const cut = random(3)
  return text.slice(0, at) + (cut === 0 ? '' : letter) + text.slice(at + (cut === 2 ? 0 : 1))
}

/** Each kind of text that somebody may send instead of the one address that they connect from. */
const kinds: Readonly<Record<string, (random: Random) => string>> = {
  'plain IPv4': plain4,
  'plain IPv6': plain6,
  octal: (random) =>
    eachPart(plain4(random), (part) => (random(2) === 0 ? `0${Number(part).toString(8)}` : part)),
  'leading zeros': (random) =>
    eachPart(plain4(random), (part) => (random(3) === 0 ? part.padStart(3, '0') : part)),
  hexadecimal: (random) =>
    eachPart(plain4(random), (part) => (random(2) === 0 ? `0x${Number(part).toString(16)}` : part)),
  'one number': (random) => number4(plain4(random)).toString(oneOf(random, [8, 10, 16])),
  'one hexadecimal number': (random) => `0x${number4(plain4(random)).toString(16)}`,
  'short form': (random) =>
    plain4(random)
      .split('.')
      .slice(0, 1 + random(3))
      .join('.'),
  'too many parts': (random) => `${plain4(random)}.${random(256)}`,
  'parts too large': (random) =>
    eachPart(plain4(random), (part) => (random(3) === 0 ? `${Number(part) + 256}` : part)),
  mapped: (random) =>
    `${oneOf(random, ['::ffff:', '0:0:0:0:0:ffff:', '::FFFF:', '::', '::ffff:0:', '64:ff9b::', '2002:'])}${plain4(random)}`,
  'mapped, hexadecimal': (random) =>
    `${oneOf(random, ['::ffff:', '0:0:0:0:0:ffff:', '::', '64:ff9b::', '2002:'])}${hex4(plain4(random))}${oneOf(random, ['', '::', '::1'])}`,
  'dotted tail': (random) =>
    `${oneOf(random, blocks6)}::${eachPart(plain4(random), (part) => (random(5) === 0 ? `0${part}` : part))}`,
  zoned: (random) => `${plain(random)}%${oneOf(random, ['', 'eth0', '1', '25eth0', '%'])}`,
  'other digits': (random) =>
    plain(random).replaceAll(/\d/g, (digit) =>
      random(3) === 0 ? String.fromCodePoint(oneOf(random, digits) + Number(digit)) : digit,
    ),
  'other dots': (random) => plain4(random).replaceAll('.', () => oneOf(random, dots)),
  'white space': (random) => {
    const [text, space] = [plain(random), oneOf(random, white)]
    const at = oneOf(random, [0, text.length, random(text.length)])
    return text.slice(0, at) + space + text.slice(at)
  },
  list: (random) => `${plain(random)}${oneOf(random, [',', ';', ' ', ', ', '|', '-', '\n'])}${plain(random)}`,
  tag: (random) => oneOf(random, tags),
  range: (random) =>
    `${plain(random)}/${oneOf(random, ['0', '1', '8', '24', '28', '31', '32', '33', '64', '120', '124', '128', '129', '', '00', '032', '-1', '+24', '0x18', '255.255.255.0'])}`,
  everything: (random) =>
    oneOf(random, [
      '0.0.0.0/0',
      '::/0',
      '0/0',
      '*',
      '0.0.0.0',
      '::',
      '255.255.255.255',
      '0',
      '/0',
      '::0/0',
      '0x0/0',
      '00.0.0.0/0',
    ]),
  'narrow range': (random) => `${plain4(random).replace(/\d+$/, '0')}/${24 + random(9)}`,
  'narrow range, IPv6': (random) =>
    `${oneOf(random, blocks6)}::${random(0x100).toString(16)}00/${119 + random(10)}`,
  upper: (random) => plain6(random).toUpperCase(),
  'long groups': (random) =>
    plain6(random)
      .split(':')
      .map((group) => (group === '' || random(4) > 0 ? group : group.padStart(4 + random(2), '0')))
      .join(':'),
  'wrong colons': (random) => plain6(random).replace(':', oneOf(random, ['::', ':::', '', ';'])),
  'brackets and ports': (random) =>
    oneOf(random, [
      `[${plain6(random)}]`,
      `[${plain6(random)}]:443`,
      `${plain4(random)}:80`,
      `[${plain4(random)}]`,
      `${plain6(random)}:99999`,
    ]),
  'in a link': (random) =>
    oneOf(random, [
      `http://${plain(random)}/`,
      `user@${plain(random)}`,
      `${plain4(random)}.in-addr.arpa`,
      `<${plain(random)}>`,
      `${plain4(random)}%2f0`,
    ]),
  'changed by one letter': (random) => mutated(random, plain(random)),
  'changed by three': (random) => mutated(random, mutated(random, mutated(random, plain(random)))),
}

/** What the other library makes of a text that is written as one address; null where it is none. */
function other(text: string): { readonly canonical: string; readonly isGlobalUnicast: boolean } | null {
  const family = text.includes('%') ? 0 : isIP(text)
  if (family === 4 && Address4.isValid(text)) {
    const address = new Address4(text)
    const isGlobalUnicast =
      address.isGlobal() &&
      !address.isMulticast() &&
      !address.isBroadcast() &&
      !address.isReserved() &&
      !address.isPrivate()
    return { canonical: address.correctForm(), isGlobalUnicast }
  }
  if (family !== 6 || !Address6.isValid(text)) return null
  const address = new Address6(text)
  const [first] = address.toByteArray()
  // Only 2000::/3 has been given out, and what stands for an IPv4 address is no address of its own.
  const isGlobalUnicast =
    address.isGlobal() &&
    !address.isMulticast() &&
    !address.isMapped4() &&
    !address.isPrivate() &&
    ((first ?? 0) & 0xe0) === 0x20
  return { canonical: address.correctForm(), isGlobalUnicast }
}

/** Why a range of ours is not one by the other library: both ends must be global unicast, and it must be narrow. */
function wrongRange(text: string): string | null {
  const [base = '', bits = ''] = text.split('/')
  if (isIP(base) === 0 || !/^\d+$/.test(bits)) return 'it is no range'
  const valid = isIP(base) === 4 ? Address4.isValid(text) : Address6.isValid(text)
  if (!valid) return 'it is no range'
  const range = isIP(base) === 4 ? new Address4(text) : new Address6(text)
  const width = isIP(base) === 4 ? 32 : 128
  if (width - Number(bits) > 8) return 'it is wide'
  const ends = [range.startAddress(), range.endAddress()].map((end) => other(end.correctForm()))
  return ends.every((end) => end?.isGlobalUnicast) ? null : 'an end of it is not global unicast'
}

function wrongAddress(text: string, ours: string): string | null {
  const theirs = other(text)
  if (!theirs) return 'it is no address'
  if (!theirs.isGlobalUnicast) return 'it is not global unicast'
  return theirs.canonical === ours ? null : `it is ${theirs.canonical}, and we read ${ours}`
}

/** What was taken that should not have been, by any of the ways in; null when nothing was. */
function wronglyTaken(text: string): string | null {
  const one = parseAddress(text)
  const wrong = one.ok ? wrongAddress(text, one.address) : null
  if (wrong !== null) return `parseAddress: ${wrong}`
  const source = parseSource(text, widestRange)
  const wide = source.ok ? (text.includes('/') ? wrongRange(text) : wrongAddress(text, source.address)) : null
  if (wide !== null) return `parseSource: ${wide}`
  // A proxy says it with a port or in IPv6 clothes, so it is judged as what is made of it.
  const { address } = clientAddress('10.0.0.4', [text], ['10.0.0.4'])
  if (address === null || addressRefusal({}, address) !== null) return null
  const seen = wrongAddress(address, address)
  return seen === null ? null : `clientAddress: ${seen}`
}

export interface OddOnes {
  readonly wrong: { readonly kind: string; readonly text: string; readonly why: string } | null
  /** How many of each kind were taken, so that it can be seen that both answers were given. */
  readonly taken: ReadonlyMap<string, number>
}

export const kindNames = Object.keys(kinds)

/** So many texts of all kinds in turn. */
export function tryOdd(count: number, seed: number): OddOnes {
  const random = randomOf(seed)
  const makers = Object.entries(kinds)
  const taken = new Map<string, number>(makers.map(([kind]) => [kind, 0]))
  for (let index = 0; index < count; index += 1) {
    const [kind, make] = makers[index % makers.length] ?? ['plain IPv4', plain4]
    const text = make(random)
    const why = wronglyTaken(text)
    if (why !== null) return { wrong: { kind, text, why }, taken }
    if (parseSource(text, widestRange).ok) taken.set(kind, (taken.get(kind) ?? 0) + 1)
  }
  return { wrong: null, taken }
}
