import { sql } from 'kysely'
import type { Queries } from './schema.ts'

const dayMs = 24 * 60 * 60 * 1000

const tables = [
  'jobs',
  'requests',
  'grants',
  'rules',
  'reviews',
  'notes',
  'places',
  'intakes',
  'addresses',
  'address_links',
  'automatic_approvals',
  'feeds',
  'strays',
  'alarms',
  'policies',
  'policy_head',
  'inventory_pieces',
  'inventory_head',
  'audit',
  'audit_head',
]

/** Longer than any sensible policy counts an address as somebody's. */
const addressDays = 90

/** Slack repeats a gesture within minutes, so a key older than a day guards against nothing. */
export async function purge(db: Queries, now: number): Promise<void> {
  const limit = new Date(now - dayMs)
  await db.deleteFrom('intakes').where('ended_at', '<', limit).where('received_at', '<', limit).execute()
  await db.deleteFrom('notes').where('sent_at', '<', limit).execute()
  await sql`delete from address_links where expires_at < ${limit}`.execute(db)
  await sql`delete from alarms where sent_at < ${limit}`.execute(db)
  await sql`delete from automatic_approvals where at < ${limit}`.execute(db)
  await sql`delete from addresses where given_at < ${new Date(now - addressDays * dayMs)}`.execute(db)
}

/** The embedded database has no background processes: without this, its files only ever grow. */
export async function tidyEmbedded(db: Queries): Promise<void> {
  // One table at a time, because each statement keeps everything else waiting.
  for (const table of tables) await sql`vacuum (analyze) ${sql.table(table)}`.execute(db)
  await sql`checkpoint`.execute(db)
}
