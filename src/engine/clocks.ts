import type { Store } from '../ports.ts'
import { alarmJob } from './job-of.ts'

/** Each replica tells of its own clock: what one sees must not take back what another saw. */
const key = `clocks:${crypto.randomUUID()}`

/** Raises the alarm when clocks come to disagree, and lets it be raised again once they agree. */
export async function tellClocks(store: Store, now: number, trouble: string | null): Promise<void> {
  await store.transact(async (tx) => {
    if (trouble === null) await tx.endAlarm(key)
    else if ((await tx.raiseAlarms([{ key, alarm: { type: 'clocks', detail: trouble } }], now)) > 0) {
      await tx.putJobs([alarmJob(now)], now)
    }
  })
}
