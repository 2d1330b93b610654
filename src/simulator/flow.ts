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
/** What Azure leaves out when it expands the tag `Internet`, apart from the virtual network. */
const noInternet = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
]

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

/** The rule with the lowest number among those that are about a packet. */
export function firstAbout(
  rules: readonly NamedRule[],
  packet: Packet,
  path: FlowPath,
): NamedRule | undefined {
  const inOrder = rules.toSorted((a, b) => a.properties.priority - b.properties.priority)
  return inOrder.find((each) => matches(each.properties, packet, path))
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
    // A port that nobody knows is no number, so it matches only a rule for all ports.
    if (range === '*' || range === '0-65535' || range === port) return true
    const [from = '', to = from] = range.split('-')
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
      return !inVirtualNetwork(address, path) && !noInternet.some((range) => contains(range, address))
    case 'azureloadbalancer':
    case 'azure_loadbalancer':
      return address === azurePlatform
    default:
      return contains(prefix, address)
  }
}

/** Azure’s own address counts as part of every virtual network: its expansion of the tag names it. */
function inVirtualNetwork(address: string, path: FlowPath): boolean {
  return address === azurePlatform || path.virtualNetwork.some((prefix) => contains(prefix, address))
}

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

const networks = new Map<string, Network | null>()
const mostNetworks = 10_000

/** Rules say the same few prefixes over and over. */
function networkOf(prefix: string): Network | null {
  const known = networks.get(prefix)
  if (known !== undefined) return known
  if (networks.size >= mostNetworks) networks.clear()
  const read = readNetwork(prefix)
  networks.set(prefix, read)
  return read
}

function readNetwork(prefix: string): Network | null {
  if (ipaddr.isValidCIDR(prefix)) return ipaddr.parseCIDR(prefix)
  if (!ipaddr.isValid(prefix)) return null
  const single = ipaddr.parse(prefix)
  return [single, single.kind() === 'ipv4' ? 32 : 128]
}

/** False for anything that is no prefix, such as a service tag whose addresses the simulator does not know. */
export function contains(prefix: string, address: string): boolean {
  const network = networkOf(prefix)
  if (!network) return false
  const single = networkOf(address)?.[0]
  return single !== undefined && single.kind() === network[0].kind() && single.match(network[0], network[1])
}
