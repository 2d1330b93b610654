import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { SurveyedGroup } from '../../src/core/reconcile.ts'
import { createDispatcher } from '../../src/engine/dispatch.ts'
import { reconcile } from '../../src/engine/reconcile.ts'
import { reconciledSince } from '../../src/engine/reconciled.ts'
import type { Claim, Firewall, Reconciling, Store, Survey } from '../../src/ports.ts'
import { clock, granted, live, rule } from '../support/cases.ts'
import { empty, memoryStore, type TestStore } from '../support/stores.ts'
import { TestClock } from '../support/test-clock.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const time = new TestClock(clock('09:10'))
let subject: TestStore

beforeAll(async () => {
  subject = await memoryStore()
})
afterAll(() => subject.store.close())
beforeEach(async () => {
  await empty(subject.database)
  await subject.store.moveFeed('surveyed', { seq: time.now(), tried: false })
})

const nsgId = (index: number) =>
  `/subscriptions/s1/resourcegroups/rg/providers/microsoft.network/networksecuritygroups/nsg-${index}`
const stray = { ...rule(nsgId(0)), name: 'jit-zzzzzzzzzz-1999999999' }

/** So many groups, with a rule that is on no record in each of these. */
const groups = (count: number, strays: readonly number[]): SurveyedGroup[] =>
  Array.from({ length: count }, (_, index) => ({
    nsgId: nsgId(index),
    rules: strays.includes(index) ? [live(stray)] : [],
  }))

interface Given {
  readonly surveyed: readonly SurveyedGroup[]
  readonly store?: Store
  /** The group whose rules cannot be read one by one. */
  readonly unreadable?: string
  /** The group that was deleted. */
  readonly gone?: string
}

function parts({ surveyed, store = subject.store, unreadable, gone }: Given) {
  const survey: Survey = {
    subscriptions: async () => ['s1'],
    groups: async () => surveyed,
    hasVm: async () => true,
  }
  const firewall: Firewall = {
    list: async () => [],
    read: async (id, name) => {
      if (id === unreadable) throw new Error('this group cannot be read')
      return id === gone ? null : live({ ...stray, name })
    },
    open: async () => ({ kind: 'present' }),
    block: async () => ({ kind: 'present' }),
    close: async () => ({ kind: 'absent' }),
  }
  const inventory = {
    find: () => [],
    nearest: () => [],
    details: () => null,
    all: () => [],
    subscription: () => null,
    has: () => true,
    refresh: async () => {},
    readAt: () => null,
  }
  const dispatcher = createDispatcher({ store, clock: time, observe: () => {} })
  return { store, clock: time, dispatcher, firewall, survey, inventory, log: quiet }
}

const claim: Claim = {
  id: '1',
  key: 'reconcile:s1',
  kind: 'reconcile',
  subject: 's1',
  dueAt: time.now(),
  attempt: 1,
}

async function compares(given: Given) {
  const all = parts(given)
  const finish = await reconcile(all)(claim, new AbortController().signal, { lapsed: () => false })
  return { finish, done: await reconciledSince(subject.store, all.survey, time.now()) }
}

/** In which of these groups something is on record to be removed. */
async function found(...indices: readonly number[]): Promise<readonly number[]> {
  const work = await Promise.all(indices.map((index) => subject.store.reconciling.strayWork(nsgId(index))))
  return indices.filter((_, at) => (work[at]?.length ?? 0) > 0)
}

/** The store of which one question fails when it is asked about this group. */
const failing = (about: string): Store => {
  const { reconciling } = subject.store
  const knownRules: Reconciling['knownRules'] = async (nsgIds, grantIds) => {
    if (nsgIds.includes(about)) throw new Error('the database did not answer')
    return reconciling.knownRules(nsgIds, grantIds)
  }
  return { ...subject.store, reconciling: { ...reconciling, knownRules } }
}

describe('a comparison of many groups', () => {
  test('goes on with the other groups when a rule in one of them cannot be read', async () => {
    const surveyed = groups(3, [0, 1, 2])
    const { finish, done } = await compares({ surveyed, unreadable: nsgId(1) })
    expect(await found(0, 1, 2)).toEqual([0, 2])
    expect(finish).toMatchObject({ kind: 'again', error: 'this group cannot be read' })
    expect(done).toBe(false)
  })

  test('goes on with the others when those that are looked at together fail', async () => {
    // Two hundred groups are looked at together, so these are three goes.
    const surveyed = groups(450, [0, 200, 449])
    const { finish, done } = await compares({ surveyed, store: failing(nsgId(0)) })
    expect(await found(0, 200, 449)).toEqual([200, 449])
    expect(finish).toMatchObject({ kind: 'again', error: 'the database did not answer' })
    expect(done).toBe(false)
  })

  test('still looks for groups that were deleted, and closes what was open in them', async () => {
    await subject.store.transact((tx) => tx.save([granted('open', [rule(nsgId(7), 'present')])], time.now()))
    await compares({ surveyed: groups(1, [0]), unreadable: nsgId(0), gone: nsgId(7) })
    expect((await subject.store.case('r1'))?.grant?.state).toBe('closing')
  })

  test('counts as done when every part of it was looked at', async () => {
    const { finish, done } = await compares({ surveyed: groups(450, [0, 449]) })
    expect(await found(0, 449)).toEqual([0, 449])
    expect(finish).toMatchObject({ kind: 'again', error: null })
    expect(done).toBe(true)
  })
})
