import { decideProtection, type ProtectionEffect, type ProtectionEvent } from '../core/decide-protection.ts'
import type { Protection } from '../core/protection.ts'
import type { Clock, NewJob, Store, Tx } from '../ports.ts'
import {
  alarmJob,
  announceJob,
  groupJob,
  policyJob,
  protectionNewsJob,
  removalDeadlineJob,
} from './job-of.ts'

const alarmPrefix = (id: string) => `protection:${id}:`

async function perform(
  tx: Tx,
  protection: Protection,
  effect: ProtectionEffect,
  now: number,
): Promise<NewJob[]> {
  const { id, vm } = protection
  switch (effect.kind) {
    case 'write':
      return [groupJob(effect.nsgId, 'present', now)]
    case 'write policy':
      return [policyJob(effect.policyId, now)]
    case 'tell':
      return [protectionNewsJob(id, now)]
    case 'alarm': {
      const { place, name, changes } = effect.loss
      const alarm = { type: 'protection lost', vm: vm.name, protectionId: id, place, name, changes } as const
      await tx.raiseAlarms([{ key: `${alarmPrefix(id)}${place}/${name}`, alarm }], now)
      return [alarmJob(now)]
    }
    case 'ask about removal': {
      const { removal } = effect
      const alarm = { type: 'removal', vm: vm.name, protectionId: id, removal } as const
      await tx.raiseAlarms([{ key: `${alarmPrefix(id)}removal:${removal.id}`, alarm }], now)
      return [alarmJob(now), removalDeadlineJob(id, removal.id, effect.until)]
    }
    case 'end alarm':
      await tx.endAlarm(`${alarmPrefix(id)}${effect.key}`)
      return []
    default:
      return effect satisfies never
  }
}

/** Puts on record what became of a protection, with everything that comes of it. Null when it was no news. */
export async function protectionIn(
  tx: Tx,
  id: string,
  event: ProtectionEvent,
  now: number,
): Promise<Protection | null> {
  const current = await tx.protection(id)
  const decided = current && decideProtection(current, event, now)
  if (!decided) return null
  const { next, audit, effects } = decided
  await tx.saveProtection(next)
  const jobs: NewJob[] = audit.length > 0 ? [announceJob(now)] : []
  for (const effect of effects) jobs.push(...(await perform(tx, next, effect, now)))
  if (next.state === 'unprotected') await tx.endAlarms(alarmPrefix(id))
  await tx.audit(audit)
  await tx.putJobs(jobs, now)
  return next
}

export const dispatchProtection = (
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  id: string,
  event: ProtectionEvent,
): Promise<Protection | null> => store.transact((tx) => protectionIn(tx, id, event, clock.now()))

const stuckAfterMs = 60_000

/** Calls the operators, once, about what was to be removed and has not gone for more than a minute. */
export async function tellStuck(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  id: string,
  of: { readonly place: string; readonly name: string; readonly why: string },
): Promise<void> {
  const now = clock.now()
  await store.transact(async (tx) => {
    const found = await tx.protection(id)
    if (!found?.ending || found.endedAt !== undefined || now - found.ending.at < stuckAfterMs) return
    const key = `${alarmPrefix(id)}stuck ${of.place}/${of.name}`
    const alarm = { type: 'protection stuck', vm: found.vm.name, ...of } as const
    if ((await tx.raiseAlarms([{ key, alarm }], now)) > 0) await tx.putJobs([alarmJob(now)], now)
  })
}
