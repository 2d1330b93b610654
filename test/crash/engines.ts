import { join } from 'node:path'
import type { Store } from '../../src/ports.ts'
import { openStore } from '../../src/store/store.ts'
import { startPostgres } from '../support/postgres.ts'
import { snapshot } from '../support/stores.ts'

/** One of the two databases that the bot can have, empty and its own. */
export interface Engine {
  /** What the bot needs in its environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Null for the embedded database, which nobody but the bot can reach while it runs. */
  readonly url: string | null
  /** Opens it beside or after the bot. */
  open(): Promise<Store>
  close(): Promise<void>
}

export type EngineName = 'embedded' | 'server'

async function embedded(folder: string): Promise<Engine> {
  const dataDir = join(folder, 'data')
  const first = await openStore({ dataDir, snapshot: await snapshot() })
  await first.close()
  return {
    environment: { DATA_DIR: dataDir },
    url: null,
    open: () => openStore({ dataDir }),
    close: async () => {},
  }
}

async function server(): Promise<Engine> {
  const postgres = await startPostgres()
  const url = await postgres.createDatabase()
  return {
    environment: { DATABASE_URL: url },
    url,
    open: () => openStore({ databaseUrl: url }),
    close: () => postgres.stop(),
  }
}

export const engines: Readonly<Record<EngineName, (folder: string) => Promise<Engine>>> = {
  embedded,
  server,
}
