import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { firstBroken } from '../../src/store/audit-chain.ts'
import type { Subject } from './store.contract.ts'
import { auditEvent, pendingCase } from './store-cases.ts'

export function auditContract(subject: Subject): void {
  const append = (...ids: readonly string[]) =>
    subject.store.transact((tx) => tx.audit(ids.map((id) => auditEvent(id, { id, list: [1, null, 'ä'] }))))

  /** What somebody with the rights of the database's owner could do. */
  const tamper = (statement: ReturnType<typeof sql>) =>
    subject.database.kysely.transaction().execute(async (tx) => {
      await sql`alter table audit disable trigger append_only`.execute(tx)
      await statement.execute(tx)
      await sql`alter table audit enable trigger append_only`.execute(tx)
    })

  const whole = () => subject.store.auditAfter(0, 10_000)

  describe('the audit trail', () => {
    test('holds events in order, with every field, in a chain that verifies', async () => {
      await append('r1', 'r2')
      await append('r3')
      const records = await whole()
      expect(records.map((record) => [record.seq, record.requestId])).toEqual([
        [1, 'r1'],
        [2, 'r2'],
        [3, 'r3'],
      ])
      expect(records[0]).toMatchObject(auditEvent('r1', { id: 'r1', list: [1, null, 'ä'] }))
      expect(records[0]?.previous).toBe('0'.repeat(64))
      expect(firstBroken(records)).toBeNull()
      expect(firstBroken(records.slice(1), records[0])).toBeNull()
    })

    test('is read in pages', async () => {
      await append('r1', 'r2', 'r3', 'r4')
      expect((await subject.store.auditAfter(1, 2)).map((record) => record.seq)).toEqual([2, 3])
      expect(await subject.store.auditAfter(4, 2)).toEqual([])
    })

    test('verifies when an event held a text or a value that the database stores differently', async () => {
      const details = { cut: 'half \ud83d', nul: '\0', small: 1e-7, big: 1e21, minus: -0, gone: undefined }
      // @ts-expect-error -- a value that is undefined gets past the types easily enough.
      await subject.store.transact((tx) => tx.audit([auditEvent('r1', details)]))
      expect(firstBroken(await whole())).toBeNull()
    })

    test('shows an edited row, a removed row and a swapped pair', async () => {
      await append('r1', 'r2', 'r3', 'r4')
      await tamper(sql`update audit set event = jsonb_set(event, '{requestId}', '"r9"') where seq = 2`)
      expect(firstBroken(await whole())).toBe(2)
      await tamper(sql`update audit set event = jsonb_set(event, '{requestId}', '"r2"') where seq = 2`)
      expect(firstBroken(await whole())).toBeNull()
      await tamper(sql`update audit a set event = b.event from audit b where a.seq + b.seq = 7`)
      expect(firstBroken(await whole())).toBe(3)
      await tamper(sql`delete from audit where seq = 1`)
      expect(firstBroken(await whole())).toBe(2)
    })

    test('takes no update, no delete and no truncate', async () => {
      await append('r1')
      const { kysely } = subject.database
      const refused = { code: '42501' }
      await expect(sql`update audit set hash = previous`.execute(kysely)).rejects.toMatchObject(refused)
      await expect(sql`delete from audit`.execute(kysely)).rejects.toMatchObject(refused)
      await expect(sql`truncate audit`.execute(kysely)).rejects.toMatchObject(refused)
      expect(await whole()).toHaveLength(1)
    })

    test('has no gap after a transaction that failed', async () => {
      await append('r1')
      const failing = subject.store.transact(async (tx) => {
        await tx.audit([auditEvent('r2')])
        await tx.save([pendingCase('r2')], 0)
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      await append('r3')
      const records = await whole()
      expect(records.map((record) => record.requestId)).toEqual(['r1', 'r3'])
      expect(firstBroken(records)).toBeNull()
    })

    test('stays one chain when many transactions append at once', async () => {
      await Promise.all(Array.from({ length: 30 }, (_, turn) => append(`a${turn}`, `b${turn}`)))
      const records = await whole()
      expect(records).toHaveLength(60)
      expect(firstBroken(records)).toBeNull()
    })

    test('can be filtered by who acted', async () => {
      await subject.store.transact((tx) =>
        tx.audit([auditEvent('r1'), { ...auditEvent('r2'), actor: 'policy', grantId: 'g2' }]),
      )
      const found = await sql`select actor, request_id, grant_id, type from audit order by seq`.execute(
        subject.database.kysely,
      )
      expect(found.rows).toEqual([
        { actor: 'U0ROBIN', request_id: 'r1', grant_id: null, type: 'request.pending' },
        { actor: 'policy', request_id: 'r2', grant_id: 'g2', type: 'request.pending' },
      ])
    })
  })
}
