import { describe, expect, test } from 'vitest'
import type { AutomaticApproval } from '../../src/ports.ts'
import type { Subject } from './store.contract.ts'
import { approval, avery, grantedCase, minute, noon, pendingCase, robin } from './store-cases.ts'

const lee = { ...avery, userId: 'U0LEE' }

const day = 24 * 60 * minute

const automatic = (requestId: string, but: Partial<AutomaticApproval> = {}): AutomaticApproval => ({
  requestId,
  rule: 'a short look',
  requester: robin,
  vmId: 'vm1',
  at: noon,
  ...but,
})

const own = (selfApproval: boolean) => {
  const kase = pendingCase('r1', { reviews: [approval(robin)] })
  if (kase.request.state !== 'pending') throw new Error('not pending')
  return { ...kase, request: { ...kase.request, terms: { ...kase.request.terms, selfApproval } } }
}

export function quotaContract(subject: Subject): void {
  const note = (...approvals: readonly AutomaticApproval[]) =>
    subject.store.transact(async (tx) => {
      for (const one of approvals) await tx.noteAutomatic(one)
      await tx.save(
        approvals.map(({ requestId }) => grantedCase(requestId)),
        noon,
      )
    })
  const usage = async (rules: readonly string[], since = noon - day) =>
    Object.fromEntries(await subject.store.usage({ rules, requester: robin, vmId: 'vm1', since }))

  describe('what rules decided by themselves', () => {
    test('is counted for the person, for the VM and for the rule, each rule by itself', async () => {
      await note(
        automatic('r1'),
        automatic('r2', { requester: avery }),
        automatic('r3', { vmId: 'vm2' }),
        automatic('r4', { requester: avery, vmId: 'vm2' }),
        automatic('r5', { rule: 'another' }),
      )
      expect(await usage(['a short look', 'another', 'a third'])).toEqual({
        'a short look': { byPerson: 2, ofVm: 2, ofRule: 4 },
        another: { byPerson: 1, ofVm: 1, ofRule: 1 },
        'a third': { byPerson: 0, ofVm: 0, ofRule: 0 },
      })
      expect(await usage([])).toEqual({})
    })

    test('counts a person once, whichever team they come from', async () => {
      await note(automatic('r1', { requester: { ...robin, enterpriseId: 'E1', teamId: 'T2' } }))
      expect(await usage(['a short look'])).toMatchObject({ 'a short look': { byPerson: 1 } })
    })

    test('counts two accounts of one Entra user as one person, also for what was before they were mapped', async () => {
      const { store } = subject
      await note(automatic('r1', { requester: avery }), automatic('r2', { requester: lee }), automatic('r3'))
      expect(await usage(['a short look'])).toMatchObject({ 'a short look': { byPerson: 1 } })
      for (const who of [robin, avery]) await store.mapEntraUser(who, 'e1', noon)
      await store.mapEntraUser(lee, 'e2', noon)
      expect(await usage(['a short look'])).toEqual({ 'a short look': { byPerson: 2, ofVm: 3, ofRule: 3 } })
      const ofAvery = await store.transact((tx) =>
        tx.usage(automatic('r4', { requester: avery }), noon - day),
      )
      expect(ofAvery).toEqual({ byPerson: 2, ofVm: 3, ofRule: 3 })
    })

    test('no longer counts from the moment on that is asked for', async () => {
      await note(automatic('r1'), automatic('r2', { at: noon + 1 }))
      expect(await usage(['a short look'], noon - 1)).toMatchObject({ 'a short look': { ofRule: 2 } })
      expect(await usage(['a short look'], noon)).toMatchObject({ 'a short look': { ofRule: 1 } })
      expect(await usage(['a short look'], noon + 1)).toMatchObject({ 'a short look': { ofRule: 0 } })
    })

    test('is seen by its own transaction at once, and by nobody when that fails', async () => {
      const { store } = subject
      const failing = store.transact(async (tx) => {
        await tx.lockQuotas()
        const before = await tx.usage(automatic('r1'), noon - day)
        await tx.noteAutomatic(automatic('r1'))
        const after = await tx.usage(automatic('r1'), noon - day)
        expect([before, after]).toEqual([
          { byPerson: 0, ofVm: 0, ofRule: 0 },
          { byPerson: 1, ofVm: 1, ofRule: 1 },
        ])
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      expect(await usage(['a short look'])).toMatchObject({ 'a short look': { ofRule: 0 } })
    })

    test('is counted once for a request', async () => {
      await note(automatic('r1'))
      const again = subject.store.transact((tx) => tx.noteAutomatic(automatic('r1')))
      await expect(again).rejects.toMatchObject({ code: '23505' })
    })

    test('is forgotten a day later', async () => {
      await note(automatic('r1'), automatic('r2', { at: noon + minute }))
      await subject.store.maintain(noon + day + 1)
      expect(await usage(['a short look'], 0)).toMatchObject({ 'a short look': { ofRule: 1 } })
    })
  })

  describe('a yes to one’s own request', () => {
    test('is kept where the terms allow it', async () => {
      await subject.store.transact((tx) => tx.save([own(true)], noon))
      expect((await subject.store.case('r1'))?.request.reviews).toHaveLength(1)
    })

    test('is refused by the database itself where they do not', async () => {
      const { store } = subject
      await expect(store.transact((tx) => tx.save([own(false)], noon))).rejects.toMatchObject({
        code: '23514',
      })
      expect(await store.case('r1')).toBeNull()
    })

    test('stays on record when the terms no longer allow it', async () => {
      const { store } = subject
      await store.transact((tx) => tx.save([own(true)], noon))
      await store.transact(async (tx) => {
        await tx.cases(['r1'])
        const { request } = own(false)
        await tx.save(
          [{ request: { ...request, reviews: [approval(robin), approval(avery)] }, grant: null }],
          noon,
        )
      })
      expect((await store.case('r1'))?.request.reviews).toHaveLength(2)
    })

    test('is judged by the terms that are saved with it', async () => {
      const { store } = subject
      await store.transact((tx) =>
        tx.save([{ ...own(true), request: { ...own(true).request, reviews: [] } }], noon),
      )
      const stricter = store.transact(async (tx) => {
        await tx.cases(['r1'])
        await tx.save([own(false)], noon)
      })
      await expect(stricter).rejects.toMatchObject({ code: '23514' })
    })
  })
}
