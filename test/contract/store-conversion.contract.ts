import { expect, test } from 'vitest'
import { asFarAs, conversion, narrowed } from '../support/conversions.ts'
import { nsgOf } from '../support/protections.ts'
import type { Subject } from './store.contract.ts'

type Changes = Parameters<typeof conversion>[0]
type Shown = Parameters<typeof conversion>[1]

export function conversionContract(subject: Subject): void {
  const put = (changes: Changes = {}, shown: Shown = {}) =>
    subject.store.transact((tx) => tx.putConversion(conversion(changes, shown)))
  const save = (changes: Changes = {}, shown: Shown = {}) =>
    subject.store.transact((tx) => tx.saveConversion(conversion(changes, shown)))

  test('a VM is converted once, until that is over', async () => {
    const { store } = subject
    const other = { ...conversion().proposal.vm, id: '/vm/other' }
    expect(await put()).toBe(true)
    expect(await put()).toBe(false)
    expect(await put({ id: 'c2' })).toBe(false)
    expect(await put({ id: 'c3' }, { vm: other })).toBe(true)
    await save({ state: 'kept', endedAt: 5 })
    expect(await store.conversion('c1')).toEqual(conversion({ state: 'kept', endedAt: 5 }))
    expect(await put({ id: 'c2' })).toBe(true)
    expect(await store.conversion('c9')).toBeNull()
  })

  test('what a transaction that fails did to a conversion is undone', async () => {
    const { store } = subject
    await put()
    const failing = store.transact(async (tx) => {
      expect(await tx.conversion('c1')).toEqual(conversion())
      await tx.saveConversion(conversion({ state: 'agreed' }))
      throw new Error('not this time')
    })
    await expect(failing).rejects.toThrow('not this time')
    expect(await store.conversion('c1')).toEqual(conversion())
  })

  test('a group has the change whose turn it is, and no other', async () => {
    const { store } = subject
    const work = async (name: string) =>
      (await store.shieldWork(nsgOf(name))).changes.map(
        ({ conversionId, index, change }) => `${conversionId} ${index} ${change.rule.name}`,
      )
    const shown = { changes: [narrowed('rdp', 'nic'), narrowed('ssh', 'subnet'), narrowed('all', 'nic')] }
    await put({}, shown)
    expect(await work('nic')).toEqual([])
    const agreed = (...states: Parameters<typeof asFarAs>[1][]) => ({
      state: 'agreed' as const,
      ...asFarAs(conversion({}, shown), ...states),
    })
    await save(agreed('agreed', 'agreed', 'agreed'), shown)
    expect([await work('nic'), await work('subnet')]).toEqual([['c1 0 rdp'], []])
    await save(agreed('done', 'agreed', 'agreed'), shown)
    expect([await work('nic'), await work('subnet')]).toEqual([[], ['c1 1 ssh']])
    await save(agreed('done', 'void', 'agreed'), shown)
    expect([await work('nic'), await work('subnet')]).toEqual([['c1 2 all'], []])
    await save({ ...agreed('done', 'void', 'done'), state: 'ended', endedAt: 5 }, shown)
    expect([await work('nic'), await work('subnet')]).toEqual([[], []])
  })
}
