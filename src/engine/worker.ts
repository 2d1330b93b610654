import type { Claim, Clock, JobKind, Lane, Store } from '../ports.ts'
import { backoffMs } from './backoff.ts'
import type { Dispatcher } from './dispatch.ts'
import { type Finish, type Handler, type Lease, messageOf } from './handler.ts'
import type { Log } from './log.ts'

/** How many jobs of a lane run at once. Closes have the most room, and nothing else can take it. */
export const laneSizes: Readonly<Record<Lane, number>> = {
  timers: 1_000,
  closes: 1_000,
  opens: 32,
  slack: 16,
  people: 32,
  surveys: 4,
  proofs: 8,
  reads: 16,
}

const lanes = Object.keys(laneSizes).filter((name): name is Lane => name in laneSizes)
const leaseMs = 30_000
const renewMs = 10_000
const longestPauseMs = 1_000

export interface Worker {
  /** Runs until `stop`. */
  start(): void
  /** Claims nothing more, lets what runs end, and resolves. */
  stop(): Promise<void>
  /** Runs everything that is due now, and what comes of it, until nothing is left. For tests with a clock of their own. */
  settle(): Promise<void>
}

export interface WorkerParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly handlers: Readonly<Record<JobKind, Handler>>
  readonly log: Log
}

/** The loop that turns due rows into work. Every replica runs one; the database hands each job to one of them. */
export const createWorker = (parts: WorkerParts): Worker => new Loop(parts)

interface Taken {
  readonly claimed: number
  /** When the next job is due, as far as nothing is due now. */
  readonly next: number | null
}

class Loop implements Worker {
  readonly #parts: WorkerParts
  readonly #running = new Map<Lane, Set<Promise<void>>>(lanes.map((lane) => [lane, new Set()]))
  readonly #holds = new Map<string, Hold>()
  readonly #stopping = new AbortController()
  #bell = Promise.withResolvers<void>()
  #loop: Promise<void> | null = null
  #forget: () => void = () => {}

  constructor(parts: WorkerParts) {
    this.#parts = parts
  }

  start(): void {
    this.#forget = this.#parts.store.onWake(() => this.#bell.resolve())
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#forget()
    this.#bell.resolve()
    await this.#loop
    await Promise.all(this.#busy())
  }

  async settle(): Promise<void> {
    for (;;) {
      const { claimed } = await this.#take()
      const busy = this.#busy()
      if (busy.length > 0) await Promise.race(busy)
      else if (claimed === 0) return
    }
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts
    while (!this.#stopping.signal.aborted) {
      this.#bell = Promise.withResolvers<void>()
      try {
        const { claimed, next } = await this.#take()
        if (claimed === 0) await this.#pause(next)
      } catch (error) {
        // The database is away: say so and go on asking, because nothing else would.
        log.error({ error: messageOf(error) }, 'could not claim jobs')
        await clock.sleep(longestPauseMs, this.#stopping.signal)
      }
    }
  }

  /** Claims what is due in every lane that has room. */
  async #take(): Promise<Taken> {
    const { store, clock } = this.#parts
    let claimed = 0
    let next: number | null = null
    for (const [lane, runAt] of await store.jobs.nextRunAts()) {
      if (runAt > clock.now()) {
        next = Math.min(next ?? runAt, runAt)
        continue
      }
      const room = laneSizes[lane] - (this.#running.get(lane)?.size ?? 0)
      if (room <= 0) continue
      const asked = clock.now()
      const claims = await store.jobs.claim(lane, room, leaseMs, asked)
      for (const claim of claims) this.#begin(lane, claim, asked)
      claimed += claims.length
    }
    return { claimed, next }
  }

  #begin(lane: Lane, claim: Claim, asked: number): void {
    const set = this.#running.get(lane)
    const hold = new Hold(this.#parts.clock, asked + leaseMs)
    // The same job again, while it still runs here: its claim was lost in between, and the older try must know.
    this.#holds.get(claim.key)?.kept(null)
    this.#holds.set(claim.key, hold)
    const work = runJob(this.#parts, claim, hold, this.#stopping.signal).finally(() => {
      set?.delete(work)
      if (this.#holds.get(claim.key) === hold) this.#holds.delete(claim.key)
      this.#bell.resolve()
    })
    set?.add(work)
  }

  #busy(): Promise<void>[] {
    return [...this.#running.values()].flatMap((set) => [...set])
  }

  async #pause(next: number | null): Promise<void> {
    const { clock } = this.#parts
    const ms = next === null ? longestPauseMs : Math.min(longestPauseMs, Math.max(1, next - clock.now()))
    const over = new AbortController()
    await Promise.race([this.#bell.promise, clock.sleep(ms, over.signal)])
    over.abort()
  }
}

/** What this replica knows of a lease by its own clock. */
class Hold implements Lease {
  readonly #clock: Clock
  #until: number

  constructor(clock: Clock, until: number) {
    this.#clock = clock
    this.#until = until
  }

  /** The claim was kept, as of the moment at which that was asked for; or it was not. */
  kept(asked: number | null): void {
    this.#until = asked === null ? Number.NEGATIVE_INFINITY : asked + leaseMs
  }

  lapsed(): boolean {
    return this.#clock.now() >= this.#until
  }
}

async function runJob(parts: WorkerParts, claim: Claim, hold: Hold, stop: AbortSignal): Promise<void> {
  const { store, clock, log } = parts
  const over = new AbortController()
  const renewing = renew(parts, claim, hold, over.signal)
  let finish: Finish
  try {
    finish = await parts.handlers[claim.kind](claim, stop, hold)
  } catch (error) {
    log.error(
      { job: claim.key, attempt: claim.attempt, error: messageOf(error) },
      'a job failed and will be tried again',
    )
    finish = { kind: 'again', at: clock.now() + backoffMs(claim.attempt), error: messageOf(error) }
  }
  over.abort()
  await renewing
  try {
    if (finish.kind === 'done') await parts.dispatcher.finish(claim)
    else if (finish.kind === 'again') await store.jobs.retry(claim, finish.at, finish.error, clock.now())
  } catch (error) {
    // The lease ends by itself and the job runs once more.
    log.error({ job: claim.key, error: messageOf(error) }, 'could not end a job')
  }
}

/** Keeps the claim while its handler runs; most jobs end long before the first renewal. */
async function renew(parts: WorkerParts, claim: Claim, hold: Hold, over: AbortSignal): Promise<void> {
  const { store, clock, log } = parts
  for (;;) {
    await clock.sleep(renewMs, over)
    if (over.aborted) return
    try {
      const asked = clock.now()
      const ours = await store.jobs.extend(claim, leaseMs, asked)
      hold.kept(ours ? asked : null)
      if (!ours) return
    } catch (error) {
      log.warn({ job: claim.key, error: messageOf(error) }, 'could not renew a claim')
    }
  }
}
