import { policyName } from './defender.ts'
import {
  type Breadth,
  breadths,
  type Gate,
  gateOf,
  type Opening,
  type Standing,
  type StandingRule,
  standingAt,
} from './exposure.ts'
import type { JitPolicy, VmEntry, VmInterface } from './inventory.ts'
import type { LiveRule } from './live-rule.ts'
import { builtInServices, type Port, type Service } from './service.ts'
import type { Vm } from './vm.ts'

/** Ports of one VM that stand open to the same people by the same rules. */
export interface Exposure {
  readonly ports: readonly Port[]
  readonly breadth: Breadth
  readonly rules: readonly StandingRule[]
}

/** By what a VM is guarded. */
type GuardedBy =
  | { readonly kind: 'defender'; readonly policy: string; readonly lastAccess: JitPolicy['lastAccess'] }
  | { readonly kind: 'policy file'; readonly rule: string }

/**
 * The groups of Azure’s portal, and a fourth one that it does not have:
 * - `configured`: under a just-in-time policy of Defender for Cloud; or a rule of the policy file is about the VM, and no
 *   standing rule lets anybody outside in to a management port.
 * - `recommended`: a standing rule lets somebody outside in to a management port, and no Defender policy guards it.
 * - `unsupported`: nothing can be guarded there, or nobody may ask for it; `why` says which.
 * - `not known`: something that would have to be read could not be; `why` says what. It is never counted as fine.
 */
export const groups = ['configured', 'recommended', 'unsupported', 'not known'] as const
export type Group = (typeof groups)[number]

export interface JudgedVm {
  readonly vm: Vm
  readonly power: string | null
  readonly publicAddresses: readonly string[]
  readonly group: Group
  /** A sentence without its full stop, for the VMs that are neither configured nor recommended. */
  readonly why: string | null
  readonly guardedBy: GuardedBy | null
  /** What stands open to somebody outside, whatever the group. */
  readonly exposures: readonly Exposure[]
  /** Whether more may stand open, because not everything could be read. */
  readonly doubt: boolean
  /** No security group is in front of one of its interfaces, so nothing is kept out there. */
  readonly bare: boolean
}

/** What a VM is judged by, beside itself. */
export interface Grounds {
  /** The rules of a group by its id; null where they could not be read. */
  readonly rulesOf: (nsgId: string) => readonly LiveRule[] | null
  /** The ports that are looked at, the most wanted first. */
  readonly ports: readonly Port[]
  /** The first rule of the policy file by which somebody may ask for a VM. */
  readonly ruleAbout: (vm: Vm) => string | null
}

/** RDP and SSH first, then WinRM, then every port of a service of the policy. */
export function managementPorts(services: readonly Service[]): readonly Port[] {
  const found = new Map<string, Port>()
  for (const { ports } of [...builtInServices, ...services])
    for (const port of ports) found.set(`${port.number}/${port.protocol}`, port)
  return [...found.values()]
}

const last = (id: string): string => id.split('/').at(-1) ?? id

interface Way {
  readonly address: string
  readonly gates: readonly Gate[]
}

/** Which subnet an address of several is in is not read, so each of them counts for each address. */
function waysOf(one: VmInterface, gate: (nsgId: string) => Gate): readonly Way[] {
  const unseen = one.whole ? [] : [gateOf('', null)]
  const own = one.nsgId === null ? [] : [gate(one.nsgId)]
  const subnets = one.subnetNsgIds.length > 0 ? one.subnetNsgIds : [null]
  const addresses = one.privateAddresses.length > 0 ? one.privateAddresses : ['']
  return subnets.flatMap((subnet) => {
    const gates = [...(subnet === null ? [] : [gate(subnet)]), ...own, ...unseen]
    return addresses.map((address) => ({ address, gates }))
  })
}

const familyOf = (address: string) => (address.includes(':') ? 'IPv6' : 'IPv4')

const widest = (a: Opening, b: Opening): Opening =>
  breadths.indexOf(b.breadth) < breadths.indexOf(a.breadth) ? b : a

interface Looked {
  readonly sure: readonly Exposure[]
  readonly doubt: boolean
}

/** Most VMs stand behind groups whose rules are about every VM behind them: those are looked through once. */
class LookedThrough {
  readonly #grounds: Grounds
  readonly #gates = new Map<string, Gate>()
  readonly #known = new Map<string, readonly Standing[]>()

  constructor(grounds: Grounds) {
    this.#grounds = grounds
  }

  readonly gate = (nsgId: string): Gate => {
    const known = this.#gates.get(nsgId)
    if (known) return known
    const made = gateOf(nsgId, this.#grounds.rulesOf(nsgId))
    this.#gates.set(nsgId, made)
    return made
  }

  /** How one way stands, port by port. */
  at({ address, gates }: Way): readonly Standing[] {
    const family = familyOf(address)
    const place = gates.every(({ isForAll }) => isForAll) && address !== '' ? family : address
    const key = `${gates.map(({ nsgId }) => nsgId).join(' ')} ${place}`
    const known = this.#known.get(key)
    if (known) return known
    const made = this.#grounds.ports.map((port) => standingAt(gates, { address, family, port }))
    this.#known.set(key, made)
    return made
  }
}

const keyOf = ({ breadth, rules }: Opening): string =>
  [breadth, ...rules.map(({ nsgId, name }) => `${nsgId}/${name}`)].join('|')

function lookThrough(ways: readonly Way[], ports: readonly Port[], looked: LookedThrough): Looked {
  const found = new Map<string, Exposure>()
  const standings = ways.map((way) => looked.at(way))
  for (const [at, port] of ports.entries()) {
    const [first, ...more] = standings.flatMap((standing) => standing[at]?.sure ?? [])
    if (!first) continue
    const opening = more.reduce(widest, first)
    const before = found.get(keyOf(opening))
    found.set(keyOf(opening), { ...opening, ports: [...(before?.ports ?? []), port] })
  }
  return { sure: [...found.values()], doubt: standings.some((all) => all.some(({ doubt }) => doubt)) }
}

function unreadText(interfaces: readonly VmInterface[], { rulesOf }: Grounds): string {
  const hidden = interfaces.filter(({ whole }) => !whole).map(({ id }) => last(id))
  if (hidden.length > 0) return `Azure did not show everything in front of ${hidden.join(' and ')}`
  const ids = interfaces.flatMap(({ nsgId, subnetNsgIds }) => [nsgId, ...subnetNsgIds])
  const unread = new Set(ids.filter((id) => id !== null && rulesOf(id) === null).map((id) => last(id ?? '')))
  if (unread.size > 0) return `the rules of ${[...unread].join(' and ')} could not be read`
  return 'a rule speaks of an application security group, and which VMs are in it was not read'
}

/** No group at all in front of one of its addresses. */
const bareInterface = (interfaces: readonly VmInterface[]): VmInterface | undefined =>
  interfaces.find(
    ({ whole, nsgId, subnetNsgIds }) =>
      whole && nsgId === null && (subnetNsgIds.length === 0 || subnetNsgIds.includes(null)),
  )

/** Says of one VM after the other in which group it is and what stands open there. */
export function judging(grounds: Grounds): (entry: VmEntry) => JudgedVm {
  const looked = new LookedThrough(grounds)
  return (entry) => judge(entry, grounds, looked)
}

function judge(entry: VmEntry, grounds: Grounds, through: LookedThrough): JudgedVm {
  const { vm, interfaces, power, jit } = entry
  const bare = bareInterface(interfaces)
  const guarded = interfaces.filter((one) => one !== bare)
  const looked = lookThrough(
    guarded.flatMap((one) => waysOf(one, through.gate)),
    grounds.ports,
    through,
  )
  const policy: GuardedBy | null =
    jit !== null && jit !== 'not known'
      ? { kind: 'defender', policy: policyName(jit.id), lastAccess: jit.lastAccess }
      : null
  const base = {
    vm,
    power,
    publicAddresses: interfaces.flatMap(({ publicAddresses }) => publicAddresses),
    exposures: looked.sure,
    doubt: looked.doubt,
    bare: bare !== undefined,
    guardedBy: policy,
  }
  const as = (group: Group, why: string | null = null) => ({ ...base, group, why })
  if (interfaces.length === 0) return as('unsupported', 'Azure shows no network interface of it')
  if (bare)
    return as(
      'unsupported',
      `no security group is in front of ${last(bare.id)}, so no rule keeps anybody out`,
    )
  if (policy) return as('configured')
  if (looked.sure.length > 0) return as('recommended')
  if (looked.doubt) return as('not known', unreadText(interfaces, grounds))
  const rule = grounds.ruleAbout(vm)
  if (rule !== null) return { ...as('configured'), guardedBy: { kind: 'policy file', rule } }
  return jit === 'not known'
    ? as('not known', 'whether a policy of Defender for Cloud guards it could not be read')
    : as('unsupported', 'nothing stands open, and no rule of the policy file lets anybody ask for it')
}
