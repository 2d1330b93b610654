import { readFile } from 'node:fs/promises'
import { CompiledQuery } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryStore, type TestStore } from '../support/stores.ts'
import { approval, avery, noon, pendingCase } from './store-cases.ts'

const text = await readFile(new URL('../../src/store/migrations/0004_policy.sql', import.meta.url), 'utf8')

let here: TestStore
beforeAll(async () => {
  here = await memoryStore()
})
afterAll(() => here.store.close())

/** The terms as they were before there were stages. */
const before = (approvals: number) => ({
  rule: 'a colleague agrees',
  maxDurationMs: 3_600_000,
  approvers: { users: ['U0AVERY'], groups: ['S0OPS'] },
  approvals,
  channel: 'C1',
  deadlineMs: 1_800_000,
})

async function writeOld(id: string, approvals: number): Promise<void> {
  const { store, database } = here
  await store.transact((tx) => tx.save([pendingCase(id, { reviews: [approval(avery)] })], noon))
  const { request } = pendingCase(id)
  const { reviews: _, ...doc } = request
  const old = { ...doc, terms: before(approvals), verdict: { ...doc.verdict, terms: before(approvals) } }
  await database.kysely.executeQuery(
    CompiledQuery.raw('update requests set doc = $1::jsonb - $2::text[] where id = $3', [
      JSON.stringify(old),
      ['progress', 'escalatedAt'],
      id,
    ]),
  )
}

test('a request of before there were stages asks the same people afterwards', async () => {
  await writeOld('r1', 2)
  await writeOld('r2', 0)
  await here.database.kysely.executeQuery(CompiledQuery.raw(text))
  const stages = [
    { approvers: { users: ['U0AVERY'], groups: ['S0OPS'] }, approvals: 2, fromDifferentGroups: false },
  ]
  const { approvers: _a, approvals: _n, ...rest } = before(2)
  expect((await here.store.case('r1'))?.request).toMatchObject({
    state: 'pending',
    terms: { ...rest, selfApproval: false, stages },
    verdict: { terms: { ...rest, selfApproval: false, stages } },
    progress: { stage: 0, approvals: 1 },
    escalatedAt: null,
  })
  expect((await here.store.case('r2'))?.request.terms).toMatchObject({ stages: [] })
})

test('one that has stages stays as it is', async () => {
  const kase = pendingCase('r3', { reviews: [approval(avery)] })
  await here.store.transact((tx) => tx.save([kase], noon))
  await here.database.kysely.executeQuery(CompiledQuery.raw(text))
  expect((await here.store.case('r3'))?.request.terms).toEqual(kase.request.terms)
})
