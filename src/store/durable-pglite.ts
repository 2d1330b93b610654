import { closeSync, existsSync, promises as fs, fsyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PGlite } from '@electric-sql/pglite'
// oxlint-disable-next-line no-restricted-imports -- PGlite as well; the pattern's star stops at the slash.
import { NodeFS } from '@electric-sql/pglite/nodefs'

/** What we use of Emscripten's internals; the self-test below refuses to start when they have changed. */
interface Emscripten {
  NODEFS: {
    stream_ops: { fsync?: (stream: { nfd?: number; node: unknown }) => number }
    realPath(node: unknown): string
  }
}

function fsyncPath(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** PGlite's file system has no fsync at all: as shipped, a power cut leaves a database that does not open. */
class DurableFs extends NodeFS {
  fsyncs = 0

  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const made = await super.init(...args)
    made.emscriptenOpts.preRun?.unshift((module) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- refuseUnlessDurable is the check.
      const { NODEFS } = module as unknown as Emscripten
      NODEFS.stream_ops.fsync = (stream) => {
        this.fsyncs += 1
        if (stream.nfd === undefined) fsyncPath(NODEFS.realPath(stream.node))
        else fsyncSync(stream.nfd)
        return 0
      }
    })
    return made
  }
}

/**
 * A second process on one directory corrupts it silently, so the kernel keeps it out: SQLite's exclusive
 * lock is an fcntl lock, which kill -9 frees. Nothing else in this process may open or close the lock file.
 */
function lockDirectory(directory: string): DatabaseSync {
  const lock = new DatabaseSync(join(directory, 'lock'), { timeout: 0 })
  try {
    lock.exec('pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive')
    return lock
  } catch (cause) {
    lock.close()
    throw Object.assign(
      new Error(`Another process uses the data directory ${directory}; it can have one at a time.`, {
        cause,
      }),
      { code: 'DATA_DIR_IN_USE' },
    )
  }
}

/** A crash while the files are first written must leave nothing that looks like a database. */
async function initialise(directory: string, snapshot: Blob | undefined): Promise<void> {
  const fresh = join(directory, 'pg.new')
  await fs.rm(fresh, { recursive: true, force: true })
  const pglite = await PGlite.create({ dataDir: fresh, ...(snapshot && { loadDataDir: snapshot }) })
  await pglite.close()
  for (const entry of await fs.readdir(fresh, { recursive: true })) fsyncPath(join(fresh, entry))
  fsyncPath(fresh)
  await fs.rename(fresh, join(directory, 'pg'))
  fsyncPath(directory)
}

async function start(directory: string): Promise<{ pglite: PGlite; files: DurableFs }> {
  const files = new DurableFs(join(directory, 'pg'))
  const pglite = await PGlite.create({
    fs: files,
    startParams: [
      // -F turns fsync off. The other way to sync the log, fdatasync, is a stub in Emscripten.
      ...PGlite.defaultStartParams.filter((param) => param !== '-F'),
      '-c',
      'wal_sync_method=fsync',
      '-c',
      'shared_buffers=16MB',
    ],
  })
  return { pglite, files }
}

async function refuseUnlessDurable(pglite: PGlite, files: DurableFs, directory: string): Promise<void> {
  const before = files.fsyncs
  await pglite.query(`select pg_logical_emit_message(true, 'jitney', 'does a commit reach the disk?')`)
  if (files.fsyncs === before) {
    throw new Error(`Commits do not reach the disk in ${directory}; refusing to start.`)
  }
}

export interface Embedded {
  readonly pglite: PGlite
  /** How often a file was brought to the disk; grows with each commit. */
  readonly fsyncs: () => number
  /** Lets another process have the directory. */
  release(): void
}

/** Opens a directory so that what was committed survives kill -9 and a power cut. */
export async function openDirectory(directory: string, snapshot?: Blob): Promise<Embedded> {
  await fs.mkdir(directory, { recursive: true, mode: 0o700 })
  // PGlite makes its files readable for everybody, whatever the umask says.
  await fs.chmod(directory, 0o700)
  const lock = lockDirectory(directory)
  try {
    if (!existsSync(join(directory, 'pg'))) await initialise(directory, snapshot)
    const { pglite, files } = await start(directory)
    await refuseUnlessDurable(pglite, files, directory)
    return { pglite, fsyncs: () => files.fsyncs, release: () => lock.close() }
  } catch (error) {
    lock.close()
    throw error
  }
}
