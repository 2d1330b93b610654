import type { AskedConversion } from '../core/conversion.ts'
import {
  type ConversionEvent,
  type DecidedConversion,
  decideConversion,
  proposed,
} from '../core/decide-conversion.ts'
import type { Clock, NewJob, Store, Tx } from '../ports.ts'
import {
  announceJob,
  conversionCardJob,
  conversionDeadlineJob,
  conversionNewsJob,
  groupJob,
} from './job-of.ts'

async function record(tx: Tx, { next, audit, effects }: DecidedConversion, now: number): Promise<void> {
  await tx.audit(audit)
  const jobs = effects.map((effect): NewJob => {
    switch (effect.kind) {
      case 'write':
        return groupJob(effect.nsgId, 'present', now)
      case 'show':
        return conversionCardJob(next.id, now)
      case 'look':
        return conversionNewsJob(next.id, now)
      case 'set deadline':
        return conversionDeadlineJob(next.id, effect.at)
      default:
        return effect satisfies never
    }
  })
  await tx.putJobs(audit.length > 0 ? [...jobs, announceJob(now)] : jobs, now)
}

/** Puts a wish on record, and has another operator asked. False when one for this VM is not over. */
export async function proposeIn(tx: Tx, conversion: AskedConversion): Promise<boolean> {
  if (!(await tx.putConversion(conversion))) return false
  await record(tx, proposed(conversion), conversion.at)
  return true
}

/** Puts on record what became of a conversion, with everything that comes of it. Null when it was no news. */
export async function conversionIn(
  tx: Tx,
  id: string,
  event: ConversionEvent,
  now: number,
): Promise<AskedConversion | null> {
  const current = await tx.conversion(id)
  const decided = current && decideConversion(current, event, now)
  if (!decided) return null
  await tx.saveConversion(decided.next)
  await record(tx, decided, now)
  return decided.next
}

export const dispatchConversion = (
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  id: string,
  event: ConversionEvent,
): Promise<AskedConversion | null> => store.transact((tx) => conversionIn(tx, id, event, clock.now()))
