import type { Ask } from './request.ts'
import { covers, type Port, portsText } from './service.ts'
import { holds } from './source.ts'

/** What an approver leaves of a request: never more than was asked for. */
export interface Less {
  readonly durationMs: number
  readonly ports: readonly Port[]
  /** In canonical form; absent means the whole source. */
  readonly source?: string
}

/** Whether it is a part of what is asked for, and not all of it. */
export function isLess(less: Less, ask: Pick<Ask, 'durationMs' | 'ports' | 'source'>): boolean {
  const { durationMs, ports, source = ask.source.address } = less
  const within =
    durationMs > 0 &&
    durationMs <= ask.durationMs &&
    ports.length > 0 &&
    covers(ask.ports, ports) &&
    (source === ask.source.address || holds(ask.source.address, source))
  const narrower = source !== ask.source.address && !holds(source, ask.source.address)
  return within && (durationMs < ask.durationMs || ports.length < ask.ports.length || narrower)
}

/** The request as the approver would have it. A start stays; the end moves forward with a shorter time. */
export function narrowed<A extends Ask>(ask: A, { durationMs, ports, source }: Less): A {
  const same = ports.length === ask.ports.length
  const end = ask.startsAt == null ? null : ask.startsAt + durationMs
  return {
    ...ask,
    durationMs,
    ports,
    ...(source !== undefined && { source: { ...ask.source, address: source } }),
    label: same ? ask.label : portsText(ports),
    until: end === null ? ask.until : Math.min(end, ask.until ?? end),
  }
}
