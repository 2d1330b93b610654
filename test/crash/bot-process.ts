import { type ChildProcess, fork } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machineEnvironment } from '../../src/config.ts'
import type { Counts, Ledger, Order, Point, Report } from './orders.ts'

type Answer<K extends Report['did']> = Extract<Report, { did: K }>

const entry = join(import.meta.dirname, 'bot.ts')
const keptOutput = 6_000

/** One life of the bot's process. */
export class BotProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (report: Report) => void>()
  readonly #seen = new Map<Report['did'], PromiseWithResolvers<Report>>()
  #ids = 0
  #output = ''
  /** Resolves with the signal that ended it, or with its exit code. */
  readonly ended: Promise<string>

  constructor(environment: Readonly<Record<string, string>>) {
    this.#child = fork(entry, {
      execArgv: [],
      env: {
        ...machineEnvironment(),
        ...environment,
        // Reading the sources takes longer than everything else in a start.
        NODE_COMPILE_CACHE: join(tmpdir(), 'jitney-crash-cache'),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (text) => {
        this.#output = `${this.#output}${String(text)}`.slice(-keptOutput)
      })
    }
    this.#child.on('message', (report: Report) => this.#told(report))
    this.#child.on('error', () => {})
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
  }

  /** The last of what it wrote. */
  get output(): string {
    return this.#output
  }

  get living(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  start(order: Omit<Extract<Order, { do: 'start' }>, 'do'>): void {
    this.#send({ do: 'start', ...order })
  }

  arm(point: Point | null): void {
    this.#send({ do: 'arm', point })
  }

  offset(offset: number): void {
    this.#send({ do: 'offset', offset })
  }

  /** What the last life had left behind in the database. */
  async rest(): Promise<Ledger> {
    return (await this.#first('rest')).ledger
  }

  async ready(): Promise<void> {
    await this.#first('ready')
  }

  /** Null when the process ended before it answered, or its database is away. */
  async look(since: number): Promise<Ledger | null> {
    return (await this.#ask('look', { since }))?.ledger ?? null
  }

  async counts(): Promise<Counts | null> {
    return (await this.#ask('tell', {}))?.counts ?? null
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }

  #send(order: Order): void {
    // It may die at any moment; whoever waits for it hears of that by `ended`.
    if (this.#child.connected) this.#child.send(order, () => {})
  }

  #told(report: Report): void {
    if ('id' in report) this.#waiting.get(report.id)?.(report)
    else this.#box(report.did).resolve(report)
  }

  #box(did: Report['did']): PromiseWithResolvers<Report> {
    const box = this.#seen.get(did) ?? Promise.withResolvers<Report>()
    this.#seen.set(did, box)
    return box
  }

  async #first<K extends 'rest' | 'ready'>(did: K): Promise<Answer<K>> {
    const report = await Promise.race([this.#box(did).promise, this.ended])
    if (isA(report, did)) return report
    throw new BotEnded(`The bot ended (${JSON.stringify(report)}) before it was there:\n${this.#output}`)
  }

  async #ask<K extends 'look' | 'tell'>(what: K, rest: Omit<Extract<Order, { do: K }>, 'do' | 'id'>) {
    const id = ++this.#ids
    const answer = new Promise<Report>((resolve) => this.#waiting.set(id, resolve))
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler does not join the two halves
    this.#send({ do: what, id, ...rest } as unknown as Order)
    const report = await Promise.race([answer, this.ended])
    this.#waiting.delete(id)
    return isA(report, what) ? report : null
  }
}

/** The process ended before it could do what was asked. */
export class BotEnded extends Error {}

const isA = <K extends Report['did']>(report: Report | string, did: K): report is Answer<K> =>
  typeof report === 'object' && report.did === did
