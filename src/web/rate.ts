import { rangeOf } from '../core/source.ts'

const windowMs = 60_000

/** Counts within a minute for each key, for so many keys at most: whoever came first is forgotten first. */
export function createRate(perMinute: number, mostKeys: number, now: () => number): (key: string) => boolean {
  const seen = new Map<string, { since: number; count: number }>()
  return (key) => {
    const known = seen.get(key)
    const at = now()
    if (known && at - known.since < windowMs) {
      known.count += 1
      return known.count <= perMinute
    }
    seen.delete(key)
    if (seen.size >= mostKeys) for (const oldest of seen.keys()) if (seen.delete(oldest)) break
    seen.set(key, { since: at, count: 1 })
    return true
  }
}

/** A subscriber holds a whole /64 of IPv6, so one address there would be no limit at all. */
export function callerKey(address: string): string {
  const range = rangeOf(address)
  return range?.[0].kind() === 'ipv6'
    ? range[0].toNormalizedString().split(':').slice(0, 4).join(':')
    : address
}
