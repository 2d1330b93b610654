import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { closeRule, closeStray } from '../../src/engine/close-rule.ts'
import { createDispatcher } from '../../src/engine/dispatch.ts'
import type { Firewall, Written } from '../../src/ports.ts'
import { clock, granted, rule } from '../support/cases.ts'
import { empty, memoryStore, type TestStore } from '../support/stores.ts'
import { TestClock } from '../support/test-clock.ts'

const start = clock('09:36')
const stop = new AbortController().signal
const stray = { nsgId: 'A', name: 'jit-zzzzzzzzzz-1795426500', expiresAt: clock('09:35') }
const itWaits: Written = { kind: 'try again', why: 'it waits for its turn', afterMs: 40_000, unsent: true }
const itFails: Written = { kind: 'try again', why: 'Azure is busy', afterMs: null }

let subject: TestStore
let time: TestClock
let logged: object[]
beforeAll(async () => {
  subject = await memoryStore()
})
afterAll(() => subject.store.close())
beforeEach(async () => {
  await empty(subject.database)
  time = new TestClock(start)
  logged = []
})

const keep = (fields: object) => void logged.push(fields)

const noPolicy = () => {
  throw new Error('No policy is asked for.')
}
function parts(written: Written) {
  const { store } = subject
  const firewall: Firewall = {
    list: async () => [],
    read: async () => null,
    open: async () => ({ kind: 'present' }),
    block: async () => ({ kind: 'present' }),
    close: async () => written,
  }
  const log = { info: keep, warn: keep, error: keep }
  const dispatcher = createDispatcher({ store, clock: time, observe: () => {} })
  return { store, clock: time, dispatcher, policy: noPolicy, firewall, clockTrouble: () => null, log }
}

async function work() {
  const [found] = await subject.store.ruleWork('A')
  if (!found) throw new Error('there is nothing to close')
  return found
}
const closes = async (written: Written) => closeRule(parts(written), await work(), stop)

async function strayWork() {
  const [found] = await subject.store.reconciling.strayWork('A')
  if (!found) throw new Error('there is no stray')
  return found
}
const removes = async (written: Written) => closeStray(parts(written), await strayWork(), stop)
const alarms = async () => (await subject.store.reconciling.waitingAlarms()).map(({ alarm }) => alarm)

describe('a close that waits for its turn', () => {
  beforeEach(() =>
    subject.store.transact((tx) => tx.save([granted('closing', [rule('A', 'present')])], start)),
  )

  test('was not tried, and comes back when its turn has come', async () => {
    await closes(itWaits)
    expect(await work()).toMatchObject({ attempts: 0, nextTryAt: start + 40_000 })
    expect(await subject.store.reconciling.troubles('g1')).toMatchObject([{ attempts: 0, lastError: null }])
    expect(logged).toMatchObject([{ tries: 0, why: 'it waits for its turn' }])
  })

  test('leaves what was tried before as it was', async () => {
    await closes(itFails)
    await closes(itWaits)
    expect(await work()).toMatchObject({ attempts: 1 })
    expect(await subject.store.reconciling.troubles('g1')).toMatchObject([
      { attempts: 1, lastError: 'Azure is busy' },
    ])
    expect(logged).toMatchObject([{ tries: 1 }, { tries: 1 }])
  })

  test('comes back within a minute, whatever turn it was given', async () => {
    await closes({ ...itWaits, afterMs: 3_600_000 })
    expect(await work()).toMatchObject({ nextTryAt: start + 60_000 })
  })
})

describe('a close that a lock forbids', () => {
  const locked: Written = { kind: 'refused', code: 'ScopeLocked', why: 'there is a lock' }
  const closesLocked = async (blocked: Written) => {
    const given = parts(locked)
    const firewall = { ...given.firewall, block: async () => blocked }
    await closeRule({ ...given, firewall }, await work(), stop)
    return (await subject.store.reconciling.troubles('g1'))[0]
  }
  beforeEach(() =>
    subject.store.transact((tx) => tx.save([granted('closing', [rule('A', 'present')])], start)),
  )

  test('is on record as a rule that denies when Azure showed that', async () => {
    expect(await closesLocked({ kind: 'present' })).toMatchObject({ attempts: 1, deniesAt: start })
  })

  test('is on record as one that may still let somebody in when Azure did not', async () => {
    expect(await closesLocked(itFails)).toMatchObject({ attempts: 1, deniesAt: null })
  })
})

describe('a stray that waits for its turn', () => {
  beforeEach(() => subject.store.transact((tx) => tx.putStrays([stray], start)))

  test('was not tried, and comes back when its turn has come', async () => {
    await removes(itWaits)
    expect(await strayWork()).toMatchObject({ attempts: 0, nextTryAt: start + 40_000, lastError: null })
    expect(logged).toMatchObject([{ tries: 0, why: 'it waits for its turn' }])
  })

  test('calls people after a minute all the same, and tells them of no try', async () => {
    time.to(start + 60_000)
    await removes(itWaits)
    expect(await alarms()).toEqual([{ type: 'stuck rule', nsgId: 'A', name: stray.name, why: null }])
  })

  test('tells people what the last real try met', async () => {
    await removes(itFails)
    time.to(start + 60_000)
    await removes(itWaits)
    expect(await alarms()).toMatchObject([{ type: 'stuck rule', why: 'Azure is busy' }])
    expect(logged).toMatchObject([{ tries: 1 }, { tries: 1 }])
  })
})
