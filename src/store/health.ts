import { sql } from 'kysely'
import type { Health, Spread } from '../ports.ts'
import type { Queries } from './schema.ts'

interface SpreadRow {
  count: number
  p50: number | null
  p99: number | null
  max: number | null
}

const nothing: Spread = { count: 0, p50: null, p99: null, max: null }

/** The spread of a length in milliseconds over some grants. */
async function spread(
  db: Queries,
  length: ReturnType<typeof sql>,
  which: ReturnType<typeof sql>,
): Promise<Spread> {
  const found = await sql<SpreadRow>`
    select count(*)::int as count, max(ms)::float8 as max,
      percentile_cont(0.5) within group (order by ms)::float8 as p50,
      percentile_cont(0.99) within group (order by ms)::float8 as p99
    from (select ${length} as ms from grants where ${which}) as lengths`.execute(db)
  return found.rows[0] ?? nothing
}

export async function health(db: Queries, now: number, since: number): Promise<Health> {
  const found = await sql<{ state: string; count: number; earliest: Date; overdue: number; stuck: number }>`
    select state, count(*)::int as count, min(expires_at) as earliest,
      count(*) filter (where expires_at < ${new Date(now)}::timestamptz)::int as overdue,
      count(*) filter (where state = 'closing' and doc ? 'stuckSince')::int as stuck
    from grants where state <> 'closed' group by state`.execute(db)
  const strays = await sql<{ count: number; first: Date | null }>`
    select count(*)::int as count, min(greatest(expires_at, found_at)) as first
    from strays where expires_at < ${new Date(now)}::timestamptz`.execute(db)
  const unsigned = await sql<{ count: number }>`
    select count(*)::int as count from requests where doc #>> '{oversight,state}' = 'open'`.execute(db)
  const earliest = found.rows.map((row) => row.earliest.getTime())
  const late = [...earliest, ...strays.rows.flatMap(({ first }) => first?.getTime() ?? [])].filter(
    (at) => at < now,
  )
  const sum = (of: 'overdue' | 'stuck') => found.rows.reduce((total, row) => total + row[of], 0)
  return {
    states: Object.fromEntries(found.rows.map((row) => [row.state, row.count])),
    earliestExpiry: earliest.length > 0 ? Math.min(...earliest) : null,
    overdue: sum('overdue') + (strays.rows[0]?.count ?? 0),
    overdueSince: late.length > 0 ? Math.min(...late) : null,
    stuck: sum('stuck'),
    unsigned: unsigned.rows[0]?.count ?? 0,
    lateness: await spread(
      db,
      sql`greatest(0, (doc ->> 'closedAt')::float8 - (doc ->> 'expiresAt')::float8)`,
      sql`state = 'closed' and closed_at >= ${new Date(since)}::timestamptz and closed_at >= expires_at`,
    ),
    opening: await spread(
      db,
      sql`(doc ->> 'openedAt')::float8 - coalesce((doc ->> 'opensAt')::float8, (doc ->> 'approvedAt')::float8)`,
      sql`opened_at >= ${new Date(since)}::timestamptz`,
    ),
  }
}
