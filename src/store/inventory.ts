import { createHash } from 'node:crypto'
import { promises as timers } from 'node:timers'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { sql } from 'kysely'
import { type Reading, Shared, type VmEntry } from '../core/inventory.ts'
import type { KeptInventory } from '../ports.ts'
import type { Database } from './database.ts'
import type { Queries } from './schema.ts'

const zip = promisify(gzip)
const unzip = promisify(gunzip)

/** Of the pieces. It changes when a reader of the old ones could not read the new ones. */
const form = 1
/** VMs in a piece, about: small enough that writing one keeps nobody waiting. */
const pieceSize = 500
/** Pieces that are read in one query. */
const mostAtOnce = 8

interface Piece {
  readonly hash: string
  readonly text: string
}

/** A number that is the same for the same text, everywhere (FNV-1a). */
function numberOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

/**
 * A VM always goes into the same piece, so that one that comes, goes or changes touches one piece and no other. How
 * many there are changes only when there are twice as many VMs, or half.
 */
function shares(entries: readonly VmEntry[]): readonly (readonly VmEntry[])[] {
  const count = 2 ** Math.max(0, Math.ceil(Math.log2(entries.length / pieceSize)))
  const all: VmEntry[][] = Array.from({ length: count }, () => [])
  for (const entry of entries) all[numberOf(entry.vm.id) % count]?.push(entry)
  return all
}

/** The fields in their order, whoever made the entry. */
const plain = ({ vm, interfaces, power, jit, readAt }: VmEntry): VmEntry => ({
  vm,
  interfaces,
  power,
  jit,
  ...(readAt !== undefined && { readAt }),
})
const byId = (a: VmEntry, b: VmEntry) => (a.vm.id < b.vm.id ? -1 : 1)

function pieceOf(entries: readonly VmEntry[]): Piece {
  const text = JSON.stringify(entries.toSorted(byId).map(plain))
  return { hash: createHash('sha256').update(text).digest('hex'), text }
}

async function known(db: Queries): Promise<Set<string>> {
  const found = await sql<{ hash: string }>`select hash from inventory_pieces`.execute(db)
  return new Set(found.rows.map(({ hash }) => hash))
}

/** A statement for each piece, so that others get their turn in between. Answers all hashes, in order. */
async function writePieces(db: Queries, entries: readonly VmEntry[]): Promise<readonly string[]> {
  const there = await known(db)
  const hashes: string[] = []
  for (const share of shares(entries)) {
    const { hash, text } = pieceOf(share)
    hashes.push(hash)
    if (there.has(hash)) {
      await timers.setImmediate()
      continue
    }
    const body = await zip(text)
    await sql`insert into inventory_pieces (hash, body) values (${hash}, ${body}) on conflict do nothing`.execute(
      db,
    )
  }
  return hashes
}

/**
 * `replaced`, or `older` when what is kept is as new; `pieces gone` when a replica that kept another reading at the
 * same moment cleared some away.
 */
async function replaceHead(
  { kysely }: Database,
  readAt: number,
  hashes: readonly string[],
): Promise<'replaced' | 'older' | 'pieces gone'> {
  const at = new Date(readAt)
  return kysely.transaction().execute(async (tx) => {
    const head = await sql<{ older: boolean }>`
      select read_at is null or form is distinct from ${form} or read_at < ${at}::timestamptz as older
      from inventory_head for update`.execute(tx)
    if (head.rows[0]?.older !== true) return 'older'
    const list = [...new Set(hashes)]
    const there = await sql<{ count: number }>`
      select count(*)::integer as count from inventory_pieces where hash = any(${list}::text[])`.execute(tx)
    if (there.rows[0]?.count !== list.length) return 'pieces gone'
    await sql`update inventory_head set form = ${form}, read_at = ${at}::timestamptz,
      hashes = ${[...hashes]}::text[]`.execute(tx)
    await sql`delete from inventory_pieces where hash <> all(${list}::text[])`.execute(tx)
    return 'replaced'
  })
}

async function keep(database: Database, { readAt, entries }: Reading): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    const hashes = await writePieces(database.kysely, entries)
    const came = await replaceHead(database, readAt, hashes)
    if (came !== 'pieces gone') return came === 'replaced'
    if (tries >= 3)
      throw new Error('The pieces of the inventory are cleared away as fast as they are written.')
  }
}

async function headOf(db: Queries): Promise<{ readAt: number; hashes: readonly string[] } | null> {
  const found = await sql<{ read_at: Date; hashes: string[] }>`
    select read_at, hashes from inventory_head where form = ${form} and read_at is not null`.execute(db)
  const row = found.rows[0]
  return row ? { readAt: row.read_at.getTime(), hashes: row.hashes } : null
}

async function readPieces(db: Queries, hashes: readonly string[]): Promise<readonly VmEntry[] | null> {
  const shared = new Shared()
  const entries: VmEntry[] = []
  for (let from = 0; from < hashes.length; from += mostAtOnce) {
    const some = hashes.slice(from, from + mostAtOnce)
    const found = await sql<{ hash: string; body: Uint8Array }>`
      select hash, body from inventory_pieces where hash = any(${some}::text[])`.execute(db)
    if (found.rows.length !== new Set(some).size) return null
    for (const { body } of found.rows) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the form says that these are entries.
      const piece = JSON.parse((await unzip(body)).toString()) as VmEntry[]
      for (const entry of piece) entries.push(shared.entry(entry))
    }
  }
  return entries
}

/** Readings that may take the place of the one that is being loaded, before that is given up. */
const mostLoads = 5

async function load(db: Queries): Promise<Reading | null> {
  for (let tries = 0; tries < mostLoads; tries += 1) {
    const head = await headOf(db)
    if (!head) return null
    const entries = await readPieces(db, head.hashes)
    if (entries) return { readAt: head.readAt, entries }
  }
  return null
}

async function claim(db: Queries, owner: string, until: number, now: number): Promise<boolean> {
  const done = await sql`update inventory_head set reader = ${owner},
      reader_until = ${new Date(until)}::timestamptz
    where reader is null or reader = ${owner} or reader_until <= ${new Date(now)}::timestamptz`.execute(db)
  return Number(done.numAffectedRows) === 1
}

/** For a database that only this process has: whoever was reading was a previous life. */
export async function freeReader(db: Queries): Promise<void> {
  await sql`update inventory_head set reader = null, reader_until = null where reader is not null`.execute(db)
}

export const keptInventory = (outside: () => Queries, database: Database): KeptInventory => ({
  readAt: async () => (await headOf(outside()))?.readAt ?? null,
  load: async () => load(outside()),
  keep: async (reading) => {
    outside()
    return keep(database, reading)
  },
  claim: async (owner, until, now) => claim(outside(), owner, until, now),
  release: async (owner) => {
    await sql`update inventory_head set reader = null, reader_until = null where reader = ${owner}`.execute(
      outside(),
    )
  },
})
