import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from './ports.ts'

/** A clock that is set from the database now and then, and runs on the local monotonic clock in between. */
export interface DatabaseClock extends Clock {
  /** Reads the database's time once. */
  readonly anchor: () => Promise<void>
}

/** What two readings may differ by without either being wrong. */
const toleratedStepMs = 1_000

/** The longest single wait: a timer over 2^31-1 ms fires at once. */
const longestWait = 2 ** 31 - 1

const sleep: Clock['sleep'] = async (ms, signal) => {
  try {
    await wait(Math.min(ms, longestWait), undefined, signal ? { signal } : {})
  } catch (error) {
    if (!signal?.aborted) throw error
  }
}

/** The machine's own clock, for what runs without a database. */
export const wallClock: Clock = { now: () => Date.now(), sleep }

export function createDatabaseClock(databaseTime: () => Promise<number>): DatabaseClock {
  let base: { database: number; local: number } | null = null
  let latest = Number.NEGATIVE_INFINITY
  const now = () => {
    if (!base) throw new Error('The clock was read before it was set from the database.')
    latest = Math.max(latest, Math.round(base.database + (performance.now() - base.local)))
    return latest
  }
  return {
    now,
    sleep,
    anchor: async () => {
      const before = performance.now()
      const database = await databaseTime()
      const after = performance.now()
      const local = (before + after) / 2
      // A reading that took long says little; keep the old anchor unless there is none.
      if (base && after - before >= 1_000) return
      // A database whose clock was set back must not make access last longer: this one only ever runs on, and
      // what it takes to be late is closed early.
      const running = base ? base.database + (local - base.local) : database
      const steppedBack = running - database > toleratedStepMs
      base = { database: steppedBack ? running : database, local }
    },
  }
}
