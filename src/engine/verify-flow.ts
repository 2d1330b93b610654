import { Fault } from '../core/fault.ts'
import type { Grant } from '../core/grant.ts'
import {
  type FlowQuestion,
  type Look,
  nextLook,
  type Proof,
  type Proved,
  proofOf,
  questionsOf,
  standingOf,
  unproved,
  unverified,
} from '../core/proof.ts'
import type { Request } from '../core/request.ts'
import type { Endpoint } from '../core/vm.ts'
import type { Claim, Clock, Flow, Store, Topology } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, done, ended, type Finish, type Handler, messageOf } from './handler.ts'
import { provedIn } from './job-of.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

export interface FlowParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly topology: Topology
  /** Null or absent: nothing is ever verified, and nothing is said of it. */
  readonly flow?: Flow | null
  readonly log: Log
}

/** So many questions of one grant are under way at once. */
const atOnce = 4
const longestLookMs = 60_000
/** Azure may be away just when a late look comes, so that is tried a few times however late it is. */
const leastTries = 4
/** A first look that agrees tells how long it took only when it came this soon. */
const promptMs = 5_000

interface Case {
  readonly request: Request
  readonly grant: Grant
  readonly of: Proved
}

/**
 * Asks Azure whether traffic passes, once a grant is open, and whether it does not, once it is closed. Nothing waits
 * for the answer: it is kept with the grant and told, and changes nothing else.
 */
export function verifyFlow(parts: FlowParts): Handler {
  /** Where this process has seen that it is not so yet: only then is it known how long it took. */
  const notYet = new Set<string>()
  return async (claim, stop) => {
    const { requestId, of } = provedIn(claim.subject)
    const { request, grant } = (await parts.store.case(requestId)) ?? {}
    const due = grant ? unproved(grant, of) : null
    if (!parts.flow || !request || !grant || !due) {
      notYet.delete(claim.subject)
      return done
    }
    const later = nextLook(due.since, parts.clock.now())
    const proof = await conclude(parts, { request, grant, of }, { claim, stop, later, notYet, ...due })
    if ('kind' in proof) return proof
    notYet.delete(claim.subject)
    await parts.dispatcher.dispatch({ requestId, event: { type: 'flow proved', of, proof }, claim })
    return ended
  }
}

interface Trying {
  readonly claim: Claim
  readonly stop: AbortSignal
  readonly since: number
  /** When to look again; null when this is the last look. */
  readonly later: number | null
  readonly notYet: Set<string>
}

/** The proof, or when to look again. */
async function conclude(parts: FlowParts, kase: Case, trying: Trying): Promise<Proof | Finish> {
  const { clock } = parts
  const { claim, stop, since, later, notYet } = trying
  try {
    const looked = await within(clock, longestLookMs, stop, (signal) =>
      look(parts, kase, later === null, signal),
    )
    if (looked === null) {
      notYet.add(claim.subject)
      return again(later ?? clock.now(), 'traffic does not go that way yet')
    }
    const now = clock.now()
    const measured = notYet.has(claim.subject) || now - since <= promptMs
    return proofOf(kase.grant, { ...looked, of: kase.of, since: measured ? since : null }, now)
  } catch (error) {
    return afterFault(parts, trying, error)
  }
}

function afterFault({ clock, log }: FlowParts, trying: Trying, error: unknown): Proof | Finish {
  const { claim, stop, later } = trying
  const why = messageOf(error)
  const now = clock.now()
  if (stop.aborted) return again(now, why)
  if (error instanceof Fault && error.kind === 'permanent') return unverified(why, now)
  const afterMs = error instanceof Fault ? error.afterMs : null
  const own = later ?? (claim.attempt < leastTries ? now + pauseMs(claim.attempt, afterMs) : null)
  log.warn(
    { job: claim.key, attempt: claim.attempt, error: why },
    'it could not be asked whether traffic passes',
  )
  return own === null
    ? unverified(`Azure could not be asked. ${why}`, now)
    : again(Math.max(own, now + pauseMs(0, afterMs)), why)
}

/** What was read when the rules were planned; an older grant does not have it. */
async function endpointsOf(
  { topology }: FlowParts,
  { request, grant }: Case,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  if (grant.endpoints) return grant.endpoints
  const path = await topology.path(request.vm, request.source.family, signal)
  const reached = new Set(grant.rules.flatMap(({ destinations }) => destinations))
  return path.kind === 'guarded' ? (path.endpoints ?? []).filter(({ address }) => reached.has(address)) : []
}

/** Null when something is not so yet and there is time left; only the last look asks everything all the same. */
async function look(parts: FlowParts, kase: Case, last: boolean, signal: AbortSignal) {
  const { questions, possible } = questionsOf(kase.request, await endpointsOf(parts, kase, signal))
  const looks: Look[] = []
  for (let from = 0; from < questions.length; ) {
    // The first one is asked alone: where nothing is so yet, or Azure cannot tell, it spares the others.
    const some = questions.slice(from, from + (from === 0 ? 1 : atOnce))
    from += some.length
    looks.push(...(await Promise.all(some.map((question) => ask(parts, question, signal)))))
    const waits = looks.some(({ answer }) => standingOf(kase.of, kase.grant, answer) === 'perhaps later')
    if (waits && !last) return null
    if (looks[0]?.answer.kind === 'unverifiable') break
  }
  return { looks, possible }
}

async function ask({ flow }: FlowParts, question: FlowQuestion, signal: AbortSignal): Promise<Look> {
  if (!flow) throw new Error('nothing can be asked')
  return { question, answer: await flow.verify(question, signal) }
}
