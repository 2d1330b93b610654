import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PartProcess } from './part-process.ts'
import type { Shape } from './parts/part.ts'
import { type Fill, prepare } from './prepare.ts'

/** A port that nobody has, for a bot that must be asked before it can tell its own. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

/** The place where rows are measured: a folder that goes away, and the processes that were started there. */
export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'jitney-bench-'))
  readonly #profileFolder: string | undefined
  readonly #closers: (() => Promise<void>)[] = []
  readonly #templates = new Map<string, Promise<string>>()
  #names = 0

  constructor(profileFolder: string | undefined) {
    this.#profileFolder = profileFolder
    // Children notice by themselves that their parent is gone.
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }))
  }

  async start<P extends Shape>(
    name: string,
    given: P['given'],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<PartProcess<P>> {
    const part = await PartProcess.start<P>(name, given, {
      environment,
      cacheFolder: join(this.folder, 'compiled'),
      profileFolder: name.includes('bot') ? this.#profileFolder : undefined,
    })
    this.later(() => part.stop())
    return part
  }

  /** Runs when the row is over, the last one first. */
  later(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  /** Ends everything that was started for a row. */
  async clear(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close()
  }

  path(name: string): string {
    this.#names += 1
    return join(this.folder, `${this.#names}-${name}`)
  }

  async file(name: string, text: string): Promise<string> {
    const path = this.path(name)
    await writeFile(path, text)
    return path
  }

  /**
   * A data directory with what `fill` puts there, by default nothing. The first one of a name takes long, and
   * every later one is a copy.
   */
  async dataDirectory(name = 'empty', fill: Fill = async () => {}): Promise<string> {
    const template = this.#templates.get(name) ?? this.#makeTemplate(fill)
    this.#templates.set(name, template)
    const directory = this.path('data')
    await cp(await template, directory, { recursive: true })
    return directory
  }

  async #makeTemplate(fill: Fill): Promise<string> {
    const dataDir = this.path('template')
    await mkdir(dataDir)
    await prepare({ dataDir }, fill)
    return dataDir
  }
}
