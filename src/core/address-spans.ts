import ipaddr from 'ipaddr.js'
import type { Family } from './source.ts'

/** A run of addresses, both ends included. */
interface Span {
  readonly first: bigint
  readonly last: bigint
}

/** A set of addresses of one family: runs in order that do not touch. */
export type Spans = readonly Span[]

export const nothing: Spans = []

const bitsOf = (family: Family): number => (family === 'IPv4' ? 32 : 128)

export const everything = (family: Family): Spans => [
  { first: 0n, last: (1n << BigInt(bitsOf(family))) - 1n },
]

const isFamily = (address: string, family: Family): boolean =>
  family === 'IPv4' ? ipaddr.IPv4.isValidFourPartDecimal(address) : ipaddr.IPv6.isValid(address)

/** The addresses of an address or prefix; none where it is something else, or of the other family. */
export function spansOf(text: string, family: Family): Spans {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  if (address.includes(':') !== (family === 'IPv6') || !isFamily(address, family)) return nothing
  const most = bitsOf(family)
  const bits = slash < 0 ? most : Number(text.slice(slash + 1))
  if (!Number.isInteger(bits) || bits < 0 || bits > most) return nothing
  const bytes = ipaddr.parse(address).toByteArray()
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const rest = BigInt(most - bits)
  const first = (value >> rest) << rest
  return [{ first, last: first + (1n << rest) - 1n }]
}

export function union(...all: readonly Spans[]): Spans {
  const joined: Span[] = []
  for (const span of all.flat().toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = joined.at(-1)
    if (before && span.first <= before.last + 1n)
      joined[joined.length - 1] = {
        first: before.first,
        last: span.last > before.last ? span.last : before.last,
      }
    else joined.push(span)
  }
  return joined
}

export function intersect(a: Spans, b: Spans): Spans {
  const shared: Span[] = []
  for (let [i, j] = [0, 0]; ; ) {
    const [one, other] = [a[i], b[j]]
    if (!one || !other) return shared
    const first = one.first > other.first ? one.first : other.first
    const last = one.last < other.last ? one.last : other.last
    if (first <= last) shared.push({ first, last })
    if (one.last < other.last) i += 1
    else j += 1
  }
}

/** What of the first is not in the second. */
export function without(a: Spans, b: Spans): Spans {
  const left: Span[] = []
  for (const { first, last } of a) {
    let at = first
    for (const cut of b) {
      if (cut.last < at || cut.first > last) continue
      if (cut.first > at) left.push({ first: at, last: cut.first - 1n })
      at = cut.last + 1n
    }
    if (at <= last) left.push({ first: at, last })
  }
  return left
}

export const isEmpty = (spans: Spans): boolean => spans.length === 0

export const sizeOf = (spans: Spans): bigint =>
  spans.reduce((sum, { first, last }) => sum + last - first + 1n, 0n)

/** What nothing on the internet has as its address, and the one of Azure’s own that every virtual network knows. */
const neverOutside: Readonly<Record<Family, readonly string[]>> = {
  IPv4: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '168.63.129.16',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '224.0.0.0/4',
    '255.255.255.255',
  ],
  IPv6: ['::', '::1', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
}

const outsideOf = (family: Family): Spans =>
  without(everything(family), union(...neverOutside[family].map((prefix) => spansOf(prefix, family))))

/** Every address that somebody on the internet may come from: what Azure’s tag `Internet` stands for. */
export const internet: Readonly<Record<Family, Spans>> = {
  IPv4: outsideOf('IPv4'),
  IPv6: outsideOf('IPv6'),
}
