import { join } from 'node:path'
import type { Store } from '../../src/ports.ts'
import { openStore } from '../../src/store/store.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { snapshot } from '../support/stores.ts'

/** One of the two databases that the bot can have, empty and its own. */
export interface Engine {
  /** What the bot needs in its environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Null for the embedded database, which nobody but the bot can reach while it runs. */
  readonly url: string | null
  /** Opens it beside or after the bot. */
  open(): Promise<Store>
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
  }
}

let running: Promise<PostgresServer> | null = null

/** The server starts with the first scene that needs it and serves all that follow. */
async function server(): Promise<Engine> {
  running ??= startPostgres()
  const url = await (await running).createDatabase()
  return {
    environment: { DATABASE_URL: url },
    url,
    open: () => openStore({ databaseUrl: url }),
  }
}

/** Shuts the running server down, and answers how to start it again; null when that is not ours to do. */
export const haltServer = async (): Promise<(() => Promise<void>) | null> =>
  (await (await running)?.halt?.()) ?? null

/** Stops the server, if one was started. */
export async function stopServer(): Promise<void> {
  const last = await running
  running = null
  await last?.stop()
}

export const engines: Readonly<Record<EngineName, (folder: string) => Promise<Engine>>> = {
  embedded,
  server,
}
