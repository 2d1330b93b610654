import { expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import type { Panic } from '../../src/core/panic.ts'
import { tellPanic } from '../../src/engine/panic.ts'
import type { PanicNews, Store } from '../../src/ports.ts'
import { clock, dave, granted, rule } from '../support/cases.ts'
import { memoryStore } from '../support/stores.ts'

const panic: Panic = { id: 'p1', scope: { kind: 'all' }, reason: 'an intruder', by: dave, at: clock('09:00') }
const closing = (reason: 'panic' | 'expired'): Case => {
  const { request, grant } = granted('closing', [rule('A', 'present')])
  if (grant?.state !== 'closing') throw new Error('not closing')
  return { request, grant: { ...grant, reason } }
}

/** What is told of a stop that ended two grants, when these are still closing. */
async function told(cases: readonly Case[], lifted = false): Promise<PanicNews> {
  const { store } = await memoryStore()
  await store.transact((tx) => tx.putPanic(panic))
  await store.countPanic('p1', 2)
  if (lifted) await store.transact((tx) => tx.liftPanics(['p1'], clock('09:09')))
  const heard: PanicNews[] = []
  const grants: Store['grants'] = async () => cases
  const handler = tellPanic({
    store: { ...store, grants },
    clock: { now: () => clock('09:10'), sleep: async () => {} },
    chat: { panicNews: async (_pages, _panic, news) => void heard.push(news) },
    pages: () => ({ channel: 'C0PAGES', users: [], groups: [] }),
    log: { info: () => {}, warn: () => {}, error: () => {} },
  })
  const lease = { lapsed: () => false }
  const claim = { id: '1', key: 'k', kind: 'panic news', subject: 'p1', dueAt: 0, attempt: 1 } as const
  await handler(claim, new AbortController().signal, lease)
  await store.close()
  const [news] = heard
  if (!news) throw new Error('Nothing was told.')
  return news
}

test('what closes because its own time is over is not counted as closed by the stop', async () => {
  expect(await told([closing('expired')])).toEqual({ total: 2, closing: [], holds: true })
  expect(await told([closing('panic')])).toMatchObject({
    total: 2,
    closing: [{ grant: { reason: 'panic' } }],
  })
})

test('nothing is said to be stopped that has been lifted', async () => {
  expect((await told([], true)).holds).toBe(false)
})
