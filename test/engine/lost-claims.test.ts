import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { createDispatcher } from '../../src/engine/dispatch.ts'
import { groupJob } from '../../src/engine/job-of.ts'
import { writeRules } from '../../src/engine/write-rules.ts'
import type { Claim, Firewall, Lane, NewJob, Store } from '../../src/ports.ts'
import { alice, clock, granted, member, rule } from '../support/cases.ts'
import { empty, memoryStore, type TestStore } from '../support/stores.ts'
import { TestClock } from '../support/test-clock.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const expiry: NewJob = {
  key: 'request:r1:expiry',
  kind: 'expiry',
  lane: 'timers',
  subject: 'r1',
  dueAt: clock('09:10'),
  mode: 'move',
}

let subject: TestStore
const time = new TestClock(clock('09:10'))

beforeAll(async () => {
  subject = await memoryStore()
  await subject.store.enlist()
})
afterAll(() => subject.store.close())
beforeEach(() => empty(subject.database))

async function given(kase: Case, job: NewJob): Promise<Claim> {
  const now = time.now()
  await subject.store.transact(async (tx) => {
    await tx.save([kase], now)
    await tx.putJobs([job], now)
  })
  return take(job.lane)
}

async function take(lane: Lane): Promise<Claim> {
  const [claim] = await subject.store.jobs.claim(lane, 1, 30_000, time.now())
  if (!claim) throw new Error('there is nothing to claim')
  return claim
}

const dispatcher = () => createDispatcher({ store: subject.store, clock: time, observe: () => {} })

/** Takes note of what it is asked to do, and does it. */
function watchedFirewall() {
  const calls: string[] = []
  const firewall: Firewall = {
    list: async () => [],
    read: async () => null,
    open: async ({ nsgId }) => {
      calls.push(`open ${nsgId}`)
      return { kind: 'present' }
    },
    block: async () => ({ kind: 'present' }),
    close: async ({ nsgId }) => {
      calls.push(`close ${nsgId}`)
      return { kind: 'absent' }
    },
  }
  return { calls, firewall }
}

const noPolicy = () => {
  throw new Error('No policy is asked for.')
}

async function workOn(kase: Case, lapsed: boolean, store = subject.store): Promise<readonly string[]> {
  const claim = await given(kase, groupJob('A', 'present', time.now()))
  const { calls, firewall } = watchedFirewall()
  const parts = { store, clock: time, dispatcher: dispatcher(), firewall, log: quiet }
  const handler = writeRules({ ...parts, policy: noPolicy, clockTrouble: () => null })
  await handler(claim, new AbortController().signal, { lapsed: () => lapsed })
  return calls
}

describe('a group that somebody else may have taken over', () => {
  test('is not written to any more', async () => {
    expect(await workOn(granted('opening', [rule('A')]), true)).toEqual([])
  })

  test('is written to while it is surely ours', async () => {
    expect(await workOn(granted('opening', [rule('A')]), false)).toEqual(['open A'])
  })
})

describe('a process that stood still between reading and writing', () => {
  test('does not open what somebody has begun to close meanwhile', async () => {
    let reads = 0
    const ruleWork: Store['ruleWork'] = async (nsgId) => {
      const work = await subject.store.ruleWork(nsgId)
      reads += 1
      if (reads === 1) {
        await dispatcher().dispatch({ requestId: 'r1', event: { type: 'close', by: member(alice) } })
        time.to(time.now() + 42_000)
      }
      return work
    }
    const store = { ...subject.store, ruleWork }
    expect(await workOn(granted('opening', [rule('A')]), false, store)).toEqual(['close A'])
  })
})

describe('a rule whose end is near', () => {
  test.each([
    ['09:34:49', ['open A']],
    // One call takes ten seconds at most, and might land after the end.
    ['09:34:50', ['close A']],
    ['09:34:59', ['close A']],
  ])('at %s, with the end at 09:35', async (at, calls) => {
    time.to(clock(at))
    const rules = [rule('A')]
    expect(await workOn(granted('opening', rules), false)).toEqual(calls)
  })
})

describe('an end whose case cannot be read', () => {
  test('keeps its timer, and closes once it can be read again', async () => {
    const claim = await given(granted('open', [rule('A', 'present')]), expiry)
    const { kysely } = subject.database
    const broken = { ...rule('A', 'present'), source: null }
    await kysely
      .updateTable('rules')
      .set({ doc: JSON.stringify(broken) })
      .execute()
    const told = dispatcher().dispatch({ requestId: 'r1', event: { type: 'expiry' }, claim })
    await expect(told).rejects.toThrow('the case r1 cannot be read')
    await kysely
      .updateTable('rules')
      .set({ doc: JSON.stringify(rule('A', 'present')) })
      .execute()
    await subject.store.jobs.retry(claim, time.now(), null, time.now())
    time.to(clock('09:35'))
    const again = await take('timers')
    await dispatcher().dispatch({ requestId: 'r1', event: { type: 'expiry' }, claim: again })
    expect((await subject.store.case('r1'))?.grant).toMatchObject({ state: 'closing', reason: 'expired' })
  })
})
