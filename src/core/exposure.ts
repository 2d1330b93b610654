import {
  everything,
  internet,
  intersect,
  isEmpty,
  nothing,
  type Spans,
  sizeOf,
  spansOf,
  union,
  without,
} from './address-spans.ts'
import { isDefendersGrant } from './defender.ts'
import { isOurs } from './grant.ts'
import type { LiveRule } from './live-rule.ts'
import { groupMark } from './priority.ts'
import type { Port } from './service.ts'
import type { Family } from './source.ts'

/** A security group on the way in, made ready to be asked often. */
export interface Gate {
  readonly nsgId: string
  /** In the order in which they are asked, without those that have an end; null where they could not be read. */
  readonly rules: readonly ReadyRule[] | null
  /** Whether what it says is the same for every address behind it. */
  readonly isForAll: boolean
}

interface ReadyRule {
  readonly rule: LiveRule
  readonly isAllow: boolean
  /** It names no destination. */
  readonly isForEach: boolean
  readonly protocol: string
  /** First and last of each range. */
  readonly ports: readonly (readonly [number, number])[]
  readonly from: Readonly<Record<Family, Spans>>
  /** Service tags among its sources, in lower case. */
  readonly tags: readonly string[]
}

/**
 * Who gets in, the most first: anybody, by a rule that names any source; anybody, by a rule for the internet; a range
 * of more addresses than a request may ask for; whoever uses Azure under a service tag; a few addresses.
 */
export const breadths = ['any', 'internet', 'wide', 'tag', 'narrow'] as const
export type Breadth = (typeof breadths)[number]

/** One rule of somebody else’s that lets in from outside, and that has no end. */
export interface StandingRule {
  readonly nsgId: string
  readonly name: string
  readonly priority: number
  readonly sources: readonly string[]
}

/** What the groups on one way leave open on one port. */
export interface Opening {
  readonly breadth: Breadth
  /** One or more for each group that was read, in the order in which a packet meets the groups. */
  readonly rules: readonly StandingRule[]
}

/** One port at one address of a VM. */
interface Door {
  /** Empty when Azure did not show it. */
  readonly address: string
  readonly family: Family
  readonly port: Port
}

/**
 * Whether what is not known is taken to keep people out (`surely`), or to let them in (`perhaps`). What is open only
 * perhaps is never called closed.
 */
type Lean = 'surely' | 'perhaps'

const anyWord = new Set(['*', 'any'])
const ownWords = new Set(['virtualnetwork', 'virtual_network', 'azureloadbalancer', 'azure_loadbalancer'])
const isAny = (word: string) => anyWord.has(word.toLowerCase()) || word === '0.0.0.0/0' || word === '::/0'
const isInternet = (word: string) => word.toLowerCase() === 'internet'
const isAddress = (word: string) => !isEmpty(spansOf(word, 'IPv4')) || !isEmpty(spansOf(word, 'IPv6'))

/** A tag such as `AzureCloud`: many addresses, and other ones each week. */
const isTag = (word: string) =>
  !isAny(word) &&
  !isInternet(word) &&
  !ownWords.has(word.toLowerCase()) &&
  !word.startsWith(groupMark) &&
  !isAddress(word)

/** The same few sources stand in the rules of thousands of groups. */
const read = new Map<string, Spans>()
const mostRead = 10_000

function sourcesOf({ sources }: LiveRule, family: Family): Spans {
  const key = `${family} ${sources.join(' ')}`
  const known = read.get(key)
  if (known) return known
  const made = union(
    ...sources.map((word) => {
      if (anyWord.has(word.toLowerCase())) return everything(family)
      return isInternet(word) ? internet[family] : spansOf(word, family)
    }),
  )
  if (read.size >= mostRead) read.clear()
  read.set(key, made)
  return made
}

type Fit = 'yes' | 'no' | 'perhaps'

function destinationFit(word: string, { address, family }: Door): Fit {
  if (isAny(word)) return word === '0.0.0.0/0' && family === 'IPv6' ? 'no' : 'yes'
  // Which VMs are in an application security group is not read for all of them.
  if (word.startsWith(groupMark)) return 'perhaps'
  if (['virtualnetwork', 'virtual_network'].includes(word.toLowerCase())) return 'yes'
  if (address === '') return 'perhaps'
  return isEmpty(intersect(spansOf(word, family), spansOf(address, family))) ? 'no' : 'yes'
}

const highest = 65_535

function rangeOf(text: string): readonly [number, number] {
  if (text === '*') return [0, highest]
  const dash = text.indexOf('-')
  return dash < 0 ? [Number(text), Number(text)] : [Number(text.slice(0, dash)), Number(text.slice(dash + 1))]
}

type About = Pick<ReadyRule, 'protocol' | 'ports'>

const isAbout = ({ protocol, ports }: About, port: Port): boolean =>
  (protocol === '*' || protocol === port.protocol) &&
  ports.some(([first, last]) => port.number >= first && port.number <= last)

/** Whether a rule is about a port, whoever comes. */
export const isAboutPort = (
  { direction, protocol, ports }: Pick<LiveRule, 'direction' | 'protocol' | 'ports'>,
  port: Port,
): boolean =>
  direction === 'Inbound' && isAbout({ protocol: protocol.toLowerCase(), ports: ports.map(rangeOf) }, port)

/** Whether a rule decides about this door: what is not known counts as the lean says. */
function decides({ rule, isAllow, isForEach }: ReadyRule, door: Door, lean: Lean): boolean {
  if (isForEach) return true
  const fits = rule.destinations.map((word) => destinationFit(word, door))
  if (fits.includes('yes')) return true
  return fits.includes('perhaps') && isAllow === (lean === 'perhaps')
}

/** Access that has an end of its own is not standing. */
const hasEnd = (rule: LiveRule): boolean => isOurs(rule.name, rule.description) || isDefendersGrant(rule)

const isForAll = ({ destinations }: LiveRule): boolean =>
  destinations.includes('*') || destinations.every((word) => word.startsWith(groupMark))

function ready(rule: LiveRule): ReadyRule {
  return {
    rule,
    isAllow: rule.access === 'Allow',
    isForEach: rule.destinations.includes('*'),
    protocol: rule.protocol.toLowerCase(),
    ports: rule.ports.map(rangeOf),
    from: { IPv4: sourcesOf(rule, 'IPv4'), IPv6: sourcesOf(rule, 'IPv6') },
    tags: rule.sources.filter(isTag).map((tag) => tag.toLowerCase()),
  }
}

/**
 * Whoever comes chooses the port that they come from, so a Deny that goes by that keeps nobody out, and an Allow lets
 * everybody in.
 */
const counts = (rule: LiveRule): boolean =>
  rule.direction === 'Inbound' && !hasEnd(rule) && !(rule.access === 'Deny' && rule.sourcePorts)

/** The rules of a group, or null where they could not be read. */
export function gateOf(nsgId: string, rules: readonly LiveRule[] | null): Gate {
  const counted = rules?.filter(counts).toSorted((a, b) => a.priority - b.priority) ?? null
  return { nsgId, rules: counted?.map(ready) ?? null, isForAll: counted?.every(isForAll) ?? true }
}

/** Whether the two leans can differ at all. */
const isUncertain = ({ rules }: Gate, { address }: Door): boolean =>
  rules === null ||
  rules.some(
    ({ rule, isForEach }) =>
      !isForEach &&
      rule.destinations.some((word) => word.startsWith(groupMark) || (address === '' && !isAny(word))),
  )

/** What one group lets in from outside, rule by rule. */
interface Let {
  readonly spans: Spans
  readonly by: readonly { readonly rule: LiveRule; readonly spans: Spans }[]
}

const nobody: Let = { spans: nothing, by: [] }

const inTurn = (rules: readonly ReadyRule[], door: Door, lean: Lean): readonly ReadyRule[] =>
  rules.filter((rule) => isAbout(rule, door.port) && decides(rule, door, lean))

function letIn({ rules }: Gate, door: Door, lean: Lean): Let {
  const outside = internet[door.family]
  if (rules === null) return lean === 'perhaps' ? { spans: outside, by: [] } : nobody
  const deciding = inTurn(rules, door, lean)
  if (!deciding.some(({ isAllow }) => isAllow)) return nobody
  const by: { rule: LiveRule; spans: Spans }[] = []
  let left = outside
  for (const { rule, isAllow, from } of deciding) {
    if (isEmpty(left)) break
    const spans = intersect(left, from[door.family])
    if (isEmpty(spans)) continue
    if (isAllow) by.push({ rule, spans })
    left = without(left, spans)
  }
  return by.length === 0 ? nobody : { spans: union(...by.map(({ spans }) => spans)), by }
}

/** The rule of a group that lets a service tag in; `null` when none does, `not known` where nobody could read. */
function letTagIn({ rules }: Gate, tag: string, door: Door, lean: Lean): LiveRule | null | 'not known' {
  if (rules === null) return lean === 'perhaps' ? 'not known' : null
  const holds = (word: string) => isAny(word) || isInternet(word) || word.toLowerCase() === tag
  const first = inTurn(rules, door, lean).find(({ rule }) => rule.sources.some(holds))
  return first?.isAllow ? first.rule : null
}

const standing = ({ nsgId }: Gate, { name, priority, sources }: LiveRule): StandingRule => ({
  nsgId,
  name,
  priority,
  sources,
})

/** As many as a request may ask for at most; of IPv6, as many as one network has. */
const few: Readonly<Record<Family, bigint>> = { IPv4: 256n, IPv6: 1n << 64n }

/** The widest word by which these rules let in. */
function wordOf(rules: readonly LiveRule[]): Breadth {
  const words = rules.flatMap(({ sources }) => sources)
  if (words.some(isAny)) return 'any'
  return words.some(isInternet) ? 'internet' : 'wide'
}

const narrower = (a: Breadth, b: Breadth): Breadth => (breadths.indexOf(a) > breadths.indexOf(b) ? a : b)

function openToAddresses(gates: readonly Gate[], door: Door, lean: Lean): Opening | null {
  const lets: (Let & { readonly gate: Gate })[] = []
  let spans = internet[door.family]
  for (const gate of gates) {
    const one = letIn(gate, door, lean)
    spans = intersect(spans, one.spans)
    if (isEmpty(spans)) return null
    lets.push({ gate, ...one })
  }
  let breadth: Breadth = 'any'
  const rules: StandingRule[] = []
  for (const { gate, by } of lets) {
    const counted = by.filter((one) => !isEmpty(intersect(one.spans, spans))).map(({ rule }) => rule)
    if (counted.length > 0) breadth = narrower(breadth, wordOf(counted))
    rules.push(...counted.map((rule) => standing(gate, rule)))
  }
  return { breadth: sizeOf(spans) <= few[door.family] ? 'narrow' : breadth, rules }
}

function openToTags(gates: readonly Gate[], door: Door, lean: Lean): Opening | null {
  const tags = new Set(
    gates.flatMap(({ rules }) => (rules ?? []).flatMap(({ isAllow, tags: named }) => (isAllow ? named : []))),
  )
  const found = new Map<string, StandingRule>()
  for (const tag of tags) {
    const by = gates.map((gate) => ({ gate, rule: letTagIn(gate, tag, door, lean) }))
    if (by.some(({ rule }) => rule === null)) continue
    for (const { gate, rule } of by)
      if (rule !== null && rule !== 'not known') found.set(`${gate.nsgId}/${rule.name}`, standing(gate, rule))
  }
  return found.size > 0 ? { breadth: 'tag', rules: [...found.values()] } : null
}

function opening(gates: readonly Gate[], door: Door, lean: Lean): Opening | null {
  const byAddress = openToAddresses(gates, door, lean)
  if (byAddress && byAddress.breadth !== 'narrow') return byAddress
  return openToTags(gates, door, lean) ?? byAddress
}

/** How one door stands: who surely gets in, or whether somebody may. */
export interface Standing {
  readonly sure: Opening | null
  readonly doubt: boolean
}

/**
 * Who gets in from outside at one door through all of these groups, by the rules that have no end. Without a group
 * nothing is kept out, and there is no rule to name.
 */
export function standingAt(gates: readonly Gate[], door: Door): Standing {
  const sure = opening(gates, door, 'surely')
  if (sure) return { sure, doubt: false }
  const uncertain = gates.some((gate) => isUncertain(gate, door))
  return { sure, doubt: uncertain && opening(gates, door, 'perhaps') !== null }
}
