import { memoryStore } from '../support/stores.ts'
import { storeContract } from './store.contract.ts'
import { logInto } from './store-log.ts'

storeContract('the embedded database', (logged) => memoryStore(logInto(logged)))
