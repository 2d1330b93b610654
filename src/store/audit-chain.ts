import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { type AuditEvent, type AuditRecord, chainText } from '../core/audit.ts'
import { rows, toJson } from './json.ts'
import type { Queries } from './schema.ts'

/** What the first record of a chain has before it. */
const genesis = '0'.repeat(64)

const chainHash = (seq: number, previous: string, event: AuditEvent): string =>
  createHash('sha256')
    .update(chainText(seq, previous, event))
    .digest('hex')

/** The head row is locked until the commit, so this comes last in a transaction. */
export async function appendAudit(db: Queries, events: readonly AuditEvent[]): Promise<void> {
  if (events.length === 0) return
  const head = await sql<{ seq: number; hash: string }>`select seq, hash from audit_head for update`.execute(
    db,
  )
  let { seq, hash } = head.rows[0] ?? { seq: 0, hash: genesis }
  const records = events.map((given) => {
    // Hashed as it will be read back: JSON drops what is undefined and mends broken text.
    const event: AuditEvent = JSON.parse(toJson(given))
    const previous = hash
    seq += 1
    hash = chainHash(seq, previous, event)
    return { seq, previous, hash, event }
  })
  await sql`with added as (
      insert into audit (seq, previous, hash, event)
      select seq, previous, hash, event from jsonb_to_recordset(${rows(records)})
        as x(seq bigint, previous text, hash text, event jsonb) order by seq)
    update audit_head set seq = ${seq}, hash = ${hash}`.execute(db)
}

export async function auditAfter(db: Queries, seq: number, limit: number): Promise<readonly AuditRecord[]> {
  const found = await db
    .selectFrom('audit')
    .select(['seq', 'previous', 'hash', 'event'])
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute()
  return found.map(({ event, ...place }) => ({ ...event, ...place }))
}

/**
 * The number of the first record that does not follow from the one before it, or null. `after` is the last
 * record that was verified before; null stands for the beginning of the chain.
 */
export function firstBroken(
  records: readonly AuditRecord[],
  after: Pick<AuditRecord, 'seq' | 'hash'> | null = null,
): number | null {
  let last = after ?? { seq: 0, hash: genesis }
  for (const record of records) {
    const { seq, previous, hash, ...event } = record
    const follows = seq === last.seq + 1 && previous === last.hash
    if (!follows || hash !== chainHash(seq, previous, event)) return seq
    last = record
  }
  return null
}
