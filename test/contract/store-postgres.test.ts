import { afterAll, beforeAll } from 'vitest'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { serverStore } from '../support/stores.ts'
import { storeContract } from './store.contract.ts'
import { logInto } from './store-log.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server?.stop())

storeContract('a PostgreSQL server', async (logged) =>
  serverStore(await server.createDatabase(), logInto(logged)),
)
