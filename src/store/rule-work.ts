import { sql } from 'kysely'
import type { RuleWork } from '../ports.ts'
import { readRule } from './case-rows.ts'
import { toText } from './json.ts'
import { type Log, reasonOf } from './log.ts'
import type { Queries } from './schema.ts'

/** What a rule should become: a closing grant wants its rules gone, an opening one wants those that are missing. */
const want = sql`case when g.state = 'closing' and u.state <> 'absent' then 'absent'
  when g.state = 'opening' and u.state = 'planned' then 'present' end`

interface WorkRow {
  nsg_id: string
  doc: unknown
  grant_id: string
  request_id: string
  want: 'present' | 'absent'
  expires_at: number
  tried_for: string | null
  attempts: number
  next_try_at: Date | null
}

function readWork(row: WorkRow): RuleWork {
  const tried = row.tried_for === row.want
  return {
    rule: readRule(row.doc),
    grantId: row.grant_id,
    requestId: row.request_id,
    want: row.want,
    expiresAt: row.expires_at,
    attempts: tried ? row.attempts : 0,
    nextTryAt: tried ? (row.next_try_at?.getTime() ?? 0) : 0,
  }
}

/** What there is to write in each of these groups: closes first, then by expiry. */
export async function ruleWork(
  db: Queries,
  nsgIds: readonly string[],
  log: Log,
): Promise<ReadonlyMap<string, readonly RuleWork[]>> {
  const found = await sql<WorkRow>`
    select * from (
      select u.nsg_id, u.doc, u.grant_id, g.request_id, ${want} as want,
        (g.doc ->> 'expiresAt')::float8 as expires_at, u.tried_for, u.attempts, u.next_try_at
      from rules u join grants g on g.id = u.grant_id
      where u.nsg_id = any(${[...nsgIds]}::text[]) and u.state <> 'absent') as work
    where want is not null order by want, expires_at, grant_id`.execute(db)
  const work = new Map<string, RuleWork[]>(nsgIds.map((id) => [id, []]))
  for (const row of found.rows) {
    try {
      work.get(row.nsg_id)?.push(readWork(row))
    } catch (error) {
      const { grant_id: grantId, nsg_id: nsgId } = row
      log.error({ error: reasonOf(error), grantId, nsgId }, 'a rule cannot be read and is left out')
    }
  }
  return work
}

/** Tries count from one again when the grant now wants something else of the rule. Without an error it only waits. */
export async function postpone(
  db: Queries,
  grantId: string,
  nsgId: string,
  nextTryAt: number,
  error: string | null,
  deniesAt: number | null = null,
): Promise<void> {
  const tries = error === null ? 0 : 1
  const met = error === null ? null : toText(error)
  const denies = deniesAt === null ? null : new Date(deniesAt)
  await sql`update rules u set tried_for = ${want},
      attempts = case when u.tried_for = ${want} then u.attempts else 0 end + ${tries}::integer,
      last_error = case when u.tried_for = ${want} then coalesce(${met}::text, u.last_error) else ${met}::text end,
      denies_at = case when u.tried_for = ${want} and ${tries}::integer = 0 then u.denies_at
        else ${denies}::timestamptz end,
      next_try_at = ${new Date(nextTryAt)}::timestamptz
    from grants g where g.id = u.grant_id and u.grant_id = ${grantId} and u.nsg_id = ${nsgId}`.execute(db)
}
