import type { Json } from './audit.ts'
import type { Exposure } from './compliance.ts'
import type { Conversion, RuleChange } from './convert.ts'
import { isDefenders } from './defender.ts'
import { hour } from './duration.ts'
import type { LiveRule } from './live-rule.ts'
import type { Person } from './person.ts'
import { groupMark } from './priority.ts'
import { isGrantRule, isShield } from './protection.ts'
import { unshowable } from './shown-rule.ts'
import type { Vm } from './vm.ts'

/** What two operators want is not for months later: by then nobody knows what it was asked for. */
const decideWithinMs = 24 * hour
export const undecidedText = 'nobody decided about it within 24 hours'

/** When a wish for a change of somebody else's rules lapses, unless somebody has decided by then. */
export const lapsesAt = ({ at }: { readonly at: number }): number => at + decideWithinMs

/** One change of a rule of somebody else's, and how far it has come. */
export interface AskedChange {
  readonly change: RuleChange
  readonly state: 'proposed' | 'agreed' | 'kept' | 'done' | 'void'
  /** When Azure showed that it is done, or when it was given up. */
  readonly at?: number
  /** Why it is void. */
  readonly detail?: string
  /** What the last try met, while it is tried again. */
  readonly met?: string
  /** It was so before anything was sent for it, so that somebody else may have done it. */
  readonly already?: true
  /** Azure took a try, or may have: nothing is sent any more, and what became of it is read. */
  readonly taken?: true
  readonly attempts?: number
  readonly nextTryAt?: number
}

/** What stood open after the last change, as far as it could be read. */
export interface OpenAfter {
  readonly at: number
  readonly open: readonly Exposure[]
  readonly doubt: boolean
  /** Why no rule keeps anybody out somewhere: a sentence without its full stop. Missing where a group is in front of each address. */
  readonly bare?: string
  /** By what people may ask for access now; null when nobody may. */
  readonly askBy: string | null
  /** Why nothing is known of it; null when it was read. */
  readonly unread: string | null
}

/** Changes of rules by which nothing stands open on a VM any more, from the wish until the last one is settled. */
export interface AskedConversion {
  readonly id: string
  /** What was shown and asked for. */
  readonly proposal: Conversion
  readonly by: Person
  readonly at: number
  readonly state: 'proposed' | 'agreed' | 'kept' | 'lapsed' | 'ended'
  readonly changes: readonly AskedChange[]
  readonly decided?: { readonly by: Person; readonly at: number }
  /** Why it has lapsed: a sentence without its full stop. */
  readonly lapsedBecause?: string
  readonly endedAt?: number
  readonly after?: OpenAfter
  /** Set before it is posted: one that was tried once may already stand there. */
  readonly cardTried?: true
  /** It may stand there twice, and only this one is kept up to date. */
  readonly repeated?: true
  /** Where it stands before the operators. */
  readonly card?: { readonly channel: string; readonly ts: string }
}

/** What an operator did about a conversion, stored before it is acknowledged. */
export type ConversionGesture =
  | {
      readonly kind: 'ask conversion'
      readonly person: Person
      readonly vmId: string
      /** Of the proposal that was shown. */
      readonly mark: string
      readonly responseUrl: string | null
    }
  | {
      readonly kind: 'decide conversion'
      readonly person: Person
      readonly conversionId: string
      readonly agrees: boolean
      readonly responseUrl: string | null
    }

/** Whether somebody may ask for what is proposed, or who may; null where there is nothing to ask for. */
export type Asking = { readonly mark: string } | { readonly why: string }

/** The rule as it is to be; null when it is to go. */
export function ruleAfter(change: RuleChange): LiveRule | null {
  if (change.kind === 'delete') return null
  return change.kind === 'ports'
    ? { ...change.rule, ports: change.to }
    : { ...change.rule, sources: change.to }
}

/** They come and go by themselves, and nobody's wish changes them. */
export const isNobodysToChange = (rule: Pick<LiveRule, 'name' | 'description'>): boolean =>
  isGrantRule(rule) || isShield(rule) || isDefenders(rule)

/** More than these nobody decides by one message. */
const mostChanges = 12

const isAddress = (word: string) => /^[\da-f.:]+(?:\/\d+)?$/i.test(word)

/** Azure takes several addresses in one rule, and a tag only when it stands alone. */
const isTakenByAzure = (change: RuleChange): boolean =>
  change.kind !== 'sources' ||
  change.to.length === 1 ||
  change.to.every(isAddress) ||
  change.to.every((word) => word.startsWith(groupMark))

/** Why nobody can ask for it: a sentence without its full stop. Null when somebody can. */
export function askingProblem({
  changes,
  doubt,
  vm,
}: Pick<Conversion, 'changes' | 'doubt' | 'vm'>): string | null {
  if (changes.length === 0) return `no rule is to change for ${vm.name}`
  if (doubt)
    return 'not everything in front of it could be read, so it is not certain that these are the right changes'
  if (changes.length > mostChanges)
    return `these are more than ${mostChanges} changes, which nobody decides by one message`
  for (const change of changes) {
    const { rule } = change
    if (isNobodysToChange(rule)) return `the rule ${rule.name} comes and goes by itself`
    if (rule.provisioning !== 'Succeeded') return `Azure is not done with the rule ${rule.name}`
    if (!isTakenByAzure(change))
      return `Azure takes no rule with all of the sources that ${rule.name} would keep`
    const unshown = unshowable(rule, change.kind === 'delete' ? [] : change.to)
    if (unshown !== null) return unshown
  }
  return null
}

const ruleJson = (rule: LiveRule): Json => {
  const {
    name,
    description,
    priority,
    direction,
    access,
    protocol,
    sources,
    destinations,
    ports,
    sourcePorts,
  } = rule
  const all = { name, description, priority, direction, access, protocol, sources, destinations, ports }
  return sourcePorts ? { ...all, sourcePorts } : all
}

/** The whole rule before and after; null for one that goes. */
export const changeJson = (change: RuleChange): { readonly [key: string]: Json } => {
  const after = ruleAfter(change)
  return { nsg: change.nsgId, before: ruleJson(change.rule), after: after && ruleJson(after) }
}

const openJson = ({ ports, breadth, rules }: Exposure): Json => ({
  ports: ports.map(({ number, protocol }) => `${number}/${protocol}`),
  breadth,
  rules: rules.map(({ nsgId, name }) => `${nsgId}/${name}`),
})

/** Everything that matters about a proposal: another one has another content. */
export const proposalJson = ({ vm, changes, left }: Conversion): Json => ({
  vm: vm.id,
  changes: changes.map((change) => ({ ...changeJson(change), vms: change.vms })),
  left: left.map(openJson),
})

export function askedConversion(
  proposal: Conversion,
  of: Pick<AskedConversion, 'id' | 'by' | 'at'>,
): AskedConversion {
  return {
    ...of,
    proposal,
    state: 'proposed',
    changes: proposal.changes.map((change) => ({ change, state: 'proposed' })),
  }
}

/** One change that is to be made now. They are made one after the other, in the order in which they were shown. */
export interface ConversionWork {
  readonly conversionId: string
  readonly index: number
  readonly change: RuleChange
  readonly attempts: number
  readonly taken: boolean
  readonly nextTryAt: number
}

export function nextChange({ id, state, changes }: AskedConversion): ConversionWork | null {
  const index = state === 'agreed' ? changes.findIndex((one) => one.state === 'agreed') : -1
  const found = changes[index]
  if (!found) return null
  const { change, attempts = 0, nextTryAt = 0, taken = false } = found
  return { conversionId: id, index, change, attempts, taken, nextTryAt }
}

export const vmOf = ({ proposal }: Pick<AskedConversion, 'proposal'>): Vm => proposal.vm
