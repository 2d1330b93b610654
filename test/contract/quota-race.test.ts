import { afterAll, beforeAll, expect, test } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import type { Event } from '../../src/core/event.ts'
import { createDispatcher } from '../../src/engine/dispatch.ts'
import { QuotaUsedUp } from '../../src/engine/quota.ts'
import type { Store } from '../../src/ports.ts'
import { ask, policy, subject, terms } from '../support/cases.ts'
import { type PostgresServer, query, startPostgres } from '../support/postgres.ts'
import { serverStore } from '../support/stores.ts'
import { grantedCase, noon } from './store-cases.ts'

const quota = { perRule: 1 }
const look = (rule: string) => ({
  name: rule,
  match: { vm: {}, requester: {} },
  reason: { kind: 'optional' } as const,
  quota,
  extension: { kind: 'same' as const },
  terms: terms({ approvals: 0, rule }),
})
const none = { byPerson: 0, ofVm: 0, ofRule: 0 }

let server: PostgresServer
let url: string
let replicas: Store[] = []
beforeAll(async () => {
  server = await startPostgres()
  url = await server.createDatabase()
  for (let count = 0; count < 2; count += 1) replicas.push((await serverStore(url)).store)
})
afterAll(async () => {
  for (const store of replicas) await store.close()
  replicas = []
  await server?.stop()
})

const submit = (id: string, rule: string): Event => ({
  type: 'submit',
  ask: ask({ id }),
  verdict: evaluate(policy([look(rule)]), subject({ usage: new Map([[rule, none]]) })),
  grantId: `g-${id}`,
})

const waiting = async () =>
  (
    await query<{ count: number }>(
      url,
      `select count(*)::int as count from pg_locks where locktype = 'advisory' and not granted`,
    )
  )[0]?.count ?? 0

test('who counts a quota waits for whoever is just taking a place in it, and then sees it', async () => {
  const [one, two] = replicas
  if (!one || !two) throw new Error('There are no replicas.')
  const of = { rule: 'a look', requester: ask().requester, vmId: 'vm1' }
  const counted = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const first = one.transact(async (tx) => {
    await tx.lockQuotas()
    expect(await tx.usage(of, 0)).toEqual(none)
    counted.resolve()
    await go.promise
    await tx.noteAutomatic({ ...of, requestId: 'first', at: noon })
    await tx.save([grantedCase('first')], noon)
  })
  await counted.promise
  const second = two.transact(async (tx) => {
    await tx.lockQuotas()
    return tx.usage(of, 0)
  })
  while ((await waiting()) === 0);
  go.resolve()
  await first
  expect(await second).toEqual({ byPerson: 1, ofVm: 1, ofRule: 1 })
})

test('two replicas that were both told of the last place give it to one request', async () => {
  const dispatchers = replicas.map((store) =>
    createDispatcher({ store, clock: { now: () => noon, sleep: async () => {} }, observe: () => {} }),
  )
  for (let round = 0; round < 25; round += 1) {
    const rule = `round ${round}`
    const results = await Promise.allSettled(
      dispatchers.flatMap((dispatcher, at) =>
        [0, 1].map((each) => {
          const requestId = `r${round}-${at}-${each}`
          return dispatcher.dispatch({ requestId, event: submit(requestId, rule), quota })
        }),
      ),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(QuotaUsedUp)
    }
  }
  const open = await replicas[0]?.grants(['opening'])
  expect(open?.filter(({ request }) => request.id.startsWith('r'))).toHaveLength(25)
})
