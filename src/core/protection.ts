import { durationText, hour, minute, parseSpan } from './duration.ts'
import { isOurs, parseRuleName, type Rule } from './grant.ts'
import { type Difference, differences, type LiveRule } from './live-rule.ts'
import type { Person } from './person.ts'
import type { Policy } from './policy.ts'
import { defaultBand, type ExistingRule, samePrefix } from './priority.ts'
import type { Ask } from './request.ts'
import { type Port, parsePort } from './service.ts'
import { endsOf, holds, rangeOf } from './source.ts'
import type { Hop, Vm } from './vm.ts'

/** Who keeps everybody out until access is asked for: rules of our own that deny, or a policy of Defender for Cloud. */
export type ProtectionWay = 'nsg' | 'defender'

/** What nobody gets in by without asking, and what may be asked for. */
export interface ProtectionTerms {
  readonly way: ProtectionWay
  readonly ports: readonly Port[]
  /** The addresses and ranges that access may be asked for; `*` is any. */
  readonly sources: readonly string[]
  /** The longest access that may be asked for. */
  readonly maxMs: number
}

/** One rule of ours that denies, and how writing or removing it went so far. */
export interface ShieldRule extends Rule {
  readonly attempts?: number
  readonly nextTryAt?: number
}

/** What Defender for Cloud was, or is to be, told of the VM. Entries are Azure's own JSON, as text. */
export interface PolicyEntry {
  readonly policyId: string
  readonly entry: string
  /** What stood there before; null for nothing. */
  readonly before: string | null
  /** Set when the policy was there when this was planned. */
  readonly stood?: true
  /** Set when somebody had changed the entry, so that it was left as it is. */
  readonly left?: true
  readonly attempts?: number
  readonly nextTryAt?: number
}

/** Somebody else's rule that lets people in, and that goes only with the yes of two operators. */
export interface Removal {
  readonly id: string
  readonly nsgId: string
  /** As it stood when it was proposed: anything else is not removed. */
  readonly rule: LiveRule
  readonly by: Person
  readonly at: number
  readonly state: 'proposed' | 'agreed' | 'kept' | 'done' | 'void'
  readonly decidedBy?: Person
  /** Why it is void. */
  readonly detail?: string
  /** It was gone before anything was sent for it, so that somebody else may have removed it. */
  readonly already?: true
  /** Azure took a try, or may have: nothing is sent any more, and what became of it is read. */
  readonly taken?: true
  readonly attempts?: number
  readonly nextTryAt?: number
}

/** One VM that is kept shut, from the gesture that wanted it until everything that it wrote is gone again. */
export interface Protection {
  readonly id: string
  readonly vm: Vm
  readonly terms: ProtectionTerms
  readonly by: Person
  readonly at: number
  readonly state: 'protecting' | 'protected' | 'unprotecting' | 'unprotected'
  readonly rules: readonly ShieldRule[]
  readonly entry?: PolicyEntry
  readonly removals?: readonly Removal[]
  /** Which of what it wrote are gone or changed, as far as the operators were told. */
  readonly lost?: readonly string[]
  /** When Azure had shown all of it. */
  readonly protectedAt?: number
  /** Why it is undone: somebody's wish, or what Azure refused. */
  readonly ending?: { readonly by: Person | 'jitney'; readonly at: number; readonly detail: string | null }
  readonly endedAt?: number
}

/** What an operator did about a protection, stored before it is acknowledged. */
export type ProtectionGesture =
  /** What the form asked for; who may is decided when it is taken up. */
  | {
      readonly kind: 'protect'
      readonly person: Person
      /** By subscription, group and name. */
      readonly vm: string
      readonly terms: ProtectionTerms
    }
  /** To have a rule of somebody else's removed that lets people in to a protected VM. */
  | {
      readonly kind: 'propose removal'
      readonly person: Person
      readonly protectionId: string
      readonly rule: string
    }
  | {
      readonly kind: 'decide removal'
      readonly person: Person
      readonly protectionId: string
      readonly removalId: string
      readonly agrees: boolean
      readonly responseUrl: string | null
    }
  /** The protection that the form showed, and no other. */
  | { readonly kind: 'unprotect'; readonly person: Person; readonly protectionId: string }

/** SSH, RDP, and PowerShell remoting (WinRM) without and with TLS: what Defender for Cloud recommends too. */
export const recommendedPorts: readonly number[] = [22, 3389, 5985, 5986]

const shortestMaxMs = 5 * minute
const longestMaxMs = 24 * hour
/** One rule holds more, but nobody reads more in a form. */
const mostPorts = 20
const mostSources = 20

type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }
const yes = <T>(value: T): Read<T> => ({ ok: true, value })
const no = (why: string): Read<never> => ({ ok: false, why })

const partsOf = (text: string): readonly string[] => text.split(/[\s,;]+/).filter((part) => part !== '')

/** `22, 3389` for each of the protocols; `53/udp` for its own alone. */
export function readPorts(text: string, protocols: readonly Port['protocol'][]): Read<readonly Port[]> {
  const ports = new Map<string, Port>()
  for (const part of partsOf(text)) {
    const port = parsePort(part)
    if (!port)
      return no(
        `“${part.slice(0, 30)}” is not a port. Write numbers from 1 to 65535, with commas between them.`,
      )
    const each = part.includes('/') ? [port.protocol] : protocols
    for (const protocol of each) ports.set(`${port.number}/${protocol}`, { number: port.number, protocol })
  }
  if (ports.size === 0) return no('Name at least one port.')
  if (new Set([...ports.values()].map(({ number }) => number)).size > mostPorts)
    return no(`Name at most ${mostPorts} ports.`)
  return yes([...ports.values()])
}

/** `any`, or addresses and ranges. Defender for Cloud takes no IPv6 address. */
export function readSources(text: string, way: ProtectionWay): Read<readonly string[]> {
  const parts = [...new Set(partsOf(text))]
  if (parts.length === 0 || parts.some((part) => part === '*' || part.toLowerCase() === 'any'))
    return yes(['*'])
  if (parts.length > mostSources) return no(`Name at most ${mostSources} addresses and ranges.`)
  for (const part of parts) {
    const shown = part.slice(0, 60)
    if (!/^\d{1,3}(?:\.\d{1,3}){3}(?:\/\d+)?$|:/.test(part) || rangeOf(part) === null)
      return no(`“${shown}” is not an address and not a range such as 81.2.69.0/24.`)
    const [base, bits] = part.split('/')
    const first = bits === undefined ? base : endsOf(part)[0]
    if (bits !== undefined && !samePrefix(first ?? '', base ?? ''))
      return no(`“${shown}” does not begin at ${base}; write ${first}/${bits}.`)
    if (way === 'defender' && part.includes(':'))
      return no(`“${shown}” is an IPv6 address, which Defender for Cloud does not take.`)
  }
  return yes(parts)
}

/** From five minutes to one day, as Defender for Cloud has it. */
export function readLongest(text: string): Read<number> {
  const span = parseSpan(text)
  if (!span.ok) return no(span.why)
  if (span.span.kind !== 'length') return no('Write a duration such as 3h.')
  const { ms } = span.span
  if (ms < shortestMaxMs || ms > longestMaxMs)
    return no(`Write a duration from ${durationText(shortestMaxMs)} to 24 h.`)
  return yes(ms)
}

/** Distinct from a grant's `jit-<grant>-<expiry>`: neither the sweeper nor the reconciler ever takes it for one. */
const nameForm = /^jitney-protect-([a-z0-9]+)-(tcp|udp)(6?)$/
const protectionMark = 'jitney protection'

export const shieldName = (id: string, protocol: Port['protocol'], six: boolean): string =>
  `jitney-protect-${id}-${protocol}${six ? '6' : ''}`

export const isShieldName = (name: string): boolean => nameForm.test(name)

/** Ours by name and description: anything else that stands there is never removed. */
export const isShield = ({ name, description }: Pick<LiveRule, 'name' | 'description'>): boolean =>
  isShieldName(name) && description.startsWith(protectionMark)

const describe = (id: string, vm: Vm, by: Person): string =>
  `${protectionMark} ${id} of ${vm.name} by ${by.userId}`.slice(0, 140)

/**
 * For each address the group nearest to the VM: that of its network interface, or, where it has none, the subnet's.
 * Every group on the way must let a packet in, so one that denies is enough.
 */
export function nearestHops(hops: readonly Hop[]): readonly Hop[] {
  const near = new Set(
    hops.flatMap(({ attachedTo, destinations }) => (attachedTo === 'network interface' ? destinations : [])),
  )
  return hops.flatMap((hop) => {
    if (hop.attachedTo === 'network interface') return [hop]
    const destinations = hop.destinations.filter((address) => !near.has(address))
    return destinations.length > 0 ? [{ ...hop, destinations }] : []
  })
}

/** The last priority that a grant may have by any rule of the policy. */
export const lastOfBands = ({ rules }: Pick<Policy, 'rules'>): number =>
  Math.max(...rules.map(({ terms }) => terms.priorities?.to ?? defaultBand.to))

const lowest = 4096
/** Defender for Cloud has these for itself. */
const defendersLast = 110

const isInbound = ({ direction }: ExistingRule) => direction === 'Inbound'

/**
 * The first free priority behind everything that grants may have, and so in front of as many of other people's rules
 * as may be; null when there is none. Nobody's rule is ever moved.
 */
export function placeBehind(
  existing: readonly (ExistingRule & { readonly description?: string })[],
  behind: number,
  taken: ReadonlySet<number> = new Set(),
): number | null {
  const inbound = existing.filter(isInbound)
  const used = new Set([...inbound.map(({ priority }) => priority), ...taken])
  // An earlier policy may have let grants have more.
  const grants = inbound.flatMap((rule) => (isOurs(rule.name, rule.description) ? [rule.priority] : []))
  let priority = Math.max(behind, defendersLast, ...grants) + 1
  while (used.has(priority)) priority += 1
  return priority <= lowest ? priority : null
}

/** A security group that is nearest to the VM, with what stands in it and what is promised there. */
export interface ShieldPlace {
  readonly hop: Hop
  readonly existing: readonly (ExistingRule & { readonly description?: string })[]
  readonly taken: ReadonlySet<number>
}

type Plan =
  | { readonly ok: true; readonly rules: readonly ShieldRule[] }
  | { readonly ok: false; readonly why: string }

const isSix = (address: string) => address.includes(':')

/** One rule for each group, protocol and family of addresses. It is for the VM's own addresses alone. */
export function planShield(
  { id, vm, terms, by }: Pick<Protection, 'id' | 'vm' | 'terms' | 'by'>,
  places: readonly ShieldPlace[],
  behind: number,
): Plan {
  const rules: ShieldRule[] = []
  for (const { hop, existing, taken } of places) {
    const used = new Set(taken)
    for (const [protocol, ports] of Map.groupBy(terms.ports, (port) => port.protocol))
      for (const [six, destinations] of Map.groupBy(hop.destinations, isSix)) {
        const priority = placeBehind(existing, behind, used)
        if (priority === null)
          return {
            ok: false,
            why: `In ${hop.nsgId.split('/').at(-1)} no priority behind ${behind} is free, which is where rules that open access end`,
          }
        used.add(priority)
        rules.push({
          name: shieldName(id, protocol, six),
          nsgId: hop.nsgId,
          priority,
          source: '*',
          destinations,
          ports,
          description: describe(id, vm, by),
          state: 'planned',
        })
      }
  }
  return rules.length > 0
    ? { ok: true, rules }
    : { ok: false, why: `${vm.name} has no address behind a security group` }
}

/** What somebody changed about a rule of ours that denies. */
export function shieldDifferences(rule: Rule, live: LiveRule): readonly Difference[] {
  const rest = differences(rule, live).filter(({ what }) => what !== 'access')
  return live.access === 'Deny' ? rest : [{ what: 'access', before: 'Deny', after: live.access }, ...rest]
}

/** Why access that is asked for is beyond what whoever protected the VM allows; null when it is not. */
export function beyondProtection(
  { terms, vm }: Protection,
  { ports, source, durationMs }: Pick<Ask, 'ports' | 'source' | 'durationMs'>,
): string | null {
  const named = ports.some((port) =>
    terms.ports.some(({ number, protocol }) => number === port.number && protocol === port.protocol),
  )
  if (!named) return null
  const where = `${vm.name} is protected, and its protection`
  if (durationMs > terms.maxMs)
    return `${where} lets people in for at most ${durationText(terms.maxMs)}: ask for less time`
  if (!terms.sources.some((prefix) => prefix === '*' || holds(prefix, source.address)))
    return `${where} lets nobody in from ${source.address}, only from ${terms.sources.slice(0, 5).join(', ')}`
  return null
}

/** Whether a rule is one that a grant of ours wrote: it comes and goes by itself. */
export const isGrantRule = (live: Pick<LiveRule, 'name' | 'description'>): boolean =>
  parseRuleName(live.name) !== null && isOurs(live.name, live.description)
