import { sql } from 'kysely'
import type { Case } from '../core/case.ts'
import type { KeptDigest } from '../core/digest.ts'
import type { Person } from '../core/person.ts'
import { casesWith } from './cases.ts'
import type { Log } from './log.ts'
import type { Queries } from './schema.ts'

/** What somebody waits for, and what they have open or is not closed yet; the newest first. */
export async function ownCases(
  db: Queries,
  { userId }: Person,
  most: number,
  log: Log,
): Promise<readonly Case[]> {
  const cases = await casesWith(
    db,
    sql`r.id in (
      select q.id from requests q left join grants h on h.request_id = q.id
      where q.requester_user = ${userId}
        and (q.state = 'pending' or (q.state = 'approved' and (h.id is null or h.state <> 'closed')))
      order by q.requested_at desc, q.id limit ${most})`,
    log,
  )
  return cases.toSorted((a, b) => b.request.requestedAt - a.request.requestedAt)
}

/** Who had access to each of these VMs last. */
export async function lastAccess(
  db: Queries,
  vmIds: readonly string[],
): Promise<ReadonlyMap<string, { readonly userId: string; readonly at: number }>> {
  if (vmIds.length === 0) return new Map()
  const found = await sql<{ vm_id: string; user_id: string; at: number }>`
    select distinct on (r.vm_id) r.vm_id, r.requester_user as user_id, (g.doc ->> 'openedAt')::float8 as at
    from requests r join grants g on g.request_id = r.id
    where r.vm_id = any(${[...vmIds]}::text[]) and g.opened_at is not null
    order by r.vm_id, g.opened_at desc, r.id`.execute(db)
  return new Map(found.rows.map(({ vm_id, user_id: userId, at }) => [vm_id, { userId, at }]))
}

export async function readDigest(db: Queries): Promise<KeptDigest | null> {
  const row = await db.selectFrom('digests').select('doc').executeTakeFirst()
  return row?.doc ?? null
}

/** Never backwards: a replica that was paused must not make the digest come twice. */
export async function keepDigest(db: Queries, digest: KeptDigest): Promise<boolean> {
  const doc = JSON.stringify(digest)
  const kept = await db
    .insertInto('digests')
    .values({ one: true, doc })
    .onConflict((conflict) =>
      conflict
        .column('one')
        .doUpdateSet({ doc })
        .where(sql<boolean>`(digests.doc ->> 'slot')::float8 <= ${digest.slot}::float8`),
    )
    .executeTakeFirst()
  return Number(kept.numInsertedOrUpdatedRows) === 1
}
