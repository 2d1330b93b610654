import type { Around, GroupFacts, Known } from '../core/around.ts'
import { type Rule, ruleDescription, ruleName } from '../core/grant.ts'
import type { Terms } from '../core/policy.ts'
import { type PreFlightAnswer, preFlight } from '../core/pre-flight.ts'
import { type Band, defaultBand } from '../core/priority.ts'
import type { Ask } from '../core/request.ts'
import type { Hop, Way } from '../core/vm.ts'
import type { Clock, Firewall, Store, Surroundings } from '../ports.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

export interface PreFlightParts {
  readonly store: Store
  readonly clock: Clock
  readonly firewall: Firewall
  readonly surroundings?: Surroundings | null
  readonly log: Log
}

/** Nobody waits longer for what only makes the answer better. */
const longestLookMs = 5_000

const nothing = <T>(value: T): Known<T> => ({ known: true, value })

/** One fact; what cannot be read is logged for whoever can give the right to read it, and stops nothing. */
async function look<T>(
  { clock, log }: PreFlightParts,
  what: string,
  read: (signal: AbortSignal) => Promise<T>,
): Promise<Known<T>> {
  try {
    return nothing(await within(clock, longestLookMs, null, read))
  } catch (error) {
    const why = messageOf(error)
    log.warn({ what, why }, 'a fact about the way to a VM could not be read')
    return { known: false, why }
  }
}

/** Something like the rule that would be written: its name and priority are settled only when it is. */
const sampleRule = (ask: Ask, hop: Hop, band: Band): Rule => ({
  name: ruleName(ask.id.replaceAll(/[^a-z0-9]/g, ''), (ask.startsAt ?? ask.source.learntAt) + ask.durationMs),
  nsgId: hop.nsgId,
  priority: band.from,
  source: ask.source.address,
  destinations: hop.destinations,
  ports: ask.ports,
  description: ruleDescription(ask.id, ask.requester),
  state: 'planned',
})

async function groupFacts(parts: PreFlightParts, ask: Ask, hop: Hop, band: Band): Promise<GroupFacts> {
  const { surroundings: around, firewall, store } = parts
  const { nsgId } = hop
  const [rules, work, locks, denials] = await Promise.all([
    look(parts, `rules of ${nsgId}`, async (signal) => {
      const found = await firewall.list(nsgId, signal)
      if (!found) throw new Error('the security group does not exist')
      return found
    }),
    store.ruleWork(nsgId),
    around ? look(parts, `locks on ${nsgId}`, (signal) => around.locks(nsgId, signal)) : nothing([]),
    around
      ? look(parts, `Azure Policy at ${nsgId}`, (signal) =>
          around.denials(sampleRule(ask, hop, band), signal),
        )
      : nothing([]),
  ])
  return { hop, rules, taken: new Set(work.map(({ rule }) => rule.priority)), locks, denials }
}

/** Everything at once: the slowest call is what it takes. */
async function gather(parts: PreFlightParts, ask: Ask, way: Way | undefined, band: Band): Promise<Around> {
  const around = parts.surroundings
  const networkId = way?.networkId ?? null
  const [groups, power, virtualNetwork, adminRules] = await Promise.all([
    Promise.all(ask.hops.map((hop) => groupFacts(parts, ask, hop, band))),
    around
      ? look(parts, `power of ${ask.vm.id}`, (signal) => around.power(ask.vm, signal))
      : nothing('unread'),
    around && networkId !== null
      ? look(parts, `prefixes of ${networkId}`, (signal) => around.prefixes(networkId, signal))
      : nothing([]),
    around && networkId !== null
      ? look(parts, `security admin rules of ${networkId}`, (signal) => around.adminRules(networkId, signal))
      : nothing([]),
  ])
  return { groups, power, virtualNetwork, adminRules, members: way?.members ?? {} }
}

/** Looks at Azure before anybody is asked: what would be written, and what would defeat it. */
export async function lookAhead(
  parts: PreFlightParts,
  ask: Ask,
  way: Way | undefined,
  { terms, byDefender = false }: { readonly terms: Terms | null; readonly byDefender?: boolean },
): Promise<PreFlightAnswer> {
  const band = terms?.priorities ?? defaultBand
  const around = await gather(parts, ask, way, band)
  return preFlight(around, {
    vm: ask.vm,
    source: ask.source.address,
    ports: ask.ports,
    connectTo: ask.connectTo,
    later: ask.startsAt != null && ask.startsAt > parts.clock.now(),
    band,
    byDefender,
    at: parts.clock.now(),
  })
}
