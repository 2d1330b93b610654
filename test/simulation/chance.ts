/** Everything that a run leaves to chance, drawn from its seed: the same seed always draws the same. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed >>> 0, 0x9e3779b1) >>> 0
  }

  /** From 0 up to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** True so often. */
  often(share: number): boolean {
    return share > 0 && this.next() < share
  }

  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  /** Mostly near `from`, now and then far up to `to`: how latencies are spread. */
  skewed(from: number, to: number): number {
    return from + Math.floor(this.next() ** 4 * (to - from + 1))
  }

  pick<T>(from: readonly T[]): T {
    const one = from[Math.floor(this.next() * from.length)]
    if (one === undefined) throw new Error('There is nothing to pick from.')
    return one
  }

  /** Ten characters of the alphabet that the ids of requests and grants have. */
  id(): string {
    const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
    return Array.from({ length: 10 }, () => alphabet[this.between(0, 31)]).join('')
  }
}
