import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Tx } from '../../src/ports.ts'
import type { Subject } from './store.contract.ts'
import { auditEvent, grantedCase, job, noon, pendingCase } from './store-cases.ts'

export function transactionContract(subject: Subject): void {
  describe('a transaction', () => {
    test('that fails leaves nothing, and passes its error on', async () => {
      const { store } = subject
      const failing = store.transact(async (tx) => {
        await tx.save([grantedCase('r1')], noon)
        await tx.audit([auditEvent('r1')])
        await tx.putJobs([job('a')], noon)
        await tx.queueNotes([{ requestId: 'r1', note: { type: 'ending', expiresAt: 1 }, to: 'thread' }])
        throw Object.assign(new Error('no'), { code: 'MINE' })
      })
      await expect(failing).rejects.toMatchObject({ message: 'no', code: 'MINE' })
      expect(await store.case('r1')).toBeNull()
      expect(await store.auditAfter(0, 10)).toEqual([])
      expect((await store.jobs.nextRunAts()).size).toBe(0)
    })

    test('answers what its work answered', async () => {
      expect(await subject.store.transact(async () => 42)).toBe(42)
    })

    test('fails when its work hid an error of the database', async () => {
      const { store } = subject
      const hiding = store.transact(async (tx) => {
        await tx.save([pendingCase('r1')], noon)
        await tx
          .queueNotes([{ requestId: 'nobody', note: { type: 'ending', expiresAt: 1 }, to: 'thread' }])
          .catch(() => {})
      })
      await expect(hiding).rejects.toThrow()
      expect(await store.case('r1')).toBeNull()
    })

    test('refuses everything of the store but its own transaction, and the store goes on', async () => {
      const { store } = subject
      const refused: unknown[] = []
      await store.transact(async () => {
        for (const use of [
          () => store.case('r1'),
          () => store.time(),
          () => store.talk('r1'),
          () => store.jobs.nextRunAts(),
          () => store.receive({ key: 'k', receivedAt: noon, gesture: ask }),
          () => store.transact(async () => 1),
        ]) {
          refused.push(await use().catch((error: Error) => error.message))
        }
      })
      expect(new Set(refused)).toEqual(new Set(['Inside transact only its own transaction can be used.']))
      expect(await store.case('r1')).toBeNull()
    })

    test('that is over cannot be used, and does not bar what its work left running', async () => {
      const { store } = subject
      let kept: Tx | null = null
      const later: Promise<unknown>[] = []
      await store.transact(async (tx) => {
        kept = tx
        later.push(new Promise((resolve) => setTimeout(resolve, 0)).then(() => store.case('r1')))
      })
      expect(await Promise.all(later)).toEqual([null])
      const late = kept as Tx | null
      await expect(late?.save([pendingCase('r1')], noon)).rejects.toThrow()
      await expect(late?.audit([auditEvent('r1')])).rejects.toThrow()
      expect(await store.case('r1')).toBeNull()
    })

    test('gets the database’s own error, with its code', async () => {
      const { store } = subject
      const orphan = { requestId: 'nobody', note: { type: 'ending', expiresAt: 1 }, to: 'thread' } as const
      await expect(store.transact((tx) => tx.queueNotes([orphan]))).rejects.toMatchObject({ code: '23503' })
      await expect(store.place('nobody', 'card', { channel: 'C', ts: '1' }, null)).rejects.toMatchObject({
        code: '23503',
      })
      expect(await store.case('nobody')).toBeNull()
    })

    test('runs again after a collision, and gives up when it goes on', async () => {
      const { store, database } = subject
      let runs = 0
      const collide = (times: number) =>
        store.transact(async (tx) => {
          runs += 1
          await tx.audit([auditEvent('r1')])
          if (runs <= times) throw Object.assign(new Error('deadlock detected'), { code: '40P01' })
        })
      await collide(2)
      expect(runs).toBe(3)
      expect(await store.auditAfter(0, 10)).toHaveLength(1)
      runs = 0
      await expect(collide(99)).rejects.toMatchObject({ code: '40P01' })
      expect(runs).toBe(5)
      expect((await sql`select 1 as one`.execute(database.kysely)).rows).toEqual([{ one: 1 }])
    })
  })

  test('the database has a clock, in whole milliseconds', async () => {
    const before = Date.now()
    const time = await subject.store.time()
    expect(Number.isInteger(time)).toBe(true)
    // The database is on this machine, so its clock is ours.
    expect(time).toBeGreaterThanOrEqual(before - 1)
    expect(time).toBeLessThanOrEqual(Date.now())
  })
}

const ask = {
  kind: 'ask',
  person: { enterpriseId: null, teamId: 'T', userId: 'U' },
  text: 'rdp',
  responseUrl: 'https://hooks.example',
} as const
