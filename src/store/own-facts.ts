import { sql } from 'kysely'
import { mostOthers, type OwnFacts } from '../core/context.ts'
import type { CloseReason } from '../core/grant.ts'
import type { Store } from '../ports.ts'
import type { Queries } from './schema.ts'

type Of = Parameters<Store['ownFacts']>[0]

/** Whoever else may get in by an open grant, or by one whose end Azure has not confirmed. */
async function othersOn(db: Queries, { vmId, requester }: Of) {
  const found = await sql<{
    request_id: string
    user_id: string
    label: string
    expires_at: number
    total: number
  }>`
    select r.id as request_id, r.requester_user as user_id, r.doc ->> 'label' as label,
      (g.doc ->> 'expiresAt')::float8 as expires_at, (count(*) over ())::integer as total
    from grants g join requests r on r.id = g.request_id
    where g.state in ('open', 'closing') and g.state <> 'closed' and g.opened_at is not null
      and r.vm_id = ${vmId} and r.requester_user <> ${requester.userId}
    order by g.expires_at, r.id limit ${mostOthers}`.execute(db)
  const others = found.rows.map((row) => ({
    requestId: row.request_id,
    userId: row.user_id,
    label: row.label,
    expiresAt: row.expires_at,
  }))
  return { others, otherCount: found.rows[0]?.total ?? 0 }
}

async function recentOf(db: Queries, { requestId, requester, since }: Of): Promise<OwnFacts['recent']> {
  const found = await sql<{
    reason: CloseReason | null
    opened: boolean
    denied: boolean
    unjustified: boolean
    count: number
  }>`
    select case when g.state = 'closed' then g.doc ->> 'reason' end as reason,
      g.opened_at is not null as opened, r.state = 'denied' as denied,
      coalesce(r.doc #>> '{oversight,state}' = 'unjustified', false) as unjustified, count(*)::integer as count
    from requests r left join grants g on g.request_id = r.id
    where r.requester_user = ${requester.userId} and r.requested_at >= ${new Date(since)}::timestamptz
      and r.id <> ${requestId}
    group by 1, 2, 3, 4`.execute(db)
  const sum = (which: (row: (typeof found.rows)[number]) => boolean) =>
    found.rows.filter(which).reduce((total, { count }) => total + count, 0)
  const ended: { [reason in CloseReason]?: number } = {}
  for (const { reason, opened, count } of found.rows)
    if (reason !== null && opened) ended[reason] = (ended[reason] ?? 0) + count
  return {
    since,
    opened: sum(({ opened }) => opened),
    ended,
    denied: sum(({ denied }) => denied),
    unjustified: sum(({ unjustified }) => unjustified),
  }
}

/** A person each, the latest first. Only what was really open counts: whoever merely asked did not come from there. */
async function usersOf(db: Queries, { requestId, address, requester }: Of): Promise<OwnFacts['address']> {
  const found = await sql<{ user_id: string; at: number }>`
    select r.requester_user as user_id, (extract(epoch from max(g.opened_at)) * 1000)::float8 as at
    from requests r join grants g on g.request_id = r.id
    where r.source_address = ${address} and r.id <> ${requestId} and g.opened_at is not null
    group by 1 order by 2 desc, 1`.execute(db)
  const used = found.rows.map(({ user_id: userId, at }) => ({ userId, at: Math.floor(at) }))
  return {
    mine: used.find(({ userId }) => userId === requester.userId)?.at ?? null,
    others: used.filter(({ userId }) => userId !== requester.userId).slice(0, mostOthers),
  }
}

export async function ownFacts(db: Queries, of: Of): Promise<OwnFacts> {
  const [others, recent, address] = await Promise.all([othersOn(db, of), recentOf(db, of), usersOf(db, of)])
  return { at: of.now, ...others, recent, address }
}
