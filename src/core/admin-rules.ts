import type { AdminRule, Around, Flight, GroupFacts } from './around.ts'
import { isAbout, type Packet, type Surrounds, samplesOf } from './security-groups.ts'
import type { Port } from './service.ts'

const rank = ({ priority, access }: AdminRule): number => priority * 2 + (access === 'Deny' ? 0 : 1)

/** The admin rule that decides about a packet; at the same priority a Deny counts first. */
function adminRuleFor(rules: readonly AdminRule[], packet: Packet, surrounds: Surrounds): AdminRule | null {
  const about = rules.filter((rule) => isAbout(rule, packet, surrounds))
  return about.toSorted((a, b) => rank(a) - rank(b))[0] ?? null
}

/** The ports that admin rules decide about with a word after which nobody else is asked. */
export function adminWord(
  access: 'Deny' | 'AlwaysAllow',
  {
    adminRules,
    groups,
  }: Pick<Around, 'adminRules'> & { readonly groups: readonly Pick<GroupFacts, 'hop'>[] },
  flight: Pick<Flight, 'source' | 'ports'>,
  surrounds: Surrounds,
): { readonly ports: readonly Port[]; readonly rule: string } | null {
  if (!adminRules.known) return null
  const rules = adminRules.value
  const sources = samplesOf(
    flight.source,
    rules.flatMap((rule) => rule.sources),
  )
  const destinations = [...new Set(groups.flatMap(({ hop }) => hop.destinations))]
  let name = ''
  const ports = flight.ports.filter(({ number, protocol }) => {
    const words = sources.flatMap((source) =>
      destinations.map((destination) =>
        adminRuleFor(
          rules,
          { protocol, source, sourcePort: null, destination, destinationPort: number },
          surrounds,
        ),
      ),
    )
    const one = words.find((word) => word?.access === access)
    // One address that is denied defeats the port; to have it open already, every one must be let in.
    const holds = access === 'Deny' ? one : words.every((word) => word?.access === access) && one
    if (!holds) return false
    name ||= holds.name
    return true
  })
  return ports.length > 0 ? { ports, rule: name } : null
}
