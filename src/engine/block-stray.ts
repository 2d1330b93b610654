import type { Rule } from '../core/grant.ts'
import type { LiveRule } from '../core/live-rule.ts'

/** Nobody has these addresses: RFC 5737 and RFC 3849 keep them for documents. */
const nobodys = { v4: '192.0.2.1', v6: '2001:db8::1' }

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
  // Azure takes addresses of one family in a rule.
  const v6 = [...live.sources, ...destinations].some((one) => isPlain(one) && one.includes(':'))
  const nobody = v6 ? nobodys.v6 : nobodys.v4
  return {
    name: live.name,
    nsgId,
    priority: live.priority,
    source: source !== undefined && more.length === 0 && isPlain(source) && source !== '*' ? source : nobody,
    destinations: destinations.length > 0 ? destinations : [nobody],
    ports: (numbers.length > 0 && numbers.every(Number.isInteger) ? numbers : [1]).map((number) => ({
      number,
      protocol,
    })),
    description: live.description,
    state: 'present',
  }
}
