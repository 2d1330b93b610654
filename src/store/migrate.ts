import { createHash } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { CompiledQuery, type Kysely, sql } from 'kysely'
import type { Log } from './log.ts'
import type { Schema } from './schema.ts'

interface Migration {
  readonly name: string
  readonly text: string
  readonly hash: string
}

const folder = join(import.meta.dirname, 'migrations')

/** The numbered files, in order. */
export async function migrations(): Promise<readonly Migration[]> {
  const names = (await fs.readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const text = await fs.readFile(join(folder, name), 'utf8')
      return { name, text, hash: createHash('sha256').update(text).digest('hex') }
    }),
  )
}

async function applied(db: Kysely<Schema>): Promise<Map<string, string>> {
  const known = await sql<{ found: boolean }>`select to_regclass('migrations') is not null as found`.execute(
    db,
  )
  if (!known.rows[0]?.found) return new Map()
  const done = await db.selectFrom('migrations').select(['name', 'hash']).execute()
  return new Map(done.map((row) => [row.name, row.hash]))
}

function pending(all: readonly Migration[], done: ReadonlyMap<string, string>): readonly Migration[] {
  for (const { name, hash } of all) {
    if (done.has(name) && done.get(name) !== hash) {
      throw new Error(`The migration ${name} was changed after it had been applied to this database.`)
    }
  }
  return all.filter(({ name }) => !done.has(name))
}

/** Brings the database up to date and answers what was applied. Replicas that start together wait in line. */
export async function migrate(db: Kysely<Schema>, log: Log): Promise<readonly string[]> {
  const all = await migrations()
  const done = await applied(db)
  const newer = [...done.keys()].filter((name) => all.every((migration) => migration.name !== name))
  if (newer.length > 0) log.warn({ newer }, 'the database was migrated by a newer version of this product')
  // A role without the right to create tables can run a database that is up to date.
  if (pending(all, done).length === 0) return []
  return db.transaction().execute(async (tx) => {
    // The first lock of the pair (4242, 0) is this one; replicas hold (4242, their slot).
    await sql`select pg_advisory_xact_lock(4242, 0)`.execute(tx)
    await sql`create table if not exists migrations (
      name text primary key, hash text not null, applied_at timestamptz not null default now())`.execute(tx)
    const open = pending(all, await applied(tx))
    for (const { name, hash, text } of open) {
      await tx.executeQuery(CompiledQuery.raw(text))
      await tx.insertInto('migrations').values({ name, hash }).execute()
    }
    return open.map(({ name }) => name)
  })
}
