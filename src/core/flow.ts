/** What can still pass from one point to another. */
export type Capacities = Map<string, Map<string, number>>

export function connect(net: Capacities, from: string, to: string, capacity: number): void {
  const out = net.get(from) ?? new Map<string, number>()
  net.set(from, out.set(to, (out.get(to) ?? 0) + capacity))
}

/** One more unit along any way that is left, taking back earlier choices where that makes room. */
function push(net: Capacities, at: string, to: string, seen: Set<string>): boolean {
  if (at === to) return true
  seen.add(at)
  for (const [next, left] of net.get(at) ?? []) {
    if (left < 1 || seen.has(next) || !push(net, next, to, seen)) continue
    connect(net, at, next, -1)
    connect(net, next, at, 1)
    return true
  }
  return false
}

/** The most that can pass from one point to the other; uses up the capacities. */
export function mostFlow(net: Capacities, from: string, to: string): number {
  let units = 0
  while (push(net, from, to, new Set())) units += 1
  return units
}
