import type { Grant, Rule } from './grant.ts'
import type { Request } from './request.ts'
import { type Port, portsText } from './service.ts'
import { endsOf, isRange } from './source.ts'
import type { Endpoint, Vm } from './vm.ts'

/** Whether traffic passes, as Azure's own IP flow verify answers for the state that a grant is in. */
export type Proved = 'open' | 'closed'

/** One packet that Azure is asked about. */
export interface FlowQuestion {
  readonly vm: Vm
  readonly endpoint: Endpoint
  readonly port: Port
  readonly source: string
}

export type FlowAnswer =
  /** The rule as Azure spells it, such as `securityRules/x`; empty when it names none. */
  | { readonly kind: 'seen'; readonly access: 'Allow' | 'Deny'; readonly rule: string }
  | { readonly kind: 'unverifiable'; readonly why: string }

/** A rule that decided otherwise than was wanted, and for which ports. */
interface Finding {
  readonly rule: string
  readonly ports: string
}

export interface Proof {
  readonly verdict:
    | 'verified'
    /** Traffic passes by a rule that is not the grant's. */
    | 'another rule'
    /** The grant is open, and traffic does not pass. */
    | 'denied'
    /** The grant is closed, and traffic passes by its rule as before. */
    | 'still its rule'
    | 'not verified'
  readonly at: number
  /** From the reading that the rules are there, or gone, until traffic went that way; null when nobody measured it. */
  readonly afterMs: number | null
  readonly findings: readonly Finding[]
  /** Why it could not be verified. */
  readonly why: string | null
  /** The addresses that it was tried from. */
  readonly sources: readonly string[]
  readonly tried: number
  /** How many combinations of source, address and port there are. */
  readonly possible: number
}

export interface Proofs {
  readonly open?: Proof
  readonly closed?: Proof
}

/** So many questions are asked for one grant, and no more. */
export const mostQuestions = 12

export interface Questions {
  readonly questions: readonly FlowQuestion[]
  readonly possible: number
}

/** Of a range both ends are tried. */
const sourcesOf = (address: string): readonly string[] =>
  isRange(address) ? [...new Set(endsOf(address))] : [address]

/**
 * What to ask, at most so much. Each round goes through all ports and takes another way in for each, so that what is
 * left out when there is too much is never a whole port, address or end of a range before it must be.
 */
export function questionsOf(
  { vm, source, ports }: Request,
  endpoints: readonly Endpoint[],
  most = mostQuestions,
): Questions {
  const ways = endpoints.flatMap((endpoint) =>
    sourcesOf(source.address).map((from) => ({ endpoint, source: from })),
  )
  const rounds = ways.map((_, round) =>
    ports.flatMap((port, index) => {
      const way = ways[(index + round) % ways.length]
      return way ? [{ vm, port, ...way }] : []
    }),
  )
  const all = rounds.flat()
  return { questions: all.slice(0, most), possible: all.length }
}

/** Azure writes `securityRules/x` or `UserRule_x` for the rule x. */
export const isRule = (answered: string, name: string): boolean => {
  const [text, end] = [answered.toLowerCase(), name.toLowerCase()]
  return text.endsWith(end) && !/[a-z0-9-]/.test(text.at(-end.length - 1) ?? '/')
}

/** The name alone, as people know it from the portal. */
export const ruleShown = (answered: string): string =>
  (answered.split('/').at(-1) ?? answered).replace(/^(?:UserRule|DefaultRule)_/i, '')

export interface Look {
  readonly question: FlowQuestion
  readonly answer: FlowAnswer
}

/** As wanted, or perhaps so in a while, or never. */
type Standing = 'as wanted' | 'perhaps later' | 'settled'

/** Where Defender for Cloud opened, the rules that it wrote count as the grant's. */
const namesOf = (rule: Rule): readonly string[] => [
  rule.name,
  ...(rule.defender?.found ?? []).map(({ name }) => name),
]

const isOurs = (answered: string, grant: Grant): boolean =>
  grant.rules.some((rule) => namesOf(rule).some((name) => isRule(answered, name)))

/** Rules of this product come and go; those of others stay, and one that lets in after a close is no matter of time. */
const isJitneys = (rule: string): boolean => /^jit-[a-z0-9]+-\d+$/.test(ruleShown(rule))

export function standingOf(of: Proved, grant: Grant, answer: FlowAnswer): Standing {
  if (answer.kind === 'unverifiable') return 'settled'
  const ours = isOurs(answer.rule, grant)
  if (of === 'open') return answer.access === 'Allow' && ours ? 'as wanted' : 'perhaps later'
  if (answer.access === 'Deny') return 'as wanted'
  return isJitneys(answer.rule) ? 'perhaps later' : 'settled'
}

const second = 1_000
const lookingFor = 120 * second
const [shortest, longest] = [2 * second, 30 * second]

/** When to look again at what may take a while, by the time that has gone by; null when it is time to conclude. */
export function nextLook(since: number, now: number): number | null {
  const gone = now - since
  return gone >= lookingFor ? null : now + Math.min(longest, Math.max(shortest, gone))
}

/** Findings are few: so many rules are named. */
const mostFindings = 3

function findingsOf(looks: readonly Look[]): readonly Finding[] {
  const byRule = Map.groupBy(looks, ({ answer }) => (answer.kind === 'seen' ? answer.rule : ''))
  return [...byRule].slice(0, mostFindings).map(([rule, group]) => {
    const ports = new Map(group.map(({ question: { port } }) => [portsText([port]), port]))
    return { rule, ports: portsText([...ports.values()]) }
  })
}

const isSeen = (access: 'Allow' | 'Deny') => (look: Look) =>
  look.answer.kind === 'seen' && look.answer.access === access

/** What weighs most is said: what lets in where nothing should, or keeps out where something was let in. */
function judged(
  of: Proved,
  grant: Grant,
  looks: readonly Look[],
): Pick<Proof, 'verdict' | 'findings' | 'why'> {
  const passes = looks.filter(isSeen('Allow'))
  const ours = passes.filter(({ answer }) => answer.kind === 'seen' && isOurs(answer.rule, grant))
  const others = passes.filter((look) => !ours.includes(look))
  const denied = looks.filter(isSeen('Deny'))
  const say = (verdict: Proof['verdict'], found: readonly Look[] = [], why: string | null = null) => ({
    verdict,
    findings: findingsOf(found),
    why,
  })
  if (of === 'open' && denied.length > 0) return say('denied', denied)
  if (of === 'closed' && others.length > 0) return say('another rule', others)
  if (of === 'closed' && ours.length > 0) return say('still its rule', ours)
  const open = looks.find(({ answer }) => answer.kind === 'unverifiable')
  if (open?.answer.kind === 'unverifiable') return say('not verified', [], open.answer.why)
  if (looks.length === 0) return say('not verified', [], 'there was nothing to ask about')
  return others.length > 0 ? say('another rule', others) : say('verified')
}

export interface Looked {
  readonly of: Proved
  readonly looks: readonly Look[]
  readonly possible: number
  /** Null when the first look came so late that it measures nothing. */
  readonly since: number | null
}

export function proofOf(grant: Grant, { of, looks, possible, since }: Looked, now: number): Proof {
  const judgement = judged(of, grant, looks)
  return {
    ...judgement,
    at: now,
    afterMs: judgement.verdict === 'verified' && since !== null ? Math.max(0, now - since) : null,
    sources: [...new Set(looks.map(({ question }) => question.source))],
    tried: looks.filter(({ answer }) => answer.kind === 'seen').length,
    possible,
  }
}

export const unverified = (why: string, now: number): Proof => ({
  verdict: 'not verified',
  at: now,
  afterMs: null,
  findings: [],
  why,
  sources: [],
  tried: 0,
  possible: 0,
})

/** Longer than people expect to wait: whoever has tried in vain meanwhile should hear that it works now. */
const slowMs = 20 * second

export const wasSlow = ({ afterMs }: Proof): boolean => afterMs !== null && afterMs >= slowMs

/** By rules of this product alone: they are on record, and end by themselves. */
export const byRecord = ({ findings }: Proof): boolean => findings.every(({ rule }) => isJitneys(rule))

/** Whether people must hear of it, beside what the card shows. */
export function isNews(of: Proved, proof: Proof): boolean {
  switch (proof.verdict) {
    case 'verified':
      return of === 'open' && wasSlow(proof)
    case 'another rule':
      return of === 'closed' && !byRecord(proof)
    case 'denied':
    case 'still its rule':
      return true
    case 'not verified':
      return false
    default:
      return proof.verdict satisfies never
  }
}

/** What is to be verified of a grant now, and since when; null when there is nothing, or it has been done. */
export function unproved(grant: Grant, of: Proved): { readonly since: number } | null {
  if (grant.proofs?.[of] || grant.rules.length === 0) return null
  if (of === 'open')
    return grant.state === 'open' && grant.openedAt !== null ? { since: grant.openedAt } : null
  return grant.state === 'closed' ? { since: grant.closedAt } : null
}
