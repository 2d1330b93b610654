import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { migrations } from '../../src/store/migrate.ts'
import { type PostgresServer, query, startPostgres } from '../support/postgres.ts'
import { serverStore, type TestStore } from '../support/stores.ts'
import { expectAcknowledged } from './store-acknowledged.ts'
import { auditEvent, grantedCase, job, minute, noon, pendingCase, robin } from './store-cases.ts'
import { logInto } from './store-log.ts'
import { type Child, startChild } from './store-process.ts'

let server: PostgresServer
let url: string
const logged: string[] = []
const running: { close(): Promise<void> }[] = []

async function replica(at = url): Promise<TestStore['store']> {
  const { store } = await serverStore(at, logInto(logged))
  await store.enlist()
  running.push(store)
  return store
}

const start = (...args: Parameters<typeof startChild>): Child => {
  const child = startChild(...args)
  running.push({ close: () => child.kill() })
  return child
}

/** Resolves once the condition holds; the test's own time limit is what ends it otherwise. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Resolves once somebody waits for a row that another transaction holds. */
const untilBlocked = () =>
  until(async () => {
    const waiting = await query(
      url,
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    return waiting.length > 0
  })

/** A transaction that has done its work and commits when it is told to. */
async function heldOpen(
  store: TestStore['store'],
  work: Parameters<TestStore['store']['transact']>[0],
): Promise<() => Promise<unknown>> {
  const done = Promise.withResolvers<void>()
  const commit = Promise.withResolvers<void>()
  const whole = store.transact(async (tx) => {
    const answer = await work(tx)
    done.resolve()
    await commit.promise
    return answer
  })
  await done.promise
  return () => {
    commit.resolve()
    return whole
  }
}

/** The sessions that hold a replica's slot. */
const slotSessions = async () =>
  (
    await query<{ pid: number }>(
      url,
      `select l.pid from pg_locks l join pg_database d on d.oid = l.database
       where l.locktype = 'advisory' and l.classid = 4242 and l.objid > 0 and d.datname = current_database()
       order by l.objid`,
    )
  ).map((row) => row.pid)

beforeAll(async () => {
  server = await startPostgres()
})
beforeEach(async () => {
  url = await server.createDatabase()
  logged.length = 0
})
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.close()
})
afterAll(() => server?.stop())

describe('replicas that start together', () => {
  test('apply the migrations once', async () => {
    await Promise.all([replica(), replica(), replica()])
    expect(await query(url, 'select name from migrations order by name')).toEqual(
      (await migrations()).map(({ name }) => ({ name })),
    )
  })

  test('refuse a migration that was changed after it had been applied', async () => {
    await replica()
    await query(url, `update migrations set hash = 'other' where name = '0001_init.sql'`)
    await expect(replica()).rejects.toThrow('0001_init.sql was changed')
  })

  test('take note of a newer version’s migrations and go on', async () => {
    await replica()
    await query(url, `insert into migrations (name, hash) values ('9999_later.sql', 'x')`)
    await replica()
    expect(logged).toEqual([expect.stringContaining('9999_later.sql')])
  })
})

describe('replicas that share the work', () => {
  test('claim each of a thousand jobs once', async () => {
    const stores = await Promise.all([replica(), replica(), replica()])
    const [first] = stores
    const jobs = Array.from({ length: 1000 }, (_, index) => job(`k${index}`))
    await first?.transact((tx) => tx.putJobs(jobs, noon))
    const taken: string[] = []
    await Promise.all(
      stores.map(async (store) => {
        for (;;) {
          const claims = await store.jobs.claim('slack', 17, minute, noon)
          if (claims.length === 0) return
          taken.push(...claims.map((claim) => claim.key))
          expect((await store.transact((tx) => tx.finish(claims, noon))).size).toBe(claims.length)
        }
      }),
    )
    expect(taken.toSorted()).toEqual(jobs.map((one) => one.key).toSorted())
    expect((await first?.jobs.nextRunAts())?.size).toBe(0)
  })

  test('store a gesture once that reaches all of them', async () => {
    const stores = await Promise.all([replica(), replica(), replica()])
    const gesture = {
      kind: 'ask',
      person: pendingCase('r').request.requester,
      text: '',
      responseUrl: '',
    } as const
    for (let turn = 0; turn < 20; turn += 1) {
      const intake = { key: `t${turn}`, receivedAt: noon, gesture }
      const answers = await Promise.all(stores.map((store) => store.receive(intake)))
      expect(answers.filter(Boolean)).toHaveLength(1)
    }
  })

  test('change the same case one after the other, each seeing all of what came before', async () => {
    const [one, two] = await Promise.all([replica(), replica()])
    await one.transact((tx) => tx.save([grantedCase('r1')], noon))
    const raise = (store: typeof one) =>
      store.transact(async (tx) => {
        const found = (await tx.cases(['r1'])).get('r1')
        if (!found?.grant) throw new Error('the case is gone')
        await tx.save(
          [{ ...found, grant: { ...found.grant, openedAt: (found.grant.openedAt ?? 0) + 1 } }],
          noon,
        )
        await tx.audit([auditEvent('r1')])
      })
    await Promise.all(Array.from({ length: 40 }, (_, turn) => raise(turn % 2 ? one : two)))
    expect((await one.case('r1'))?.grant?.openedAt).toBe(40)
    expect(logged).toEqual([])
  })

  test('hear of each other’s jobs, once they are committed', async () => {
    const [one, two] = await Promise.all([replica(), replica()])
    let heard = 0
    two.onWake(() => {
      heard += 1
    })
    await one.transact((tx) => tx.putJobs([job('a')], noon))
    await until(() => heard === 1)
    const gesture = {
      kind: 'ask',
      person: pendingCase('r').request.requester,
      text: '',
      responseUrl: '',
    } as const
    await one.receive({ key: 't1', receivedAt: noon, gesture })
    await until(() => heard === 2)
  })

  test('survive a deadlock, which the database breaks and the store repeats', async () => {
    const [one, two] = await Promise.all([replica(), replica()])
    let waiting = 2
    const both = Promise.withResolvers<void>()
    const meet = () => {
      waiting -= 1
      if (waiting === 0) both.resolve()
      return both.promise
    }
    const cross = (store: typeof one, first: string, second: string) =>
      store.transact(async (tx) => {
        await tx.putJobs([job(first)], noon)
        await meet()
        await tx.putJobs([job(second)], noon)
      })
    await Promise.all([cross(one, 'a', 'b'), cross(two, 'b', 'a')])
    expect(logged).toEqual([expect.stringContaining('collided')])
    expect(await one.jobs.claim('slack', 10, minute, noon)).toHaveLength(2)
  })
})

/** Two replicas, one of which works on a job. */
const prepare = async () => {
  const [worker, other] = await Promise.all([replica(), replica()])
  await worker.transact((tx) => tx.putJobs([job('a')], noon))
  const [claim] = await worker.jobs.claim('slack', 1, minute, noon)
  if (!claim) throw new Error('nothing was due')
  return { worker, other, claim }
}

describe('a wake-up that crosses the end of a claim', () => {
  test('is not lost when it commits while the finish waits for it', async () => {
    const { worker, other, claim } = await prepare()
    const commitWake = await heldOpen(other, (tx) => tx.putJobs([job('a', { dueAt: noon + 1 })], noon))
    const finishing = worker.transact((tx) => tx.finish([claim], noon))
    await untilBlocked()
    await commitWake()
    expect([...(await finishing)]).toEqual([claim.id])
    expect(await worker.jobs.claim('slack', 1, minute, noon + 1)).toMatchObject([{ key: 'a', attempt: 1 }])
  })

  test('is not lost when the finish commits while it waits for that', async () => {
    const { worker, other, claim } = await prepare()
    const commitFinish = await heldOpen(worker, (tx) => tx.finish([claim], noon))
    const waking = other.transact((tx) => tx.putJobs([job('a', { dueAt: noon + 1 })], noon))
    await untilBlocked()
    await commitFinish()
    await waking
    expect(await worker.jobs.claim('slack', 1, minute, noon + 1)).toMatchObject([{ key: 'a', attempt: 1 }])
  })

  test('is not lost when it changes nothing, because an earlier one waits already', async () => {
    const { worker, other, claim } = await prepare()
    await other.transact((tx) => tx.putJobs([job('a', { dueAt: noon + 1 })], noon))
    const commitWake = await heldOpen(other, (tx) => tx.putJobs([job('a', { dueAt: noon + 2 })], noon))
    const finishing = worker.transact((tx) => tx.finish([claim], noon))
    await untilBlocked()
    await commitWake()
    await finishing
    expect(await worker.jobs.claim('slack', 1, minute, noon + 1)).toMatchObject([{ key: 'a' }])
  })

  test('is never lost, in whichever way the two interleave', async () => {
    const { worker, other, claim } = await prepare()
    let held = claim
    for (let turn = 0; turn < 200; turn += 1) {
      const [ended] = await Promise.all([
        worker.transact((tx) => tx.finish([held], noon)),
        other.transact((tx) => tx.putJobs([job('a')], noon)),
      ])
      expect(ended.size).toBe(1)
      const [next] = await worker.jobs.claim('slack', 1, minute, noon)
      if (!next) throw new Error(`the wake-up of turn ${turn} was lost`)
      held = next
    }
  })
})

describe('a replica that dies', () => {
  test('has its claims freed at once by the others, and only its own', async () => {
    const store = await replica()
    await store.transact((tx) => tx.putJobs([job('theirs'), job('mine', { lane: 'timers' })], noon))
    const child = start('claim', url)
    await child.says('claimed 1')
    const [mine] = await store.jobs.claim('timers', 1, minute, noon)
    expect(await store.jobs.reap(noon)).toBe(0)
    await child.kill()
    await until(async () => (await store.jobs.reap(noon + 1)) === 1)
    expect(await store.jobs.claim('slack', 1, minute, noon + 1)).toMatchObject([
      { key: 'theirs', attempt: 2 },
    ])
    expect([...(await store.transact((tx) => tx.finish(mine ? [mine] : [], noon)))]).toEqual([mine?.id])
  })

  test('is not taken for alive because of a replica on another database of the same server', async () => {
    const elsewhere = await server.createDatabase()
    const [dying, other] = await Promise.all([replica(), replica(elsewhere)])
    const survivor = await replica()
    await dying.transact((tx) => tx.putJobs([job('a')], noon))
    await dying.jobs.claim('slack', 1, minute, noon)
    await dying.close()
    await until(async () => (await survivor.jobs.reap(noon)) === 1)
    expect(await other.jobs.reap(noon)).toBe(0)
  })

  test('loses nothing that was acknowledged', async () => {
    const lines: string[] = []
    for (const [round, count] of [4, 40].entries()) {
      const child = start('write', url, `r${round}x`)
      await child.hasSaid(count)
      await child.kill()
      lines.push(...child.lines)
    }
    await expectAcknowledged(await replica(), lines)
  })
})

/** A gesture whose connection breaks so many times before anything of it is stored. */
async function cutWhileStoring(times: number, how = 'pg_terminate_backend(pid, 5000)') {
  const store = await replica()
  const { store: other, database } = await serverStore(url)
  running.push(other)
  const responseUrl = 'https://hooks.example/1'
  const gesture = { kind: 'ask', person: robin, text: 'rdp vm-jump01 30m', responseUrl } as const
  return database.kysely.transaction().execute(async (db) => {
    await sql`lock table intakes`.execute(db)
    const answer = store.receive({ key: 't1', receivedAt: noon, gesture })
    answer.catch(() => {})
    for (let cut = 0; cut < times; cut += 1) {
      await untilBlocked()
      await query(
        url,
        `select ${how} from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      )
    }
    return { store, answer }
  })
}

describe('a connection that breaks', () => {
  test('takes the slot with it: nothing is claimed until there is a new one', async () => {
    const store = await replica()
    const survivor = await replica()
    await store.transact((tx) => tx.putJobs([job('a'), job('b')], noon))
    expect(await store.jobs.claim('slack', 1, minute, noon)).toHaveLength(1)
    const [session] = await slotSessions()
    const name = new URL(url).pathname.slice(1)
    const admin = new URL(url)
    admin.pathname = '/postgres'
    await query(admin.href, `alter database ${name} allow_connections false`)
    await query(admin.href, 'select pg_terminate_backend($1)', [session])
    await until(() => logged.some((line) => line.includes('lost the replica slot')))
    expect(await store.jobs.claim('slack', 1, minute, noon)).toEqual([])
    await until(async () => (await survivor.jobs.reap(noon)) === 1)
    await query(admin.href, `alter database ${name} allow_connections true`)
    await store.enlist()
    expect(await store.jobs.claim('slack', 5, minute, noon)).toHaveLength(2)
  })

  test('wakes the listeners when it is back, because they may have missed something', async () => {
    const store = await replica()
    const woken = Promise.withResolvers<void>()
    store.onWake(woken.resolve)
    const [session] = await slotSessions()
    await query(url, 'select pg_terminate_backend($1)', [session])
    await woken.promise
  })

  test('in a transaction is an error of that transaction, and the next one works', async () => {
    const store = await replica()
    const breaking = (then: () => void) =>
      store.transact(async (tx) => {
        await tx.save([pendingCase('r1')], noon)
        await query(
          url,
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and application_name = 'jitney' and state = 'idle in transaction'`,
        )
        then()
      })
    await expect(breaking(() => {})).rejects.toThrow()
    // The rollback fails as well then, which must not hide what went wrong first.
    const own = breaking(() => {
      throw Object.assign(new Error('our own'), { code: 'MINE' })
    })
    await expect(own).rejects.toMatchObject({ message: 'our own', code: 'MINE' })
    expect(await store.case('r1')).toBeNull()
    await store.transact((tx) => tx.save([pendingCase('r1')], noon))
    expect(await store.case('r1')).toEqual(pendingCase('r1'))
  })

  test('while a gesture is being stored costs nobody a second click', async () => {
    const storing = await cutWhileStoring(1)
    expect(await storing.answer).toBe(true)
    expect(await storing.store.jobs.claim('people', 10, minute, noon)).toMatchObject([{ key: 'intake:t1' }])
  })

  test('each time a gesture is stored is said to whoever clicked, instead of being tried for ever', async () => {
    const storing = await cutWhileStoring(2)
    await expect(storing.answer).rejects.toThrow('terminat')
    expect(await storing.store.jobs.claim('people', 10, minute, noon)).toEqual([])
  })

  test('is one thing, a database that refuses a gesture another: that is not tried again', async () => {
    const storing = await cutWhileStoring(1, 'pg_cancel_backend(pid)')
    await expect(storing.answer).rejects.toThrow('cancel')
    expect(await storing.store.jobs.claim('people', 10, minute, noon)).toEqual([])
  })

  test('while idle disturbs nobody', async () => {
    const { store, database } = await serverStore(url, logInto(logged))
    running.push(store)
    await sql`select 1`.execute(database.kysely)
    await query(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'jitney'`,
    )
    await until(() => logged.some((line) => line.includes('idle database connection broke')))
    expect(await store.case('r1')).toBeNull()
  })

  test('stops claims before the first slot as well', async () => {
    const { store } = await serverStore(url)
    running.push(store)
    await expect(store.jobs.claim('slack', 1, minute, noon)).rejects.toThrow('enlist')
  })
})
