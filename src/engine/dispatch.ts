import type { AuditEvent } from '../core/audit.ts'
import type { Case } from '../core/case.ts'
import { decide } from '../core/decide.ts'
import type { Event } from '../core/event.ts'
import type { Outcome, Transition } from '../core/outcome.ts'
import type { Panic } from '../core/panic.ts'
import type { Quota } from '../core/policy.ts'
import type { Claim, Clock, Store, Tx } from '../ports.ts'
import { addEffect, addJob, announceJob, type Rows } from './job-of.ts'
import { takePlace } from './quota.ts'

export interface Happening {
  readonly requestId: string
  readonly event: Event
}

/** An event for one case; its claim, when it has one, ends in the transaction that takes the event. */
interface Item extends Happening {
  /** What happens to other cases with it: all of it or nothing; left out where the request is denied at once. */
  readonly besides?: readonly Happening[]
  readonly claim?: Claim
  /** How often the rule may do this by itself; without a place left, dispatching throws `QuotaUsedUp`. */
  readonly quota?: Quota | null
  /** Runs in the same transaction when the event was accepted. */
  readonly also?: (tx: Tx, outcome: Outcome) => Promise<void>
}

/** `lost` means that the claim was no longer ours: somebody else took the job over, and nothing changed. */
export type Dispatched = Outcome | 'lost'

export interface Dispatcher {
  dispatch(item: Item): Promise<Dispatched>
  /** Ends a claim without an event. */
  finish(claim: Claim): Promise<void>
}

interface Waiting {
  readonly item: Item | { readonly claim: Claim }
  readonly resolve: (outcome: Dispatched) => void
  readonly reject: (error: unknown) => void
}

export interface DispatchParts {
  readonly store: Store
  readonly clock: Clock
  /** Told of every outcome after its commit. */
  readonly observe: (outcome: Outcome) => void
}

const mostPerCommit = 250

/**
 * Load, decide, commit. Events that arrive while a commit is under way share the next one, so that a thousand
 * grants that end in the same second cost a handful of commits and not a thousand.
 */
export function createDispatcher(parts: DispatchParts): Dispatcher {
  const queue: Waiting[] = []
  let running = false

  const pump = async () => {
    if (running) return
    running = true
    try {
      // What else comes in this turn shares the first commit.
      await Promise.resolve()
      while (queue.length > 0) await commitTogether(parts, queue.splice(0, mostPerCommit))
    } finally {
      running = false
    }
  }
  const enqueue = (item: Waiting['item']): Promise<Dispatched> => {
    const waiting = Promise.withResolvers<Dispatched>()
    queue.push({ item, resolve: waiting.resolve, reject: waiting.reject })
    void pump()
    return waiting.promise
  }
  return {
    dispatch: enqueue,
    finish: async (claim) => {
      await enqueue({ claim })
    },
  }
}

/** One bad event must not take its neighbours down with it: after a failure each is tried alone. */
async function commitTogether(parts: DispatchParts, batch: readonly Waiting[]): Promise<void> {
  try {
    const outcomes = await parts.store.transact((tx) => take(tx, batch, parts.clock.now()))
    for (const [index, { item, resolve }] of batch.entries()) {
      const outcome = outcomes[index] ?? 'lost'
      if (outcome !== 'lost' && 'event' in item) parts.observe(outcome)
      resolve(outcome)
    }
  } catch (error) {
    if (batch.length === 1) {
      batch[0]?.reject(error)
      return
    }
    for (const waiting of batch) await commitTogether(parts, [waiting])
  }
}

/** What may end with access that was not there before, is somebody’s yes or asks for one: these have to know what is stopped. */
const stoppable = new Set<Event['type']>(['submit', 'review', 'start', 'sign', 'reminder', 'escalation'])

/** The stop that ended the grant of a case. */
const endedBy = (kase: Case | null): string | undefined =>
  kase?.grant?.state === 'closing' || kase?.grant?.state === 'closed' ? kase.grant.panicId : undefined

/** A stop learns together with their ends which grants it ended, so that it counts each of them once. */
async function countEnds(tx: Tx, before: ReadonlyMap<string, Case>, after: ReadonlyMap<string, Case>) {
  const counts = new Map<string, number>()
  for (const [id, kase] of after) {
    const panicId = endedBy(kase)
    if (panicId === undefined || endedBy(before.get(id) ?? null) !== undefined) continue
    counts.set(panicId, (counts.get(panicId) ?? 0) + 1)
  }
  for (const id of [...counts.keys()].toSorted()) await tx.countPanic(id, counts.get(id) ?? 0)
}

/** What an event does, and what happens beside it; where one of them is refused, none of it does anything. */
function together(
  cases: ReadonlyMap<string, Case>,
  { requestId, event, besides = [] }: Item,
  now: number,
  panics: readonly Panic[],
): { readonly outcome: Outcome; readonly steps: readonly Transition[] } {
  const of = (one: Happening) => decide(cases.get(one.requestId) ?? null, one.event, now, panics)
  const outcome = of({ requestId, event })
  if (!outcome.ok) return { outcome, steps: [] }
  const others = outcome.next.request.state === 'denied' ? [] : besides.map(of)
  const refused = others.find((one) => !one.ok)
  return refused
    ? { outcome: refused, steps: [] }
    : { outcome, steps: [...others.filter((one) => one.ok), outcome] }
}

const touched = (item: Item): string[] => [
  item.requestId,
  ...(item.besides ?? []).map(({ requestId }) => requestId),
]

async function take(tx: Tx, batch: readonly Waiting[], now: number): Promise<Dispatched[]> {
  // Cases before jobs, always: two replicas that lock them in different orders would wait for each other.
  const ids = [...new Set(batch.flatMap(({ item }) => ('event' in item ? touched(item) : [])))]
  const cases = ids.length > 0 ? await tx.cases(ids) : new Map<string, Case>()
  // Before anything else that somebody who holds this might wait for.
  if (batch.some(({ item }) => 'event' in item && item.quota)) await tx.lockQuotas()
  const claims = batch.flatMap(({ item }) => (item.claim ? [item.claim] : []))
  const ours = claims.length > 0 ? await tx.finish(claims, now) : new Set<string>()
  const mayBeStopped = batch.some(({ item }) => 'event' in item && stoppable.has(item.event.type))
  const panics = mayBeStopped ? await tx.panics() : []
  const first = new Map(cases)
  const changed = new Map<string, Case>()
  const audit: AuditEvent[] = []
  const rows: Rows = { jobs: new Map(), notes: [] }
  const outcomes: Dispatched[] = []
  for (const { item } of batch) {
    if (item.claim && !ours.has(item.claim.id)) outcomes.push('lost')
    else if (!('event' in item)) outcomes.push({ ok: false, refusal: { code: 'unknown request' } })
    else {
      const before = cases.get(item.requestId) ?? null
      // A timer whose case cannot be read is kept and tried again; “unknown” would end it for good.
      if (!before && item.claim && item.event.type !== 'submit') {
        throw new Error(`the case ${item.requestId} cannot be read`)
      }
      const { outcome, steps } = together(cases, item, now, panics)
      if (outcome.ok && item.event.type === 'submit')
        await takePlace(tx, outcome.next, item.quota ?? null, now)
      for (const { next, audit: events, effects } of steps) {
        const { id } = next.request
        if (next !== cases.get(id)) {
          cases.set(id, next)
          changed.set(id, next)
        }
        audit.push(...events)
        for (const effect of effects) addEffect(rows, effect, now)
      }
      await item.also?.(tx, outcome)
      outcomes.push(outcome)
    }
  }
  if (changed.size > 0) await tx.save([...changed.values()], now)
  await countEnds(tx, first, changed)
  await write(tx, audit, rows, now)
  return outcomes
}

/** The chain's head is locked last, so that other replicas wait for it as short as possible. */
async function write(tx: Tx, audit: readonly AuditEvent[], rows: Rows, now: number) {
  if (rows.notes.length > 0) await tx.queueNotes(rows.notes)
  if (audit.length > 0) addJob(rows, announceJob(now))
  const dropped = [...rows.jobs].filter(([, job]) => job === null).map(([key]) => key)
  const jobs = [...rows.jobs.values()].filter((job) => job !== null)
  if (dropped.length > 0) await tx.dropJobs(dropped)
  if (jobs.length > 0) await tx.putJobs(jobs, now)
  if (audit.length > 0) await tx.audit(audit)
}
