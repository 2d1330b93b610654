import { sql } from 'kysely'
import type { FlushWork } from '../ports.ts'
import type { Queries } from './schema.ts'

/** The condition of the index, word for word. */
const unanswered = sql`g.doc @? '$.flushes[*] ? (@.answer == null)'`

export async function flushWork(
  db: Queries,
  nsgIds: readonly string[],
): Promise<ReadonlyMap<string, readonly FlushWork[]>> {
  const found = await sql<{ request_id: string; nsg_id: string }>`
    select g.request_id, f.flush ->> 'nsgId' as nsg_id
    from grants g, jsonb_array_elements(g.doc -> 'flushes') as f(flush)
    where ${unanswered} and f.flush -> 'answer' = 'null'::jsonb
      and f.flush ->> 'nsgId' = any(${[...nsgIds]}::text[])
    order by g.closed_at, g.request_id`.execute(db)
  const work = new Map<string, FlushWork[]>(nsgIds.map((id) => [id, []]))
  for (const { request_id: requestId, nsg_id: nsgId } of found.rows)
    work.get(nsgId)?.push({ requestId, nsgId })
  return work
}
