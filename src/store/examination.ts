import { promises as fs } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Client } from 'pg'
import type { Finding } from '../core/rights.ts'
import { migrations } from './migrate.ts'
import { connection } from './postgres.ts'

export interface DatabaseExamined {
  readonly findings: readonly Finding[]
  /** How far the database's clock is ahead of this machine's; null when it could not be read. */
  readonly aheadMs: number | null
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const canWrite = (path: string): Promise<boolean> =>
  fs.access(path, fs.constants.W_OK).then(
    () => true,
    () => false,
  )

/** Opening the embedded database would write in it, so only its place is looked at. */
async function examineDirectory(dataDir: string): Promise<DatabaseExamined> {
  const place = resolve(dataDir)
  const text = `Database: the embedded one in ${place}`
  if (await canWrite(place)) return { findings: [{ state: 'good', text }], aheadMs: null }
  const later = await canWrite(dirname(place))
  const exists = await fs.access(place).then(
    () => true,
    () => false,
  )
  const finding: Finding =
    later && !exists
      ? { state: 'good', text: `${text}, which the first start makes` }
      : {
          state: 'bad',
          text: `${text}: this user may not write there`,
          advice: 'let the bot’s user write to DATA_DIR, or set DATABASE_URL',
        }
  return { findings: [finding], aheadMs: null }
}

interface Row {
  readonly now: number
  readonly known: boolean
}

async function look(client: Client): Promise<DatabaseExamined> {
  await client.query('begin read only')
  const before = Date.now()
  const { rows } = await client.query<Row>(
    `select (extract(epoch from clock_timestamp()) * 1000)::float8 as now, to_regclass('migrations') is not null as known`,
  )
  const local = (before + Date.now()) / 2
  const [row] = rows
  const done = row?.known
    ? (await client.query<{ name: string }>('select name from migrations')).rows.map(({ name }) => name)
    : []
  const open = (await migrations()).filter(({ name }) => !done.includes(name))
  const state: Finding =
    open.length === 0
      ? { state: 'good', text: 'Database: reached, and up to date' }
      : {
          state: 'note',
          text: `Database: reached; ${open.length} of its migrations are not applied yet`,
          advice: 'nothing: start applies them, or run migrate with a role that may create tables',
        }
  return { findings: [state], aheadMs: row ? row.now - local : null }
}

async function examineServer(databaseUrl: string): Promise<DatabaseExamined> {
  const client = new Client(connection(databaseUrl))
  client.on('error', () => {})
  try {
    await client.connect()
    return await look(client)
  } catch (error) {
    const text = `Database: the server cannot be used: ${messageOf(error)}`
    return { findings: [{ state: 'bad', text, advice: 'check DATABASE_URL and the server' }], aheadMs: null }
  } finally {
    await client.end().catch(() => {})
  }
}

/** Looks at the database and changes nothing. It never throws. */
export const examineDatabase = (where: {
  readonly databaseUrl?: string | undefined
  readonly dataDir: string
}): Promise<DatabaseExamined> =>
  where.databaseUrl === undefined ? examineDirectory(where.dataDir) : examineServer(where.databaseUrl)
