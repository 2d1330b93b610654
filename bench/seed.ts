import { sql } from 'kysely'
import type { AuditEvent } from '../src/core/audit.ts'
import type { Case } from '../src/core/case.ts'
import { decide } from '../src/core/decide.ts'
import { addEffect, type Rows } from '../src/engine/job-of.ts'
import type { Place, Store } from '../src/ports.ts'
import type { Database } from '../src/store/database.ts'
import { lifeOf, type SeedGrant } from './grants.ts'

/** Where the bot had written about a case before. */
export interface Written {
  readonly card: Place
  readonly mirror: Place
}

interface Lived {
  readonly kase: Case
  readonly audit: readonly AuditEvent[]
}

/** By the same decisions that the bot makes; its timers go to `rows`. */
function live(grant: SeedGrant, now: number, rows: Rows): Lived {
  let kase: Case | null = null
  const audit: AuditEvent[] = []
  for (const event of lifeOf(grant, now)) {
    const outcome = decide(kase, event, now)
    if (!outcome.ok) throw new Error(`${event.type} of ${grant.requestId} was refused`)
    kase = outcome.next
    audit.push(...outcome.audit)
    for (const effect of outcome.effects) addEffect(rows, effect, now)
  }
  if (kase?.grant?.state !== 'open') throw new Error(`${grant.requestId} did not open`)
  return { kase, audit }
}

const perCommit = 1_000

/**
 * Open grants as the bot itself would have put them down at the moment `now`. Each is saved once and not after
 * each step, because that is what lets a hundred thousand of them be made in a minute.
 */
export async function seed(
  { database, store }: { readonly database: Database; readonly store: Store },
  grants: readonly SeedGrant[],
  now: number,
  written: readonly Written[],
): Promise<void> {
  for (let from = 0; from < grants.length; from += perCommit) {
    const rows: Rows = { jobs: new Map(), notes: [] }
    const lived = grants.slice(from, from + perCommit).map((grant) => live(grant, now, rows))
    const timers = [...rows.jobs.values()].filter((job) => job?.kind === 'expiry' || job?.kind === 'warning')
    await store.transact(async (tx) => {
      await tx.save(
        lived.map(({ kase }) => kase),
        now,
      )
      await tx.putJobs(
        timers.filter((job) => job !== null),
        now,
      )
      await tx.audit(lived.flatMap(({ audit }) => audit))
    })
  }
  await settle(database, grants, written)
}

/** What the bot would have said about them since then is said, as far as its own rows tell. */
async function settle(
  { kysely }: Database,
  grants: readonly SeedGrant[],
  written: readonly Written[],
): Promise<void> {
  const places = grants.flatMap(({ requestId }, index) =>
    Object.entries(written[index] ?? {}).map(([which, place]) => ({
      request_id: requestId,
      which,
      ...place,
    })),
  )
  await sql`insert into places (request_id, which, channel, ts) select request_id, which, channel, ts
    from jsonb_to_recordset(${JSON.stringify(places)}::jsonb)
      as x(request_id text, which text, channel text, ts text)`.execute(kysely)
  await sql`insert into feeds (name, seq, tried) select 'audit', seq, false from audit_head
    on conflict (name) do update set seq = excluded.seq`.execute(kysely)
  await sql`vacuum (analyze)`.execute(kysely)
}
