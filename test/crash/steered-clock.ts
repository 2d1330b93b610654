import type { DatabaseClock } from '../../src/clock.ts'
import type { Clock } from '../../src/ports.ts'

/** Waits up to this long are the pace of polling and posting, which here is faster. */
const paceMs = 2_000
const faster = 20

/**
 * The database's time plus an offset that the test moves: hours pass at once, and the seconds in between are
 * real.
 */
export class SteeredClock implements Clock {
  readonly #base: DatabaseClock
  #offset = 0
  #jumped = Promise.withResolvers<void>()

  constructor(base: DatabaseClock) {
    this.#base = base
  }

  async start(offset: number): Promise<void> {
    await this.#base.anchor()
    this.jump(offset)
  }

  now(): number {
    return this.#base.now() + this.#offset
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= paceMs) return this.#base.sleep(ms / faster, signal)
    const until = this.now() + ms
    const stopped = () => signal?.aborted ?? false
    while (!stopped() && this.now() < until) {
      const over = new AbortController()
      const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal
      await Promise.race([this.#base.sleep(until - this.now(), either), this.#jumped.promise])
      over.abort()
    }
  }

  jump(offset: number): void {
    // An order that was on its way while the process started may be older than what it started with.
    this.#offset = Math.max(this.#offset, offset)
    this.#jumped.resolve()
    this.#jumped = Promise.withResolvers()
  }
}
