import ipaddr from 'ipaddr.js'
import { holds } from './source.ts'

export interface ClientAddress {
  /** In canonical form; null when nobody can say whose it is. Whether it may come in is for the policy to say. */
  readonly address: string | null
  /** There was a header, and whoever sent it is not to be believed. */
  readonly ignored: boolean
}

/** More proxies than anybody has; it bounds the work that a header can cause. */
const mostEntries = 64

/** An address of either family in canonical form; IPv4 in IPv6 clothes becomes IPv4. Null for what can be read in two ways, for zones and for anything else. */
export function canonicalAddress(text: string): string | null {
  if (!/^[\da-f:.]{2,45}$/i.test(text)) return null
  const tail = text.slice(text.lastIndexOf(':') + 1)
  // Programs differ in how they read 010 and 1.2: the proxy may have meant another address than the rule would let in.
  if (tail.includes('.') && !ipaddr.IPv4.isValidFourPartDecimal(tail)) return null
  if (!text.includes(':')) return text.includes('.') ? text : null
  if (!ipaddr.IPv6.isValid(text)) return null
  const address = ipaddr.IPv6.parse(text)
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toString()
}

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65_535

/** One entry of the header: an address, alone or with a port, an IPv6 address with a port in brackets. */
function addressIn(entry: string): string | null {
  const bracketed = /^\[([^[\]]*)\](?::(.*))?$/s.exec(entry)
  if (bracketed) {
    const [, inside = '', port] = bracketed
    return inside.includes(':') && (port === undefined || isPort(port)) ? canonicalAddress(inside) : null
  }
  const [before = '', port, ...more] = entry.split(':')
  if (port === undefined || more.length > 0) return canonicalAddress(entry)
  return isPort(port) ? canonicalAddress(before) : null
}

/**
 * Whom a request comes from. The header is believed from a trusted proxy only, and read from the right, past trusted
 * proxies only: what stands further left was written by whoever is not trusted. Nobody is guessed: an entry that cannot
 * be read, none at all, or proxies and nothing else answer null, because a rule would then let in the wrong one.
 */
export function clientAddress(
  peer: string,
  forwardedFor: readonly string[],
  trusted: readonly string[],
): ClientAddress {
  const isTrusted = (address: string) => trusted.some((range) => holds(range, address))
  const from = canonicalAddress(peer)
  if (from === null) return { address: null, ignored: forwardedFor.length > 0 }
  if (!isTrusted(from)) return { address: from, ignored: forwardedFor.length > 0 }
  const entries = forwardedFor.flatMap((value) => value.split(',')).slice(-mostEntries)
  for (const entry of entries.toReversed()) {
    const address = addressIn(entry.replace(/^[ \t]+|[ \t]+$/g, ''))
    if (address === null) return { address: null, ignored: false }
    if (!isTrusted(address)) return { address, ignored: false }
  }
  return { address: null, ignored: false }
}
