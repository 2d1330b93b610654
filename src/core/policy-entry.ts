import { Duration } from 'luxon'
import type { ProtectionTerms } from './protection.ts'
import type { Port } from './service.ts'
import type { Vm } from './vm.ts'

/** Defender for Cloud writes both names into the description of its rules, which has no room for more. */
const longestNames = 56

/** Why Defender for Cloud cannot protect this VM; null when nothing speaks against it. */
export function defenderCannot(
  vm: Pick<Vm, 'name'>,
  policyId: string,
  hasPlan: boolean | null,
): string | null {
  if (hasPlan === false)
    return 'its subscription lacks Defender for Servers Plan 2, without which Defender for Cloud opens and closes nothing'
  const policy = policyId.split('/').at(-1) ?? ''
  return policy.length + vm.name.length > longestNames
    ? `the names of the policy (${policy}) and of the VM have more than ${longestNames} letters together, which Defender for Cloud does not take`
    : null
}

const isoText = (ms: number): string => Duration.fromMillis(ms).shiftTo('hours', 'minutes').toISO() ?? ''

const protocolOf = (ports: readonly Port[]): string => {
  const [one, other] = [...new Set(ports.map(({ protocol }) => protocol))]
  return one === undefined || other !== undefined ? '*' : one.toUpperCase()
}

/** Azure's JSON for one VM of a policy. Whatever else stood in its entry before is kept. */
export function policyEntry(
  vm: Pick<Vm, 'id'>,
  { ports, sources, maxMs }: ProtectionTerms,
  before: string | null,
) {
  const kept: unknown = before === null ? {} : JSON.parse(before)
  const [source = '*', ...more] = sources
  return JSON.stringify({
    id: vm.id,
    ...(typeof kept === 'object' && kept),
    ports: [...Map.groupBy(ports, ({ number }) => number)].map(([number, same]) => ({
      number,
      protocol: protocolOf(same),
      ...(more.length === 0
        ? { allowedSourceAddressPrefix: source }
        : { allowedSourceAddressPrefixes: sources }),
      maxRequestAccessDuration: isoText(maxMs),
    })),
  })
}

/** As JSON, in whatever order its fields stand; what Azure adds to what was written makes no difference. */
export function sameEntry(live: string | null, written: string | null): boolean {
  if (live === null || written === null) return live === written
  return holdsAll(JSON.parse(live), JSON.parse(written))
}

function holdsAll(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((one) => live.some((other) => holdsAll(other, one)))
    )
  if (typeof wanted === 'object' && wanted !== null)
    return Object.entries(wanted).every(
      ([key, value]) => typeof live === 'object' && live !== null && holdsAll(Reflect.get(live, key), value),
    )
  if (typeof wanted === 'string')
    return typeof live === 'string' && live.toLowerCase() === wanted.toLowerCase()
  return live === wanted
}
