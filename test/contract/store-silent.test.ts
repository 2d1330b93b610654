import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createDispatcher } from '../../src/engine/dispatch.ts'
import { done, type Handler } from '../../src/engine/handler.ts'
import { groupJob } from '../../src/engine/job-of.ts'
import { createWorker } from '../../src/engine/worker.ts'
import { writeRules } from '../../src/engine/write-rules.ts'
import type { Clock, Firewall, Store } from '../../src/ports.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { type SilentLine, silentLine } from '../support/silent-line.ts'
import { serverStore } from '../support/stores.ts'
import { grantedCase, minute, noon, nsg, pendingCase, withRules } from './store-cases.ts'
import { logInto } from './store-log.ts'

let server: PostgresServer
let line: SilentLine
let store: Store

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  line = await silentLine(await server.createDatabase())
  store = (await serverStore(line.url, logInto([]))).store
  await store.enlist()
})
afterEach(async () => {
  line.speak()
  await store.close()
  await line.close()
})

/** The limits are those of the product: ten seconds for a query, five for a connection. */
const patience = { timeout: 30_000 }
vi.setConfig({ testTimeout: 60_000 })
/** A lease lasts half a minute, which nobody waits for here: the clock is set forward. */
class SteppedClock implements Clock {
  #ahead = 0

  now = () => noon + this.#ahead
  sleep = async (_ms: number, signal?: AbortSignal) => {
    await pause(5, undefined, signal ? { signal } : {}).catch(() => {})
  }
  step(ms: number) {
    this.#ahead += ms
  }
}

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

const other: Handler = async () => done
const others = {
  deadline: other,
  'address link': other,
  'address lapse': other,
  'address moved': other,
  reminder: other,
  escalation: other,
  start: other,
  panic: other,
  'panic news': other,
  'predecessor closed': other,
  unsigned: other,
  expiry: other,
  warning: other,
  stuck: other,
  'ask defender': other,
  'plan rules': other,
  'verify flow': other,
  talk: other,
  announce: other,
  intake: other,
  page: other,
  alarm: other,
  survey: other,
  reconcile: other,
  context: other,
  'write policy': other,
  'protection news': other,
  'conversion card': other,
  'conversion news': other,
  'conversion deadline': other,
  'removal deadline': other,
  digest: other,
}

const noPolicy = () => {
  throw new Error('No policy is asked for.')
}

describe('a database that takes every byte and answers nothing', () => {
  test('ends every call with an error, instead of keeping it for ever', async () => {
    await store.transact((tx) => tx.save([pendingCase('r1')], noon))
    line.goSilent()
    await expect(store.case('r1')).rejects.toThrow(/timeout/i)
    await expect(store.transact((tx) => tx.save([pendingCase('r2')], noon))).rejects.toThrow(/timeout/i)
    line.speak()
    await vi.waitFor(async () => expect(await store.case('r1')).toEqual(pendingCase('r1')), patience)
    expect(await store.case('r2')).toBeNull()
  })

  test('holds a close up only until it answers again: nobody has to start anything', async () => {
    const closed: string[] = []
    const firewall: Firewall = {
      list: async () => [],
      read: async () => null,
      open: async () => ({ kind: 'present' }),
      block: async () => ({ kind: 'present' }),
      close: async ({ nsgId }) => {
        closed.push(nsgId)
        // It is gone in Azure, and at this moment the database can take no note of that.
        if (closed.length === 1) line.goSilent()
        return { kind: 'absent' }
      },
    }
    const clock = new SteppedClock()
    const dispatcher = createDispatcher({ store, clock, observe: () => {} })
    const parts = { store, clock, dispatcher, log: quiet }
    const handlers = {
      ...others,
      'write rules': writeRules({ ...parts, policy: noPolicy, firewall, clockTrouble: () => null }),
    }
    const present = withRules(grantedCase('r1', { state: 'closing' }), 'present')
    await store.transact(async (tx) => {
      await tx.save([grantedCase('r1', { state: 'closing', rules: present })], noon)
      await tx.putJobs([groupJob(nsg('subnet'), 'absent', noon)], noon)
    })
    const worker = createWorker({ ...parts, handlers })
    worker.start()
    await vi.waitFor(() => expect(closed).toHaveLength(1), patience)
    await expect(store.case('r1')).rejects.toThrow(/timeout/i)
    line.speak()
    clock.step(minute)
    await vi.waitFor(async () => expect((await store.case('r1'))?.grant?.state).toBe('closed'), patience)
    await worker.stop()
  })
})
