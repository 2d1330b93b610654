import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { amcheck } from '@electric-sql/pglite/contrib/amcheck'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { storeOn } from '../../src/store/store.ts'
import { snapshot, type TestStore } from '../support/stores.ts'
import { expectAcknowledged } from './store-acknowledged.ts'
import { auditEvent, grantedCase, job, minute, noon, pendingCase } from './store-cases.ts'
import { type Child, startChild } from './store-process.ts'

let folder: string
let dataDir: string
const running: { close(): Promise<void> }[] = []

const open = async (): Promise<TestStore> => {
  const database = await openDatabase({ dataDir, snapshot: await snapshot() })
  const store = await storeOn(database)
  await store.enlist()
  running.push(store)
  return { database, store }
}

const start = (...args: Parameters<typeof startChild>): Child => {
  const child = startChild(...args)
  running.push({ close: () => child.kill() })
  return child
}

/** Every index against its table, and every page of each table. */
async function expectSound(): Promise<void> {
  const pglite = await PGlite.create({ dataDir: join(dataDir, 'pg'), extensions: { amcheck } })
  await pglite.exec('create extension if not exists amcheck')
  const checked = await pglite.query(`
    select c.relname, bt_index_check(c.oid, true) from pg_class c join pg_index i on i.indexrelid = c.oid
    join pg_am a on a.oid = c.relam where a.amname = 'btree' and c.relnamespace = 'public'::regnamespace`)
  expect(checked.rows.length).toBeGreaterThan(10)
  const broken = await pglite.query(`
    select c.relname, v.* from pg_class c, lateral verify_heapam(c.oid) v
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace`)
  expect(broken.rows).toEqual([])
  await pglite.close()
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jitney-directory-'))
  dataDir = join(folder, 'data')
})
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.close()
  await rm(folder, { recursive: true, force: true })
})

describe('the embedded database in a directory', () => {
  test('keeps everything from one life to the next, and nobody else can read it', async () => {
    const first = await open()
    const kase = grantedCase('r1')
    await first.store.transact(async (tx) => {
      await tx.save([kase], noon)
      await tx.audit([auditEvent('r1')])
    })
    await first.store.close()
    const second = await open()
    expect(await second.store.case('r1')).toEqual(kase)
    expect(await second.store.auditAfter(0, 10)).toHaveLength(1)
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
  })

  test('brings every commit to the disk before it is acknowledged', async () => {
    const { store, database } = await open()
    for (const id of ['r1', 'r2', 'r3']) {
      const before = database.fsyncs()
      await store.transact((tx) => tx.save([pendingCase(id)], noon))
      expect(database.fsyncs()).toBeGreaterThan(before)
    }
    const before = database.fsyncs()
    await store.receive({ key: 'k', receivedAt: noon, gesture: { kind: 'ask', ...anything } })
    expect(database.fsyncs()).toBeGreaterThan(before)
  })

  test('frees at once what its previous life had claimed', async () => {
    const first = await open()
    await first.store.transact((tx) => tx.putJobs([job('a'), job('b')], noon))
    const [claimed] = await first.store.jobs.claim('slack', 1, 60 * minute, noon)
    await first.store.close()
    const second = await open()
    const claims = await second.store.jobs.claim('slack', 10, minute, noon)
    expect(claims.map((claim) => [claim.key, claim.attempt])).toEqual(
      expect.arrayContaining([
        [claimed?.key, 2],
        ['b', 1],
      ]),
    )
  })

  test('belongs to one process, which is told by name, until that one is gone, however it went', async () => {
    const child = start('hold', dataDir)
    await child.says('ready')
    await expect(open()).rejects.toMatchObject({
      code: 'DATA_DIR_IN_USE',
      message: expect.stringContaining(dataDir),
    })
    await child.kill()
    const { store } = await open()
    await expect(open()).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' })
    expect(await store.case('r1')).toBeNull()
  })

  test('begins anew when the very first start was cut short', async () => {
    await mkdir(join(dataDir, 'pg.new'), { recursive: true })
    await writeFile(join(dataDir, 'pg.new', 'PG_VERSION'), '18')
    const { store } = await open()
    expect(await store.case('r1')).toBeNull()
    expect((await readdir(dataDir)).toSorted()).toEqual(['lock', 'pg'])
  })

  test('lets the event loop have its turn between statements', async () => {
    const { store } = await open()
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    for (let query = 0; query < 100; query += 1) await store.case('r1')
    clearInterval(timer)
    expect(turns).toBeGreaterThan(0)
  })

  test('loses nothing that was acknowledged when its process is killed', async () => {
    await (await open()).store.close()
    const lines: string[] = []
    for (const [round, count] of [4, 23, 61].entries()) {
      const child = start('write', dataDir, `r${round}x`)
      await child.hasSaid(count)
      await child.kill()
      lines.push(...child.lines)
      const { store } = await open()
      await expectAcknowledged(store, lines)
      await store.close()
    }
    await expectSound()
  }, 120_000)
})

const anything = {
  person: { enterpriseId: null, teamId: 'T', userId: 'U' },
  text: '',
  responseUrl: '',
} as const
