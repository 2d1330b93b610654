import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import type { Store } from '../../src/ports.ts'
import { empty, type TestStore } from '../support/stores.ts'
import { auditContract } from './store-audit.contract.ts'
import { caseContract } from './store-case.contract.ts'
import { conversionContract } from './store-conversion.contract.ts'
import { factsContract } from './store-facts.contract.ts'
import { intakeContract } from './store-intake.contract.ts'
import { inventoryContract } from './store-inventory.contract.ts'
import { jobContract } from './store-job.contract.ts'
import { linkContract } from './store-links.contract.ts'
import { panicContract } from './store-panic.contract.ts'
import { policyContract } from './store-policy.contract.ts'
import { protectionContract } from './store-protection.contract.ts'
import { quotaContract } from './store-quota.contract.ts'
import { reconcileContract } from './store-reconcile.contract.ts'
import { reconcilingContract } from './store-reconciling.contract.ts'
import { recordsContract } from './store-records.contract.ts'
import { talkContract } from './store-talk.contract.ts'
import { transactionContract } from './store-transaction.contract.ts'

/** What a part of the contract is run against; the tables are empty at the start of each test. */
export interface Subject {
  readonly store: Store
  readonly database: TestStore['database']
  /** What the store has logged in this test. */
  readonly logged: readonly string[]
}

/** The contract of the port `Store`, which every engine has to keep. */
export function storeContract(name: string, open: (logged: string[]) => Promise<TestStore>): void {
  describe(`the store on ${name}`, () => {
    const logged: string[] = []
    let opened: TestStore
    beforeAll(async () => {
      opened = await open(logged)
      await opened.store.enlist()
    })
    afterAll(() => opened?.store.close())
    beforeEach(() => empty(opened.database))
    afterEach(() => {
      logged.length = 0
    })
    const subject: Subject = {
      get store() {
        return opened.store
      },
      get database() {
        return opened.database
      },
      logged,
    }
    caseContract(subject)
    auditContract(subject)
    jobContract(subject)
    factsContract(subject)
    intakeContract(subject)
    inventoryContract(subject)
    linkContract(subject)
    panicContract(subject)
    protectionContract(subject)
    conversionContract(subject)
    policyContract(subject)
    quotaContract(subject)
    reconcileContract(subject)
    reconcilingContract(subject)
    recordsContract(subject)
    talkContract(subject)
    transactionContract(subject)
  })
}
