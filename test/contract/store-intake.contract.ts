import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Intake } from '../../src/ports.ts'
import type { Subject } from './store.contract.ts'
import { avery, minute, noon, pendingCase, robin } from './store-cases.ts'

const day = 24 * 60 * minute

const intake = (key: string, receivedAt = noon): Intake => ({
  key,
  receivedAt,
  gesture: { kind: 'ask', person: robin, text: 'rdp vm-jump01 30m', responseUrl: 'https://hooks.example/1' },
})

export function intakeContract(subject: Subject): void {
  const remember = (person: typeof robin, address: string, at: number) =>
    subject.store.transact((tx) => tx.rememberAddress(person, address, at))

  describe('what people do', () => {
    test('is stored with its job before anybody is told that we have it', async () => {
      const { store } = subject
      expect(await store.receive(intake('t1'))).toBe(true)
      expect(await store.intake('t1')).toEqual(intake('t1'))
      expect(await store.jobs.claim('people', 10, minute, noon)).toMatchObject([
        { key: 'intake:t1', kind: 'intake', subject: 't1', dueAt: noon },
      ])
      expect(await store.intake('t2')).toBeNull()
    })

    test('counts once, however often it is delivered', async () => {
      const { store } = subject
      const answers = await Promise.all(Array.from({ length: 20 }, () => store.receive(intake('t1'))))
      expect(answers.filter(Boolean)).toHaveLength(1)
      expect(await store.jobs.claim('people', 10, minute, noon)).toHaveLength(1)
    })

    test('still counts once after it was dealt with, and what it carried is gone', async () => {
      const { store, database } = subject
      await store.receive(intake('t1'))
      const claims = await store.jobs.claim('people', 10, minute, noon)
      await store.transact(async (tx) => {
        await tx.finish(claims, noon)
        await tx.endIntake('t1', noon)
      })
      expect(await store.intake('t1')).toBeNull()
      expect(await store.receive(intake('t1', noon + 1))).toBe(false)
      expect(await store.jobs.claim('people', 10, minute, noon + 1)).toEqual([])
      const left = await sql<{ text: string }>`select to_jsonb(i)::text as text from intakes i`.execute(
        database.kysely,
      )
      expect(left.rows[0]?.text).not.toMatch(/vm-jump01|U0ROBIN|hooks/)
    })

    test('wakes the listeners once', async () => {
      const { store } = subject
      let count = 0
      const forget = store.onWake(() => {
        count += 1
      })
      await store.receive(intake('t1'))
      await store.receive(intake('t1'))
      forget()
      expect(count).toBe(1)
    })

    test('is forgotten after a day, unless it still waits', async () => {
      const { store } = subject
      for (const key of ['old', 'waiting', 'new']) {
        await store.receive(intake(key, key === 'new' ? noon + minute : noon))
      }
      await store.transact(async (tx) => {
        await tx.endIntake('old', noon + 1)
        await tx.endIntake('new', noon + minute)
      })
      await store.maintain(noon + day + minute)
      expect(await store.receive(intake('old'))).toBe(true)
      expect(await store.receive(intake('waiting'))).toBe(false)
      expect(await store.receive(intake('new'))).toBe(false)
    })
  })

  describe('addresses', () => {
    test('the last one that a person gave is kept', async () => {
      const { store } = subject
      expect(await store.lastAddress(robin)).toBeNull()
      await remember(robin, '81.2.69.142', noon)
      await remember(avery, '81.2.69.143', noon)
      await remember(robin, '81.2.69.144', noon + 1)
      await remember(robin, '81.2.69.145', noon)
      expect(await store.lastAddress(robin)).toEqual({ address: '81.2.69.144', at: noon + 1 })
    })

    test('a person of an enterprise is the same one in each of its teams, and nobody else’s', async () => {
      const { store } = subject
      const grid = { enterpriseId: 'E1', teamId: 'T1', userId: 'W1' }
      await remember(grid, '81.2.69.142', noon)
      expect(await store.lastAddress({ ...grid, teamId: 'T2' })).toMatchObject({ address: '81.2.69.142' })
      expect(await store.lastAddress({ ...grid, enterpriseId: 'E2' })).toBeNull()
      expect(await store.lastAddress({ ...grid, enterpriseId: null })).toBeNull()
    })
  })

  describe('the Entra user of a person', () => {
    const [first, second] = ['a0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000002']

    test('is mapped once, and stays what it was', async () => {
      const { store } = subject
      expect(await store.entraUser(robin)).toBeNull()
      expect(await store.mapEntraUser(robin, first, noon)).toBe(first)
      expect(await store.mapEntraUser(robin, second, noon + 1)).toBe(first)
      expect(await store.entraUser(robin)).toBe(first)
      expect(await store.entraUser(avery)).toBeNull()
    })

    test('may be the user of a second account too', async () => {
      const { store } = subject
      await store.mapEntraUser(robin, first, noon)
      expect(await store.mapEntraUser(avery, first, noon)).toBe(first)
      expect(await store.entraUser(avery)).toBe(first)
    })

    test('belongs to a person of an enterprise in each of its teams', async () => {
      const { store } = subject
      const grid = { enterpriseId: 'E1', teamId: 'T1', userId: 'W1' }
      await store.mapEntraUser(grid, first, noon)
      expect(await store.entraUser({ ...grid, teamId: 'T2' })).toBe(first)
      expect(await store.entraUser({ ...grid, enterpriseId: 'E2' })).toBeNull()
    })
  })

  test('housekeeping leaves everything in place', async () => {
    const { store } = subject
    await store.transact((tx) => tx.save([pendingCase('r1')], noon))
    await store.maintain(noon + 400 * day)
    expect(await store.case('r1')).toEqual(pendingCase('r1'))
  })
}
