import type { PostgresPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import type { Log } from './log.ts'

const int8 = 20

/** `bigint` columns hold counters that stay far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
}

/** Nothing may hang for ever: the server gives up first, and the client when the server is not there any more. */
export const connection = (url: string) =>
  ({
    connectionString: url,
    application_name: 'jitney',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    lock_timeout: 8_000,
    statement_timeout: 10_000,
    query_timeout: 15_000,
    idle_in_transaction_session_timeout: 30_000,
    types,
  }) satisfies pg.ClientConfig

/** The server answered: its errors carry a five-letter SQLSTATE. Anything else leaves the connection in doubt. */
export const isAnswer = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^[0-9A-Z]{5}$/.test(error.code)

/** After a timeout the old query may still be running there, so the connection must not go back to the pool. */
function guarded(client: pg.PoolClient): PostgresPoolClient {
  let doubtful = false
  const query = async (text: string, params: unknown[]) => {
    try {
      return await client.query(text, params)
    } catch (error) {
      if (!isAnswer(error)) doubtful = true
      throw error
    }
  }
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy = false) => client.release(destroy || doubtful),
  }
}

export function openPool(url: string, log: Log): PostgresPool {
  const pool = new pg.Pool({ ...connection(url), max: 10 })
  // An idle connection that breaks would end the process; the pool replaces it by itself.
  pool.on('error', (error) => log.warn({ error }, 'An idle database connection broke'))
  return { options: pool.options, connect: async () => guarded(await pool.connect()), end: () => pool.end() }
}
