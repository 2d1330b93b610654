import { Duration } from 'luxon'
import { durationText } from './duration.ts'
import type { Rule } from './grant.ts'
import { type Difference, differences, type LiveRule } from './live-rule.ts'
import type { Terms } from './policy.ts'
import { samePrefix } from './priority.ts'
import type { Request } from './request.ts'
import type { Port } from './service.ts'
import { holds, type Source } from './source.ts'

/** What a just-in-time policy of Defender for Cloud allows people to ask for on one port of a VM. */
export interface GuardedPort {
  readonly number: number
  readonly protocol: 'tcp' | 'udp' | 'any'
  /** Addresses and ranges; `*` is any. */
  readonly sources: readonly string[]
  readonly maxMs: number
}

/** `PT3H` in milliseconds; 0 for what cannot be read, so that nothing is within it. */
export function lengthMs(text: string): number {
  const length = Duration.fromISO(text)
  return length.isValid ? length.toMillis() : 0
}

/** The just-in-time policy that a VM is under. */
export interface Guard {
  /** The resource id as Azure spells it. */
  readonly policyId: string
  readonly ports: readonly GuardedPort[]
  /** Whether the subscription has the plan that Defender needs for this; null where that could not be read. */
  readonly hasPlan: boolean | null
}

/** How access is opened: by a rule of our own, or by asking Defender for Cloud for one of its own. */
type Way = 'nsg' | 'defender'

/** What the policy file says about it. By default Defender opens where a VM is under its policy, or nobody does. */
export interface Preference {
  readonly prefer?: Way
  /** What happens where Defender cannot open. */
  readonly otherwise?: 'nsg' | 'refuse'
}

/** What is asked for, as far as it matters for the way. */
interface Wish {
  readonly guard?: Guard
  readonly ports: readonly Port[]
  readonly source: Pick<Source, 'address' | 'family'>
  readonly durationMs: number
}

export type ChosenWay =
  | { readonly way: 'nsg' }
  | { readonly way: 'defender'; readonly policyId: string }
  | { readonly way: 'none'; readonly why: string }

const byRule: ChosenWay = { way: 'nsg' }
const none = (why: string): ChosenWay => ({ way: 'none', why })

/** Which way a request goes, or why Defender would refuse it, so that nobody is asked for a yes in vain. */
export function chooseWay(wish: Wish, terms: Pick<Terms, 'way'> | null): ChosenWay {
  const { prefer = 'defender', otherwise = 'refuse' } = terms?.way ?? {}
  const { guard, ports } = wish
  if (prefer === 'nsg' || !guard) return byRule
  const named = ports.filter((port) => termsFor(guard, port))
  // It keeps nobody out on ports that it does not name, and opens none of them either.
  if (named.length === 0) return byRule
  const cannot = unableTo(wish, guard)
  if (cannot !== null) return otherwise === 'nsg' ? byRule : none(cannot)
  const other = ports.find((port) => !named.includes(port))
  if (other)
    return none(
      `it is under the policy ${policyName(guard.policyId)} of Defender for Cloud, which does not name ${other.number}/${other.protocol}: ask for that port separately`,
    )
  const beyond = ports.map((port) => beyondTerms(wish, guard, port)).find((why) => why !== null)
  return beyond === undefined ? { way: 'defender', policyId: guard.policyId } : none(beyond)
}

const termsFor = ({ ports }: Guard, { number, protocol }: Port): GuardedPort | undefined =>
  ports.find((one) => one.number === number && (one.protocol === 'any' || one.protocol === protocol))

/** What Defender lets in beside what was asked for, where its policy leaves the protocol open. */
export const besides = ({ guard, ports }: Pick<Wish, 'guard' | 'ports'>): readonly Port[] =>
  ports
    .filter(({ number }) => guard?.ports.some((one) => one.number === number && one.protocol === 'any'))
    .map(({ number, protocol }): Port => ({ number, protocol: protocol === 'tcp' ? 'udp' : 'tcp' }))
    .filter(
      ({ number, protocol }) => !ports.some((one) => one.number === number && one.protocol === protocol),
    )

/** The same for whoever agrees to it or asks for it; null where it lets in just what was asked for. */
export function besidesText(wish: Pick<Wish, 'guard' | 'ports'>): string | null {
  const more = besides(wish).map(({ number, protocol }) => `${number}/${protocol}`)
  return more.length === 0 ? null : `also lets in ${more.join(', ')}, because it names no protocol`
}

/** What Defender can never do for this request. */
function unableTo({ source }: Wish, guard: Guard): string | null {
  const under = `it is under the policy ${policyName(guard.policyId)} of Defender for Cloud`
  if (source.family === 'IPv6')
    return `${under}, which lets no IPv6 address in: ask with an IPv4 address, after “from”`
  if (guard.hasPlan === false)
    return `${under}, which opens nothing while its subscription lacks Defender for Servers Plan 2: ask whoever looks after the subscription`
  return null
}

function beyondTerms(wish: Wish, guard: Guard, port: Port): string | null {
  const terms = termsFor(guard, port)
  if (!terms) return null
  const policy = `the policy ${policyName(guard.policyId)} of Defender for Cloud`
  if (wish.durationMs > terms.maxMs)
    return `${policy} opens port ${port.number} for at most ${durationText(terms.maxMs)}: ask for less time`
  if (!terms.sources.some((prefix) => prefix === '*' || holds(prefix, wish.source.address)))
    return `${policy} lets nobody in on port ${port.number} from ${wish.source.address}, only from ${terms.sources.slice(0, 5).join(', ')}`
  return null
}

/** `default`, out of the id. */
export const policyName = (policyId: string): string => policyId.split('/').at(-1) ?? policyId

/** One rule that Defender wrote for a grant, as it was found. */
export interface FoundRule {
  readonly name: string
  readonly priority: number
  readonly ports: readonly number[]
}

const allowForm = /^(MicrosoftDefenderForCloud|SecurityCenter)-JITRule-/i
const anyForm = /^(MicrosoftDefenderForCloud|SecurityCenter)-JITRule[-_]/i

/** Whether Defender wrote it, to let somebody in or to keep everybody out. */
export const isDefenders = ({ name }: Pick<LiveRule, 'name'>): boolean => anyForm.test(name)

/** Whether Defender wrote it to let somebody in for a time. */
export const isDefendersGrant = ({ name }: Pick<LiveRule, 'name'>): boolean => allowForm.test(name)

/**
 * Whether this is an allow rule of Defender's that lets in exactly what the rule is to let in, or a part of it: this
 * source, on these addresses of the VM, on some of these ports. Nothing else of Defender's is ever touched.
 */
export function isDefendersFor(
  live: LiveRule,
  rule: Pick<Rule, 'source' | 'destinations' | 'ports'>,
): boolean {
  const [protocol] = rule.ports.map((port) => port.protocol)
  const [source, ...more] = live.sources
  const numbers = new Set(rule.ports.map((port) => String(port.number)))
  return (
    allowForm.test(live.name) &&
    live.direction === 'Inbound' &&
    live.access === 'Allow' &&
    more.length === 0 &&
    source !== undefined &&
    samePrefix(source, rule.source) &&
    live.destinations.length > 0 &&
    live.destinations.every((one) => rule.destinations.some((other) => samePrefix(one, other))) &&
    live.ports.length > 0 &&
    live.ports.every((port) => numbers.has(port)) &&
    (live.protocol === '*' || live.protocol.toLowerCase() === protocol)
  )
}

/**
 * What somebody changed about a rule of Defender's since it was found. Its priority, its description and a protocol
 * that its policy leaves open are Defender's own business.
 */
export function defenderDifferences(rule: Rule, found: FoundRule, live: LiveRule): readonly Difference[] {
  const [protocol = 'tcp'] = rule.ports.map((port) => port.protocol)
  const { priority, description, destinations } = live
  const within = destinations.every((one) => rule.destinations.some((other) => samePrefix(one, other)))
  const expected: Rule = {
    ...rule,
    priority,
    description,
    ports: found.ports.map((number) => ({ number, protocol })),
    ...(within && destinations.length > 0 && { destinations }),
  }
  return differences(expected, live.protocol === '*' ? { ...live, protocol } : live)
}

export const foundRule = ({ name, priority, ports }: LiveRule): FoundRule => ({
  name,
  priority,
  ports: ports.map(Number),
})

/** Whether these let in on each of the ports. */
export const coversPorts = (found: readonly FoundRule[], ports: readonly Port[]): boolean =>
  ports.every(({ number }) => found.some((one) => one.ports.includes(number)))

/** What stands on record in place of a name, until there is a rule that has one. */
export const unnamed = 'MicrosoftDefenderForCloud-JITRule-*'

/** How the justification of every request of Jitney’s begins. */
export const justificationStart = 'Jitney request '

/** How the justification of a request of ours begins, so that it is found again among those of others. */
export const justificationMark = (requestId: string): string => `${justificationStart}${requestId} `

const longestJustification = 300

/** Defender's own trail names only the bot, so whom it is for and who agreed to it stands here. */
export function justification(request: Request): string {
  const yes = [
    ...new Set(request.reviews.filter(({ verdict }) => verdict === 'approve').map(({ by }) => by.userId)),
  ]
  const agreed = yes.length > 0 ? `approved by ${yes.join(', ')}` : 'allowed by the policy'
  const why = request.reason === null ? '' : `. Reason: ${request.reason}`
  return `${justificationMark(request.id)}for ${request.requester.userId}, ${agreed}${why}`.slice(
    0,
    longestJustification,
  )
}

/** How many other requests in Defender's record are for the same address, VM and one of the ports. */
export interface Rivals {
  /** From before ours and not ended; those of Jitney are left out, because ours has replaced them. */
  readonly earlier: number
  readonly later: number
}

/** How a request of ours stands with Defender. */
export type DefenderState = (
  | { readonly kind: 'unknown' | 'initiating' | 'initiated' }
  | { readonly kind: 'revoked'; readonly why: 'expired' | 'newer request' | 'asked to' }
) & {
  /** Left out when there are none; null when there is no record to read. */
  readonly rivals?: Rivals | null
}
