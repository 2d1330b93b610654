import { isDeepStrictEqual } from 'node:util'
import type { SecurityRule } from '@azure/arm-network'
import type { Rule } from '../core/grant.ts'
import { groupMark, samePrefix } from '../core/priority.ts'
import type { LiveRule } from '../ports.ts'

/** The body of the PUT. The rule's ports must all be TCP or all be UDP. */
export function toSecurityRule(rule: Rule, access: LiveRule['access'] = 'Allow'): SecurityRule {
  const numbers = rule.ports.map(({ number }) => String(number))
  const [port, ...ports] = numbers
  const [address, ...addresses] = rule.destinations
  return {
    description: rule.description,
    direction: 'Inbound',
    access,
    priority: rule.priority,
    protocol: rule.ports[0]?.protocol === 'udp' ? 'Udp' : 'Tcp',
    sourceAddressPrefix: rule.source,
    sourcePortRange: '*',
    ...(address !== undefined && addresses.length === 0
      ? { destinationAddressPrefix: address }
      : { destinationAddressPrefixes: [...rule.destinations] }),
    ...(port !== undefined && ports.length === 0
      ? { destinationPortRange: port }
      : { destinationPortRanges: numbers }),
  }
}

const all = (one: string | undefined, many: readonly string[] | undefined): readonly string[] => [
  ...(one ? [one] : []),
  ...(many ?? []),
]

/** Nearly every rule is about any port of the other side; then none is named. */
function sourcePorts(rule: SecurityRule): Pick<LiveRule, 'sourcePorts'> {
  const ranges = all(rule.sourcePortRange, rule.sourcePortRanges)
  return ranges.length === 0 || ranges.includes('*') ? {} : { sourcePorts: ranges }
}

const groups = (list: readonly { readonly id?: string }[] | undefined): readonly string[] =>
  (list ?? []).map((group) => groupMark + (group.id ?? '').toLowerCase())

const provisioning = (state: string | undefined): LiveRule['provisioning'] => {
  if (state === 'Succeeded' || state === 'Deleting' || state === 'Failed') return state
  return state === 'Canceled' ? 'Failed' : 'Updating'
}

/** A rule as Azure shows it. Application security groups stand among the addresses, behind `asg:`. */
export const toLiveRule = (rule: SecurityRule): LiveRule => ({
  name: rule.name ?? '',
  description: rule.description ?? '',
  priority: rule.priority ?? 0,
  direction: rule.direction === 'Outbound' ? 'Outbound' : 'Inbound',
  access: rule.access === 'Allow' ? 'Allow' : 'Deny',
  sources: [
    ...all(rule.sourceAddressPrefix, rule.sourceAddressPrefixes),
    ...groups(rule.sourceApplicationSecurityGroups),
  ],
  destinations: [
    ...all(rule.destinationAddressPrefix, rule.destinationAddressPrefixes),
    ...groups(rule.destinationApplicationSecurityGroups),
  ],
  ports: all(rule.destinationPortRange, rule.destinationPortRanges),
  ...sourcePorts(rule),
  protocol: rule.protocol ?? '*',
  provisioning: provisioning(rule.provisioningState),
})

const sameSet = (
  a: readonly string[],
  b: readonly string[],
  same: (one: string, other: string) => boolean,
): boolean =>
  a.every((one) => b.some((other) => same(one, other))) &&
  b.every((one) => a.some((other) => same(one, other)))

/** Whether what Azure shows lets in exactly what the rule says, at its place. */
export function showsRule(live: LiveRule, rule: Rule, access: LiveRule['access'] = 'Allow'): boolean {
  const wanted = toLiveRule(toSecurityRule(rule, access))
  return (
    live.direction === wanted.direction &&
    live.access === wanted.access &&
    live.priority === wanted.priority &&
    live.description === wanted.description &&
    live.protocol.toLowerCase() === wanted.protocol.toLowerCase() &&
    sameSet(live.sources, wanted.sources, samePrefix) &&
    sameSet(live.destinations, wanted.destinations, samePrefix) &&
    sameSet(live.ports, wanted.ports, (one, other) => one === other)
  )
}

/** In everything that it says; whether Azure is busy with it makes no difference. */
export const sameRule = (live: LiveRule, rule: LiveRule): boolean =>
  isDeepStrictEqual(live, { ...rule, provisioning: live.provisioning })

/** The same, where Azure may have written lists in another order. */
export const showsLive = (live: LiveRule, wanted: LiveRule): boolean =>
  sameSet(live.sources, wanted.sources, samePrefix) &&
  sameSet(live.ports, wanted.ports, (one, other) => one === other) &&
  sameRule({ ...live, sources: [], ports: [] }, { ...wanted, sources: [], ports: [] })
