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

/** What somebody asked to stay longer for, with so much of the extra time as would be left. */
const extensionLeft = (
  { durationMs }: Pick<Less, 'durationMs'>,
  ask: Pick<Ask, 'durationMs' | 'extends'>,
): Ask['extends'] =>
  ask.extends && { ...ask.extends, extraMs: ask.extends.extraMs - (ask.durationMs - durationMs) }

/** What follows on from open access never ends before it. */
export const keepsExtraTime = (
  less: Pick<Less, 'durationMs'>,
  ask: Pick<Ask, 'durationMs' | 'extends'>,
): boolean => (extensionLeft(less, ask)?.extraMs ?? 1) > 0

/** The whole length that is left of an extension when so much of the extra time is. */
export const withExtra = (ask: Pick<Ask, 'durationMs' | 'extends'>, extraMs: number): number =>
  ask.extends ? ask.durationMs - ask.extends.extraMs + extraMs : extraMs

/** Whether it is a part of what is asked for, and not all of it. */
export function isLess(less: Less, ask: Pick<Ask, 'durationMs' | 'ports' | 'source' | 'extends'>): boolean {
  const { durationMs, ports, source = ask.source.address } = less
  const within =
    durationMs > 0 &&
    durationMs <= ask.durationMs &&
    keepsExtraTime(less, ask) &&
    ports.length > 0 &&
    covers(ask.ports, ports) &&
    holds(ask.source.address, source)
  const narrower = !holds(source, ask.source.address)
  return within && (durationMs < ask.durationMs || ports.length < ask.ports.length || narrower)
}

const endOf = ({ startsAt }: Pick<Ask, 'startsAt'>, durationMs: number): number | null =>
  startsAt == null ? null : startsAt + durationMs

/** The request as the approver would have it. A start stays; the end moves forward with a shorter time. */
export function narrowed<A extends Ask>(ask: A, less: Less): A {
  const { durationMs, ports, source = ask.source.address } = less
  const same = ports.length === ask.ports.length
  const extension = extensionLeft(less, ask)
  const end = extension ? extension.endsAt + extension.extraMs : endOf(ask, durationMs)
  return {
    ...ask,
    durationMs,
    ports,
    source: { ...ask.source, address: source },
    label: same ? ask.label : portsText(ports),
    until: end === null ? ask.until : Math.min(end, ask.until ?? end),
    ...(extension && { extends: extension }),
  }
}
