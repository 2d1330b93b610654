import { sql } from 'kysely'
import type { Note } from '../core/effect.ts'
import type { Place, Talk } from '../ports.ts'
import { oneCase } from './cases.ts'
import { rows } from './json.ts'
import type { Queries } from './schema.ts'

export interface NewNote {
  readonly requestId: string
  readonly note: Note
  readonly to: 'thread' | 'requester'
}

export async function queueNotes(db: Queries, notes: readonly NewNote[]): Promise<void> {
  if (notes.length === 0) return
  const values = notes.map(({ requestId, note, to }, ordinal) => ({ requestId, note, to, ordinal }))
  await sql`insert into notes (request_id, target, note)
    select "requestId", "to", note from jsonb_to_recordset(${rows(values)})
      as x("requestId" text, "to" text, note jsonb, ordinal integer) order by ordinal`.execute(db)
}

export async function readTalk(db: Queries, requestId: string): Promise<Talk | null> {
  const kase = await oneCase(db, requestId)
  if (!kase) return null
  const places = await db.selectFrom('places').selectAll().where('request_id', '=', requestId).execute()
  const notes = await db
    .selectFrom('notes')
    .select(['id', 'target', 'note', 'tried'])
    .where('request_id', '=', requestId)
    .where('sent_at', 'is', null)
    .orderBy('id')
    .execute()
  const placeOf = (which: string): Place | null => {
    const row = places.find((place) => place.which === which)
    return row ? { channel: row.channel, ts: row.ts } : null
  }
  return {
    case: kase,
    card: placeOf('card'),
    mirror: placeOf('mirror'),
    notes: notes.map((row) => ({
      id: String(row.id),
      note: row.note,
      to: row.target === 'thread' ? 'thread' : 'requester',
      tried: row.tried,
    })),
  }
}

/** The request whose card stands there. */
export async function requestAt(db: Queries, { channel, ts }: Place): Promise<string | null> {
  const row = await db
    .selectFrom('places')
    .select('request_id')
    .where('which', '=', 'card')
    .where('channel', '=', channel)
    .where('ts', '=', ts)
    .executeTakeFirst()
  return row?.request_id ?? null
}

/**
 * Only from the place that the writer knows. A replica that was paused after it had posted must not turn the edits
 * away from the message that another one posted meanwhile: that one would show an old state for good.
 */
export async function savePlace(
  db: Queries,
  requestId: string,
  which: 'card' | 'mirror',
  { channel, ts }: Place,
  before: Place | null,
): Promise<boolean> {
  if (before === null) {
    const made = await db
      .insertInto('places')
      .values({ request_id: requestId, which, channel, ts })
      .onConflict((conflict) => conflict.columns(['request_id', 'which']).doNothing())
      .executeTakeFirst()
    return Number(made.numInsertedOrUpdatedRows) === 1
  }
  const moved = await db
    .updateTable('places')
    .set({ channel, ts })
    .where('request_id', '=', requestId)
    .where('which', '=', which)
    .where('channel', '=', before.channel)
    .where('ts', '=', before.ts)
    .executeTakeFirst()
  return Number(moved.numUpdatedRows) === 1
}

export async function noteTried(db: Queries, id: string, tried: boolean): Promise<void> {
  await db.updateTable('notes').set({ tried }).where('id', '=', Number(id)).execute()
}

export async function noteSent(db: Queries, id: string, at: number): Promise<void> {
  await db
    .updateTable('notes')
    .set({ tried: true, sent_at: new Date(at) })
    .where('id', '=', Number(id))
    .execute()
}

interface Position {
  readonly seq: number
  readonly tried: boolean
}

export async function readFeed(db: Queries, name: string): Promise<Position> {
  const row = await db
    .selectFrom('feeds')
    .select(['seq', 'tried'])
    .where('name', '=', name)
    .executeTakeFirst()
  return row ?? { seq: 0, tried: false }
}

export async function feedsOf(db: Queries, prefix: string): Promise<ReadonlyMap<string, number>> {
  const found = await sql<{ name: string; seq: number }>`
    select name, seq from feeds where starts_with(name, ${prefix}) order by name`.execute(db)
  return new Map(found.rows.map(({ name, seq }) => [name.slice(prefix.length), seq]))
}

/** Never backwards: a replica that was paused must not make the channel repeat itself. */
export async function moveFeed(db: Queries, name: string, { seq, tried }: Position): Promise<void> {
  await db
    .insertInto('feeds')
    .values({ name, seq, tried })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ seq, tried }).where('feeds.seq', '<=', seq),
    )
    .execute()
}
