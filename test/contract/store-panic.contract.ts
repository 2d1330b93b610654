import { expect, test } from 'vitest'
import type { Panic } from '../../src/core/panic.ts'
import type { Subject } from './store.contract.ts'
import { avery, noon, pendingCase } from './store-cases.ts'

const panic = (id: string): Panic => ({
  id,
  scope: { kind: 'vm', id: '/subscriptions/s/vm/1', name: 'vm-jump01' },
  reason: 'somebody is inside',
  by: avery,
  at: noon,
})

export function panicContract(subject: Subject): void {
  const lift = { by: avery, at: noon, reason: 'they are gone' }
  const put = (id: string) => subject.store.transact((tx) => tx.putPanic(panic(id)))

  test('a stop is on record once, and holds until it is lifted', async () => {
    const { store } = subject
    expect(await put('p1')).toBe(true)
    expect(await put('p1')).toBe(false)
    await put('p2')
    expect(await store.panics()).toEqual([panic('p1'), panic('p2')])
    expect(await store.transact((tx) => tx.panics())).toEqual([panic('p1'), panic('p2')])

    expect(await store.transact((tx) => tx.liftPanics(['p1', 'p3'], lift))).toEqual(['p1'])
    expect(await store.transact((tx) => tx.liftPanics(['p1'], { ...lift, reason: 'again' }))).toEqual([])
    expect(await store.transact((tx) => tx.liftPanics([], lift))).toEqual([])
    expect(await store.panics()).toEqual([panic('p2')])
    expect((await store.panic('p1'))?.panic).toEqual({ ...panic('p1'), lifted: lift })
  })

  test('the grants that a stop ends are counted together with their ends, also after it was lifted', async () => {
    const { store } = subject
    await put('p1')
    expect(await store.panic('p1')).toEqual({ panic: panic('p1'), total: 0 })
    await store.transact((tx) => tx.countPanic('p1', 3))
    const undone = store.transact(async (tx) => {
      await tx.countPanic('p1', 5)
      throw new Error('the grants could not be saved')
    })
    await expect(undone).rejects.toThrow('could not be saved')
    await store.transact((tx) => tx.liftPanics(['p1'], lift))
    await store.transact((tx) => tx.countPanic('p1', 1))
    expect((await store.panic('p1'))?.total).toBe(4)
    expect(await store.panic('p9')).toBeNull()
  })

  test('a request is found by where its card stands, and by nothing else', async () => {
    const { store } = subject
    await store.transact((tx) => tx.save([pendingCase('r1'), pendingCase('r2')], noon))
    await store.place('r1', 'card', { channel: 'C1', ts: '1.1' }, null)
    await store.place('r2', 'mirror', { channel: 'D1', ts: '2.2' }, null)
    expect(await store.requestAt({ channel: 'C1', ts: '1.1' })).toBe('r1')
    expect(await store.requestAt({ channel: 'C2', ts: '1.1' })).toBeNull()
    expect(await store.requestAt({ channel: 'D1', ts: '2.2' })).toBeNull()
  })
}
