import ipaddr from 'ipaddr.js'
import { type ExistingRule, groupMark } from './priority.ts'

/** One packet of a new connection from outside. A port is null where nobody knows it or the protocol has none. */
export interface Packet {
  readonly protocol: string
  readonly source: string
  readonly sourcePort: number | null
  readonly destination: string
  readonly destinationPort: number | null
}

/** A security group that a packet meets. */
export interface Guard {
  readonly nsgId: string
  readonly rules: readonly ExistingRule[]
}

/** What the names in rules stand for on this way. */
export interface Surrounds {
  /** The prefixes of the virtual network and of those that are peered with it. */
  readonly virtualNetwork: readonly string[]
  /** The addresses in each application security group, by the group’s id in lower case. */
  readonly members: Readonly<Record<string, readonly string[]>>
}

/** What one security group says to a packet, and by which of its rules. */
export interface Judgement {
  readonly nsgId: string
  readonly access: 'Allow' | 'Deny'
  readonly rule: string
  /** One of the rules that every group has and nobody can remove. */
  readonly isDefault: boolean
}

/** Azure’s own address on every virtual network: health probes, name resolution, the agent. */
const host = '168.63.129.16'

interface Block {
  readonly bytes: readonly number[]
  readonly bits: number
}

/** An address or a prefix; null for everything else, such as a service tag. */
function blockOf(text: string): Block | null {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const known = address.includes(':') ? ipaddr.IPv6.isValid(address) : fourParts(address)
  if (!known) return null
  const bytes = ipaddr.parse(address).toByteArray()
  const bits = slash < 0 ? bytes.length * 8 : Number(text.slice(slash + 1))
  return Number.isInteger(bits) && bits >= 0 && bits <= bytes.length * 8 ? { bytes, bits } : null
}

const fourParts = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text)

function covers(outer: Block, inner: Block): boolean {
  if (outer.bytes.length !== inner.bytes.length || outer.bits > inner.bits) return false
  const whole = outer.bits >> 3
  for (let at = 0; at < whole; at += 1) if (outer.bytes[at] !== inner.bytes[at]) return false
  const rest = outer.bits & 7
  return rest === 0 || ((outer.bytes[whole] ?? 0) ^ (inner.bytes[whole] ?? 0)) >> (8 - rest) === 0
}

/** An address of a packet, read once for all the rules that it is held against. */
interface Party {
  readonly address: string
  readonly block: Block | null
  readonly inNetwork: boolean
}

const within = ({ block }: Pick<Party, 'block'>, prefix: string): boolean => {
  const outer = block && blockOf(prefix)
  return block !== null && outer !== null && covers(outer, block)
}

function partyOf(address: string, { virtualNetwork }: Surrounds): Party {
  const block = blockOf(address)
  const inNetwork = address === host || virtualNetwork.some((prefix) => within({ block }, prefix))
  return { address, block, inNetwork }
}

/**
 * Nothing on the internet has such an address: Azure’s own expansion of the tag `Internet` leaves them out. Kinds that
 * are only set aside, as for documentation, are not among them.
 */
const neverOutside = new Set([
  'unspecified',
  'private',
  'loopback',
  'linkLocal',
  'multicast',
  'carrierGradeNat',
  'broadcast',
  'uniqueLocal',
])

const isInternet = ({ address, block, inNetwork }: Party): boolean =>
  block !== null && !inNetwork && !neverOutside.has(ipaddr.parse(address).range())

/** One word of a rule’s side: anything, a tag, an application security group, an address or a prefix. */
function wordHolds(word: string, party: Party, { members }: Surrounds): boolean {
  if (word.startsWith(groupMark))
    return (members[word.slice(groupMark.length).toLowerCase()] ?? []).some((member) => within(party, member))
  switch (word.toLowerCase()) {
    case '*':
    case 'any':
      return true
    case 'virtualnetwork':
    case 'virtual_network':
      return party.inNetwork
    case 'internet':
      return isInternet(party)
    case 'azureloadbalancer':
    case 'azure_loadbalancer':
      return party.address === host
    default:
      // A tag whose addresses change weekly is taken not to hold any.
      return within(party, word)
  }
}

const highestPort = 65_535

/** A port that nobody knows is surely in a range only when the range holds every port. */
function portHolds(range: string, port: number | null): boolean {
  if (range === '*') return true
  const dash = range.indexOf('-')
  const first = Number(dash < 0 ? range : range.slice(0, dash))
  const last = dash < 0 ? first : Number(range.slice(dash + 1))
  return port === null ? first <= 0 && last >= highestPort : port >= first && port <= last
}

/** A packet with both of its ends read. */
interface Met {
  readonly packet: Packet
  readonly from: Party
  readonly to: Party
  readonly surrounds: Surrounds
}

const met = (packet: Packet, surrounds: Surrounds): Met => ({
  packet,
  from: partyOf(packet.source, surrounds),
  to: partyOf(packet.destination, surrounds),
  surrounds,
})

type Condition = Omit<ExistingRule, 'access'>

/** Whether a rule is about this packet, whatever it then says. */
export const isAbout = (rule: Condition, packet: Packet, surrounds: Surrounds): boolean =>
  fits(rule, met(packet, surrounds))

function fits(rule: Condition, { packet, from, to, surrounds }: Met): boolean {
  if (rule.direction !== 'Inbound') return false
  if (rule.protocol !== '*' && rule.protocol.toLowerCase() !== packet.protocol.toLowerCase()) return false
  return (
    rule.ports.some((range) => portHolds(range, packet.destinationPort)) &&
    (rule.sourcePorts ?? ['*']).some((range) => portHolds(range, packet.sourcePort)) &&
    rule.sources.some((word) => wordHolds(word, from, surrounds)) &&
    rule.destinations.some((word) => wordHolds(word, to, surrounds))
  )
}

/** The three rules at the end of every group, at 65000, 65001 and 65500. */
function byDefault({ from, to }: Met): Pick<Judgement, 'access' | 'rule'> {
  if (from.inNetwork && to.inNetwork) return { access: 'Allow', rule: 'AllowVnetInBound' }
  if (from.address === host) return { access: 'Allow', rule: 'AllowAzureLoadBalancerInBound' }
  return { access: 'Deny', rule: 'DenyAllInBound' }
}

function judge({ nsgId, rules }: Guard, packet: Met): Judgement {
  let first: ExistingRule | null = null
  for (const rule of rules)
    if ((first === null || rule.priority < first.priority) && fits(rule, packet)) first = rule
  if (first) return { nsgId, access: first.access, rule: first.name, isDefault: false }
  return { nsgId, ...byDefault(packet), isDefault: true }
}

/**
 * What the groups on the way in say to a packet, each in its turn: the subnet’s before the network interface’s. After
 * a Deny nobody else is asked. The packet gets in when the last judgement allows it, or when there is no group at all.
 */
export function judgeInbound(
  packet: Packet,
  guards: readonly Guard[],
  surrounds: Surrounds,
): readonly Judgement[] {
  const said: Judgement[] = []
  const whole = met(packet, surrounds)
  for (const guard of guards) {
    const judgement = judge(guard, whole)
    said.push(judgement)
    if (judgement.access === 'Deny') break
  }
  return said
}

export const passes = (said: readonly Judgement[]): boolean => said.at(-1)?.access !== 'Deny'

const one = (bytes: readonly number[]): string => ipaddr.fromByteArray([...bytes]).toString()

/** The address after the last one of a block; null when there is none. */
function after({ bytes, bits }: Block): readonly number[] | null {
  const next = [...bytes]
  for (let bit = bits; bit < bytes.length * 8; bit += 1)
    next[bit >> 3] = (next[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  for (let at = next.length - 1; at >= 0; at -= 1) {
    const byte = (next[at] ?? 0) + 1
    next[at] = byte & 0xff
    if (byte <= 0xff) return next
  }
  return null
}

/**
 * Addresses of a range such that whatever rules say differently within it, they say differently to some of these: its
 * first one, and wherever a prefix of a rule or of the network begins or has ended.
 */
export function samplesOf(range: string, prefixes: readonly string[]): readonly string[] {
  const whole = blockOf(range)
  if (!whole) return []
  const samples = new Set([one(whole.bytes)])
  for (const prefix of prefixes) {
    const block = blockOf(prefix)
    if (!block) continue
    for (const bytes of [block.bytes, after(block)])
      if (bytes && covers(whole, { bytes, bits: bytes.length * 8 })) samples.add(one(bytes))
  }
  return [...samples]
}
