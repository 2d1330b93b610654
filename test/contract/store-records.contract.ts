import { describe, expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import type { KeptDigest } from '../../src/core/digest.ts'
import type { Subject } from './store.contract.ts'
import { avery, grantedCase, minute, noon, pendingCase, robin } from './store-cases.ts'

const asked = (kase: Case, requestedAt: number): Case => ({
  ...kase,
  request: { ...kase.request, requestedAt },
})

const opened = (kase: Case, openedAt: number, vmId = kase.request.vm.id, requester = robin): Case => ({
  request: { ...kase.request, requester, vm: { ...kase.request.vm, id: vmId } },
  grant: kase.grant && { ...kase.grant, openedAt },
})

const closed = (kase: Case): Case => ({
  ...kase,
  grant: kase.grant && {
    ...kase.grant,
    state: 'closed',
    reason: 'expired',
    by: null,
    detail: null,
    closingSince: noon,
    closedAt: noon,
  },
})

/** What somebody sees of their own, who had access to a VM last, and how far the digest has come. */
export function recordsContract(subject: Subject): void {
  const save = (...cases: readonly Case[]) => subject.store.transact((tx) => tx.save(cases, noon))
  const own = async (most = 10) =>
    (await subject.store.records.cases(robin, most)).map(({ request }) => request.id)

  describe('what is somebody’s own', () => {
    test('is what waits and what is not closed, the newest first, and only so much', async () => {
      await save(
        asked(pendingCase('r1'), noon),
        asked(grantedCase('r2', { state: 'open' }), noon + minute),
        asked(grantedCase('r3', { state: 'closing' }), noon + 2 * minute),
        closed(grantedCase('r4', { state: 'open' })),
      )
      expect(await own()).toEqual(['r3', 'r2', 'r1'])
      expect(await own(2)).toEqual(['r3', 'r2'])
    })

    test('is nothing of anybody else', async () => {
      await save(pendingCase('r1'))
      expect(await subject.store.records.cases({ ...avery, userId: 'U0LEE' }, 10)).toEqual([])
    })
  })

  describe('who had access to a VM last', () => {
    test('is whoever’s opened last, open or closed, for each VM that is asked about', async () => {
      const lee = { ...avery, userId: 'U0LEE' }
      await save(
        closed(opened(grantedCase('r1', { state: 'open' }), noon, '/vms/a')),
        opened(grantedCase('r2', { state: 'open' }), noon + minute, '/vms/a', lee),
        opened(grantedCase('r3', { state: 'open' }), noon, '/vms/b'),
        grantedCase('r4'),
      )
      const found = await subject.store.records.lastAccess(['/vms/a', '/vms/c'])
      expect([...found]).toEqual([['/vms/a', { userId: 'U0LEE', at: noon + minute }]])
      expect(await subject.store.records.lastAccess([])).toEqual(new Map())
    })
  })

  describe('how far the digest has come', () => {
    const digest: KeptDigest = { schedule: 'C1 1 9 UTC', slot: noon, tried: null, at: null, standing: [] }

    test('is nothing at first, then what was kept last', async () => {
      const { store } = subject
      expect(await store.records.digest()).toBeNull()
      await store.transact((tx) => tx.keepDigest(digest))
      const later: KeptDigest = {
        ...digest,
        slot: noon + minute,
        tried: noon + 2 * minute,
        at: noon,
        standing: [{ key: 'k', vmId: '/vms/a', vm: 'a', ports: [], breadth: 'any', rules: [] }],
      }
      await store.transact((tx) => tx.keepDigest(later))
      expect(await store.records.digest()).toEqual(later)
    })

    test('never goes back, so that a replica that was paused does not have it posted again', async () => {
      const { store } = subject
      expect(await store.transact((tx) => tx.keepDigest({ ...digest, slot: noon + 1 }))).toBe(true)
      expect(await store.transact((tx) => tx.keepDigest(digest))).toBe(false)
      expect(await store.records.digest()).toMatchObject({ slot: noon + 1 })
      expect(await store.transact((tx) => tx.keepDigest({ ...digest, slot: noon + 1, at: 5 }))).toBe(true)
      expect(await store.records.digest()).toMatchObject({ at: 5 })
    })

    test('is not kept by a transaction that fails', async () => {
      const { store } = subject
      const failing = store.transact(async (tx) => {
        await tx.keepDigest(digest)
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      expect(await store.records.digest()).toBeNull()
    })
  })
}
