import { PGlite } from '@electric-sql/pglite'
import { Kysely, PGliteDialect, PostgresDialect } from 'kysely'
import { openDirectory } from './durable-pglite.ts'
import { fair } from './fair-pglite.ts'
import { type Log, silent } from './log.ts'
import { migrate } from './migrate.ts'
import { openPool } from './postgres.ts'
import type { Schema } from './schema.ts'

export interface StoreOptions {
  /** `postgres://…`: a server, which any number of replicas may share. */
  readonly databaseUrl?: string | undefined
  /** Where the embedded database lives when there is no server; `memory:` keeps nothing. */
  readonly dataDir?: string | undefined
  /** A dump that a new embedded database starts from. It saves tests the seconds that the first start takes. */
  readonly snapshot?: Blob | undefined
  readonly log?: Log | undefined
}

export interface Database {
  readonly kysely: Kysely<Schema>
  /** Where a server is; null for the embedded database, which this process has to itself. */
  readonly url: string | null
  readonly log: Log
  /** Of the embedded database in a directory: how often a file was brought to the disk. */
  readonly fsyncs: () => number
  /** The files of an embedded database, to start others from. */
  dump(): Promise<Blob>
  close(): Promise<void>
}

function openServer(url: string, log: Log): Database {
  const kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: openPool(url, log) }) })
  return {
    kysely,
    url,
    log,
    fsyncs: () => 0,
    dump: () => Promise.reject(new Error('Only an embedded database can be dumped.')),
    close: () => kysely.destroy(),
  }
}

async function openEmbedded(dataDir: string, snapshot: Blob | undefined, log: Log): Promise<Database> {
  const files =
    dataDir === 'memory:'
      ? {
          pglite: await PGlite.create({ ...(snapshot && { loadDataDir: snapshot }) }),
          fsyncs: () => 0,
          release: () => {},
        }
      : await openDirectory(dataDir, snapshot)
  const { pglite } = files
  const kysely = new Kysely<Schema>({ dialect: new PGliteDialect({ pglite: fair(pglite) }) })
  return {
    kysely,
    url: null,
    log,
    fsyncs: files.fsyncs,
    dump: () => pglite.dumpDataDir('gzip'),
    close: async () => {
      await kysely.destroy()
      if (!pglite.closed) await pglite.close()
      files.release()
    },
  }
}

/** Opens a database without looking at what is in it. */
export async function connect(options: StoreOptions): Promise<Database> {
  const log = options.log ?? silent
  if (options.databaseUrl) {
    if (!/^postgres(ql)?:\/\//.test(options.databaseUrl)) {
      throw new Error('The database URL must begin with postgres:// or postgresql://.')
    }
    return openServer(options.databaseUrl, log)
  }
  if (!options.dataDir) throw new Error('The store needs a database URL or a data directory.')
  return openEmbedded(options.dataDir, options.snapshot, log)
}

/** Opens a database and brings its tables up to date. */
export async function openDatabase(options: StoreOptions): Promise<Database> {
  const database = await connect(options)
  try {
    await migrate(database.kysely, database.log)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}
