/** The bot as `start` runs it, except that its worker can be made to rest. */
import { startApp } from '../../src/app.ts'
import { createDatabaseClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { openStore } from '../../src/store/store.ts'
import { type Shape, serve } from './part.ts'

export interface BotPart extends Shape {
  /** `resting`: what people ask for is stored and acknowledged, and nothing comes of it. */
  readonly given: { readonly resting: boolean }
  readonly facts: { readonly port: number }
}

const config = readConfig()

/** With a clock of somebody else's, the bot leaves its worker to them. */
async function startResting() {
  const store = await openStore({ dataDir: config.DATA_DIR })
  const clock = createDatabaseClock(() => store.time())
  await clock.anchor()
  return startApp(config, { store, clock })
}

await serve<BotPart>(async ({ resting }) => {
  const app = await (resting ? startResting() : startApp(config))
  await app.ready
  return { facts: { port: app.webPort }, orders: {} }
})
