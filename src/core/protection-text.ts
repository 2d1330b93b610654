import { removeCommand } from './by-hand.ts'
import { durationText } from './duration.ts'
import type { Protection } from './protection.ts'
import type { Wording } from './refusal.ts'
import { type Port, portsText } from './service.ts'
import type { OpenWay } from './still-open.ts'

/** What Azure's IP flow verify said of packets from an address somewhere outside. */
export interface FlowLooks {
  readonly source: string
  readonly denied: readonly { readonly port: Port; readonly rule: string }[]
  readonly passed: readonly { readonly port: Port; readonly rule: string }[]
  /** Why some of it could not be verified; null when all of it was. */
  readonly unverified: string | null
}

/** What was found when a protection had begun, or had ended. */
export interface ProtectionNews {
  readonly ways: readonly OpenWay[]
  /** Why it is not known what lets in; null when it was read. */
  readonly unread: string | null
  readonly flow: FlowLooks | null
  /** A rule of Azure's network manager that lets in before any security group is asked. */
  readonly always: { readonly rule: string; readonly ports: readonly Port[] } | null
  /** Accesses that grants keep open there. */
  readonly grants: number
  /** Whether Defender's own rule that denies stands there; null where that is not asked. */
  readonly denies: boolean | null
}

type Words = Pick<Wording, 'words' | 'person'>

const last = (id: string): string => id.split('/').at(-1) ?? id
const mostNamed = 8
const listed = (all: readonly string[], most = 5): string =>
  `${all.slice(0, most).join(', ')}${all.length > most ? ` and ${all.length - most} more` : ''}`

/** `22, 3389 (tcp and udp)`: a port is named once. */
export function portsShown(ports: readonly Port[]): string {
  const both = new Set(ports.map(({ protocol }) => protocol)).size > 1
  const numbers = [...new Set(ports.map(({ number }) => number))]
  const all = both && ports.length === numbers.length * 2
  return all ? `${numbers.join(', ')} (tcp and udp)` : portsText(ports)
}

function wayText({ nsgId, rule, priority, from, ports, sure }: OpenWay, { words }: Words): string {
  const where = `${words(rule, 80)}${priority === null ? ', which every group has,' : ` (priority ${priority})`} in ${words(last(nsgId), 80)}`
  return `• ${sure ? 'Open' : 'Perhaps open'} from ${words(listed(from), 200)} on ${words(portsShown(ports), 200)}, by the rule ${where}.`
}

/** What somebody can do about a rule that is not ours. */
function remedy(way: OpenWay, vm: string, { words }: Words): string {
  if (way.priority === null) return ''
  const command = removeCommand(way.nsgId, way.rule)
  const how = command === null ? '' : ` By hand this removes it:\n\`${words(command, 500)}\``
  return `\n   It is not Jitney’s, so I leave it alone unless another operator agrees: \`/jit protect ${words(vm, 80)} remove ${words(way.rule, 80)}\` asks for that.${how}`
}

const alwaysText = ({ rule, ports }: NonNullable<ProtectionNews['always']>, { words }: Words): string =>
  `*The security admin rule ${words(rule, 80)} always lets in on ${words(portsShown(ports), 200)},* before any security group is asked, so no rule there keeps anybody out. Ask whoever runs the network manager.`

function waysText(news: ProtectionNews, words: Words, vm: string | null): string {
  if (news.unread !== null)
    return `What still lets somebody in could not be read, so it is not known: ${words.words(news.unread, 300)}.`
  const always = news.always ? [alwaysText(news.always, words)] : []
  if (news.ways.length === 0)
    return always[0] ?? 'By the rules on the way, nothing lets anybody in to these ports.'
  const shown = news.ways.slice(0, mostNamed)
  const more = news.ways.length - shown.length
  return [
    ...always,
    vm !== null ? '*What still lets somebody in:*' : '*What lets somebody in now:*',
    ...shown.map((way) => wayText(way, words) + (vm === null ? '' : remedy(way, vm, words))),
    ...(more > 0 ? [`• and ${more} more rules.`] : []),
  ].join('\n')
}

const rulesOf = (looks: readonly { readonly rule: string }[]): readonly string[] => [
  ...new Set(looks.map(({ rule }) => rule)),
]

function flowText({ flow }: ProtectionNews, { words }: Words): readonly string[] {
  if (!flow) return []
  const by = (looks: FlowLooks['denied']) =>
    `on ${words(portsText(looks.map(({ port }) => port)), 200)} by ${words(listed(rulesOf(looks)), 300)}`
  const parts = [
    ...(flow.denied.length > 0 ? [`kept out ${by(flow.denied)}`] : []),
    ...(flow.passed.length > 0 ? [`*let in ${by(flow.passed)}*`] : []),
    ...(flow.unverified === null ? [] : [`not verified: ${words(flow.unverified, 200)}`]),
  ]
  return parts.length === 0 ? [] : [`IP flow verify, from ${flow.source}: ${parts.join('; ')}.`]
}

const grantsText = ({ grants }: ProtectionNews): readonly string[] =>
  grants === 0
    ? []
    : [
        `${grants === 1 ? 'One access that was approved is' : `${grants} accesses that were approved are`} open there and end at their own time.`,
      ]

const lengthText = (maxMs: number) => (maxMs >= 24 * 60 * 60_000 ? '24 h' : durationText(maxMs))

function wrote({ rules, entry, vm }: Protection, { words }: Words, denies: boolean | null): string {
  if (entry) {
    const policy = words(last(entry.policyId), 80)
    const stands =
      denies === false
        ? ` Its rule that keeps everybody out does not stand in the security groups so far.`
        : denies === true
          ? ' Its rule that keeps everybody out stands there.'
          : ''
    return `The policy ${policy} of Defender for Cloud names ${words(vm.name, 80)}, as Azure showed.${stands} What it says of other VMs I wrote back as I had read it.`
  }
  const each = rules.map(
    ({ name, nsgId, priority }) => `${words(name, 80)} (priority ${priority}) in ${words(last(nsgId), 80)}`,
  )
  return `${each.length === 1 ? 'A rule that denies stands' : 'Rules that deny stand'} there, as Azure showed: ${listed(each, 6)}.`
}

const headOf = ({ vm, terms }: Protection, { words }: Words): string =>
  `${words(vm.name, 80)} on ${words(portsShown(terms.ports), 200)}`

/** What became of rules of others, by the choice of two operators. */
function removalsText({ removals = [] }: Protection, { words, person }: Words): readonly string[] {
  return removals.flatMap(({ state, rule, nsgId, decidedBy, detail, already }) => {
    const what = `the rule ${words(rule.name, 80)} in ${words(last(nsgId), 80)}`
    const by = decidedBy ? `, as ${person(decidedBy)} agreed` : ''
    if (state === 'done' && already)
      return [
        `Gone already: ${what}. It was no removal of mine that Azure confirmed, so somebody else may have removed it.`,
      ]
    if (state === 'done') return [`Removed: ${what}${by}. It was not Jitney’s and is not put back.`]
    return state === 'void' && detail !== undefined ? [`Not removed: ${what}. ${words(detail, 300)}`] : []
  })
}

/** That it holds now, and what lets somebody in all the same. */
export const protectedText = (protection: Protection, news: ProtectionNews, words: Words): string =>
  [
    `*Protected:* ${headOf(protection, words)}. ${wrote(protection, words, news.denies)}`,
    `Access is asked for with \`/jit\`, for at most ${lengthText(protection.terms.maxMs)}, from ${words.words(listed(protection.terms.sources.map((one) => (one === '*' ? 'any address' : one))), 200)}, as far as the policy allows.`,
    waysText(news, words, protection.vm.name),
    ...removalsText(protection, words),
    ...flowText(news, words),
    ...grantsText(news),
    'Sessions that are open already are not cut.',
  ].join('\n')

/** That it is gone, why, and what lets somebody in now. */
export function unprotectedText(protection: Protection, news: ProtectionNews, words: Words): string {
  const { ending, entry, vm } = protection
  const left = entry?.left
    ? `Somebody had changed what the policy ${words.words(last(entry.policyId), 80)} of Defender for Cloud says of ${words.words(vm.name, 80)} since, so I left that as it is.`
    : entry
      ? `The policy ${words.words(last(entry.policyId), 80)} of Defender for Cloud says of ${words.words(vm.name, 80)} what it said before, as Azure showed.`
      : 'The rules that I had written for it are gone, as Azure showed. Ending it touched nobody else’s rule.'
  const head =
    ending?.detail != null
      ? `*Not protected:* ${headOf(protection, words)}. It could not be done: ${words.words(ending.detail, 400).replace(/\.$/, '')}.`
      : `*No longer protected by Jitney:* ${headOf(protection, words)}.`
  return [
    head,
    left,
    waysText(news, words, null),
    ...removalsText(protection, words),
    ...flowText(news, words),
    ...grantsText(news),
  ].join('\n')
}

/** What is said at once, before anything was written. */
export const protectingText = (protection: Protection, words: Words): string =>
  `Protecting ${headOf(protection, words)} ${protection.terms.way === 'nsg' ? 'by rules that deny' : 'by Defender for Cloud'}. I message you when Azure shows it, with what still lets somebody in.`
