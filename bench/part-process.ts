import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { machineEnvironment } from '../src/config.ts'
import type { FromPart, Shape, ToPart } from './parts/part.ts'

const keptOutput = 4_000
const graceMs = 5_000

export interface PartOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly cacheFolder: string
  /** Where to write a profile of its processor time when it ends. */
  readonly profileFolder?: string | undefined
}

/** A child process of the benchmark, as its parent sees it. */
export class PartProcess<P extends Shape> {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #ready = Promise.withResolvers<unknown>()
  readonly #name: string
  #facts!: P['facts']
  #ids = 0
  #output = ''

  private constructor(name: string, given: P['given'], options: PartOptions) {
    const { profileFolder } = options
    this.#name = name
    this.#child = fork(join(import.meta.dirname, 'parts', `${name}.ts`), [JSON.stringify(given)], {
      execArgv: profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`],
      env: { ...machineEnvironment(), ...options.environment, NODE_COMPILE_CACHE: options.cacheFolder },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (text) => {
        this.#output = `${this.#output}${String(text)}`.slice(-keptOutput)
      })
    }
    this.#child.on('message', (message: FromPart) => this.#told(message))
    this.#child.on('error', (error) => this.#fail(error))
    this.#child.on('exit', (code, signal) => {
      this.#fail(new Error(`${name} ended (${signal ?? code}):\n${this.#output}`))
    })
  }

  /** Starts `parts/<name>.ts` and waits until it is there. */
  static async start<P extends Shape>(
    name: string,
    given: P['given'],
    options: PartOptions,
  ): Promise<PartProcess<P>> {
    const part = new PartProcess<P>(name, given, options)
    part.#facts = await part.#ready.promise
    return part
  }

  get facts(): P['facts'] {
    return this.#facts
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async ask<K extends keyof P['orders'] & string>(
    order: K,
    ...value: Parameters<P['orders'][K]>
  ): Promise<Awaited<ReturnType<P['orders'][K]>>> {
    const waiting = Promise.withResolvers<unknown>()
    const id = ++this.#ids
    this.#waiting.set(id, waiting)
    const message: ToPart = { id, order, value: value[0] }
    if (this.#child.connected) this.#child.send(message)
    else waiting.reject(new Error(`${this.#name} is not there any more:\n${this.#output}`))
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the part answers by its own type.
    return (await waiting.promise) as Awaited<ReturnType<P['orders'][K]>>
  }

  /** Ends the process, by force when it does not go by itself. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    const force = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    if (this.#child.connected) this.#child.disconnect()
    await gone
    clearTimeout(force)
  }

  #told(message: FromPart): void {
    if ('ready' in message) {
      this.#ready.resolve(message.ready)
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if ('error' in message) waiting?.reject(new Error(`${this.#name}: ${message.error}`))
    else waiting?.resolve(message.value)
  }

  #fail(error: Error): void {
    this.#ready.reject(error)
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
