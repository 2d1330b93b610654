import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../src/ports.ts'

/** Waits up to this long are the pace of polling; they end at once and take no time. */
const paceMs = 2_000

/** A clock that is set by hand, so that hours pass in milliseconds. */
export class TestClock implements Clock {
  #now: number
  #waiting = new Set<{ at: number; wake: () => void }>()

  constructor(start = Date.UTC(2026, 10, 23, 9)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return
    if (ms <= paceMs) {
      await turn()
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    const entry = { at: this.#now + ms, wake: resolve }
    this.#waiting.add(entry)
    signal?.addEventListener('abort', () => resolve(), { once: true })
    await promise
    this.#waiting.delete(entry)
  }

  /** Moves the time forward, never back. */
  to(at: number): void {
    this.#now = Math.max(this.#now, at)
    for (const entry of this.#waiting) if (entry.at <= this.#now) entry.wake()
  }
}
