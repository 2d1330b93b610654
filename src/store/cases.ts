import { sql } from 'kysely'
import type { Case } from '../core/case.ts'
import type { Grant } from '../core/grant.ts'
import { type CaseRow, readCase } from './case-rows.ts'
import { rows } from './json.ts'
import { type Log, reasonOf } from './log.ts'
import type { Queries } from './schema.ts'

/**
 * Locks first and reads afterwards, in two statements: one that waits for a lock sees the new version of the
 * row it waited for, but everything that it joins as it was before the wait.
 */
export async function lockCases(
  db: Queries,
  requestIds: readonly string[],
  log: Log,
): Promise<Map<string, Case>> {
  if (requestIds.length === 0) return new Map()
  await sql`select id from requests where id = any(${[...requestIds]}::text[]) order by id for update`.execute(
    db,
  )
  const found = await readCases(db, sql`r.id = any(${[...requestIds]}::text[])`)
  return new Map(readable(found, log).map((kase) => [kase.request.id, kase]))
}

export async function oneCase(db: Queries, requestId: string): Promise<Case | null> {
  const [row] = await readCases(db, sql`r.id = ${requestId}`)
  return row ? readCase(row) : null
}

export async function casesByGrant(
  db: Queries,
  states: readonly Grant['state'][],
  log: Log,
): Promise<readonly Case[]> {
  return readable(await readCases(db, sql`g.state = any(${[...states]}::text[])`), log)
}

/** Those for which the condition on `r`, the request, and `g`, its grant, holds. */
export async function casesWith(
  db: Queries,
  which: ReturnType<typeof sql>,
  log: Log,
): Promise<readonly Case[]> {
  return readable(await readCases(db, which), log)
}

async function readCases(db: Queries, which: ReturnType<typeof sql>): Promise<readonly CaseRow[]> {
  const found = await sql<CaseRow>`
    select r.id, r.doc as request, g.doc as granted,
      (select jsonb_agg(v.doc order by v.ordinal) from reviews v where v.request_id = r.id) as reviews,
      (select jsonb_agg(u.doc order by u.ordinal) from rules u where u.grant_id = g.id) as rules
    from requests r left join grants g on g.request_id = r.id
    where ${which} order by r.id`.execute(db)
  return found.rows
}

/** One row that cannot be read must not keep every other case waiting. */
function readable(found: readonly CaseRow[], log: Log): Case[] {
  return found.flatMap((row) => {
    try {
      return [readCase(row)]
    } catch (error) {
      log.error({ error: reasonOf(error), requestId: row.id }, 'a case cannot be read and is left out')
      return []
    }
  })
}

/**
 * `locked` are the cases that this transaction holds, as it knows them: those are updated, all others must be new. So
 * no case can be overwritten by somebody who did not look at it under the lock. A request that is still the very
 * object that was read stays as it is; most of what happens to a case happens to its grant.
 */
export async function saveCases(
  db: Queries,
  cases: readonly Case[],
  locked: ReadonlyMap<string, Case>,
  now: number,
): Promise<void> {
  const fresh = cases.filter(({ request }) => !locked.has(request.id))
  const changed = cases.filter(({ request }) => {
    const before = locked.get(request.id)?.request
    return before !== undefined && before !== request
  })
  if (changed.length > 0) await updateRequests(db, changed, now)
  if (fresh.length > 0) await insertRequests(db, fresh, now)
  await dropVoided(db, changed, locked)
  await saveReviews(db, [...fresh, ...changed])
  await saveGrants(db, cases, now)
  await saveRules(db, cases)
}

const requestRows = (cases: readonly Case[]) =>
  rows(cases.map(({ request: { reviews: _reviews, ...doc } }) => ({ id: doc.id, doc })))

async function insertRequests(db: Queries, cases: readonly Case[], now: number): Promise<void> {
  await sql`insert into requests (id, version, updated_at, doc)
    select id, 1, ${new Date(now)}::timestamptz, doc
    from jsonb_to_recordset(${requestRows(cases)}) as x(id text, doc jsonb)`.execute(db)
}

async function updateRequests(db: Queries, cases: readonly Case[], now: number): Promise<void> {
  const done = await sql`update requests r
    set doc = x.doc, version = r.version + 1, updated_at = ${new Date(now)}::timestamptz
    from jsonb_to_recordset(${requestRows(cases)}) as x(id text, doc jsonb) where r.id = x.id`.execute(db)
  if (Number(done.numAffectedRows) !== cases.length) throw new Error('A case that was locked is not there.')
}

const changes = (kase: Case | undefined) => kase?.request.addressChange?.count ?? 0

/** A yes to an address that is another one now; the audit trail has it for good. */
async function dropVoided(
  db: Queries,
  changed: readonly Case[],
  locked: ReadonlyMap<string, Case>,
): Promise<void> {
  const ids = changed
    .filter((kase) => changes(kase) !== changes(locked.get(kase.request.id)))
    .map(({ request }) => request.id)
  if (ids.length > 0) await sql`delete from reviews where request_id = any(${ids}::text[])`.execute(db)
}

/** Only those that are new: the triggers would judge an old one again, by the terms of now. */
async function saveReviews(db: Queries, cases: readonly Case[]): Promise<void> {
  const reviews = cases.flatMap(({ request }) =>
    request.reviews.map((doc, ordinal) => ({
      request_id: request.id,
      reviewer_user: doc.by.userId,
      verdict: doc.verdict,
      ordinal,
      doc,
    })),
  )
  if (reviews.length === 0) return
  await sql`insert into reviews (request_id, reviewer_user, verdict, ordinal, doc)
    select request_id, reviewer_user, verdict, ordinal, doc from jsonb_to_recordset(${rows(reviews)})
      as x(request_id text, reviewer_user text, verdict text, ordinal integer, doc jsonb)
    where not exists (select from reviews v where v.request_id = x.request_id
      and v.reviewer_user = x.reviewer_user and v.verdict = x.verdict)
    on conflict (request_id, reviewer_user, verdict) do nothing`.execute(db)
}

async function saveGrants(db: Queries, cases: readonly Case[], now: number): Promise<void> {
  const grants = cases.flatMap(({ grant }) => {
    if (!grant) return []
    const { rules: _rules, ...doc } = grant
    return [{ id: doc.id, request_id: doc.requestId, doc }]
  })
  if (grants.length === 0) return
  await sql`insert into grants (id, request_id, updated_at, doc)
    select id, request_id, ${new Date(now)}::timestamptz, doc
    from jsonb_to_recordset(${rows(grants)}) as x(id text, request_id text, doc jsonb)
    on conflict (id) do update
      set request_id = excluded.request_id, updated_at = excluded.updated_at, doc = excluded.doc`.execute(db)
}

/** A rule is never removed here: once recorded it may exist in Azure. A new priority starts its tries again. */
async function saveRules(db: Queries, cases: readonly Case[]): Promise<void> {
  const rules = cases.flatMap(({ grant }) =>
    (grant?.rules ?? []).map((doc, ordinal) => ({ grant_id: grant?.id, nsg_id: doc.nsgId, ordinal, doc })),
  )
  if (rules.length === 0) return
  await sql`insert into rules (grant_id, nsg_id, ordinal, doc)
    select grant_id, nsg_id, ordinal, doc from jsonb_to_recordset(${rows(rules)})
      as x(grant_id text, nsg_id text, ordinal integer, doc jsonb)
    on conflict (grant_id, nsg_id) do update set
      doc = excluded.doc,
      tried_for = case when rules.doc -> 'priority' = excluded.doc -> 'priority' then rules.tried_for end
    where rules.doc <> excluded.doc`.execute(db)
}
