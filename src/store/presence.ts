import { promises as timers } from 'node:timers'
import { Client } from 'pg'
import { type Log, reasonOf } from './log.ts'
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

/** A session-level lock vanishes with its connection, which is what tells the others that we died. */
async function takeSlot(client: Client): Promise<number> {
  await client.connect()
  await client.query(`listen ${wakeChannel}`)
  const answer = await client.query<{ slot: number }>(`select nextval('replica_slots')::int as slot`)
  const slot = answer.rows[0]?.slot ?? 0
  await client.query('select pg_advisory_lock($1::int, $2::int)', [lockSpace, slot])
  return slot
}

const heartbeatMs = 2_000

/**
 * One connection of our own holds the slot and hears the wake-ups of other replicas. It must be a session of
 * the server itself: behind a pooler in transaction mode neither would work.
 */
export class ServerPresence implements Presence {
  readonly #url: string
  readonly #log: Log
  readonly #heard: (sender: string) => void
  readonly #closing = new AbortController()
  readonly #heartbeat: NodeJS.Timeout
  #held: { client: Client; slot: number } | null = null
  #joining: Promise<void> | null = null
  #beating = false

  constructor(url: string, log: Log, heard: (sender: string) => void) {
    this.#url = url
    this.#log = log
    this.#heard = heard
    this.#heartbeat = setInterval(() => void this.#beat(), heartbeatMs).unref()
  }

  slot(): number | null {
    return this.#held?.slot ?? null
  }

  async enlist(): Promise<void> {
    if (!this.#held) await this.#join()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#heartbeat)
    const last = this.#held
    this.#held = null
    await last?.client.end().catch(() => {})
    await this.#joining
  }

  #join(): Promise<void> {
    this.#joining ??= this.#tryUntilHeld().finally(() => {
      this.#joining = null
    })
    return this.#joining
  }

  async #tryUntilHeld(): Promise<void> {
    const { signal } = this.#closing
    for (let pause = 100; !signal.aborted && !this.#held; pause = Math.min(pause * 2, 5_000)) {
      try {
        await this.#tryOnce()
      } catch (error) {
        this.#log.warn({ error: reasonOf(error) }, 'could not take a replica slot; trying again')
        await timers.setTimeout(pause * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
      }
    }
    // Wake-ups may have been missed while nobody listened.
    if (this.#held) this.#heard('')
  }

  async #tryOnce(): Promise<void> {
    // Short limits: a dead connection must be noticed soon, because the others think that we are dead.
    const limits = { statement_timeout: 4_000, query_timeout: 5_000 }
    const client = new Client({ ...connection(this.#url), ...limits })
    client.on('error', (error) => this.#lose(client, error))
    client.on('end', () => this.#lose(client, null))
    client.on('notification', ({ payload }) => this.#heard(payload ?? ''))
    try {
      const slot = await takeSlot(client)
      if (this.#closing.signal.aborted) await client.end()
      else this.#held = { client, slot }
    } catch (error) {
      client.end().catch(() => {})
      throw error
    }
  }

  /** A connection can be dead without either end having been told. */
  async #beat(): Promise<void> {
    const beaten = this.#held
    if (!beaten || this.#beating) return
    this.#beating = true
    try {
      await beaten.client.query('select 1')
    } catch (error) {
      this.#lose(beaten.client, error)
    } finally {
      this.#beating = false
    }
  }

  #lose(client: Client, error: unknown): void {
    if (this.#held?.client !== client) return
    this.#held = null
    this.#log.warn(
      { error: reasonOf(error) },
      'lost the replica slot; nothing is claimed until there is a new one',
    )
    client.end().catch(() => {})
    void this.#join()
  }
}
