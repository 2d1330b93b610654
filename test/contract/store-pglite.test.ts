import { openDatabase } from '../../src/store/database.ts'
import { storeOn } from '../../src/store/store.ts'
import { snapshot } from '../support/stores.ts'
import { storeContract } from './store.contract.ts'
import { logInto } from './store-log.ts'

storeContract('the embedded database', async (logged) => {
  const database = await openDatabase({
    dataDir: 'memory:',
    snapshot: await snapshot(),
    log: logInto(logged),
  })
  return { database, store: await storeOn(database) }
})
