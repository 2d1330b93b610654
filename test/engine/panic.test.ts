import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import type { Panic } from '../../src/core/panic.ts'
import { createDispatcher } from '../../src/engine/dispatch.ts'
import { closeAll, tellPanic } from '../../src/engine/panic.ts'
import type { PanicNews, Store } from '../../src/ports.ts'
import { alice, bob, clock, dave, granted, person, rule } from '../support/cases.ts'
import { memoryStore } from '../support/stores.ts'

const panic: Panic = { id: 'p0', scope: { kind: 'all' }, reason: 'an intruder', by: dave, at: clock('09:00') }
const time = { now: () => clock('09:10'), sleep: async () => {} }
const lease = { lapsed: () => false }
const signal = new AbortController().signal
const claimOf = (kind: 'panic' | 'panic news', subject: string) =>
  ({ id: '1', key: 'k', kind, subject, dueAt: 0, attempt: 1 }) as const

let store: Store
let count = 0
beforeAll(async () => {
  store = (await memoryStore()).store
})
afterAll(() => store?.close())

/** Puts another stop on record; answers its id. */
async function stopped(scope: Panic['scope'] = { kind: 'all' }): Promise<string> {
  count += 1
  await store.transact((tx) => tx.putPanic({ ...panic, id: `p${count}`, scope }))
  return `p${count}`
}

const closing = (but: { reason: 'panic' | 'expired'; panicId?: string; closingSince?: number }): Case => {
  const { request, grant } = granted('closing', [rule('A', 'present')])
  if (grant?.state !== 'closing') throw new Error('not closing')
  return { request, grant: { ...grant, ...but } }
}

async function newsOf(
  id: string,
  grants: Store['grants'] = (states) => store.grants(states),
): Promise<PanicNews> {
  const heard: PanicNews[] = []
  const handler = tellPanic({
    store: { ...store, grants },
    clock: time,
    chat: { panicNews: async (_pages, _panic, news) => void heard.push(news) },
    pages: () => ({ channel: 'C0PAGES', users: [], groups: [] }),
    log: { info: () => {}, warn: () => {}, error: () => {} },
  })
  await handler(claimOf('panic news', id), signal, lease)
  const [news] = heard
  if (!news) throw new Error('Nothing was told.')
  return news
}

/** What is told of a stop that ended two grants, when these are still closing. */
async function told(cases: (id: string) => readonly Case[], lifted = false): Promise<PanicNews> {
  const id = await stopped()
  await store.transact((tx) => tx.countPanic(id, 2))
  const lift = { by: bob, at: clock('09:09'), reason: 'a drill' }
  if (lifted) await store.transact((tx) => tx.liftPanics([id], lift))
  return newsOf(id, async () => cases(id))
}

test('what closes for another reason is still closing, and is not counted as closed by the stop', async () => {
  const expired = closing({ reason: 'expired' })
  expect(await told(() => [expired])).toEqual({ closed: 2, closing: [expired], holds: true })
  const ended = (panicId: string) => closing({ reason: 'panic', panicId })
  expect(await told((id) => [ended(id)])).toMatchObject({ closed: 1, closing: { length: 1 } })
  expect(await told((id) => [ended('p99'), ended(id)])).toMatchObject({ closed: 1, closing: { length: 2 } })
})

test('an end that was noted without the id of its stop is told by its time', async () => {
  const during = closing({ reason: 'panic', closingSince: clock('09:01') })
  expect((await told(() => [during])).closed).toBe(1)
  const before = closing({ reason: 'panic', closingSince: clock('08:59') })
  expect((await told(() => [before])).closed).toBe(2)
})

test('nothing is said to be stopped that has been lifted', async () => {
  expect((await told(() => [], true)).holds).toBe(false)
})

const open = (id: string, requester = alice): Case => {
  const { request, grant } = granted('open', [rule('A', 'present')])
  if (!grant) throw new Error('no grant')
  const rules = grant.rules.map((one) => ({ ...one, name: `jit-${id}-1795424400` }))
  return {
    request: { ...request, id: `r-${id}`, requester },
    grant: { ...grant, id, requestId: `r-${id}`, rules },
  }
}

const transact: Store['transact'] = () => Promise.reject(new Error('connection lost'))

test('what a stop ended is counted once, also when its job fails in the middle and runs again', async () => {
  const id = await stopped()
  await store.transact((tx) => tx.save([open('g1'), open('g2')], clock('09:00')))
  const dispatcher = createDispatcher({ store, clock: time, observe: () => {} })
  const failing = closeAll({ store: { ...store, transact }, clock: time, dispatcher })
  await expect(failing(claimOf('panic', id), signal, lease)).rejects.toThrow('connection lost')
  await closeAll({ store, clock: time, dispatcher })(claimOf('panic', id), signal, lease)
  expect(await newsOf(id)).toMatchObject({ closed: 0, closing: { length: 2 } })
  for (const requestId of ['r-g1', 'r-g2'])
    await dispatcher.dispatch({ requestId, event: { type: 'rule absent', nsgId: 'A' } })
  expect(await newsOf(id)).toMatchObject({ closed: 2, closing: [] })
})

test('closes what the person has under another account of the same Entra user, and nobody else’s', async () => {
  const [second, other] = [person('USECOND'), person('UOTHER')]
  const scope = { kind: 'person', person: alice, entraId: 'e-alice' } as const
  const id = await stopped(scope)
  await store.transact((tx) =>
    tx.save([open('g5'), open('g6', second), open('g7', other), open('g8', dave)], clock('09:00')),
  )
  await store.mapEntraUser(second, 'e-alice', clock('09:00'))
  await store.mapEntraUser(other, 'e-other', clock('09:00'))
  const dispatcher = createDispatcher({ store, clock: time, observe: () => {} })
  await closeAll({ store, clock: time, dispatcher })(claimOf('panic', id), signal, lease)
  const left = await store.grants(['open'])
  expect(left.map(({ request }) => request.requester.userId).toSorted()).toEqual(['UDAVE', 'UOTHER'])
})
