import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import house from '../../package.json' with { type: 'json' }
import type { Store } from '../../src/ports.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import type { Log } from '../../src/store/log.ts'
import { migrations } from '../../src/store/migrate.ts'
import { storeOn } from '../../src/store/store.ts'

/** A store, and the database under it for what only a test may do. */
export interface TestStore {
  readonly store: Store
  readonly database: Database
}

/**
 * The first start of the embedded database takes seconds. It is made once for a set of migrations and kept
 * beside other temporary files; every other database starts from a copy.
 */
export async function snapshot(): Promise<Blob> {
  const hash = createHash('sha256').update(house.dependencies['@electric-sql/pglite'])
  for (const migration of await migrations()) hash.update(migration.name).update(migration.hash)
  const file = join(tmpdir(), `jitney-test-${hash.digest('hex').slice(0, 16)}.tar.gz`)
  if (!existsSync(file)) {
    const database = await openDatabase({ dataDir: 'memory:' })
    const dump = await database.dump()
    await database.close()
    const fresh = `${file}.${process.pid}`
    await writeFile(fresh, Buffer.from(await dump.arrayBuffer()))
    await rename(fresh, file)
  }
  return new Blob([await readFile(file)], { type: 'application/x-gzip' })
}

/** An embedded database that is gone when it is closed. */
export async function memoryStore(log?: Log): Promise<TestStore> {
  const database = await openDatabase({ dataDir: 'memory:', snapshot: await snapshot(), log })
  return { database, store: await storeOn(database) }
}

/** A replica on a server's database. */
export async function serverStore(databaseUrl: string, log?: Log): Promise<TestStore> {
  const database = await openDatabase({ databaseUrl, log })
  return { database, store: await storeOn(database) }
}

const tables = [
  'strays',
  'alarms',
  'jobs',
  'intakes',
  'addresses',
  'address_links',
  'entra_users',
  'feeds',
  'automatic_approvals',
  'notes',
  'places',
  'panics',
  'protections',
  'conversions',
  'digests',
  'inventory_pieces',
  'policies',
  'audit',
  'rules',
  'grants',
  'reviews',
]

/** Empties every table, past the trigger that keeps the product from doing so. Faster than `truncate`. */
export async function empty({ kysely }: Database): Promise<void> {
  await kysely.transaction().execute(async (tx) => {
    await sql`alter table audit disable trigger append_only`.execute(tx)
    await sql`alter table policies disable trigger kept`.execute(tx)
    await sql`update policy_head set hash = null`.execute(tx)
    await sql`delete from inventory_head`.execute(tx)
    await sql`insert into inventory_head default values`.execute(tx)
    for (const table of [...tables, 'requests']) await sql`delete from ${sql.table(table)}`.execute(tx)
    await sql`alter table audit enable trigger append_only`.execute(tx)
    await sql`alter table policies enable trigger kept`.execute(tx)
    await sql`update audit_head set seq = 0, hash = repeat('0', 64)`.execute(tx)
  })
}
