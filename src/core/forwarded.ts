import { holds, rangeOf } from './source.ts'

const plain = (text: string): string | null => {
  const bare = text
    .trim()
    .replace(/^\[([^\]]*)\](?::\d+)?$/, '$1')
    .replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1')
  const range = bare.includes('/') ? null : rangeOf(bare)
  if (!range) return null
  const [address] = range
  return 'isIPv4MappedAddress' in address && address.isIPv4MappedAddress()
    ? address.toIPv4Address().toString()
    : address.toString()
}

/** The address of the caller: the peer, or what trusted proxies say, walked from right to left. */
export function clientAddress(
  peer: string,
  forwardedFor: readonly string[],
  trusted: readonly string[],
): { address: string | null; ignored: boolean } {
  const isTrusted = (address: string) => trusted.some((range) => holds(range, address))
  let address = plain(peer)
  const hops = forwardedFor.flatMap((line) => line.split(',')).toReversed()
  if (hops.length > 0 && (address === null || !isTrusted(address))) return { address, ignored: true }
  for (const hop of hops) {
    address = plain(hop)
    if (address === null || !isTrusted(address)) break
  }
  return { address, ignored: false }
}
