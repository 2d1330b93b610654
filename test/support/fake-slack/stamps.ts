/** Message timestamps never repeat and never go back, even when the clock of the test stands still. */
export class Stamps {
  readonly now: () => number
  #micros = 0
  #ids = 0

  constructor(now: () => number) {
    this.now = now
  }

  next(): string {
    this.#micros = Math.max(this.#micros + 1, Math.floor(this.now()) * 1000)
    return this.last()
  }

  last(): string {
    const seconds = Math.floor(this.#micros / 1_000_000)
    return `${seconds}.${String(this.#micros % 1_000_000).padStart(6, '0')}`
  }

  id(prefix: string): string {
    this.#ids += 1
    return `${prefix}${String(this.#ids).padStart(9, '0')}`
  }

  /** Slack makes up a short id for each block and action that comes without one. */
  shortId(): string {
    this.#ids += 1
    return `x${this.#ids.toString(36).padStart(4, '0')}`
  }
}
