import { adminWord } from './admin-rules.ts'
import { already } from './already-open.ts'
import type { Around, Flight, GroupFacts, Known, Lock } from './around.ts'
import { type Band, choosePriority, denyBehind, type Wanted } from './priority.ts'
import type { Surrounds } from './security-groups.ts'
import type { Port } from './service.ts'

/** The rule that is to be written in one group. Source, ports and addresses are the request’s own. */
interface PlannedRule {
  readonly nsgId: string
  /** Null when the rules of the group could not be read. */
  readonly priority: number | null
  /** The strongest Deny that it is put in front of. */
  readonly inFrontOf?: { readonly name: string; readonly priority: number }
}

interface Warning {
  readonly code: 'already open' | 'not running' | 'no public address' | 'azure policy' | 'not known'
  /** A whole sentence; it holds names from Azure, which are escaped where it is shown. */
  readonly says: string
}

/** What was planned and noticed when the request was made. */
export interface PreFlight {
  readonly at: number
  readonly rules: readonly PlannedRule[]
  readonly warnings: readonly Warning[]
}

export interface Defeat {
  readonly code: 'locked' | 'denied by a rule' | 'no free priority' | 'security admin rule' | 'not running'
  readonly says: string
}

export type PreFlightAnswer =
  | { readonly ok: true; readonly preFlight: PreFlight }
  | { readonly ok: false; readonly defeats: readonly Defeat[] }

const last = (id: string): string => id.split('/').at(-1) ?? id

/** `the security group x`, `the resource group y`, or the subscription. */
function placeOf(scope: string, nsgId: string): string {
  if (scope.toLowerCase() === nsgId.toLowerCase()) return `the security group ${last(nsgId)}`
  return /\/resourcegroups\/[^/]+$/i.test(scope) ? `the resource group ${last(scope)}` : 'the subscription'
}

const isAbove = ({ scope }: Lock, id: string): boolean =>
  `${id.toLowerCase()}/`.startsWith(`${scope.toLowerCase()}/`)

/** A rule that cannot be removed must not be written: it would stay open past its time. */
function lockedBy({ hop, locks }: GroupFacts): Defeat[] {
  if (!locks.known) return []
  // Azure may list those below as well.
  const held = locks.value.filter((lock) => isAbove(lock, hop.nsgId))
  const lock = held.find(({ level }) => level === 'ReadOnly') ?? held[0]
  if (!lock) return []
  const { name, level, scope } = lock
  const harm =
    level === 'ReadOnly'
      ? `no rule in ${last(hop.nsgId)} can be written or removed`
      : `a rule in ${last(hop.nsgId)} could not be removed when its time is over`
  return [
    {
      code: 'locked',
      says: `The lock “${name}” (${level}) is on ${placeOf(scope, hop.nsgId)}, so ${harm}. Ask whoever put it there to take it away`,
    },
  ]
}

interface Plan {
  readonly rule: PlannedRule
  readonly defeat: Defeat | null
}

const bandText = ({ from, to }: Band): string => `${from} to ${to}`

/** Where our rule would stand in one group, or why it cannot stand anywhere. */
function planIn({ hop, rules, taken }: GroupFacts, { source, ports, band }: Flight): Plan {
  const { nsgId, destinations } = hop
  if (!rules.known) return { rule: { nsgId, priority: null }, defeat: null }
  const wanted: Wanted = { source, ports, destinations }
  const chosen = choosePriority(rules.value, wanted, band, taken)
  if (chosen.ok) {
    const behind = denyBehind(rules.value, wanted, chosen.priority)
    const inFrontOf = behind && { name: behind.name, priority: behind.priority }
    return { rule: { nsgId, priority: chosen.priority, ...(inFrontOf && { inFrontOf }) }, defeat: null }
  }
  const rule = { nsgId, priority: null }
  if (chosen.code === 'denied by a rule')
    return {
      rule,
      defeat: {
        code: chosen.code,
        says: `In ${last(nsgId)}: ${chosen.why.replace(/\.$/, '')}, so a rule of ours would let nobody in. Ask whoever looks after that security group to change ${chosen.rule}, or whoever keeps the policy whether it may be passed`,
      },
    }
  return {
    rule,
    defeat: {
      code: 'no free priority',
      says: `In ${last(nsgId)} no priority from ${bandText(band)} is free. Ask whoever keeps the policy for a wider band, or try again when other access has ended`,
    },
  }
}

const portText = (ports: readonly Port[]): string =>
  ports.map(({ number, protocol }) => `${number}/${protocol}`).join(', ')

const down = new Set(['stopped', 'stopping', 'deallocated', 'deallocating'])

const powerOf = ({ power }: Around): string | null =>
  power.known && power.value !== null && down.has(power.value) ? power.value : null

const notChecked = ({ groups, power, virtualNetwork, adminRules }: Around): string[] => {
  const lacking = (what: string, fact: (group: GroupFacts) => Known<unknown>) => {
    const names = groups.filter((group) => !fact(group).known).map(({ hop }) => last(hop.nsgId))
    return names.length > 0 ? [`${what} ${names.join(' and ')}`] : []
  }
  return [
    ...lacking('the rules of', ({ rules }) => rules),
    ...lacking('locks on', ({ locks }) => locks),
    ...lacking('what Azure Policy says of a rule in', ({ denials }) => denials),
    ...(power.known && power.value !== null ? [] : ['whether the VM is running']),
    ...(adminRules.known ? [] : ['security admin rules']),
    ...(virtualNetwork.known ? [] : ['the addresses of the virtual network']),
  ]
}

function warningsOf(around: Around, flight: Flight, surrounds: Surrounds): Warning[] {
  const warnings: Warning[] = []
  const add = (code: Warning['code'], says: string) => warnings.push({ code, says })
  const always = adminWord('AlwaysAllow', around, flight, surrounds)
  if (always)
    add(
      'already open',
      `Already open without this: ${portText(always.ports)}, by the security admin rule ${always.rule}. It stays so when this ends`,
    )
  const open = always ? null : already(around.groups, flight, surrounds)
  if (open)
    add(
      'already open',
      `Already open without this: ${portText(open.ports)}, by ${open.rules.map(({ rule, nsgId }) => `${rule} in ${last(nsgId)}`).join(' and ')}. It stays so when this ends, until somebody changes that`,
    )
  const power = powerOf(around)
  if (power !== null)
    add(
      'not running',
      `${flight.vm.name} is ${power} at the moment; it must be started before the access begins`,
    )
  if (flight.connectTo === null)
    add(
      'no public address',
      `Azure shows no public address for ${flight.vm.name}: this helps only where another way leads to it, such as a load balancer`,
    )
  for (const { hop, denials } of flight.byDefender ? [] : around.groups)
    if (denials.known && denials.value.length > 0)
      add(
        'azure policy',
        `Azure Policy says that it would refuse the rule in ${last(hop.nsgId)} (assignment ${denials.value.join(', ')}). Unless there is an exemption, nothing can be opened`,
      )
  const unknown = notChecked(around)
  if (unknown.length > 0)
    add('not known', `Azure did not let these be read, so they are not checked: ${unknown.join('; ')}`)
  return warnings
}

function defeatsOf(around: Around, flight: Flight, plans: readonly Plan[], surrounds: Surrounds): Defeat[] {
  const power = flight.later ? null : powerOf(around)
  const denied = adminWord('Deny', around, flight, surrounds)
  return [
    ...around.groups.flatMap(lockedBy),
    ...(denied
      ? [
          {
            code: 'security admin rule' as const,
            says: `The security admin rule ${denied.rule} denies ${portText(denied.ports)} before any security group is asked, so a rule of ours would let nobody in. Ask whoever runs the network manager`,
          },
        ]
      : []),
    ...plans.flatMap(({ defeat }) => defeat ?? []),
    ...(power === null
      ? []
      : [
          {
            code: 'not running' as const,
            says: `${flight.vm.name} is ${power}, so nobody could connect to it. Start it first, then ask again`,
          },
        ]),
  ]
}

/**
 * What would be written, what would defeat it and what makes it pointless, from what was gathered. What is not known
 * defeats nothing: the request goes on, and the card says what was not checked.
 */
export function preFlight(around: Around, flight: Flight): PreFlightAnswer {
  const { virtualNetwork, members, groups } = around
  const surrounds = { virtualNetwork: virtualNetwork.known ? virtualNetwork.value : [], members }
  const plans = flight.byDefender ? [] : groups.map((group) => planIn(group, flight))
  const defeats = defeatsOf(around, flight, plans, surrounds)
  if (defeats.length > 0) return { ok: false, defeats }
  const warnings = warningsOf(around, flight, surrounds)
  return { ok: true, preFlight: { at: flight.at, rules: plans.map(({ rule }) => rule), warnings } }
}

/** Every defeat as a sentence, for the person who asked. */
export const defeatsText = (defeats: readonly Defeat[]): string =>
  defeats.map(({ says }) => `${says}.`).join(' ')
