import type { LiveRule } from './live-rule.ts'
import { type ExistingRule, groupMark } from './priority.ts'
import { isGrantRule } from './protection.ts'
import { type Judgement, judgeInbound, passes, type Surrounds, samplesOf } from './security-groups.ts'
import type { Port } from './service.ts'
import { rangeOf } from './source.ts'
import type { Hop } from './vm.ts'

/** A security group on the way, with the rules that stand in it. */
export interface OpenGroup {
  readonly hop: Hop
  readonly rules: readonly LiveRule[]
}

/** A rule that lets somebody in although the VM is to be kept shut, or after it no longer is. */
export interface OpenWay {
  readonly nsgId: string
  readonly rule: string
  /** Null for one of the rules that every group has. */
  readonly priority: number | null
  readonly from: readonly string[]
  readonly ports: readonly Port[]
  /** False where its source is a name that nobody here can judge. */
  readonly sure: boolean
}

/** Outside addresses far from each other: a rule about a part of the internet seldom holds them all. */
const outside = {
  IPv4: ['8.8.8.8', '1.1.1.1', '81.2.69.142', '200.10.10.10', '150.100.50.25'],
  IPv6: ['2606:4700:4700::1111', '2a02:8109::1'],
}
const azuresHost = '168.63.129.16'
const everywhere = { IPv4: '0.0.0.0/0', IPv6: '::/0' }
/** More addresses are not tried for one word of a rule. */
const mostSamples = 40

type Family = keyof typeof outside
const familyOf = (address: string): Family => (address.includes(':') ? 'IPv6' : 'IPv4')

interface Scene {
  readonly groups: readonly OpenGroup[]
  readonly surrounds: Surrounds
  /** Where something about sources may change, by the rules that stand there. */
  readonly prefixes: readonly string[]
}

/** Addresses that a word of a rule stands for; null when nobody here can tell. */
function samplesFor(word: string, family: Family, { surrounds, prefixes }: Scene): readonly string[] | null {
  const own = surrounds.virtualNetwork
    .filter((prefix) => familyOf(prefix) === family)
    .flatMap((prefix) => samplesOf(prefix, []))
  const any = [...outside[family], ...own, ...samplesOf(everywhere[family], prefixes)]
  if (word.startsWith(groupMark)) return surrounds.members[word.slice(groupMark.length).toLowerCase()] ?? null
  switch (word.toLowerCase()) {
    case '*':
    case 'any':
    case 'internet':
      return any
    case 'virtualnetwork':
    case 'virtual_network':
      return own
    case 'azureloadbalancer':
    case 'azure_loadbalancer':
      return family === 'IPv4' ? [azuresHost] : []
    default:
      return rangeOf(word) === null ? null : samplesOf(word, prefixes)
  }
}

const order = ({ hop }: OpenGroup): number => (hop.attachedTo === 'subnet' ? 0 : 1)

/** The groups before one address, in the order in which a packet meets them. Grants' rules end by themselves. */
const guardsBefore = ({ groups }: Scene, address: string) =>
  groups
    .filter(({ hop }) => hop.destinations.includes(address))
    .toSorted((a, b) => order(a) - order(b))
    .map(({ hop, rules }) => ({ nsgId: hop.nsgId, rules: rules.filter((rule) => !isGrantRule(rule)) }))

const speaksOf = (rule: ExistingRule, port: Port): boolean =>
  rule.protocol === '*' || rule.protocol.toLowerCase() === port.protocol

const holdsPort = (rule: ExistingRule, { number }: Port): boolean =>
  rule.ports.some((range) => {
    const [first = '', end = first] = range.split('-')
    return range === '*' || (number >= Number(first) && number <= Number(end))
  })

/** The rules that every group has let in the virtual network; Azure's own probes, which they let in too, are nobody. */
const defaultWords = ['VirtualNetwork']

interface Tried {
  readonly word: string
  readonly rule: LiveRule | null
}

function wordsAt(guards: ReturnType<typeof guardsBefore>, port: Port): readonly Tried[] {
  const written = guards.flatMap(({ rules }) =>
    rules.filter(
      (rule) =>
        rule.direction === 'Inbound' &&
        rule.access === 'Allow' &&
        speaksOf(rule, port) &&
        holdsPort(rule, port),
    ),
  )
  return [
    ...written.flatMap((rule) => rule.sources.map((word) => ({ word, rule }))),
    ...defaultWords.map((word) => ({ word, rule: null })),
  ]
}

/** The last group is the one nearest to the VM, which is where a protection stands. */
const nearest = (said: readonly Judgement[]): Judgement | undefined => said.at(-1)

/**
 * Which rules let somebody in to these ports of a VM, by what stands in the groups on the way. Each word of each rule
 * that allows is tried with some addresses that it stands for, through all of the groups.
 */
export function stillOpen(
  groups: readonly OpenGroup[],
  ports: readonly Port[],
  surrounds: Surrounds,
): readonly OpenWay[] {
  const denies = groups.flatMap(({ rules }) => rules.filter(({ access }) => access === 'Deny'))
  const prefixes = [...new Set(denies.flatMap(({ sources }) => sources))].filter(
    (word) => rangeOf(word) !== null,
  )
  const scene: Scene = { groups, surrounds, prefixes }
  const found = new Map<string, OpenWay>()
  const note = (
    nsgId: string,
    rule: LiveRule | null,
    name: string,
    word: string,
    port: Port,
    sure: boolean,
  ) => {
    const key = `${nsgId} ${name}`
    const known = found.get(key)
    found.set(key, {
      nsgId,
      rule: name,
      priority: rule?.priority ?? null,
      from: [...new Set([...(known?.from ?? []), word])],
      ports: known?.ports.includes(port) ? known.ports : [...(known?.ports ?? []), port],
      sure: (known?.sure ?? true) && sure,
    })
  }
  const destinations = [...new Set(groups.flatMap(({ hop }) => hop.destinations))]
  for (const destination of destinations) {
    const guards = guardsBefore(scene, destination)
    const last = guards.at(-1)
    for (const port of ports)
      for (const { word, rule } of wordsAt(guards, port)) {
        const samples = samplesFor(word, familyOf(destination), scene)
        if (samples === null) {
          if (rule && last?.rules.includes(rule) && !isBehindDeny(rule, last.rules, destination, port))
            note(last.nsgId, rule, rule.name, word, port, false)
          continue
        }
        for (const source of samples.slice(0, mostSamples)) {
          const said = judgeInbound(
            { protocol: port.protocol, source, sourcePort: null, destination, destinationPort: port.number },
            guards,
            surrounds,
          )
          const by = nearest(said)
          if (!by || !passes(said) || by.rule !== (rule?.name ?? by.rule) || by.isDefault !== (rule === null))
            continue
          note(by.nsgId, rule, by.rule, word, port, true)
          break
        }
      }
  }
  return [...found.values()].toSorted((a, b) => (a.priority ?? 65_000) - (b.priority ?? 65_000))
}

/** A deny for everybody, as ours are, stands in front of it. */
const isBehindDeny = (rule: LiveRule, rules: readonly LiveRule[], destination: string, port: Port): boolean =>
  rules.some(
    (other) =>
      other.direction === 'Inbound' &&
      other.access === 'Deny' &&
      other.priority < rule.priority &&
      other.sources.includes('*') &&
      speaksOf(other, port) &&
      holdsPort(other, port) &&
      other.destinations.some((one) => one === '*' || one === destination || one === `${destination}/32`),
  )
