import type { Store } from '../src/ports.ts'
import { type Database, openDatabase, type StoreOptions } from '../src/store/database.ts'
import { storeOn } from '../src/store/store.ts'

/** Works in a database before the bot opens it. */
export async function prepare(
  options: StoreOptions,
  work: (opened: { readonly database: Database; readonly store: Store }) => Promise<void>,
): Promise<void> {
  const database = await openDatabase(options)
  const store = await storeOn(database)
  try {
    await work({ database, store })
  } finally {
    await store.close()
  }
}
