import type { Store } from '../src/ports.ts'
import { type Database, openDatabase, type StoreOptions } from '../src/store/database.ts'
import { storeOn } from '../src/store/store.ts'

/** Puts into a database what should be there before the bot opens it. */
export type Fill = (opened: { readonly database: Database; readonly store: Store }) => Promise<void>

export async function prepare(options: StoreOptions, fill: Fill): Promise<void> {
  const database = await openDatabase(options)
  const store = await storeOn(database)
  try {
    await fill({ database, store })
  } finally {
    await store.close()
  }
}
