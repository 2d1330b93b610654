import { sql } from 'kysely'
import type { NewVersion } from '../ports.ts'
import type { Queries } from './schema.ts'

/** As `toText`, and whole: half of a policy would prove nothing. */
const whole = (text: string): string => text.toWellFormed().replaceAll('\0', '')

/** Keeps a text for good and says which version it follows. */
export async function enforcePolicy(
  db: Queries,
  { hash, text }: { readonly hash: string; readonly text: string },
  now: number,
): Promise<NewVersion> {
  const head = await sql<{ hash: string | null }>`select hash from policy_head for update`.execute(db)
  const previous = head.rows[0]?.hash ?? null
  if (previous === hash) return { changed: false, previous }
  await sql`insert into policies (hash, text, first_loaded_at)
    values (${hash}, ${whole(text)}, ${new Date(now)}::timestamptz) on conflict do nothing`.execute(db)
  await sql`update policy_head set hash = ${hash}`.execute(db)
  return { changed: true, previous }
}

export async function policyText(db: Queries, hash: string): Promise<string | null> {
  const found = await sql<{ text: string }>`select text from policies where hash = ${hash}`.execute(db)
  return found.rows[0]?.text ?? null
}
