/** The bot as `start` runs it, except that its worker can be made to wait. */
import { startApp } from '../../src/app.ts'
import { createDatabaseClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { openStore } from '../../src/store/store.ts'
import { serve } from './part.ts'

export interface BotPart {
  /** `resting`: what people ask for is stored and acknowledged, and nothing comes of it yet. */
  readonly given: { readonly resting: boolean }
  readonly facts: { readonly port: number }
  readonly orders: {
    /** Lets a resting worker begin. */
    readonly wake: () => void
  }
}

const config = readConfig()

async function startResting() {
  const store = await openStore({ dataDir: config.DATA_DIR })
  const clock = createDatabaseClock(() => store.time())
  await clock.anchor()
  return startApp(config, { store, clock })
}

await serve<BotPart>(async ({ resting }) => {
  const app = await (resting ? startResting() : startApp(config))
  await app.ready
  return { facts: { port: app.webPort }, orders: { wake: () => app.engine.worker.start() } }
})
