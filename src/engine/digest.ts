import {
  beginning,
  type DigestSchedule,
  dueSlot,
  type KeptDigest,
  nextSlot,
  scheduleText,
} from '../core/digest.ts'
import { Fault } from '../core/fault.ts'
import type { Digest, Overview } from '../core/overview.ts'
import { standingIn } from '../core/overview.ts'
import type { Policy } from '../core/policy.ts'
import { changesSince, kept, standingAccess } from '../core/standing.ts'
import type { Chat, Claim, Clock, NewJob, Store } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import { again, done, ended, type Finish, type Handler, type Lease, messageOf } from './handler.ts'
import type { Log } from './log.ts'
import type { Overviews } from './overview.ts'

export interface DigestParts {
  readonly store: Store
  readonly clock: Clock
  readonly chat: Pick<Chat, 'digest'>
  readonly overviews: Overviews
  readonly policy: () => Policy
  readonly log: Log
}

const longestLookMs = 5 * 60_000
/** When Azure does not say everything, it is asked again for so long; then what is known is told. */
const patienceMs = 3_600_000
const againMs = 5 * 60_000
/** More than these nobody compares, and all of them are kept. */
const mostKept = 5_000
const mostShown = 50

const digestJob = (dueAt: number): NewJob => ({
  key: 'digest',
  kind: 'digest',
  // Of its own: Azure may be slow, and nothing that people or grants wait for may wait for that.
  lane: 'reads',
  subject: 'standing access',
  dueAt,
  mode: 'wake',
})

/** Sees to it that the digest comes at its next moment; with each start, and when the policy has changed. */
export async function planDigest({
  store,
  clock,
  policy,
}: Pick<DigestParts, 'store' | 'clock' | 'policy'>): Promise<void> {
  const { digest: schedule } = policy()
  if (!schedule) return
  const now = clock.now()
  const before = await store.records.digest()
  const begins = before?.schedule === scheduleText(schedule) ? null : beginning(schedule, before, now)
  const due = begins ? null : dueSlot(schedule, before, now)
  await store.transact(async (tx) => {
    if (begins) await tx.keepDigest(begins)
    // One that is due has a job that knows when to try again, unless that was lost.
    await tx.putJobs([digestJob(due === null ? nextSlot(schedule, now) : now + againMs)], now)
  })
}

/** Tells a channel once a week what stands open. The job's row is the timer. */
export const tellDigest =
  (parts: DigestParts): Handler =>
  async (claim, stop, lease) => {
    const { store, clock, policy } = parts
    const { digest: schedule } = policy()
    if (!schedule) return done
    const before = await store.records.digest()
    const now = clock.now()
    const slot = dueSlot(schedule, before, now)
    if (!before || slot === null) return again(nextSlot(schedule, now), null)
    const overview = await parts.overviews.look(longestLookMs, stop)
    if (stop.aborted) return again(clock.now(), 'stopped')
    if (overview.unread.length > 0 && clock.now() < slot + patienceMs)
      return again(clock.now() + againMs, 'not every security group could be read')
    return post(parts, claim, lease, { schedule, before, slot, overview })
  }

interface Due {
  readonly schedule: DigestSchedule
  readonly before: KeptDigest
  readonly slot: number
  readonly overview: Overview
}

/** What could not be looked at now is neither gone nor still there. */
function digestOf({ before, overview }: Due, now: number): Digest {
  const unread = new Set(overview.unread.map(({ subscriptionId }) => subscriptionId))
  const doubtful = overview.judged.filter(({ doubt, group }) => doubt || group === 'not known')
  const unsure = new Set(doubtful.map(({ vm }) => vm.id))
  const { vmsAt, rulesAt } = overview
  return {
    at: now,
    since: before.at,
    view: standingIn(overview, mostShown),
    changes: changesSince(
      before.standing,
      standingAccess(overview.judged),
      (vmId) => unsure.has(vmId) || unread.has(vmId.split('/')[2] ?? ''),
    ),
    rulesAt,
    vmsAt,
    unread: overview.unread,
    ...(overview.late && { late: overview.late }),
    doubtful: doubtful.length,
  }
}

async function post(parts: DigestParts, claim: Claim, lease: Lease, due: Due): Promise<Finish> {
  const { store, clock, chat, log } = parts
  const { schedule, before, slot, overview } = due
  const now = clock.now()
  const digest = digestOf(due, now)
  // On record before it is sent: whoever finds it so does not know whether it stands there already.
  const repeat = before.tried === slot
  const ours = repeat || (await store.transact((tx) => tx.keepDigest({ ...before, tried: slot })))
  if (!ours || lease.lapsed()) return again(clock.now(), 'the claim was lost')
  try {
    await chat.digest(schedule.channel, digest, repeat)
  } catch (error) {
    log.error({ error: messageOf(error) }, 'the digest of standing access could not be posted')
    const surely = error instanceof Fault && error.kind !== 'uncertain'
    if (surely && !repeat) await store.transact((tx) => tx.keepDigest({ ...before, tried: null }))
    const afterMs = error instanceof Fault ? error.afterMs : null
    return again(clock.now() + pauseMs(claim.attempt, afterMs), messageOf(error))
  }
  const standing = [...standingAccess(overview.judged).map(kept), ...digest.changes.unsure].slice(0, mostKept)
  await store.transact(async (tx) => {
    const at = clock.now()
    if (!(await tx.finish([claim], at)).has(claim.id)) return
    await tx.keepDigest({ schedule: scheduleText(schedule), slot, tried: null, at, standing })
    await tx.putJobs([digestJob(nextSlot(schedule, at))], at)
  })
  return ended
}
