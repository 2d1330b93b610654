/** Calls `fire` after `ms`, unless the returned function is called first. */
export type Schedule = (ms: number, fire: () => void) => () => void

const ACK_DEADLINE = 3_000

function realTime(ms: number, fire: () => void): () => void {
  const timer = setTimeout(fire, ms)
  return () => clearTimeout(timer)
}

/** A schedule on which time never passes: then only `expireAcks` ends the wait for an ack. */
export const byHand: Schedule = () => () => {}

/** The three seconds that Slack gives to an app to acknowledge. */
export class Deadlines {
  readonly #schedule: Schedule
  readonly #pending = new Set<() => void>()

  constructor(schedule: Schedule = realTime) {
    this.#schedule = schedule
  }

  /** Starts one deadline; the returned function calls it off. */
  start(fire: () => void): () => void {
    const stop = (): void => {
      this.#pending.delete(expire)
      cancel()
    }
    const expire = (): void => {
      stop()
      fire()
    }
    const cancel = this.#schedule(ACK_DEADLINE, expire)
    this.#pending.add(expire)
    return stop
  }

  get pending(): number {
    return this.#pending.size
  }

  expireAll(): void {
    for (const expire of this.#pending) expire()
  }
}
