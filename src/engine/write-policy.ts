import type { ProtectionEvent } from '../core/decide-protection.ts'
import { sameEntry } from '../core/policy-entry.ts'
import type { PolicyEntry, Protection } from '../core/protection.ts'
import type { Clock, JitPolicies, PolicyOrder, PolicyWritten, Store } from '../ports.ts'
import { nextTry } from './close-rule.ts'
import { again, done, type Handler, messageOf } from './handler.ts'
import { alarmJob } from './job-of.ts'
import type { Log } from './log.ts'
import { dispatchProtection, tellStuck } from './protections.ts'
import { within } from './within.ts'

export interface PolicyParts {
  readonly store: Store
  readonly clock: Clock
  readonly jitPolicies?: JitPolicies | null
  readonly log: Log
}

const longestWriteMs = 25_000

interface Work {
  readonly protection: Protection
  readonly entry: PolicyEntry
}

const isBusy = ({ state }: Protection) => state === 'protecting' || state === 'unprotecting'

async function workIn(store: Store, policyId: string): Promise<readonly Work[]> {
  const all = await store.protections()
  return all.flatMap((protection) =>
    protection.entry &&
    isBusy(protection) &&
    protection.entry.policyId.toLowerCase() === policyId.toLowerCase()
      ? [{ protection, entry: protection.entry }]
      : [],
  )
}

/**
 * Works on one just-in-time policy until nothing is left to do there. The claim of this job is the lease on the policy:
 * one write at a time, whichever replica does it, because each write is of the whole policy.
 */
export const writePolicy =
  (parts: PolicyParts): Handler =>
  async (claim, stop, lease) => {
    const { store, clock } = parts
    for (;;) {
      const left = await workIn(store, claim.subject)
      if (left.length === 0) return done
      if (lease.lapsed()) return again(clock.now(), 'the lease on the policy lapsed')
      const next = left.find(({ entry }) => (entry.nextTryAt ?? 0) <= clock.now())
      if (!next || stop.aborted) {
        const at = Math.min(...left.map(({ entry }) => entry.nextTryAt ?? 0))
        return again(Math.max(at, clock.now()), null)
      }
      await workOn(parts, next, stop)
    }
  }

const orderOf = ({ protection: { vm }, entry: { policyId, before, stood } }: Work): PolicyOrder => ({
  policyId,
  vmId: vm.id,
  location: vm.location,
  stood: stood === true || before !== null,
})

async function workOn(parts: PolicyParts, work: Work, stop: AbortSignal): Promise<void> {
  const { protection, entry } = work
  const undoes = protection.state === 'unprotecting'
  const event = undoes ? await undo(parts, work, stop) : await write(parts, work, entry.entry, stop)
  await dispatchProtection(parts, protection.id, event)
  if (undoes && event.type === 'postponed')
    await tellStuck(parts, protection.id, {
      place: entry.policyId,
      name: protection.vm.name,
      why: 'Defender for Cloud does not take the change',
    })
}

/** Back to what stood there before, unless somebody has changed it since: that is left to them. */
async function undo(parts: PolicyParts, work: Work, stop: AbortSignal): Promise<ProtectionEvent> {
  const { jitPolicies, clock } = parts
  const { entry } = work
  if (!jitPolicies)
    return later(parts, work, { kind: 'try again', why: 'nothing here can write it', afterMs: null })
  try {
    const now = await within(clock, longestWriteMs, stop, (signal) =>
      jitPolicies.entry(orderOf(work), signal),
    )
    if (now === null) return { type: 'entry undone', left: entry.before !== null }
    if (!sameEntry(now, entry.entry) && !sameEntry(now, entry.before))
      return { type: 'entry undone', left: true }
  } catch (error) {
    return later(parts, work, { kind: 'try again', why: messageOf(error), afterMs: null })
  }
  return write(parts, work, entry.before, stop)
}

async function write(
  parts: PolicyParts,
  work: Work,
  entry: string | null,
  stop: AbortSignal,
): Promise<ProtectionEvent> {
  const { jitPolicies, clock, store } = parts
  const { state, id } = work.protection
  if (!jitPolicies)
    return later(parts, work, { kind: 'try again', why: 'nothing here can write it', afterMs: null })
  const written = await within(clock, longestWriteMs, stop, (signal) =>
    jitPolicies.write(orderOf(work), entry, signal),
  )
  if (written.kind === 'done') {
    if (written.changes.length > 0) await tellChanges(store, clock.now(), id, work, written.changes)
    return state === 'protecting' ? { type: 'entry written' } : { type: 'entry undone', left: false }
  }
  if (written.kind === 'refused' && state === 'protecting')
    return {
      type: 'could not protect',
      detail: written.code === 'gone' ? written.why : `Defender for Cloud refuses it: ${written.why}`,
    }
  return later(parts, work, written)
}

function later(
  parts: PolicyParts,
  { protection, entry }: Work,
  written: Exclude<PolicyWritten, { kind: 'done' }>,
): ProtectionEvent {
  const { clock, log } = parts
  const { at, why } = nextTry(clock, { attempts: entry.attempts ?? 0, expiresAt: clock.now() }, written)
  log.warn({ protection: protection.id, policy: entry.policyId, why }, 'a policy is not as it should be yet')
  return { type: 'postponed', of: 'entry', nextTryAt: at, sent: true }
}

async function tellChanges(
  store: Store,
  now: number,
  id: string,
  { entry }: Work,
  changes: readonly string[],
): Promise<void> {
  const alarm = { type: 'policy changed', policyId: entry.policyId, changes } as const
  await store.transact(async (tx) => {
    await tx.raiseAlarms([{ key: `jit policy:${id}:${now}`, alarm }], now)
    await tx.putJobs([alarmJob(now)], now)
  })
}
