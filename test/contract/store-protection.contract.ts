import { expect, test } from 'vitest'
import { nsgOf, protection, removal, shieldRule } from '../support/protections.ts'
import type { Subject } from './store.contract.ts'

export function protectionContract(subject: Subject): void {
  const put = (changes: Parameters<typeof protection>[0] = {}) =>
    subject.store.transact((tx) => tx.putProtection(protection(changes)))
  const save = (changes: Parameters<typeof protection>[0] = {}) =>
    subject.store.transact((tx) => tx.saveProtection(protection(changes)))

  test('a VM is protected once, until that is over', async () => {
    const { store } = subject
    const other = { ...protection().vm, id: '/vm/other' }
    expect(await put()).toBe(true)
    expect(await put()).toBe(false)
    expect(await put({ id: 'p2' })).toBe(false)
    expect(await put({ id: 'p3', vm: other, at: 1 })).toBe(true)
    expect((await store.protections()).map(({ id }) => id)).toEqual(['p3', 'p1'])
    await save({ state: 'unprotected', endedAt: 5 })
    expect((await store.protections()).map(({ id }) => id)).toEqual(['p3'])
    expect(await store.protection('p1')).toEqual(protection({ state: 'unprotected', endedAt: 5 }))
    expect(await put({ id: 'p2' })).toBe(true)
    expect(await store.protection('p9')).toBeNull()
  })

  test('what a transaction that fails did to it is undone', async () => {
    const { store } = subject
    await put()
    const failing = store.transact(async (tx) => {
      expect(await tx.protection('p1')).toEqual(protection())
      await tx.saveProtection(protection({ state: 'protected' }))
      throw new Error('not this time')
    })
    await expect(failing).rejects.toThrow('not this time')
    expect(await store.protection('p1')).toEqual(protection())
  })

  test('a group has the work that is to be done there, and no other', async () => {
    const { store } = subject
    const there = shieldRule({ name: 'jitney-protect-p1-udp', state: 'present' })
    const work = async (name: string) => {
      const { shields, removals } = await store.shieldWork(nsgOf(name))
      return [...shields.map(({ rule, want }) => `${want} ${rule.name}`), ...removals.map(({ id }) => id)]
    }
    await put({ rules: [shieldRule({ attempts: 2, nextTryAt: 7 }), there] })
    expect(await work('nic')).toEqual(['present jitney-protect-p1-tcp'])
    expect((await store.shieldWork(nsgOf('nic'))).shields).toMatchObject([
      { protectionId: 'p1', attempts: 2, nextTryAt: 7 },
    ])
    expect(await work('subnet')).toEqual([])
    await save({ state: 'protected', rules: [there], removals: [removal()] })
    expect(await work('nic')).toEqual([])
    await save({ state: 'protected', rules: [there], removals: [removal({ state: 'agreed' })] })
    expect(await work('nic')).toEqual(['m1'])
    await save({ state: 'unprotecting', rules: [shieldRule(), there] })
    expect(await work('nic')).toEqual(['absent jitney-protect-p1-tcp', 'absent jitney-protect-p1-udp'])
    await save({ state: 'unprotected', rules: [shieldRule({ state: 'absent' })], endedAt: 5 })
    expect(await work('nic')).toEqual([])
  })
}
