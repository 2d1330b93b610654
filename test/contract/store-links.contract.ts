import { describe, expect, test } from 'vitest'
import type { KeptLink } from '../../src/core/kept-link.ts'
import type { Tx } from '../../src/ports.ts'
import type { Subject } from './store.contract.ts'
import { avery, minute, noon, pendingCase, robin } from './store-cases.ts'

const link = (id: string, more: Partial<KeptLink> = {}): KeptLink => ({
  id,
  person: robin,
  askedAt: noon,
  expiresAt: noon + 10 * minute,
  ask: 'rdp vm-jump01 30m',
  requestId: null,
  about: { label: 'rdp', vm: 'vm-jump01', howLong: '30 min' },
  family: 'IPv4',
  state: 'waiting',
  place: null,
  confirmed: null,
  outcome: null,
  others: [],
  ...more,
})

const yes = (at: number) => ({ by: avery, verdict: 'approve', at }) as const

export function linkContract(subject: Subject): void {
  const within = <T>(work: (tx: Tx) => Promise<T>) => subject.store.transact(work)
  const put = async (id: string, hash: string | null, more: Partial<KeptLink> = {}) => {
    const replaced = await within((tx) => tx.putLink(link(id, more)))
    if (hash !== null) await subject.store.links.giveToken(id, hash, noon)
    return replaced
  }
  const confirm = (hash: string, by = robin, now = noon + 1) =>
    within((tx) => tx.confirmLink(hash, by, '81.2.69.142', now))
  const lapse = (now: number) => within((tx) => tx.lapseLink('l1', now))
  const settle = (outcome: string) => within((tx) => tx.settleLink('l1', outcome))
  const forget = () => within((tx) => tx.forgetLinks(robin, 'It was forgotten.'))
  const opened = (userId: string, now = noon) =>
    within((tx) => tx.openedLink('h1', { userId, teamId: robin.teamId }, now))

  describe('a link to the address page', () => {
    test('is found by its hash alone, for as long as it waits', async () => {
      const { links } = subject.store
      await put('l1', 'h1')
      expect(await links.waiting('h1', noon)).toEqual(link('l1'))
      expect(await links.one('l1')).toEqual(link('l1'))
      expect(await links.waiting('h2', noon)).toBeNull()
      expect(await links.waiting('h1', noon + 10 * minute)).toBeNull()
      expect(await links.one('l2')).toBeNull()
    })

    test('has one token at a time, and none once it does not wait', async () => {
      const { links } = subject.store
      await put('l1', 'h1')
      expect(await links.place('l1', 'h1', { channel: 'D1', ts: '1.0' })).toBe(true)
      expect(await links.giveToken('l1', 'h2', noon)).toMatchObject({ id: 'l1' })
      expect(await links.waiting('h1', noon)).toBeNull()
      expect(await links.place('l1', 'h1', { channel: 'D1', ts: '2.0' })).toBe(false)
      expect((await links.one('l1'))?.place).toEqual({ channel: 'D1', ts: '1.0' })
      expect(await links.place('l1', null, { channel: 'D1', ts: '3.0' })).toBe(true)
      expect(await links.giveToken('l1', 'h3', noon + 10 * minute)).toBeNull()
      await confirm('h2')
      expect(await links.giveToken('l1', 'h4', noon)).toBeNull()
    })

    test('is confirmed once, by its person, in time', async () => {
      await put('l1', 'h1')
      expect(await confirm('h1', avery)).toBeNull()
      expect(await confirm('h1', { ...robin, teamId: 'T2' })).toBeNull()
      expect(await confirm('h1', robin, noon + 10 * minute)).toBeNull()
      const said = await Promise.all([confirm('h1'), confirm('h1'), confirm('h1')])
      expect(said.filter((one) => one !== null)).toEqual([
        link('l1', { state: 'confirmed', confirmed: { address: '81.2.69.142', at: noon + 1 } }),
      ])
      expect(await confirm('h1')).toBeNull()
    })

    test('a confirmation that is rolled back never was', async () => {
      await put('l1', 'h1')
      const broken = within(async (tx) => {
        await tx.confirmLink('h1', robin, '81.2.69.142', noon)
        throw new Error('the power is gone')
      })
      await expect(broken).rejects.toThrow('the power is gone')
      expect(await subject.store.links.waiting('h1', noon)).toMatchObject({ state: 'waiting' })
    })

    test('gives way to a newer one for the same thing, and to no other', async () => {
      const { links } = subject.store
      await put('l1', 'h1')
      await put('l2', 'h2', { ask: 'ssh vm-jump01 30m' })
      await put('l3', 'h3', { person: avery })
      await put('l4', 'h4', { ask: null, requestId: 'r1' })
      expect(await put('l5', 'h5', { ask: ' RDP  vm-jump01 30m' })).toEqual([
        link('l1', { state: 'replaced', ask: null }),
      ])
      expect(await links.waiting('h1', noon)).toBeNull()
      for (const hash of ['h2', 'h3', 'h4', 'h5']) expect(await links.waiting(hash, noon)).not.toBeNull()
    })

    test('gives way to newer ones where too many wait, the oldest first', async () => {
      for (const at of [1, 2, 3]) await put(`l${at}`, `h${at}`, { ask: `ask ${at}`, askedAt: noon + at })
      await put('l4', 'h4', { person: avery })
      const newest = link('l3', { ask: 'ask 3', askedAt: noon + 3 })
      const crowdOut = (most: number) =>
        within((tx) => tx.crowdOut(newest, most, 'It was one too many.', noon))
      expect(await crowdOut(3)).toEqual([])
      expect(await crowdOut(2)).toMatchObject([
        { id: 'l1', state: 'replaced', ask: null, outcome: 'It was one too many.' },
      ])
      expect(await crowdOut(1)).toMatchObject([{ id: 'l2' }])
      for (const hash of ['h3', 'h4']) expect(await subject.store.links.waiting(hash, noon)).not.toBeNull()
    })

    test('lapses at its end and not before, and what was typed is gone with it', async () => {
      await put('l1', 'h1')
      expect(await lapse(noon + 10 * minute - 1)).toBeNull()
      expect(await lapse(noon + 10 * minute)).toEqual(link('l1', { state: 'lapsed', ask: null }))
      expect(await lapse(noon + 10 * minute)).toBeNull()
    })

    test('is settled once', async () => {
      await put('l1', 'h1')
      await confirm('h1')
      expect(await settle('It went on.')).toBe(true)
      expect(await settle('It did not.')).toBe(false)
      expect(await subject.store.links.one('l1')).toMatchObject({ outcome: 'It went on.', ask: null })
    })

    test('notes each other person once, a few at most, and that its own person was told', async () => {
      const { links } = subject.store
      await put('l1', 'h1')
      expect(await opened(robin.userId)).toBeNull()
      expect(await opened('UA', noon + 10 * minute)).toBeNull()
      expect(await opened('UA')).toMatchObject({ others: [{ userId: 'UA', told: false }] })
      expect(await opened('UA')).toBeNull()
      await links.told('l1', 'UA')
      await opened('UB')
      expect((await links.one('l1'))?.others).toEqual([
        { userId: 'UA', teamId: robin.teamId, told: true },
        { userId: 'UB', teamId: robin.teamId, told: false },
      ])
      for (const id of ['UC', 'UD', 'UE']) expect(await opened(id)).not.toBeNull()
      expect(await opened('UF')).toBeNull()
    })

    test('a gesture is put on record within the transaction, with its job, and once', async () => {
      const { store } = subject
      const gesture = { kind: 'forget address', person: robin, responseUrl: null } as const
      const intake = { key: 'address l1', receivedAt: noon, gesture }
      expect(await within((tx) => tx.putIntake(intake))).toBe(true)
      expect(await within((tx) => tx.putIntake(intake))).toBe(false)
      expect(await store.intake('address l1')).toEqual(intake)
      expect(await store.jobs.claim('people', 10, minute, noon)).toMatchObject([{ kind: 'intake' }])
    })
  })

  describe('what people said of their address', () => {
    test('typed and confirmed are two things, and both are forgotten together', async () => {
      const { store } = subject
      await within(async (tx) => {
        await tx.rememberAddress(robin, '81.2.69.142', noon, 'confirmed')
        await tx.rememberAddress(robin, '89.160.20.112', noon + 1)
        await tx.rememberAddress(avery, '81.2.69.144', noon)
      })
      expect(await store.lastAddress(robin)).toEqual({ address: '89.160.20.112', at: noon + 1 })
      expect(await store.lastAddress(robin, 'confirmed')).toEqual({ address: '81.2.69.142', at: noon })
      expect(await store.lastAddress(avery, 'confirmed')).toBeNull()
      expect(await within((tx) => tx.forgetAddresses(robin))).toBe(2)
      expect(await within((tx) => tx.forgetAddresses(robin))).toBe(0)
      expect(await store.lastAddress(robin, 'confirmed')).toBeNull()
      expect(await store.lastAddress(avery)).toMatchObject({ address: '81.2.69.144' })
    })

    test('is kept by no link after it was forgotten, and taken up by none', async () => {
      const { links } = subject.store
      await put('l1', 'h1')
      await confirm('h1')
      await settle('It went on from 81.2.69.142.')
      await put('l2', 'h2', { ask: 'ssh vm-jump01 30m' })
      await confirm('h2')
      await put('l3', 'h3', { ask: 'rdp vm-web01 30m' })
      expect(await forget()).toMatchObject([{ id: 'l2', outcome: 'It was forgotten.', ask: null }])
      expect(await links.one('l1')).toMatchObject({ outcome: 'It went on from that address.' })
      for (const id of ['l1', 'l2'])
        expect(await links.one(id)).toMatchObject({ state: 'confirmed', confirmed: { address: '' } })
      expect(await links.waiting('h3', noon)).not.toBeNull()
      expect(await forget()).toEqual([])
    })
  })

  describe('a yes to an address that is another one now', () => {
    test('is not kept, and the same person can say yes again', async () => {
      const { store } = subject
      const kase = pendingCase('r1')
      await within((tx) => tx.save([{ ...kase, request: { ...kase.request, reviews: [yes(noon)] } }], noon))
      const change = { count: 1, at: noon + 1, before: '81.2.69.142', voided: [avery] }
      const save = (reviews: readonly ReturnType<typeof yes>[]) =>
        within(async (tx) => {
          const current = (await tx.cases(['r1'])).get('r1')
          if (!current) throw new Error('It is not there.')
          await tx.save(
            [{ ...current, request: { ...current.request, reviews, addressChange: change } }],
            noon,
          )
        })
      await save([])
      expect((await store.case('r1'))?.request.reviews).toEqual([])
      await save([yes(noon + 2)])
      expect((await store.case('r1'))?.request.reviews).toEqual([yes(noon + 2)])
    })
  })
}
