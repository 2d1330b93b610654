import { adminWord } from '../core/admin-rules.ts'
import { isDefenders } from '../core/defender.ts'
import { nextLook, ruleShown } from '../core/proof.ts'
import type { Protection } from '../core/protection.ts'
import {
  type FlowLooks,
  type ProtectionNews,
  protectedText,
  unprotectedText,
} from '../core/protection-text.ts'
import type { Wording } from '../core/refusal.ts'
import { type OpenGroup, stillOpen } from '../core/still-open.ts'
import type { Endpoint, Path } from '../core/vm.ts'
import type { Chat, Clock, Firewall, Flow, Store, Surroundings, Topology } from '../ports.ts'
import { backoffMs } from './backoff.ts'
import { again, done, type Handler, messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

export interface NewsParts {
  readonly store: Store
  readonly clock: Clock
  readonly topology: Topology
  readonly firewall: Firewall
  readonly surroundings?: Surroundings | null
  readonly flow?: Flow | null
  readonly chat: Pick<Chat, 'say'>
  readonly wording: Wording
  readonly log: Log
}

const longestLookMs = 60_000
/** So many packets are asked about, and no more. */
const mostQuestions = 12
/** Azure may be away just now; after so many tries it is said that it is not known. */
const mostTries = 4
/** Some address on the internet that nobody here asks for access from. */
const outside = '8.8.8.8'

type Guarded = Extract<Path, { kind: 'guarded' }>

export interface Looked {
  readonly groups: readonly OpenGroup[]
  readonly news: ProtectionNews
}

async function groupsOf(
  { firewall }: NewsParts,
  path: Guarded,
  signal: AbortSignal,
): Promise<readonly OpenGroup[]> {
  return Promise.all(
    path.hops.map(async (hop) => {
      const rules = await firewall.list(hop.nsgId, signal)
      if (!rules) throw new Error(`the security group ${hop.nsgId} no longer exists`)
      return { hop, rules }
    }),
  )
}

async function prefixesOf(parts: NewsParts, path: Guarded, signal: AbortSignal): Promise<readonly string[]> {
  const networkId = path.way?.networkId
  if (!parts.surroundings || networkId == null) return []
  try {
    return await parts.surroundings.prefixes(networkId, signal)
  } catch (error) {
    parts.log.warn(
      { network: networkId, error: messageOf(error) },
      'the prefixes of a network could not be read',
    )
    return []
  }
}

/** What may not be read is not known of; IP flow verify asks such rules too. */
async function alwaysLetIn(
  parts: NewsParts,
  { terms }: Protection,
  { hops, way }: Guarded,
  virtualNetwork: readonly string[],
  signal: AbortSignal,
): Promise<ProtectionNews['always']> {
  const networkId = way?.networkId
  if (!parts.surroundings || networkId == null) return null
  try {
    const adminRules = { known: true, value: await parts.surroundings.adminRules(networkId, signal) } as const
    const surrounds = { virtualNetwork, members: way?.members ?? {} }
    const groups = hops.map((hop) => ({ hop }))
    return adminWord(
      'AlwaysAllow',
      { adminRules, groups },
      { source: outside, ports: terms.ports },
      surrounds,
    )
  } catch (error) {
    parts.log.warn({ network: networkId, error: messageOf(error) }, 'security admin rules could not be read')
    return null
  }
}

async function verify(
  { flow }: NewsParts,
  { vm, terms }: Protection,
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
): Promise<FlowLooks | null> {
  if (!flow) return null
  const [denied, passed]: [FlowLooks['denied'][number][], FlowLooks['passed'][number][]] = [[], []]
  const questions = endpoints
    .filter(({ address }) => !address.includes(':'))
    .flatMap((endpoint) => terms.ports.map((port) => ({ vm, endpoint, port, source: outside })))
  let unverified: string | null =
    questions.length > mostQuestions ? `${questions.length - mostQuestions} more combinations` : null
  for (const question of questions.slice(0, mostQuestions)) {
    const answer = await flow.verify(question, signal)
    if (answer.kind === 'unverifiable') {
      unverified = answer.why
      break
    }
    const found = { port: question.port, rule: ruleShown(answer.rule) }
    if (answer.access === 'Deny') denied.push(found)
    else passed.push(found)
  }
  return { source: outside, denied, passed, unverified }
}

async function openGrants(store: Store, vmId: string): Promise<number> {
  const open = await store.grants(['opening', 'open'])
  return open.filter(({ request }) => request.vm.id === vmId).length
}

export async function look(parts: NewsParts, protection: Protection, signal: AbortSignal): Promise<Looked> {
  const { vm, terms, state } = protection
  const [path, grants] = await Promise.all([
    parts.topology.path(vm, 'all', signal),
    openGrants(parts.store, vm.id),
  ])
  const nothing = { ways: [], flow: null, always: null, grants, denies: null }
  if (path.kind !== 'guarded') {
    const why =
      path.kind === 'unguarded'
        ? `no security group stands before ${path.networkInterface}, so everything is let in there`
        : path.why
    return { groups: [], news: { ...nothing, unread: why } }
  }
  const [groups, virtualNetwork] = await Promise.all([
    groupsOf(parts, path, signal),
    prefixesOf(parts, path, signal),
  ])
  const ways = stillOpen(groups, terms.ports, { virtualNetwork, members: path.way?.members ?? {} })
  const always = await alwaysLetIn(parts, protection, path, virtualNetwork, signal)
  const flow = await verify(parts, protection, path.endpoints ?? [], signal)
  const own = new Set(path.hops.flatMap(({ destinations }) => destinations))
  const denies =
    terms.way === 'defender' && state === 'protected'
      ? groups.some(({ rules }) =>
          rules.some(
            (rule) =>
              isDefenders(rule) && rule.access === 'Deny' && rule.destinations.some((one) => own.has(one)),
          ),
        )
      : null
  return { groups, news: { ways, unread: null, always, flow, grants, denies } }
}

/** Azure's own answer lags behind its rules for a while: what it lets pass by nobody's rule is asked again. */
function waits(protection: Protection, { news, groups }: Looked): boolean {
  if (news.denies === false) return true
  if (protection.state !== 'protected' || !news.flow) return false
  const open = new Set(news.ways.map(({ rule }) => rule))
  return groups.length > 0 && news.flow.passed.some(({ rule }) => !open.has(rule) && !rule.startsWith('jit-'))
}

const whoHears = ({ by, ending, removals = [] }: Protection): readonly string[] => [
  ...new Set([
    by.userId,
    ...(ending && ending.by !== 'jitney' ? [ending.by.userId] : []),
    ...removals.map((removal) => removal.by.userId),
  ]),
]

/** Tells whoever protected a VM, or ended that, what lets somebody in now. */
export const protectionNews =
  (parts: NewsParts): Handler =>
  async (claim, stop) => {
    const { store, clock, chat, wording, log } = parts
    const protection = await store.protection(claim.subject)
    if (protection?.state !== 'protected' && protection?.state !== 'unprotected') return done
    const since = protection.endedAt ?? protection.protectedAt ?? clock.now()
    let news: ProtectionNews
    try {
      const looked = await within(clock, longestLookMs, stop, (signal) => look(parts, protection, signal))
      const later = waits(protection, looked) ? nextLook(since, clock.now()) : null
      if (later !== null) return again(later, 'Azure does not show all of it yet')
      news = looked.news
    } catch (error) {
      if (stop.aborted || claim.attempt < mostTries)
        return again(clock.now() + backoffMs(claim.attempt), messageOf(error))
      const grants = await openGrants(store, protection.vm.id)
      news = { ways: [], unread: messageOf(error), flow: null, always: null, grants, denies: null }
    }
    const text = (protection.state === 'protected' ? protectedText : unprotectedText)(
      protection,
      news,
      wording,
    )
    for (const userId of whoHears(protection))
      try {
        await chat.say(userId, text)
      } catch (error) {
        log.error(
          { protection: protection.id, error: messageOf(error) },
          'news of a protection did not reach somebody',
        )
        if (claim.attempt < mostTries) return again(clock.now() + backoffMs(claim.attempt), messageOf(error))
      }
    return done
  }
