import { sql } from 'kysely'
import type { Lift, Panic } from '../core/panic.ts'
import { toJson } from './json.ts'
import type { Queries } from './schema.ts'

/** One number for this lock among all advisory locks of the database. */
const gate = 7_340_021

const ofRow = ({ doc }: { doc: Panic }): Panic => doc

const active = (db: Queries) =>
  db.selectFrom('panics').select('doc').where('lifted_at', 'is', null).orderBy('id').execute()

export const panics = async (db: Queries): Promise<readonly Panic[]> => (await active(db)).map(ofRow)

/**
 * Whoever opens access holds the gate together with others; whoever stops it holds it alone. So a stop that is
 * committed was seen by everything that commits later, and sees everything that was committed before.
 */
export async function panicsSharing(db: Queries): Promise<readonly Panic[]> {
  await sql`select pg_advisory_xact_lock_shared(${sql.lit(gate)})`.execute(db)
  return panics(db)
}

export async function putPanic(db: Queries, panic: Panic): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(${sql.lit(gate)})`.execute(db)
  const put = await db
    .insertInto('panics')
    .values({ id: panic.id, doc: toJson(panic) })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .execute()
  return put.length > 0
}

export async function liftPanics(
  db: Queries,
  ids: readonly string[],
  lift: Lift,
): Promise<readonly string[]> {
  if (ids.length === 0) return []
  const lifted = await db
    .updateTable('panics')
    .set({
      lifted_at: new Date(lift.at),
      doc: sql`doc || jsonb_build_object('lifted', ${toJson(lift)}::jsonb)`,
    })
    .where('id', 'in', [...ids])
    .where('lifted_at', 'is', null)
    .returning('id')
    .execute()
  return lifted.map(({ id }) => id)
}

export async function onePanic(
  db: Queries,
  id: string,
): Promise<{ readonly panic: Panic; readonly total: number } | null> {
  const row = await db.selectFrom('panics').select(['doc', 'total']).where('id', '=', id).executeTakeFirst()
  return row ? { panic: row.doc, total: row.total ?? 0 } : null
}

export async function countPanic(db: Queries, id: string, more: number): Promise<void> {
  await db
    .updateTable('panics')
    .set({ total: sql`coalesce(total, 0) + ${more}` })
    .where('id', '=', id)
    .execute()
}
