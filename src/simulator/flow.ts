import ipaddr from 'ipaddr.js'
import { defaultRules } from './default-rules.ts'
import type { NamedRule, RuleProperties } from './world.ts'

/** One packet of a new connection. Addresses are single addresses; a port may be `*` when nobody knows it. */
export interface Packet {
  direction: 'Inbound' | 'Outbound'
  protocol: string
  source: string
  sourcePort: string
  destination: string
  destinationPort: string
}

export interface RuleSet {
  /** The id of the security group. */
  nsg: string
  rules: NamedRule[]
}

/** What a packet meets between the network and the machine. */
export interface FlowPath {
  subnet?: RuleSet
  nic?: RuleSet
  /** What the tag `VirtualNetwork` stands for here. */
  virtualNetwork: string[]
  /** Whether an address belongs to an application security group. */
  inGroup: (groupId: string, address: string) => boolean
}

export interface Verdict {
  access: 'Allow' | 'Deny'
  /** As Azure names it: `securityRules/x` or `defaultSecurityRules/DenyAllInBound`; empty without any group. */
  ruleName: string
  nsg: string | null
}

const azurePlatform = '168.63.129.16'

/** Inbound meets the subnet's group first, outbound the network interface's; both must allow. */
export function evaluate(packet: Packet, path: FlowPath): Verdict {
  const order = packet.direction === 'Inbound' ? [path.subnet, path.nic] : [path.nic, path.subnet]
  let verdict: Verdict = { access: 'Allow', ruleName: '', nsg: null }
  for (const group of order) {
    if (!group) continue
    verdict = firstMatch(packet, group, path)
    if (verdict.access === 'Deny') return verdict
  }
  return verdict
}

function firstMatch(packet: Packet, group: RuleSet, path: FlowPath): Verdict {
  const own = group.rules.toSorted((a, b) => a.properties.priority - b.properties.priority)
  for (const [kind, rules] of [
    ['securityRules', own],
    ['defaultSecurityRules', defaultRules],
  ] as const) {
    const rule = rules.find((each) => matches(each.properties, packet, path))
    if (!rule) continue
    const access = rule.properties.access === 'Allow' ? 'Allow' : 'Deny'
    return { access, ruleName: `${kind}/${rule.name}`, nsg: group.nsg }
  }
  throw new Error('The default rules match every packet.')
}

function matches(rule: RuleProperties, packet: Packet, path: FlowPath): boolean {
  return (
    same(rule.direction, packet.direction) &&
    (rule.protocol === '*' || same(rule.protocol, packet.protocol)) &&
    portMatches(rule.sourcePortRange, rule.sourcePortRanges, packet.sourcePort) &&
    portMatches(rule.destinationPortRange, rule.destinationPortRanges, packet.destinationPort) &&
    sideMatches('source', rule, packet.source, path) &&
    sideMatches('destination', rule, packet.destination, path)
  )
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function portMatches(one: string | undefined, several: string[] | undefined, port: string): boolean {
  const ranges = one ? [one, ...(several ?? [])] : (several ?? [])
  return ranges.some((range) => {
    if (range === '*' || range === port) return true
    const [from = '', to = from] = range.split('-')
    // A port that nobody knows is no number, so it matches only a rule for all ports.
    return Number(from) <= Number(port) && Number(port) <= Number(to)
  })
}

function sideMatches(
  side: 'source' | 'destination',
  rule: RuleProperties,
  address: string,
  path: FlowPath,
): boolean {
  const groups = rule[`${side}ApplicationSecurityGroups`] ?? []
  if (groups.length > 0) return groups.some(({ id }) => path.inGroup(id, address))
  const one = rule[`${side}AddressPrefix`]
  const prefixes = one
    ? [one, ...(rule[`${side}AddressPrefixes`] ?? [])]
    : (rule[`${side}AddressPrefixes`] ?? [])
  return prefixes.some((prefix) => prefixMatches(prefix, address, path))
}

function prefixMatches(prefix: string, address: string, path: FlowPath): boolean {
  switch (prefix.toLowerCase()) {
    case '*':
    case 'any':
      return true
    case 'virtualnetwork':
    case 'virtual_network':
      return inVirtualNetwork(address, path)
    case 'internet':
      return !inVirtualNetwork(address, path) && address !== azurePlatform
    case 'azureloadbalancer':
    case 'azure_loadbalancer':
      return address === azurePlatform
    default:
      return contains(prefix, address)
  }
}

function inVirtualNetwork(address: string, path: FlowPath): boolean {
  return path.virtualNetwork.some((prefix) => contains(prefix, address))
}

/** False for anything that is no prefix, such as a service tag whose addresses the simulator does not know. */
export function contains(prefix: string, address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const single = ipaddr.parse(address)
  if (ipaddr.isValidCIDR(prefix)) {
    const [network, bits] = ipaddr.parseCIDR(prefix)
    return network.kind() === single.kind() && single.match(network, bits)
  }
  if (!ipaddr.isValid(prefix)) return false
  return ipaddr.parse(prefix).toNormalizedString() === single.toNormalizedString()
}
