import pg from 'pg'
import type { Log } from './log.ts'
import { connection } from './postgres.ts'

/** Advisory locks of this product are pairs that begin with this number; `migrate` takes (4242, 0). */
export const lockSpace = 4242
export const wakeChannel = 'jitney_wake'

/** Proof that this replica lives: while it holds a slot, nobody takes its claims away. */
export interface Presence {
  /** Resolves once a slot is held. */
  enlist(): Promise<void>
  /** Null when none is held: before `enlist`, or after the connection that holds it broke. */
  slot(): number | null
  close(): Promise<void>
}

/** The embedded database has one process, and what its previous life had claimed was freed when it opened. */
export function soleProcess(): Presence {
  let slot: number | null = null
  return {
    enlist: async () => {
      slot = 1
    },
    slot: () => slot,
    close: async () => {
      slot = null
    },
  }
}

interface Held {
  readonly client: pg.Client
  readonly slot: number
}

/** A session-level lock vanishes with its connection, which is what tells the others that we died. */
async function takeSlot(client: pg.Client): Promise<number> {
  await client.connect()
  await client.query(`listen ${wakeChannel}`)
  const answer = await client.query<{ slot: string }>(`select nextval('replica_slots') as slot`)
  const slot = Number(answer.rows[0]?.slot)
  await client.query('select pg_advisory_lock($1::int, $2::int)', [lockSpace, slot])
  return slot
}

const heartbeatMs = 2_000

/**
 * One connection of our own holds the slot and hears the wake-ups of other replicas. It must be a session of
 * the server itself: behind a pooler in transaction mode neither would work.
 */
export function serverPresence(url: string, log: Log, onWake: (sender: string) => void): Presence {
  let held: Held | null = null
  let closed = false
  let joining: Promise<void> | null = null

  function lose(client: pg.Client, error: unknown): void {
    if (held?.client !== client) return
    held = null
    log.warn(
      { error },
      'The connection that holds this replica’s slot broke; nothing is claimed until it is back',
    )
    client.end().catch(() => {})
    if (!closed) void join()
  }

  async function attempt(): Promise<void> {
    // Short limits: a dead connection must be noticed soon, because the others think that we are dead.
    const client = new pg.Client({ ...connection(url), statement_timeout: 4_000, query_timeout: 5_000 })
    client.on('error', (error) => lose(client, error))
    client.on('end', () => lose(client, null))
    client.on('notification', ({ payload }) => onWake(payload ?? ''))
    try {
      const slot = await takeSlot(client)
      if (closed) await client.end()
      else held = { client, slot }
    } catch (error) {
      client.end().catch(() => {})
      throw error
    }
  }

  async function joinLoop(): Promise<void> {
    for (let pause = 100; !closed && held === null; pause = Math.min(pause * 2, 5_000)) {
      try {
        await attempt()
      } catch (error) {
        log.warn({ error }, 'Could not take a replica slot; trying again')
        await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())))
      }
    }
    // Wake-ups may have been missed while nobody listened.
    if (held) onWake('')
  }

  function join(): Promise<void> {
    joining ??= joinLoop().finally(() => {
      joining = null
    })
    return joining
  }

  const heartbeat = setInterval(() => {
    const beating = held
    beating?.client.query('select 1').catch((error: unknown) => lose(beating.client, error))
  }, heartbeatMs)
  heartbeat.unref()

  return {
    enlist: () => (held ? Promise.resolve() : join()),
    slot: () => held?.slot ?? null,
    close: async () => {
      closed = true
      clearInterval(heartbeat)
      const last = held
      held = null
      await last?.client.end().catch(() => {})
      await joining
    },
  }
}
