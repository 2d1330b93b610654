import { sql } from 'kysely'
import type { Intake } from '../ports.ts'
import { toJson } from './json.ts'
import type { Queries } from './schema.ts'

/** One statement, so one round trip, before Slack is told that we have it. */
export async function receive(db: Queries, intake: Intake, signal: ReturnType<typeof sql>): Promise<boolean> {
  const at = new Date(intake.receivedAt)
  const found = await sql<{ stored: boolean }>`
    with stored as (
      insert into intakes (key, received_at, gesture)
      values (${intake.key}, ${at}::timestamptz, ${toJson(intake.gesture)}::jsonb)
      on conflict (key) do nothing returning key),
    put as (
      insert into jobs (key, kind, lane, subject, due_at, run_at)
      select ${`intake:${intake.key}`}, 'intake', 'people', key, ${at}::timestamptz, ${at}::timestamptz
      from stored on conflict (key) do nothing),
    told as (${signal} from stored)
    select exists (select from stored) as stored, (select count(*) from told) as told`.execute(db)
  return found.rows[0]?.stored ?? false
}

export async function readIntake(db: Queries, key: string): Promise<Intake | null> {
  const row = await db
    .selectFrom('intakes')
    .select(['received_at', 'gesture'])
    .where('key', '=', key)
    .executeTakeFirst()
  if (!row || row.gesture === null) return null
  return { key, receivedAt: row.received_at.getTime(), gesture: row.gesture }
}

/** What a gesture carried (a text, a way to answer) is not kept longer than it is needed. */
export async function endIntake(db: Queries, key: string, now: number): Promise<void> {
  await db
    .updateTable('intakes')
    .set({ gesture: null, ended_at: new Date(now) })
    .where('key', '=', key)
    .execute()
}
