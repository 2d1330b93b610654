/** The bot with grants that are all due at one moment, which comes when the parent says so. */
import { sql } from 'kysely'
import { startApp } from '../../src/app.ts'
import { createDatabaseClock, type DatabaseClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import type { Clock } from '../../src/ports.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { storeOn } from '../../src/store/store.ts'
import { seedGrants } from '../grants.ts'
import { seed, type Written } from '../seed.ts'
import { type Shape, serve } from './part.ts'

export interface DueBotPart extends Shape {
  readonly orders: {
    /** Makes the grants and starts the bot. */
    readonly begin: (what: {
      readonly expiresAt: number
      readonly written: readonly Written[]
    }) => Promise<void>
    /** Moves the bot's clock this far ahead of the real one. */
    readonly shift: (ms: number) => void
    /** How many grants are closed. */
    readonly closed: () => Promise<number>
  }
}

/** The clock that the bot always has, ahead of itself. */
class ShiftedClock implements Clock {
  readonly #base: DatabaseClock
  ahead = 0

  constructor(base: DatabaseClock) {
    this.#base = base
  }

  now(): number {
    return this.#base.now() + this.ahead
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#base.sleep(ms, signal)
  }
}

async function countClosed({ kysely }: Database): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::int as count from grants where state = 'closed'`.execute(kysely)
  return found.rows[0]?.count ?? 0
}

await serve<DueBotPart>(async () => {
  const config = readConfig()
  const { DATABASE_URL: databaseUrl, DATA_DIR: dataDir } = config
  const database = await openDatabase({ databaseUrl, dataDir })
  const store = await storeOn(database)
  const base = createDatabaseClock(() => store.time())
  await base.anchor()
  const clock = new ShiftedClock(base)
  return {
    facts: null,
    orders: {
      begin: async ({ expiresAt, written }) => {
        const count = written.length
        const grants = seedGrants({ count }, () => expiresAt, { subscriptions: 1, groups: count })
        await seed({ database, store }, grants, base.now(), written)
        const app = await startApp(config, { store, clock })
        await app.ready
        app.engine.worker.start()
      },
      shift: (ms) => {
        clock.ahead = ms
      },
      closed: () => countClosed(database),
    },
  }
})
