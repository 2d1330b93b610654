import ipaddr from 'ipaddr.js'

export type Family = 'IPv4' | 'IPv6'

/** The one address, or narrow range in CIDR form, that may come in, and how it was learnt. */
export interface Source {
  readonly address: string
  readonly family: Family
  /** `typed` and `remembered` are what a person said, `confirmed` what their browser came from, `named` what the policy says. */
  readonly learnt: 'typed' | 'remembered' | 'confirmed' | 'named'
  /** When this person first gave it, in epoch milliseconds. */
  readonly learntAt: number
  /** What the policy calls the range, where that is how it was asked for. */
  readonly name?: string
  /** The policy says that others come from it too. */
  readonly isShared?: true
}

/** Every way in which an address can be learnt. */
export const waysLearnt = ['typed', 'remembered', 'confirmed', 'named'] as const

/** Whether an address that was given then may still be taken without being typed again. */
export const isRemembered = (givenAt: number, windowMs: number, now: number): boolean =>
  now - givenAt <= windowMs

export type AddressAnswer =
  | { readonly ok: true; readonly address: string; readonly family: Family }
  | { readonly ok: false; readonly why: string }

const no = (why: string): AddressAnswer => ({ ok: false, why })

const rangeNames: Readonly<Record<string, string>> = {
  unspecified: 'stands for “no address”',
  broadcast: 'is the broadcast address',
  multicast: 'is a multicast address',
  linkLocal: 'only works on one cable (link-local)',
  loopback: 'means “this computer” (loopback)',
  carrierGradeNat: 'is shared inside a provider’s network (100.64.0.0/10)',
  private: 'is private: it does not exist on the internet',
  uniqueLocal: 'is private: it does not exist on the internet',
  reserved: 'is reserved for special purposes, such as documentation',
  benchmarking: 'is reserved for benchmarks',
  discard: 'leads nowhere (100::/64)',
  deprecatedSiteLocal: 'is private: it does not exist on the internet',
  '6to4': 'belongs to a tunnel (6to4)',
  teredo: 'belongs to a tunnel (Teredo)',
  amt: 'belongs to a tunnel (AMT)',
  as112: 'belongs to name servers (AS112)',
  as112v6: 'belongs to name servers (AS112)',
  rfc6052: 'is an IPv4 address in translation (NAT64)',
  rfc6145: 'is an IPv4 address in translation',
  orchid2: 'is an identifier and not an address (ORCHID)',
  deprecatedOrchid: 'is an identifier and not an address (ORCHID)',
  droneRemoteIdProtocolEntityTags: 'is an identifier and not an address',
  segmentRouting: 'only works inside a provider’s network (segment routing)',
}

function refuseRange(address: string, range: string): AddressAnswer {
  const why = rangeNames[range] ?? 'is not a public address of one computer'
  const instead = why.startsWith('is private') ? ' Give the public address that you connect from.' : ''
  return no(`${address} ${why}.${instead}`)
}

function parseV4(text: string): AddressAnswer {
  // A leading zero means octal to some programs and decimal to others, so two readers would open two addresses.
  if (/(?:^|\.)0\d/.test(text))
    return no(`“${text}” can be read in two ways; write it without leading zeros.`)
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return no(`“${text}” is not a whole IPv4 address; it needs four decimal numbers such as 81.2.69.142.`)
  }
  const range = ipaddr.IPv4.parse(text).range()
  return range === 'unicast' ? { ok: true, address: text, family: 'IPv4' } : refuseRange(text, range)
}

const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

function parseV6(text: string): AddressAnswer {
  if (text.includes('%')) return no(`“${text}” names a network card (%); an address for a rule has none.`)
  if (!ipaddr.IPv6.isValid(text)) return no(`“${text}” is not an IPv6 address.`)
  // The parser reads 010 inside an IPv6 address as octal, and other programs do not.
  const tail = text.slice(text.lastIndexOf(':') + 1)
  if (tail.includes('.') && !ipaddr.IPv4.isValidFourPartDecimal(tail)) {
    return no(`“${text}” can be read in two ways; write it without leading zeros.`)
  }
  const address = ipaddr.IPv6.parse(text)
  if (address.isIPv4MappedAddress()) {
    return no(`“${text}” is an IPv4 address in IPv6 clothes; write ${address.toIPv4Address().toString()}.`)
  }
  const range = address.range()
  if (range !== 'unicast') return refuseRange(text, range)
  if (!address.match(globalUnicast)) return no(`${text} is not a public address of one computer.`)
  return { ok: true, address: address.toString(), family: 'IPv6' }
}

/** Accepts one globally routable unicast address and answers its canonical form; anything else says why not. */
export function parseAddress(text: string): AddressAnswer {
  if (text === '') return no('No address was given.')
  if (/[,;\s]/.test(text)) return no(`“${text}” is a list; give one address.`)
  if (text.includes('/')) return no(`“${text}” is a range; give the one address that you connect from.`)
  if (text.includes(':')) return parseV6(text)
  if (/^[\d.]+$/.test(text)) return parseV4(text)
  return no(`“${text}” is not an IP address. Names, tags and other notations are not accepted.`)
}

/** Whether a text is a range in CIDR form, such as `81.2.69.0/24`. */
export const isRange = (text: string): boolean => ipaddr.isValidCIDR(text)

export type Range = readonly [base: ipaddr.IPv4 | ipaddr.IPv6, bits: number]

const widthOf = (address: Range[0]): number => (address.kind() === 'ipv4' ? 32 : 128)

/** One address counts as a range of one; null when it cannot be read. */
export function rangeOf(text: string): Range | null {
  if (text.includes('/')) return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : null
  if (!ipaddr.isValid(text)) return null
  const address = ipaddr.parse(text)
  return [address, widthOf(address)]
}

/** Whether every address of the narrow one is in the wide one. What cannot be read holds nothing and is in nothing. */
export function holds(wide: string, narrow: string): boolean {
  const [outer, inner] = [rangeOf(wide), rangeOf(narrow)]
  if (!outer || !inner || outer[0].kind() !== inner[0].kind()) return false
  return inner[1] >= outer[1] && inner[0].match(outer[0], outer[1])
}

/** How many addresses a source stands for; 1 when it cannot be read. */
export function addressesIn(source: string): number {
  const range = rangeOf(source)
  return range ? 2 ** (widthOf(range[0]) - range[1]) : 1
}

/** A rule may let in this many addresses at once, and no more. */
export const widestRange = 256

export const countText = (addresses: number): string =>
  addresses === 1 ? 'one address' : `${addresses.toLocaleString('en-US')} addresses`

/** The first and the last address of a range. */
export function endsOf(range: string): readonly [first: string, last: string] {
  const kind = range.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4
  return [kind.networkAddressFromCIDR(range).toString(), kind.broadcastAddressFromCIDR(range).toString()]
}

/**
 * Accepts one address, or a range of at most so many in CIDR form, and answers its canonical form: a range of one is
 * an address. Both ends of a range must be what one address must be.
 */
export function parseSource(text: string, most: number): AddressAnswer {
  if (!text.includes('/') || /[,;\s]/.test(text)) return parseAddress(text)
  // Written as a range of one it is one address all the same.
  if (most === 1) return parseAddress(text.replace(text.includes(':') ? /\/128$/ : /\/32$/, ''))
  const [base = '', bits = ''] = text.split('/')
  const first = parseAddress(base)
  if (!first.ok) return first
  if (!/^(?:0|[1-9]\d{0,2})$/.test(bits) || !isRange(text)) {
    return no(`“${text}” is not a range. A range is written as in 81.2.69.128/28.`)
  }
  const range = `${first.address}/${Number(bits)}`
  const [from, to] = endsOf(range)
  const count = addressesIn(range)
  if (count > most) {
    return no(`“${text}” stands for ${countText(count)}; the policy allows at most ${most} at once.`)
  }
  if (from !== first.address) {
    return no(`“${text}” does not begin at ${first.address}; write ${from}/${Number(bits)}.`)
  }
  const last = parseAddress(to)
  if (!last.ok) return last
  return { ok: true, address: count === 1 ? first.address : range, family: first.family }
}
