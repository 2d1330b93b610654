import { internet, intersect, isEmpty, spansOf } from './address-spans.ts'
import { type Exposure, type Grounds, judging } from './compliance.ts'
import { isAboutPort } from './exposure.ts'
import type { VmEntry } from './inventory.ts'
import type { LiveRule } from './live-rule.ts'
import { groupMark } from './priority.ts'
import type { Port } from './service.ts'
import type { Vm } from './vm.ts'

/** What becomes of one rule of somebody else's: fewer sources, fewer ports, or nothing. */
export type RuleChange = {
  readonly nsgId: string
  /** The whole rule as it was read. */
  readonly rule: LiveRule
  /** How many VMs are behind the group; the change is one for all of them. */
  readonly vms: number
} & ({ readonly kind: 'sources' | 'ports'; readonly to: readonly string[] } | { readonly kind: 'delete' })

/** Which rules would have to change so that nobody outside gets in to the management ports of a VM for good. */
export interface Conversion {
  readonly vm: Vm
  /** When the rules were read. */
  readonly at: number
  /** What stands open now. */
  readonly open: readonly Exposure[]
  readonly changes: readonly RuleChange[]
  /** What would stand open all the same. */
  readonly left: readonly Exposure[]
  /** Something could not be read, so more may stand open. */
  readonly doubt: boolean
  /** The rule of the policy file by which people may ask afterwards; null when nobody may. */
  readonly askBy: string | null
}

const anyWords = new Set(['*', 'any', '0.0.0.0/0', '::/0'])
const ownWords = new Set(['virtualnetwork', 'virtual_network', 'azureloadbalancer', 'azure_loadbalancer'])

/** What a source may stay as, so that whoever is inside keeps what they have. */
function insideOf(word: string): readonly string[] {
  const small = word.toLowerCase()
  if (anyWords.has(small)) return ['VirtualNetwork']
  if (ownWords.has(small) || word.startsWith(groupMark)) return [word]
  const family = word.includes(':') ? 'IPv6' : 'IPv4'
  const spans = spansOf(word, family)
  return !isEmpty(spans) && isEmpty(intersect(spans, internet[family])) ? [word] : []
}

const highest = 65_535

/** The ranges of ports without some of them, as Azure writes them. */
export function portsWithout(ranges: readonly string[], taken: readonly number[]): readonly string[] {
  return ranges.flatMap((range) => {
    const [first = 0, last = first] = range === '*' ? [0, highest] : range.split('-').map(Number)
    const inside = [...new Set(taken)].filter((port) => port >= first && port <= last)
    if (inside.length === 0) return [range]
    const cuts = [first - 1, ...inside.toSorted((a, b) => a - b), last + 1]
    return cuts.slice(1).flatMap((cut, at) => {
      const [from, to] = [(cuts[at] ?? 0) + 1, cut - 1]
      if (from > to) return []
      return [from === to ? String(from) : `${from}-${to}`]
    })
  })
}

function changeOf(
  rule: LiveRule,
  watched: readonly Port[],
): { to: readonly string[]; kind: 'sources' | 'ports' } {
  const closed = watched.filter((port) => isAboutPort(rule, port)).map(({ number }) => number)
  const ports = portsWithout(rule.ports, closed)
  // A rule that is about other ports as well keeps all of them, for whoever it lets in.
  if (ports.length > 0) return { kind: 'ports', to: ports }
  return { kind: 'sources', to: [...new Set(rule.sources.flatMap(insideOf))] }
}

const changed = (rule: LiveRule, { kind, to }: ReturnType<typeof changeOf>): LiveRule | null => {
  if (to.length === 0) return null
  return kind === 'ports' ? { ...rule, ports: to } : { ...rule, sources: to }
}

/** By what people may ask for access to a VM; null when nobody may. */
export const askedBy = ({ jit, vm }: VmEntry, { ruleAbout }: Pick<Grounds, 'ruleAbout'>): string | null =>
  jit !== null && jit !== 'not known' ? 'Defender for Cloud' : ruleAbout(vm)

/** Each change closes something, so that there are never more than rules. */
const mostChanges = 50

/**
 * Works out the smallest change in the groups that stand in front of the fewest VMs. The changes are tried out one after
 * the other, because a rule that goes may bring another one to light.
 */
export function conversionOf(
  entry: VmEntry,
  grounds: Grounds,
  vmsBehind: (nsgId: string) => number,
  at: number,
): Conversion {
  const rules = new Map<string, readonly LiveRule[] | null>()
  const rulesOf = (nsgId: string) => rules.get(nsgId) ?? grounds.rulesOf(nsgId)
  const look = () => judging({ ...grounds, rulesOf })(entry)
  const before = look()
  const changes: RuleChange[] = []
  let now = before
  while (changes.length < mostChanges) {
    const [exposure] = now.exposures
    const [nsgId] = [...new Set(exposure?.rules.map((rule) => rule.nsgId))].toSorted(
      (a, b) => vmsBehind(a) - vmsBehind(b),
    )
    const name = exposure?.rules.find((rule) => rule.nsgId === nsgId)?.name
    const here = nsgId === undefined ? null : rulesOf(nsgId)
    const rule = here?.find((one) => one.name === name)
    if (nsgId === undefined || !here || !rule) break
    const change = changeOf(rule, grounds.ports)
    const next = changed(rule, change)
    const base = { nsgId, rule, vms: vmsBehind(nsgId) }
    changes.push(next === null ? { ...base, kind: 'delete' } : { ...base, ...change })
    rules.set(
      nsgId,
      here.flatMap((one) => (one === rule ? (next ?? []) : one)),
    )
    now = look()
  }
  return {
    vm: entry.vm,
    at,
    open: before.exposures,
    changes,
    left: now.exposures,
    doubt: now.doubt || now.bare,
    askBy: askedBy(entry, grounds),
  }
}
