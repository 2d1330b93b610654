import type { Clock } from '../ports.ts'
import { type Answer, ArmFault, isBusy } from './faults.ts'

type Kind = 'reads' | 'deletes'

/** How fast ARM fills its bucket for one subscription again, once it is empty. */
const perSecond: Readonly<Record<Kind, number>> = { reads: 25, deletes: 10 }

/** So long after the last turn that was given away, calls go at once again. */
const quietMs = 5_000
const longestWaitMs = 2_000
const readTries = 4
const toleratedStepMs = 1_000
/** A longer wish to be left alone is not heard: something must find out when it is over. */
const longestPauseMs = 60_000

/** Questions take less than half of what ARM fills its bucket for writes with, and few at once. */
const questionMs = 250
const questionsAtOnce = 20

/** What a call hears that was not even sent. */
const unsent: Answer = {
  status: 429,
  codes: ['paced'],
  message: 'Azure has had too many deletes in this subscription, so this one waits for its turn.',
  afterMs: null,
  operationUrl: null,
  requestId: null,
}

type Throttled = ArmFault & { readonly answer: Answer }

const isThrottled = (error: unknown): error is Throttled =>
  error instanceof ArmFault && error.answer?.status === 429 && !isBusy(error.answer)

const wishOf = (error: Throttled): number => Math.min(error.afterMs ?? 1_000, longestPauseMs)

/** The calls of one kind in one subscription that wait for ARM to take more of them. */
interface Line {
  /** When the next turn is; null as long as ARM takes everything. */
  next: number | null
  /** Turns that were given to somebody who comes back for them. */
  readonly turns: Map<string, number>
}

/**
 * What ARM takes, once it has said “too many”: each call gets a turn of its own, in the order in which they asked,
 * so that a thousand closes neither come back together nor overtake one another.
 */
export class Pace {
  readonly #clock: Clock
  readonly #lines = new Map<string, Line>()
  /** When each subscription’s next question would be asked if they were asked evenly. */
  readonly #questions = new Map<string, number>()
  #latest = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs a read when its turn has come, and again when Azure has room for it soon. */
  async read<T>(subscriptionId: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const line = this.#line(subscriptionId, 'reads')
    for (let tries = 1; ; tries += 1) {
      // A read that was let through too early costs little; one that waits keeps the lease on its group waiting.
      if (line.next !== null) line.next = Math.min(line.next, this.#clock.now() + longestWaitMs)
      await this.#until(this.#turn(line, 'reads'), signal)
      try {
        return await run()
      } catch (error) {
        const soon = this.#refused(line, error) && (error.afterMs ?? 0) <= longestWaitMs
        if (!soon || tries >= readTries) throw error
      }
    }
  }

  /** Runs a delete when its turn is near, and otherwise sends nothing and throws when to come back. */
  async remove<T>(
    subscriptionId: string,
    key: string,
    signal: AbortSignal,
    run: () => Promise<T>,
  ): Promise<T> {
    const line = this.#line(subscriptionId, 'deletes')
    const at = this.#kept(line, key) ?? this.#turn(line, 'deletes')
    if (at > this.#clock.now() + longestWaitMs) throw this.#later(line, key, at, unsent)
    line.turns.delete(key)
    await this.#until(at, signal)
    try {
      return await run()
    } catch (error) {
      if (!this.#refused(line, error)) throw error
      throw this.#later(line, key, this.#turn(line, 'deletes'), error.answer)
    }
  }

  /**
   * Runs a question that costs as much as a write does, in a turn of its own: nobody waits for it, and an open must
   * not find the bucket empty because of it.
   */
  async ask<T>(subscriptionId: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const now = this.#clock.now()
    const from = Math.max(this.#questions.get(subscriptionId) ?? now, now)
    this.#questions.set(subscriptionId, from + questionMs)
    let left = from - questionsAtOnce * questionMs - now
    for (; left > 0 && !signal.aborted; left -= longestWaitMs)
      await this.#clock.sleep(Math.min(left, longestWaitMs), signal)
    try {
      return await run()
    } catch (error) {
      if (isThrottled(error)) {
        const at = this.#clock.now() + wishOf(error) + questionsAtOnce * questionMs
        this.#questions.set(subscriptionId, Math.max(this.#questions.get(subscriptionId) ?? 0, at))
      }
      throw error
    }
  }

  #kept(line: Line, key: string): number | undefined {
    const now = this.#clock.now()
    // A clock that was set back, as the sweeper's may be, would keep every turn ahead for as long as that.
    if (now < this.#latest - toleratedStepMs) {
      for (const one of this.#lines.values()) {
        one.next = null
        one.turns.clear()
      }
    }
    this.#latest = now
    return line.turns.get(key)
  }

  #line(subscriptionId: string, kind: Kind): Line {
    const key = `${subscriptionId}/${kind}`
    const line = this.#lines.get(key) ?? { next: null, turns: new Map() }
    this.#lines.set(key, line)
    return line
  }

  #turn(line: Line, kind: Kind): number {
    const now = this.#clock.now()
    if (line.next !== null && line.next < now - quietMs) {
      line.next = null
      line.turns.clear()
    }
    if (line.next === null) return now
    const at = Math.max(line.next, now)
    line.next = at + 1000 / perSecond[kind]
    return at
  }

  /** Whether ARM's bucket is empty; a group that is busy says nothing about that. */
  #refused(line: Line, error: unknown): error is Throttled {
    if (!isThrottled(error)) return false
    line.next = Math.max(line.next ?? 0, this.#clock.now() + wishOf(error))
    return true
  }

  #later(line: Line, key: string, at: number, answer: Answer): ArmFault {
    line.turns.set(key, at)
    const afterMs = Math.max(0, Math.ceil((at - this.#clock.now()) / 100) * 100)
    return new ArmFault(answer === unsent ? 'not sent' : 'throttled', answer.message, {
      kind: 'try again',
      answer: { ...answer, afterMs },
      cause: null,
    })
  }

  /** Never long: whoever waits here holds the lease on a group. */
  async #until(at: number, signal: AbortSignal): Promise<void> {
    const ms = Math.min(longestWaitMs, at - this.#clock.now())
    if (ms > 0) await this.#clock.sleep(ms, signal)
  }
}
