import { beforeEach, describe } from 'vitest'
import type { Subject } from '../contract/store.contract.ts'
import { auditContract } from '../contract/store-audit.contract.ts'
import { caseContract } from '../contract/store-case.contract.ts'
import { conversionContract } from '../contract/store-conversion.contract.ts'
import { factsContract } from '../contract/store-facts.contract.ts'
import { intakeContract } from '../contract/store-intake.contract.ts'
import { jobContract } from '../contract/store-job.contract.ts'
import { linkContract } from '../contract/store-links.contract.ts'
import { panicContract } from '../contract/store-panic.contract.ts'
import { policyContract } from '../contract/store-policy.contract.ts'
import { protectionContract } from '../contract/store-protection.contract.ts'
import { quotaContract } from '../contract/store-quota.contract.ts'
import { reconcileContract } from '../contract/store-reconcile.contract.ts'
import { recordsContract } from '../contract/store-records.contract.ts'
import { talkContract } from '../contract/store-talk.contract.ts'
import { transactionContract } from '../contract/store-transaction.contract.ts'
import { MemoryDatabase, type MemoryStore } from './memory-store.ts'

/** The simulation is worth as much as its store: it must keep the contract that the real ones keep. */
describe('the store of the simulation', () => {
  const logged: string[] = []
  let store: MemoryStore
  let noTables: () => never
  beforeEach(async ({ skip }) => {
    logged.length = 0
    noTables = () => skip('this part looks at the tables of a real database')
    const database = new MemoryDatabase({
      failed: (error, message) => void logged.push(`${message} ${String(error)}`),
    })
    store = database.replica({ time: () => Date.now() })
    await store.enlist()
  })
  const subject: Subject = {
    get store() {
      return store
    },
    get database() {
      return noTables()
    },
    logged,
  }
  caseContract(subject)
  auditContract(subject)
  jobContract(subject)
  factsContract(subject)
  intakeContract(subject)
  linkContract(subject)
  panicContract(subject)
  protectionContract(subject)
  conversionContract(subject)
  policyContract(subject)
  quotaContract(subject)
  reconcileContract(subject)
  recordsContract(subject)
  talkContract(subject)
  transactionContract(subject)
})
