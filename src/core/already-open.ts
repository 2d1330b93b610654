import type { Flight, GroupFacts } from './around.ts'
import { isOurs } from './grant.ts'
import {
  type Guard,
  type Judgement,
  judgeInbound,
  passes,
  type Surrounds,
  samplesOf,
} from './security-groups.ts'
import type { Port } from './service.ts'

interface AlreadyOpen {
  readonly ports: readonly Port[]
  /** The rules that let it in, one for each group on the way. */
  readonly rules: readonly Judgement[]
}

/** Rules of ours have an end of their own, so they are left out. */
function guardOf({ hop, rules }: GroupFacts): Guard | null {
  if (!rules.known) return null
  return {
    nsgId: hop.nsgId,
    rules: rules.value.filter(({ name, description }) => !isOurs(name, description)),
  }
}

/** The groups before one address of the VM, in the order in which a packet meets them. */
const inOrder = (groups: readonly GroupFacts[], destination: string): readonly GroupFacts[] =>
  groups.filter(({ hop }) => hop.destinations.includes(destination)).toSorted((a, b) => rank(a) - rank(b))

const rank = ({ hop }: GroupFacts): number => (hop.attachedTo === 'subnet' ? 0 : 1)

/** The ports that the very source can reach already at every address of the VM; null when there are none. */
export function already(
  groups: readonly GroupFacts[],
  { source, ports }: Pick<Flight, 'source' | 'ports'>,
  surrounds: Surrounds,
): AlreadyOpen | null {
  const guards = new Map(groups.map((group) => [group, guardOf(group)]))
  // What could not be read may deny it.
  if ([...guards.values()].some((guard) => guard === null)) return null
  const prefixes = [...guards.values()].flatMap((guard) => guard?.rules.flatMap((rule) => rule.sources) ?? [])
  const sources = samplesOf(source, [...prefixes, ...surrounds.virtualNetwork])
  const destinations = [...new Set(groups.flatMap(({ hop }) => hop.destinations))]
  const by = new Map<string, Judgement>()
  const open = ports.filter(({ number, protocol }) => {
    const said = sources.flatMap((from) =>
      destinations.map((destination) =>
        judgeInbound(
          { protocol, source: from, sourcePort: null, destination, destinationPort: number },
          inOrder(groups, destination).flatMap((group) => guards.get(group) ?? []),
          surrounds,
        ),
      ),
    )
    if (said.length === 0 || !said.every(passes)) return false
    for (const one of said.flat()) by.set(`${one.nsgId} ${one.rule}`, one)
    return true
  })
  return open.length > 0 ? { ports: open, rules: [...by.values()] } : null
}
