import { afterAll, beforeAll } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { storeOn } from '../../src/store/store.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { storeContract } from './store.contract.ts'
import { logInto } from './store-log.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server?.stop())

storeContract('a PostgreSQL server', async (logged) => {
  const database = await openDatabase({ databaseUrl: await server.createDatabase(), log: logInto(logged) })
  return { database, store: await storeOn(database) }
})
