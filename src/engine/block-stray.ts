import type { Rule } from '../core/grant.ts'
import type { LiveRule } from '../core/live-rule.ts'

/** Nobody has this address: RFC 5737 keeps it for documents. */
const nobodys = '192.0.2.1'

const isPlain = (address: string) => !address.startsWith('asg:')

/**
 * What to write over a stray that a lock keeps, so that it denies. It replaces the whole rule, so nothing that the
 * stray let in stays open; what a rule of ours cannot say is left out, and it denies the less to others.
 */
export function overStray(nsgId: string, live: LiveRule): Rule {
  const protocol = live.protocol.toLowerCase() === 'udp' ? 'udp' : 'tcp'
  const [source, ...more] = live.sources
  const numbers = live.ports.map(Number)
  const destinations = live.destinations.filter(isPlain)
  return {
    name: live.name,
    nsgId,
    priority: live.priority,
    source: source !== undefined && more.length === 0 && isPlain(source) && source !== '*' ? source : nobodys,
    destinations: destinations.length > 0 ? destinations : [nobodys],
    ports: (numbers.every(Number.isInteger) ? numbers : [1]).map((number) => ({ number, protocol })),
    description: live.description,
    state: 'present',
  }
}
