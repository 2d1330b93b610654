import type { Clock } from '../../src/ports.ts'
import type { Chance } from './chance.ts'
import type { Schedule } from './schedule.ts'

/** What happens to one call on its way. Times are in milliseconds. */
export interface Trip<T> {
  readonly outMs: number
  readonly backMs: number
  /** `request` never arrives, `answer` never comes back: the caller is told `fault` when it would have come. */
  readonly lost: 'request' | 'answer' | null
  /** The other side: it does what was asked, at the moment when the call arrives, and answers or throws. */
  readonly serve: () => T | Promise<T>
  /** What the caller is told when it cannot know what came of its call. */
  readonly fault: () => Error
  readonly signal?: AbortSignal | undefined
  /** After this long the caller gives up; the call may still arrive. */
  readonly patienceMs?: number
}

/** The engine's own loop sleeps this long when nothing is due. */
const pollMs = 1_000

/**
 * One process of the bot. Everything that reaches its code comes through `hear`, so that a process that was killed
 * never runs again, and one that was stopped for a while goes on later with what it knew before.
 */
export class Life {
  readonly name: string
  readonly #schedule: Schedule
  readonly #skewMs: number
  #alive = true
  endedAt = Number.POSITIVE_INFINITY
  #pausedUntil = Number.NEGATIVE_INFINITY

  constructor(schedule: Schedule, name: string, chance: Chance) {
    this.#schedule = schedule
    this.name = name
    this.#skewMs = chance.between(-20, 20)
  }

  get alive(): boolean {
    return this.#alive
  }

  get paused(): boolean {
    return this.#schedule.now < this.#pausedUntil
  }

  kill(): void {
    if (this.#alive) this.endedAt = this.#schedule.now
    this.#alive = false
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#schedule.now + ms)
  }

  /** Answers how to call it off. */
  hear(at: number, run: () => void): () => void {
    return this.#schedule.at(at, () => this.#deliver(run))
  }

  #deliver(run: () => void): void {
    if (!this.#alive) return
    if (this.paused) this.#schedule.at(this.#pausedUntil, () => this.#deliver(run))
    else run()
  }

  readonly clock: Clock = {
    now: () => Math.round(this.#schedule.now) + this.#skewMs,
    sleep: (ms, signal) => this.#sleep(ms, signal, ms === pollMs),
  }

  /** For those whose pauses of a second are no idle ones. */
  readonly busyClock: Clock = {
    now: () => this.clock.now(),
    sleep: (ms, signal) => this.#sleep(ms, signal, false),
  }

  #sleep(ms: number, signal: AbortSignal | undefined, idle: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (signal?.aborted) return Promise.resolve()
    const wake = () => {
      callOff()
      signal?.removeEventListener('abort', wake)
      resolve()
    }
    const heard = () => this.#deliver(wake)
    const callOff = idle ? this.#schedule.poll(ms, heard) : this.#schedule.after(ms, heard)
    signal?.addEventListener('abort', wake)
    return promise
  }

  call<T>(trip: Trip<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const { signal, fault } = trip
    let callOff: (() => void) | null = null
    const end = (settle: () => void) => {
      callOff?.()
      signal?.removeEventListener('abort', giveUp)
      settle()
    }
    const giveUp = () => end(() => reject(fault()))
    if (signal?.aborted) return Promise.reject(fault())
    signal?.addEventListener('abort', giveUp)
    if (trip.patienceMs !== undefined) callOff = this.hear(this.#schedule.now + trip.patienceMs, giveUp)
    const back = (settle: () => void) =>
      this.hear(this.#schedule.now + trip.backMs, () =>
        end(trip.lost === null ? settle : () => reject(fault())),
      )
    this.#schedule.after(trip.outMs, () => {
      if (trip.lost === 'request') return back(() => {})
      return void serve(trip.serve).then(
        (value) => back(() => resolve(value)),
        (error: unknown) => back(() => reject(error)),
      )
    })
    return promise
  }
}

async function serve<T>(work: () => T | Promise<T>): Promise<T> {
  return work()
}
