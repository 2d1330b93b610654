import { toLiveRule } from '../../src/azure/security-rule.ts'
import { judgeInbound, type Packet } from '../../src/core/security-groups.ts'
import { evaluate } from '../../src/simulator/flow.ts'
import type { NamedRule, RuleProperties } from '../../src/simulator/world.ts'

/** Rule sets that collide: few addresses, few ports, few priorities, so that most rules are about most packets. */
const addresses = {
  v4: [
    '10.20.1.10',
    '10.20.1.11',
    '10.20.2.4',
    '10.30.0.9',
    '10.99.0.1',
    '192.168.7.7',
    '172.31.255.255',
    '81.2.69.142',
    '81.2.69.143',
    '9.9.9.9',
    '203.0.113.7',
    '168.63.129.16',
    '100.64.0.1',
    '127.0.0.1',
    '0.0.0.1',
    '255.255.255.255',
    '224.0.0.5',
    '169.254.169.254',
    '11.0.0.1',
  ],
  v6: [
    'fd00:20:0:1::10',
    'fd00:20:0:2::4',
    'fd00:30::1',
    '2a02:8109::1',
    '2a02:8109:0:1::1',
    'fe80::1',
    '2001:4860:4860::8888',
    '::1',
    'ff02::1',
  ],
} as const
const prefixes = {
  v4: [
    '10.20.1.10',
    '10.20.1.10/32',
    '10.20.1.0/24',
    '10.20.0.0/16',
    '10.0.0.0/8',
    '81.2.69.142',
    '81.2.69.142/31',
    '81.2.69.128/25',
    '81.2.0.0/16',
    '0.0.0.0/0',
    '128.0.0.0/1',
    '168.63.129.16/32',
    '9.9.9.9/32',
    '203.0.113.0/24',
    '10.30.0.0/23',
    '192.168.0.0/16',
  ],
  v6: [
    'fd00:20:0:1::10',
    'fd00:20::/48',
    'fd00:20:0:1::/64',
    '2a02:8109::/32',
    '2a02:8109::/63',
    '::/0',
    '2A02:8109:0:0::1',
    '2001:4860:4860::8888/128',
    '8000::/1',
    'fe80::/10',
  ],
} as const
const tags = [
  '*',
  '*',
  'Internet',
  'internet',
  'INTERNET',
  'VirtualNetwork',
  'virtualnetwork',
  'AzureLoadBalancer',
  'AzureCloud',
  'Storage.WestEurope',
  'VIRTUAL_NETWORK',
  'AZURE_LOADBALANCER',
  'Any',
] as const
/** What most packets are in, so that rules are met and not only passed by. */
const wide = ['*', '*', '0.0.0.0/0', '::/0', 'VirtualNetwork', '10.0.0.0/8', 'Internet'] as const
const ranges = [
  '22',
  '3389',
  '3388-3390',
  '1-21',
  '22-22',
  '0-65535',
  '65535',
  '0',
  '5985-5986',
  '*',
] as const
const ports = [0, 21, 22, 3388, 3389, 3391, 5986, 65_535, null] as const
const groupIds = [
  '/subscriptions/s/asg/Web',
  '/subscriptions/s/asg/db',
  '/subscriptions/s/asg/empty',
] as const
const protocols = ['Tcp', 'Tcp', 'Udp', 'Icmp', 'Esp', 'Ah', '*', '*', '*', '*'] as const

/** Mulberry32: the same seed gives the same sets everywhere. */
class Dice {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit || 0
  }
  one<T extends string | number | null>(from: readonly T[]): T {
    const found = from[Math.floor(this.below(from.length))]
    if (found === undefined) throw new RangeError('There is nothing to choose from.')
    return found
  }
  some<T extends string | number | null>(from: readonly T[], most: number): T[] {
    return Array.from({ length: 1 + Math.floor(this.below(most)) }, () => this.one(from))
  }
  chance(share: number): boolean {
    return this.below(1) < share
  }
}

type Side = 'source' | 'destination'

/** One word, which may be a tag, or a list of prefixes, or application security groups: as Azure allows. */
function side(dice: Dice, which: Side): Partial<RuleProperties> {
  const all = dice.chance(0.7) ? prefixes.v4 : prefixes.v6
  const kind = dice.below(18)
  if (kind > 7) return { [`${which}AddressPrefix`]: dice.one(wide) }
  if (kind < 2) return { [`${which}AddressPrefix`]: dice.one(tags) }
  if (kind < 4) return { [`${which}AddressPrefix`]: dice.one(all) }
  if (kind < 7)
    return { [`${which}AddressPrefixes`]: dice.some(dice.chance(0.2) ? [...all, ...prefixes.v6] : all, 3) }
  return { [`${which}ApplicationSecurityGroups`]: dice.some(groupIds, 2).map((id) => ({ id })) }
}

function portsOf(dice: Dice, which: Side, all: boolean): Partial<RuleProperties> {
  if (all) return { [`${which}PortRange`]: '*' }
  if (dice.chance(0.6)) return { [`${which}PortRange`]: dice.one(ranges) }
  return { [`${which}PortRanges`]: dice.some(ranges.slice(0, -1), 3) }
}

function ruleSet(dice: Dice): NamedRule[] {
  const priorities = new Set(dice.some([100, 105, 110, 200, 3000, 3001, 3499, 4000, 4096], 9))
  return [...priorities].map((priority, at) => ({
    name: `rule-${at}`,
    properties: {
      access: dice.one(['Allow', 'Deny']),
      direction: dice.chance(0.9) ? 'Inbound' : 'Outbound',
      protocol: dice.one(protocols),
      priority,
      ...side(dice, 'source'),
      ...side(dice, 'destination'),
      ...portsOf(dice, 'source', dice.chance(0.85)),
      ...portsOf(dice, 'destination', dice.chance(0.4)),
    },
  }))
}

interface Trial {
  readonly packet: Packet
  readonly subnet: NamedRule[] | null
  readonly nic: NamedRule[] | null
  readonly virtualNetwork: string[]
  readonly members: Record<string, string[]>
}

function trialOf(dice: Dice): Trial {
  const pool = dice.chance(0.7) ? addresses.v4 : addresses.v6
  const other = dice.chance(0.97) ? pool : addresses.v6
  const everybody = [...addresses.v4, ...addresses.v6]
  return {
    packet: {
      protocol: dice.one(['Tcp', 'tcp', 'TCP', 'Tcp', 'TCP', 'Udp', 'UDP', 'Icmp', 'Esp']),
      source: dice.one(pool),
      sourcePort: dice.one(ports),
      // Most packets go to a VM.
      destination: dice.chance(0.6) ? dice.one(pool.slice(0, 2)) : dice.one(other),
      destinationPort: dice.one([22, 3389, 22, 3389, ...ports]),
    },
    subnet: dice.chance(0.8) ? ruleSet(dice) : null,
    nic: dice.chance(0.8) ? ruleSet(dice) : null,
    virtualNetwork: dice.some(
      ['10.20.0.0/16', 'fd00:20::/48', '10.30.0.0/23', 'fd00:30::/64', '81.2.69.128/25', '10.20.1.0/24'],
      3,
    ),
    members: {
      [groupIds[0].toLowerCase()]: dice.some(everybody, 3),
      [groupIds[1].toLowerCase()]: dice.some(everybody, 2),
    },
  }
}

/** What the bot’s own evaluation says: the last word, by which rule of which group. */
function ours({ packet, subnet, nic, virtualNetwork, members }: Trial): string {
  const guards = [
    { nsgId: 'subnet', rules: subnet },
    { nsgId: 'nic', rules: nic },
  ].flatMap(({ nsgId, rules }) =>
    rules ? [{ nsgId, rules: rules.map(({ name, properties }) => toLiveRule({ name, ...properties })) }] : [],
  )
  const last = judgeInbound(packet, guards, { virtualNetwork, members }).at(-1)
  if (!last) return 'Allow – –'
  return `${last.access} ${last.isDefault ? 'defaultSecurityRules' : 'securityRules'}/${last.rule} ${last.nsgId}`
}

const port = (number: number | null): string => (number === null ? '*' : String(number))

/** What the simulated Azure says to the same packet. */
function theirs({ packet, subnet, nic, virtualNetwork, members }: Trial): string {
  const { access, ruleName, nsg } = evaluate(
    {
      direction: 'Inbound',
      protocol: packet.protocol,
      source: packet.source,
      sourcePort: port(packet.sourcePort),
      destination: packet.destination,
      destinationPort: port(packet.destinationPort),
    },
    {
      ...(subnet && { subnet: { nsg: 'subnet', rules: subnet } }),
      ...(nic && { nic: { nsg: 'nic', rules: nic } }),
      virtualNetwork,
      inGroup: (id, address) => (members[id.toLowerCase()] ?? []).includes(address),
    },
  )
  return `${access} ${ruleName || '–'} ${nsg ?? '–'}`
}

export interface Compared {
  /** The first trial that the two answer differently, with what each said. */
  readonly difference: { trial: Trial; ours: string; theirs: string } | null
  /** How often each kind of answer came, to see that all of them did. */
  readonly answers: ReadonlyMap<string, number>
}

export function compare(count: number, seed: number): Compared {
  const dice = new Dice(seed)
  const answers = new Map<string, number>()
  for (let at = 0; at < count; at += 1) {
    const trial = trialOf(dice)
    const [mine, other] = [ours(trial), theirs(trial)]
    if (mine !== other) return { difference: { trial, ours: mine, theirs: other }, answers }
    const kind = mine.replace(/rule-\d+/, 'own')
    answers.set(kind, (answers.get(kind) ?? 0) + 1)
  }
  return { difference: null, answers }
}
