import type { Rule } from './grant.ts'
import { samePrefix } from './priority.ts'

/** A security rule as Azure shows it. */
export interface LiveRule {
  readonly name: string
  readonly description: string
  readonly priority: number
  readonly direction: 'Inbound' | 'Outbound'
  readonly access: 'Allow' | 'Deny'
  readonly sources: readonly string[]
  readonly destinations: readonly string[]
  readonly ports: readonly string[]
  /** Absent when the rule is about any port of the other side. */
  readonly sourcePorts?: readonly string[]
  readonly protocol: string
  readonly provisioning: 'Succeeded' | 'Updating' | 'Deleting' | 'Failed'
}

/** One thing that somebody changed about a rule of ours. */
export interface Difference {
  readonly what:
    | 'source'
    | 'destination'
    | 'ports'
    | 'protocol'
    | 'access'
    | 'direction'
    | 'priority'
    | 'description'
  readonly before: string
  readonly after: string
}

/** Each has its like in the other; neither order nor repetition matters to Azure. */
const same = (a: readonly string[], b: readonly string[], equal: (one: string, other: string) => boolean) =>
  a.every((one) => b.some((other) => equal(one, other))) &&
  b.every((one) => a.some((other) => equal(one, other)))

const list = (values: readonly string[]) => values.join(', ')

/** What is different between the rule that was written and the one that stands in Azure; empty when nothing is. */
export function differences(rule: Rule, live: LiveRule): readonly Difference[] {
  const found: Difference[] = []
  const add = (what: Difference['what'], before: string, after: string, equal: boolean) => {
    if (!equal) found.push({ what, before, after })
  }
  const ports = rule.ports.map((port) => String(port.number))
  const protocol = rule.ports[0]?.protocol ?? 'tcp'
  add('source', rule.source, list(live.sources), same([rule.source], live.sources, samePrefix))
  add(
    'destination',
    list(rule.destinations),
    list(live.destinations),
    same(rule.destinations, live.destinations, samePrefix),
  )
  add(
    'ports',
    list(ports),
    list(live.ports),
    same(ports, live.ports, (one, other) => one === other),
  )
  add('protocol', protocol, live.protocol.toLowerCase(), live.protocol.toLowerCase() === protocol)
  add('access', 'Allow', live.access, live.access === 'Allow')
  add('direction', 'Inbound', live.direction, live.direction === 'Inbound')
  add('priority', String(rule.priority), String(live.priority), live.priority === rule.priority)
  // Without it the sweeper would not know the rule as ours.
  add('description', rule.description, live.description, live.description === rule.description)
  return found
}

export const differencesText = (found: readonly Difference[]): string =>
  found.map(({ what, before, after }) => `${what} was ${before} and is now ${after || 'nothing'}`).join('; ')
