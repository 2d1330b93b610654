import type { Config } from './config.ts'
import type { Log } from './engine/log.ts'
import type { Store } from './ports.ts'
import { connect } from './store/database.ts'
import { migrate } from './store/migrate.ts'
import { openStore } from './store/store.ts'
import type { Upkeep } from './upkeep.ts'

const databaseOf = (config: Pick<Config, 'DATABASE_URL' | 'DATA_DIR'>) =>
  config.DATABASE_URL === undefined ? { dataDir: config.DATA_DIR } : { databaseUrl: config.DATABASE_URL }

/** Waits for a database server that is not there yet; a directory that cannot be used is a mistake to mend. */
export async function openDatabase(config: Config, upkeep: Upkeep, log: Log): Promise<Store> {
  if (config.DATABASE_URL === undefined) return openStore({ ...databaseOf(config), log })
  let store: Store | null = null
  await upkeep.until('Connecting to the database', async () => {
    store = await openStore({ ...databaseOf(config), log })
  })
  if (!store) throw new Error('The bot was stopped before the database answered.')
  return store
}

/** Applies the migrations and answers the names of those that were new. */
export async function migrateDatabase(
  config: Pick<Config, 'DATABASE_URL' | 'DATA_DIR'>,
): Promise<readonly string[]> {
  const database = await connect(databaseOf(config))
  try {
    return await migrate(database.kysely, database.log)
  } finally {
    await database.close()
  }
}
