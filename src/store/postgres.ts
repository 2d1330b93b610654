import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { type ClientConfig, Pool, type PoolClient, TypeOverrides } from 'pg'
import { codeOf, isBroken, type Log, reasonOf } from './log.ts'

const int8 = 20

/** Nothing may hang for ever: the server gives up first, and the client when the server is not there any more. */
export function connection(url: string): ClientConfig {
  const types = new TypeOverrides()
  // `bigint` columns hold counters that stay far below 2^53.
  types.setTypeParser(int8, Number)
  return {
    connectionString: url,
    application_name: 'jitney',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    lock_timeout: 5_000,
    statement_timeout: 8_000,
    query_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    types,
  }
}

/** The server's own errors carry a five-letter SQLSTATE. After any other, or a goodbye, the connection is in doubt. */
const isAnswer = (error: unknown): boolean => /^[0-9A-Z]{5}$/.test(codeOf(error) ?? '') && !isBroken(error)

/** After a timeout the old query may still be running there, so the connection must not go back to the pool. */
function guarded(client: PoolClient, onDoubt: () => void): PostgresPoolClient {
  let doubtful = false
  const query = async (text: string, params: unknown[]) => {
    try {
      return await client.query(text, params)
    } catch (error) {
      if (!isAnswer(error)) {
        doubtful = true
        onDoubt()
      }
      throw error
    }
  }
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Kysely's other overload is for cursors, which the dialect was not given.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy = false) => client.release(destroy || doubtful),
  }
}

export function openPool(url: string, log: Log): PostgresPool {
  const open = () => {
    const pool = new Pool({ ...connection(url), max: 10 })
    // A broken connection without a listener would end the process. The pool replaces an idle one by itself;
    // one that is in use tells its user, at the latest with the next query.
    pool.on('connect', (client) => void client.on('error', () => {}))
    pool.on('error', (error) => log.warn({ error: reasonOf(error) }, 'an idle database connection broke'))
    return pool
  }
  let pool = open()
  // Where one connection went silent the others did too, and each would cost a whole timeout to find out.
  const renew = (doubted: Pool) => {
    if (pool !== doubted) return
    pool = open()
    doubted.end().catch(() => {})
  }
  return {
    options: pool.options,
    connect: async () => {
      const used = pool
      return guarded(await used.connect(), () => renew(used))
    },
    end: () => pool.end(),
  }
}
