import { sql } from 'kysely'
import type { Alarm, RaisedAlarm } from '../core/alarm.ts'
import type { Grant } from '../core/grant.ts'
import type { KnownRule } from '../core/reconcile.ts'
import type { QueuedAlarm, Stray, StrayWork, Trouble, WantedVm } from '../ports.ts'
import { readRule } from './case-rows.ts'
import { rows, toText } from './json.ts'
import { type Log, reasonOf } from './log.ts'
import type { Queries } from './schema.ts'

const instant = (at: number) => new Date(at).toISOString()

/** Answers the strays that were not on record before. */
export async function putStrays(
  db: Queries,
  strays: readonly Stray[],
  now: number,
): Promise<readonly Stray[]> {
  if (strays.length === 0) return []
  const values = strays.map((stray) => ({
    ...stray,
    expiresAt: instant(stray.expiresAt),
    foundAt: instant(now),
  }))
  const put = await sql<{ nsg_id: string; name: string }>`
    insert into strays (nsg_id, name, expires_at, found_at)
    select "nsgId", name, "expiresAt", "foundAt" from jsonb_to_recordset(${rows(values)})
      as x("nsgId" text, name text, "expiresAt" timestamptz, "foundAt" timestamptz)
    order by "nsgId", name on conflict do nothing returning nsg_id, name`.execute(db)
  const fresh = new Set(put.rows.map((row) => `${row.nsg_id} ${row.name}`))
  return strays.filter(({ nsgId, name }) => fresh.has(`${nsgId} ${name}`))
}

export async function endStray(db: Queries, nsgId: string, name: string): Promise<boolean> {
  const done = await sql`delete from strays where nsg_id = ${nsgId} and name = ${name}`.execute(db)
  return Number(done.numAffectedRows ?? 0) > 0
}

/** The strays that are looked at in one go in one group; the rest has its turn when these are gone. */
const mostStrays = 200

export async function strayWork(
  db: Queries,
  nsgIds: readonly string[],
): Promise<ReadonlyMap<string, readonly StrayWork[]>> {
  const found = await sql<{
    nsg_id: string
    name: string
    expires_at: Date
    found_at: Date
    attempts: number
    next_try_at: Date | null
    last_error: string | null
  }>`
    select s.* from unnest(${[...nsgIds]}::text[]) as asked(nsg_id), lateral (
      select nsg_id, name, expires_at, found_at, attempts, next_try_at, last_error from strays where nsg_id = asked.nsg_id
      order by next_try_at nulls first, expires_at, name limit ${mostStrays}) as s`.execute(db)
  const work = new Map<string, StrayWork[]>(nsgIds.map((id) => [id, []]))
  for (const row of found.rows) {
    work.get(row.nsg_id)?.push({
      nsgId: row.nsg_id,
      name: row.name,
      expiresAt: row.expires_at.getTime(),
      foundAt: row.found_at.getTime(),
      attempts: row.attempts,
      nextTryAt: row.next_try_at?.getTime() ?? 0,
      lastError: row.last_error,
    })
  }
  return work
}

export async function postponeStray(
  db: Queries,
  { nsgId, name }: Pick<StrayWork, 'nsgId' | 'name'>,
  nextTryAt: number,
  error: string | null,
): Promise<void> {
  const tries = error === null ? 0 : 1
  await sql`update strays set attempts = attempts + ${tries}::integer,
      next_try_at = ${new Date(nextTryAt)}::timestamptz,
      last_error = coalesce(${error === null ? null : toText(error)}::text, last_error)
    where nsg_id = ${nsgId} and name = ${name}`.execute(db)
}

interface KnownRow {
  request_id: string
  grant_id: string
  grant_state: Grant['state']
  opened_at: number | null
  expires_at: number
  closed_at: number | null
  doc: unknown
}

/** Rules of unfinished grants in these groups, and every rule of these grants. */
export async function knownRules(
  db: Queries,
  nsgIds: readonly string[],
  grantIds: readonly string[],
  log: Log,
): Promise<readonly KnownRule[]> {
  // Two look-ups by an index each; with “or” between them the whole table would be read.
  const found = await sql<KnownRow>`
    with wanted as (
      select grant_id, nsg_id from rules where nsg_id = any(${[...nsgIds]}::text[]) and state <> 'absent'
      union select grant_id, nsg_id from rules where grant_id = any(${[...grantIds]}::text[]))
    select g.request_id, u.grant_id, g.state as grant_state, (g.doc ->> 'openedAt')::float8 as opened_at,
      (g.doc ->> 'expiresAt')::float8 as expires_at, (g.doc ->> 'closedAt')::float8 as closed_at, u.doc
    from wanted join rules u using (grant_id, nsg_id) join grants g on g.id = u.grant_id
    where g.state <> 'closed' or u.grant_id = any(${[...grantIds]}::text[])`.execute(db)
  return found.rows.flatMap((row) => {
    try {
      return [
        {
          requestId: row.request_id,
          grantId: row.grant_id,
          grantState: row.grant_state,
          openedAt: row.opened_at,
          expiresAt: row.expires_at,
          closedAt: row.closed_at,
          rule: readRule(row.doc),
        },
      ]
    } catch (error) {
      log.error({ error: reasonOf(error), grantId: row.grant_id }, 'a rule cannot be read and is left out')
      return []
    }
  })
}

/** Groups of a subscription in which a grant that is not closed has a rule. */
export async function guardedGroups(db: Queries, subscriptionId: string): Promise<readonly string[]> {
  const prefix = `/subscriptions/${subscriptionId.replaceAll(/[\\%_]/g, '')}/%`
  const found = await sql<{ nsg_id: string }>`
    select distinct nsg_id from rules where state <> 'absent' and nsg_id like ${prefix} order by nsg_id`.execute(
    db,
  )
  return found.rows.map((row) => row.nsg_id)
}

/** VMs of a subscription that an opening or open grant is for. */
export async function wantedVms(db: Queries, subscriptionId: string): Promise<readonly WantedVm[]> {
  const prefix = `/subscriptions/${subscriptionId.replaceAll(/[\\%_]/g, '')}/%`
  const found = await sql<{ vm_id: string; request_ids: string[] }>`
    select r.vm_id, array_agg(r.id order by r.id) as request_ids from grants g join requests r on r.id = g.request_id
    where g.state in ('opening', 'open') and r.vm_id like ${prefix} group by r.vm_id order by r.vm_id`.execute(
    db,
  )
  return found.rows.map((row) => ({ vmId: row.vm_id, requestIds: row.request_ids }))
}

/** What the close met, and nothing that the opening met before it. */
export async function troubles(db: Queries, grantId: string): Promise<readonly Trouble[]> {
  const found = await sql<{
    nsg_id: string
    name: string
    attempts: number
    last_error: string | null
    denies_at: Date | null
  }>`
    select nsg_id, name, case when tried_for = 'absent' then attempts else 0 end as attempts,
      case when tried_for = 'absent' then last_error end as last_error,
      case when tried_for = 'absent' then denies_at end as denies_at
    from rules where grant_id = ${grantId} and state <> 'absent'
    order by ordinal`.execute(db)
  return found.rows.map((row) => ({
    nsgId: row.nsg_id,
    name: row.name,
    attempts: row.attempts,
    lastError: row.last_error,
    deniesAt: row.denies_at?.getTime() ?? null,
  }))
}

/** Answers how many were new. */
export async function raiseAlarms(db: Queries, alarms: readonly RaisedAlarm[], now: number): Promise<number> {
  if (alarms.length === 0) return 0
  const put = await sql`insert into alarms (key, alarm, raised_at)
    select key, alarm, ${new Date(now)}::timestamptz
    from jsonb_to_recordset(${rows(alarms)}) as x(key text, alarm jsonb) order by key
    on conflict do nothing`.execute(db)
  return Number(put.numAffectedRows ?? 0)
}

export async function endAlarm(db: Queries, key: string): Promise<void> {
  await sql`delete from alarms where key = ${key}`.execute(db)
}

/** The same for every alarm whose key begins so. */
export async function endAlarms(db: Queries, prefix: string): Promise<void> {
  await sql`delete from alarms where starts_with(key, ${prefix})`.execute(db)
}

export async function waitingAlarms(db: Queries): Promise<readonly QueuedAlarm[]> {
  const found = await sql<{ id: string | number; alarm: Alarm; tried: boolean }>`
    select id, alarm, tried from alarms where sent_at is null order by id limit 50`.execute(db)
  return found.rows.map((row) => ({ id: String(row.id), alarm: row.alarm, tried: row.tried }))
}

export async function alarmTried(db: Queries, id: string, tried: boolean): Promise<void> {
  await sql`update alarms set tried = ${tried} where id = ${id}::bigint`.execute(db)
}

export async function alarmSent(db: Queries, id: string, at: number): Promise<void> {
  await sql`update alarms set sent_at = ${new Date(at)}::timestamptz where id = ${id}::bigint`.execute(db)
}
