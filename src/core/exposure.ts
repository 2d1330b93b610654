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

/** A security group on the way in; null where its rules could not be read, so that it may say anything. */
export interface Gate {
  readonly nsgId: string
  readonly rules: readonly LiveRule[] | null
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

function sourcesOf({ sources }: LiveRule, family: Family): Spans {
  return union(
    ...sources.map((word) => {
      if (anyWord.has(word.toLowerCase())) return everything(family)
      return isInternet(word) ? internet[family] : spansOf(word, family)
    }),
  )
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

function portFits(range: string, number: number): boolean {
  if (range === '*') return true
  const dash = range.indexOf('-')
  if (dash < 0) return Number(range) === number
  return number >= Number(range.slice(0, dash)) && number <= Number(range.slice(dash + 1))
}

/** Whether a rule is about a port, whoever comes. */
export const isAboutPort = (
  { direction, protocol, ports }: Pick<LiveRule, 'direction' | 'protocol' | 'ports'>,
  port: Port,
): boolean =>
  direction === 'Inbound' &&
  (protocol === '*' || protocol.toLowerCase() === port.protocol) &&
  ports.some((range) => portFits(range, port.number))

/** Whether a rule decides about this door: what is not known counts as the lean says. */
function decides(rule: LiveRule, door: Door, lean: Lean): boolean {
  if (!isAboutPort(rule, door.port)) return false
  // Whoever comes chooses the port that they come from, so such a rule keeps nobody out and lets everybody in.
  if (rule.access === 'Deny' && rule.sourcePorts) return false
  const fits = rule.destinations.map((word) => destinationFit(word, door))
  if (fits.includes('yes')) return true
  return fits.includes('perhaps') && (rule.access === 'Deny') === (lean === 'surely')
}

/** Access that has an end of its own is not standing. */
const hasEnd = (rule: LiveRule): boolean => isOurs(rule.name, rule.description) || isDefendersGrant(rule)

/** What one group lets in from outside, rule by rule. */
interface Let {
  readonly spans: Spans
  readonly by: readonly { readonly rule: LiveRule; readonly spans: Spans }[]
}

function letIn({ rules }: Gate, door: Door, lean: Lean): Let {
  const outside = internet[door.family]
  if (rules === null) return { spans: lean === 'perhaps' ? outside : nothing, by: [] }
  const by: { rule: LiveRule; spans: Spans }[] = []
  let left = outside
  for (const rule of inTurn(rules, door, lean)) {
    if (isEmpty(left)) break
    const from = sourcesOf(rule, door.family)
    const spans = intersect(left, from)
    if (isEmpty(spans)) continue
    if (rule.access === 'Allow') by.push({ rule, spans })
    left = without(left, from)
  }
  return { spans: union(...by.map(({ spans }) => spans)), by }
}

const inTurn = (rules: readonly LiveRule[], door: Door, lean: Lean): readonly LiveRule[] =>
  rules
    .filter((rule) => !hasEnd(rule) && decides(rule, door, lean))
    .toSorted((a, b) => a.priority - b.priority)

/** The rule of a group that lets a service tag in; `null` when none does, `not known` where nobody could read. */
function letTagIn({ rules }: Gate, tag: string, door: Door, lean: Lean): LiveRule | null | 'not known' {
  if (rules === null) return lean === 'perhaps' ? 'not known' : null
  const holds = (word: string) => isAny(word) || isInternet(word) || word.toLowerCase() === tag
  const first = inTurn(rules, door, lean).find(({ sources }) => sources.some(holds))
  return first?.access === 'Allow' ? first : null
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
  const lets = gates.map((gate) => ({ gate, ...letIn(gate, door, lean) }))
  const spans = lets.map((one) => one.spans).reduce(intersect, internet[door.family])
  if (isEmpty(spans)) return null
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
  const named = gates.flatMap(({ rules }) => rules ?? []).filter(({ access }) => access === 'Allow')
  const tags = new Set(named.flatMap(({ sources }) => sources.filter(isTag).map((tag) => tag.toLowerCase())))
  const found = new Map<string, StandingRule>()
  for (const tag of tags) {
    const by = gates.map((gate) => ({ gate, rule: letTagIn(gate, tag, door, lean) }))
    if (by.some(({ rule }) => rule === null)) continue
    for (const { gate, rule } of by)
      if (rule !== null && rule !== 'not known') found.set(`${gate.nsgId}/${rule.name}`, standing(gate, rule))
  }
  return found.size > 0 ? { breadth: 'tag', rules: [...found.values()] } : null
}

/**
 * Who gets in from outside at one door through all of these groups, by the rules that have no end; null when nobody
 * does. Without a group nothing is kept out, and there is no rule to name.
 */
export function openingOf(gates: readonly Gate[], door: Door, lean: Lean): Opening | null {
  const byAddress = openToAddresses(gates, door, lean)
  if (byAddress && byAddress.breadth !== 'narrow') return byAddress
  return openToTags(gates, door, lean) ?? byAddress
}
