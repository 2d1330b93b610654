import ipaddr from 'ipaddr.js'
import type { Port } from './service.ts'

/** What the choice needs to know of a rule that stands in the network security group. */
export interface ExistingRule {
  readonly name: string
  readonly priority: number
  readonly direction: 'Inbound' | 'Outbound'
  readonly access: 'Allow' | 'Deny'
  readonly sources: readonly string[]
  readonly destinations: readonly string[]
  readonly ports: readonly string[]
  /** Absent when the rule is about any port of the other side. */
  readonly sourcePorts?: readonly string[]
  readonly protocol: string
}

/** The traffic that the new rule must let in. */
export interface Wanted {
  readonly source: string
  readonly destinations: readonly string[]
  readonly ports: readonly Port[]
}

/** Priorities that our rules may have, both ends included. Azure allows 100 to 4096. */
export interface Band {
  readonly from: number
  readonly to: number
  /** Leave the band for a priority in front of somebody’s Deny, where one stands in the way. */
  readonly beatDenies?: boolean
}

export const defaultBand: Band = { from: 3000, to: 3499 }

/** Defender for Cloud writes its own allow rules here, and renumbers what it finds in its way. */
const defenders: Band = { from: 100, to: 110 }

export type PriorityAnswer =
  | { readonly ok: true; readonly priority: number }
  | {
      readonly ok: false
      readonly code: 'denied by a rule' | 'no free priority' | 'mixed protocols'
      /** The rule that stands in the way, when one does. */
      readonly rule: string | null
      readonly why: string
    }

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = readonly [Address, number]

function parseRange(text: string): Range | null {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text)
  if (!ipaddr.isValid(text) || !/[.:]/.test(text)) return null
  const address = ipaddr.parse(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

/** Whether two ranges share an address: the wider one then holds the other one's first address. */
function overlap(a: Range, b: Range): boolean {
  if (a[0].kind() !== b[0].kind()) return false
  const bits = Math.min(a[1], b[1])
  return a[0].match(b[0], bits)
}

/** Whether two prefixes of rules mean the same, however they are spelt (`10.0.0.4` and `10.0.0.4/32`). */
export function samePrefix(one: string, other: string): boolean {
  if (one.toLowerCase() === other.toLowerCase()) return true
  const [a, b] = [parseRange(one), parseRange(other)]
  return a !== null && b !== null && a[1] === b[1] && overlap(a, b)
}

const isPublic = (range: Range): boolean => range[0].range() === 'unicast'

/**
 * Whether a prefix of a rule, as Azure spells it, holds an address of ours. Of Azure's service tags only the three
 * that every group knows are understood. Any other tag (`AzureCloud`, `Storage.WestEurope`) is taken not to hold
 * the address: what its addresses are changes weekly, and a wrong “yes” would refuse access for no reason, while
 * IP flow verify finds a wrong “no”.
 */
function prefixHolds(prefix: string, address: string): boolean {
  const ours = parseRange(address)
  if (prefix === '*') return true
  if (!ours) return false
  switch (prefix.toLowerCase()) {
    case 'any':
      return true
    case 'internet':
      return isPublic(ours)
    case 'virtualnetwork':
      return !isPublic(ours)
    case 'azureloadbalancer':
      return false
    default: {
      const range = parseRange(prefix)
      return range !== null && overlap(range, ours)
    }
  }
}

/** A destination that is an application security group may hold the VM, so it counts as holding it. */
export const groupMark = 'asg:'

function portsHold(range: string, ports: readonly Port[]): boolean {
  if (range === '*') return ports.length > 0
  const [first, last = first] = range.split('-').map(Number)
  return ports.some((port) => port.number >= (first ?? 0) && port.number <= (last ?? 0))
}

function denies(rule: ExistingRule, wanted: Wanted): boolean {
  if (rule.direction !== 'Inbound' || rule.access !== 'Deny') return false
  const protocol = rule.protocol.toLowerCase()
  const ports = wanted.ports.filter((port) => protocol === '*' || protocol === port.protocol)
  return (
    rule.ports.some((range) => portsHold(range, ports)) &&
    rule.sources.some((prefix) => prefixHolds(prefix, wanted.source)) &&
    rule.destinations.some(
      (prefix) =>
        prefix.startsWith(groupMark) || wanted.destinations.some((address) => prefixHolds(prefix, address)),
    )
  )
}

const no = (
  code: Extract<PriorityAnswer, { ok: false }>['code'],
  rule: ExistingRule | null,
  why: string,
): PriorityAnswer => ({ ok: false, code, rule: rule?.name ?? null, why })

/** One Azure rule has one protocol, and `*` would open more than was asked for. */
export const protocolsMixed = (ports: readonly Port[]): boolean =>
  new Set(ports.map((port) => port.protocol)).size > 1

/** The strongest Deny behind a priority that would stop the wanted traffic if no rule of ours stood in front of it. */
export const denyBehind = (
  existing: readonly ExistingRule[],
  wanted: Wanted,
  priority: number,
): ExistingRule | null =>
  existing
    .filter((rule) => rule.priority > priority && denies(rule, wanted))
    .toSorted((a, b) => a.priority - b.priority)[0] ?? null

/** The nearest free priority in front of a rule; null when there is none. */
function freeBefore(rule: ExistingRule, used: ReadonlySet<number>): number | null {
  let priority = rule.priority - 1
  while (priority > defenders.to && used.has(priority)) priority--
  return priority > defenders.to ? priority : null
}

/**
 * The lowest free priority of the band, in front of every Deny that would stop the wanted traffic. Climbs out of the
 * band to get past somebody's Deny only where the band says so, and never moves a rule. `taken` holds priorities that
 * are promised but not written yet.
 */
export function choosePriority(
  existing: readonly ExistingRule[],
  wanted: Wanted,
  band: Band = defaultBand,
  taken: ReadonlySet<number> = new Set(),
): PriorityAnswer {
  if (protocolsMixed(wanted.ports)) {
    return no('mixed protocols', null, 'One rule opens TCP or UDP, not both: ask for each on its own.')
  }
  const inbound = existing.filter((rule) => rule.direction === 'Inbound')
  const used = new Set([...inbound.map((rule) => rule.priority), ...taken])
  let priority = band.from
  while (priority <= band.to && (used.has(priority) || isDefenders(priority))) priority++
  if (priority > band.to) {
    return no('no free priority', null, `All priorities from ${band.from} to ${band.to} are in use.`)
  }
  const blocking = inbound
    .filter((rule) => rule.priority < priority && denies(rule, wanted))
    .toSorted((a, b) => a.priority - b.priority)[0]
  if (!blocking) return { ok: true, priority }
  const before = band.beatDenies ? freeBefore(blocking, used) : null
  if (before !== null) return { ok: true, priority: before }
  const ours = band.beatDenies
    ? 'no priority in front of it is free'
    : `the first free priority for ours is ${priority}, behind it`
  return no(
    'denied by a rule',
    blocking,
    `The rule ${blocking.name} (priority ${blocking.priority}) denies this traffic, and ${ours}.`,
  )
}

const isDefenders = (priority: number) => priority >= defenders.from && priority <= defenders.to
