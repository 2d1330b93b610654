import { sql } from 'kysely'
import type { Claim, JobKind, Lane, NewJob } from '../ports.ts'
import { rows, toText } from './json.ts'
import { lockSpace } from './presence.ts'
import type { Queries } from './schema.ts'

/** A record, so that a new lane cannot be forgotten here: jobs of a lane that is not asked about never run. */
const lanes: Readonly<Record<Lane, true>> = {
  timers: true,
  closes: true,
  opens: true,
  slack: true,
  people: true,
  surveys: true,
  proofs: true,
  reads: true,
}

/** What a series of puts for one key comes to, so that one statement can do it. In order, so that locks cannot cross. */
function merged(jobs: readonly NewJob[]): readonly NewJob[] {
  const byKey = new Map<string, NewJob>()
  for (const job of jobs) {
    const before = byKey.get(job.key)
    const both = before && job.mode === 'wake'
    byKey.set(job.key, both ? { ...before, dueAt: Math.min(before.dueAt, job.dueAt) } : job)
  }
  return [...byKey.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

const incoming = (jobs: readonly NewJob[]) => sql`
  insert into jobs as j (key, kind, lane, subject, due_at, run_at)
  select key, kind, lane, subject, due_at, due_at
  from jsonb_to_recordset(${rows(jobs.map((job) => ({ ...job, due_at: new Date(job.dueAt) })))})
    as x(key text, kind text, lane text, subject text, due_at timestamptz) order by key
  on conflict (key) do update`

/** The new time replaces the old one; while somebody works on the job it waits beside the claim. */
const moved = (jobs: readonly NewJob[]) => sql`${incoming(jobs)} set
    kind = excluded.kind, subject = excluded.subject,
    lane = case when j.owner is null then excluded.lane else j.lane end,
    due_at = case when j.owner is null then excluded.due_at else j.due_at end,
    run_at = case when j.owner is null then excluded.run_at else j.run_at end,
    again_at = case when j.owner is null then null else excluded.due_at end,
    again_lane = case when j.owner is null then null else excluded.lane end,
    again_exact = j.owner is not null
  returning 1`

/** What is woken for a close stays urgent until it is done, whatever else it is woken for. */
const urgent = (lane: string) =>
  sql`case when ${sql.raw(lane)} = 'closes' then 'closes' else excluded.lane end`

/** Only ever earlier. The row is locked even when nothing has to change, which keeps a finish from passing by. */
const woken = (jobs: readonly NewJob[]) => sql`${incoming(jobs)} set
    lane = case when j.owner is null then ${urgent('j.lane')}
      when excluded.lane = 'closes' then 'closes' else j.lane end,
    due_at = case when j.owner is null then least(j.due_at, excluded.due_at) else j.due_at end,
    run_at = case when j.owner is null then least(j.run_at, excluded.run_at) else j.run_at end,
    again_at = case when j.owner is null then null else least(j.again_at, excluded.due_at) end,
    again_lane = case when j.owner is null then null else ${urgent('j.again_lane')} end
  where case when j.owner is null
    then excluded.run_at < j.run_at or j.lane <> ${urgent('j.lane')}
    else j.again_at is null or excluded.due_at < j.again_at or j.again_lane <> ${urgent('j.again_lane')} end
  returning 1`

/** `signal` is what tells the other replicas, in the same transaction. */
export async function putJobs(
  db: Queries,
  jobs: readonly NewJob[],
  signal: ReturnType<typeof sql>,
): Promise<void> {
  const wanted = merged(jobs)
  for (const [mode, put] of [['move', moved] as const, ['wake', woken] as const]) {
    const some = wanted.filter((job) => job.mode === mode)
    if (some.length > 0) await sql`with put as (${put(some)}) ${signal}`.execute(db)
  }
}

/** Answers the claims that ended with it. */
export async function dropJobs(db: Queries, keys: readonly string[]): Promise<readonly string[]> {
  if (keys.length === 0) return []
  const gone = await sql<{ id: number; attempts: number }>`
    delete from jobs where key = any(${[...keys]}::text[]) returning id, attempts`.execute(db)
  return gone.rows.map((row) => fenceOf(String(row.id), row.attempts))
}

export const fenceOf = (id: string, attempt: number): string => `${id}/${attempt}`

const claimed = (claims: readonly Claim[]) => sql`
  jsonb_to_recordset(${rows(claims.map(({ id, attempt }) => ({ id, attempt })))}) as x(id bigint, attempt integer)
  where j.id = x.id and j.attempts = x.attempt`

/**
 * In two statements on purpose. A wake-up that commits while the first one waits for its row makes the first
 * one leave the row alone, and the second one, which looks anew, sees it.
 */
export async function finishJobs(
  db: Queries,
  claims: readonly Claim[],
): Promise<{ ended: readonly string[]; again: readonly string[] }> {
  if (claims.length === 0) return { ended: [], again: [] }
  const deleted = await sql<{ id: number }>`
    delete from jobs j using ${claimed(claims)} and j.again_at is null returning j.id`.execute(db)
  const ended = deleted.rows.map((row) => String(row.id))
  const gone = new Set(ended)
  const rest = claims.filter((claim) => !gone.has(claim.id))
  if (rest.length === 0) return { ended, again: [] }
  // A new id fences the old claim off, so the count of tries can start again.
  const kept = await sql<{ was: number }>`
    update jobs j set id = nextval('job_ids'), attempts = 0, owner = null, last_error = null,
      due_at = j.again_at, run_at = j.again_at, lane = j.again_lane,
      again_at = null, again_lane = null, again_exact = false
    from ${claimed(rest)} and j.again_at is not null returning x.id as was`.execute(db)
  return { ended, again: kept.rows.map((row) => String(row.was)) }
}

interface ClaimedRow {
  id: number
  key: string
  kind: JobKind
  subject: string
  due_at: Date
  attempts: number
  was: Date
}

export async function claimJobs(
  db: Queries,
  what: { lane: Lane; limit: number; leaseMs: number; slot: number; now: number },
): Promise<readonly Claim[]> {
  const now = new Date(what.now)
  const found = await sql<ClaimedRow>`
    with due as (
      select id, run_at from jobs where lane = ${what.lane} and run_at <= ${now}::timestamptz
      order by run_at limit ${what.limit} for update skip locked)
    update jobs j set run_at = ${new Date(what.now + what.leaseMs)}::timestamptz, attempts = j.attempts + 1,
      owner = ${what.slot}, again_exact = j.again_exact and j.again_at > ${now}::timestamptz,
      again_at = case when j.again_at > ${now}::timestamptz then j.again_at end,
      again_lane = case when j.again_at > ${now}::timestamptz then j.again_lane end
    from due where j.id = due.id
    returning j.id, j.key, j.kind, j.subject, j.due_at, j.attempts, due.run_at as was`.execute(db)
  return found.rows
    .toSorted((a, b) => a.was.getTime() - b.was.getTime())
    .map((row) => ({
      id: String(row.id),
      key: row.key,
      kind: row.kind,
      subject: row.subject,
      dueAt: row.due_at.getTime(),
      attempt: row.attempts,
    }))
}

export async function extendClaim(db: Queries, claim: Claim, until: number, slot: number): Promise<boolean> {
  const done = await sql`update jobs set run_at = ${new Date(until)}::timestamptz, owner = ${slot}
    where id = ${claim.id}::bigint and attempts = ${claim.attempt}`.execute(db)
  return Number(done.numAffectedRows) === 1
}

/** A time that was asked for meanwhile counts: a moved job runs then, a woken one at the earlier of both. */
export async function retryJob(
  db: Queries,
  claim: Claim,
  runAt: number,
  error: string | null,
): Promise<void> {
  const at = new Date(runAt)
  await sql`update jobs set owner = null, last_error = ${error === null ? null : toText(error)},
      due_at = case when again_exact then again_at else due_at end,
      run_at = case when again_exact then again_at else least(${at}::timestamptz, again_at) end,
      lane = case when again_exact then again_lane else lane end,
      again_at = null, again_lane = null, again_exact = false
    where id = ${claim.id}::bigint and attempts = ${claim.attempt}`.execute(db)
}

export async function nextRunAts(db: Queries): Promise<ReadonlyMap<Lane, number>> {
  const found = await sql<{ lane: Lane; run_at: Date }>`
    select l.lane, first.run_at from unnest(${Object.keys(lanes)}::text[]) as l(lane),
    lateral (select run_at from jobs where lane = l.lane order by run_at limit 1) as first`.execute(db)
  return new Map(found.rows.map((row) => [row.lane, row.run_at.getTime()]))
}

/** A slot is a session-level lock: when nobody holds it any more, the replica that claimed under it is dead. */
export async function reapDead(db: Queries, now: number): Promise<number> {
  const done = await sql`update jobs set run_at = least(run_at, ${new Date(now)}::timestamptz), owner = null
    where owner is not null and not exists (
      select from pg_locks l where l.locktype = 'advisory' and l.granted and l.objsubid = 2
        and l.database = (select oid from pg_database where datname = current_database())
        and l.classid = ${lockSpace}::oid and l.objid = jobs.owner::oid)`.execute(db)
  return Number(done.numAffectedRows)
}

/** For a database that only this process has: whatever is claimed was claimed by a previous life. */
export async function freeAll(db: Queries): Promise<number> {
  const done =
    await sql`update jobs set run_at = least(run_at, due_at), owner = null where owner is not null`.execute(
      db,
    )
  return Number(done.numAffectedRows)
}
