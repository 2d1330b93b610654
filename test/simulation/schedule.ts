import type { Chance } from './chance.ts'

interface Entry {
  readonly at: number
  /** Drawn from the seed, so that what happens at the same moment happens in any order. */
  readonly tie: number
  run: (() => void) | null
}

const before = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.tie < b.tie)

/** A loop that only looks whether there is something to do: it may sleep on while there is nothing. */
interface Poll {
  readonly at: number
  readonly everyMs: number
  readonly run: () => void
}

/**
 * Virtual time. Whatever takes time is an entry in one queue; between two entries every continuation runs until
 * nothing is left to run, so that a run depends on nothing but its seed.
 */
export class Schedule {
  now: number
  readonly #heap: Entry[] = []
  readonly #polls = new Set<Poll>()
  readonly #chance: Chance
  /** The next moment at which a poll would find something. */
  readonly #nextDue: () => number
  #stopped = false
  steps = 0

  constructor(start: number, chance: Chance, nextDue: () => number) {
    this.now = start
    this.#chance = chance
    this.#nextDue = nextDue
  }

  /** Answers how to call it off. */
  at(at: number, run: () => void): () => void {
    const entry: Entry = { at: Math.max(at, this.now), tie: this.#chance.next(), run }
    const heap = this.#heap
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (!above || !before(entry, above)) break
      heap[index] = above
      index = parent
    }
    heap[index] = entry
    return () => {
      entry.run = null
    }
  }

  after(ms: number, run: () => void): () => void {
    return this.at(this.now + ms, run)
  }

  /** Answers how to forget the poll. */
  poll(everyMs: number, run: () => void): () => void {
    const poll = { at: this.now + everyMs, everyMs, run }
    this.#polls.add(poll)
    return () => this.#polls.delete(poll)
  }

  stop(): void {
    this.#stopped = true
  }

  /** Runs until it is stopped or nothing is left, and resolves then. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      // A tick that is asked for by a continuation runs after all continuations, however long their chains are.
      const turn = () => {
        try {
          const next = this.#stopped ? null : this.#next()
          if (!next) {
            resolve()
            return
          }
          this.steps += 1
          next()
          queueMicrotask(() => process.nextTick(turn))
        } catch (error) {
          reject(error)
        }
      }
      process.nextTick(turn)
    })
  }

  #next(): (() => void) | null {
    while (this.#heap[0]?.run === null) this.#pop()
    const first = this.#heap[0]
    const found = this.#earliestPoll(first?.at ?? Number.POSITIVE_INFINITY)
    if (found) {
      this.#polls.delete(found.poll)
      this.now = found.at
      return found.poll.run
    }
    if (!first) return null
    this.#pop()
    this.now = first.at
    return first.run
  }

  /** The poll that comes before the queue's first entry and would find something; the others sleep on. */
  #earliestPoll(limit: number): { poll: Poll; at: number } | null {
    const from = Math.max(this.#nextDue(), this.now)
    if (from >= limit || !Number.isFinite(from)) return null
    let earliest: { poll: Poll; at: number } | null = null
    for (const poll of this.#polls) {
      const turns = Math.max(0, Math.ceil((from - poll.at) / poll.everyMs))
      const at = poll.at + turns * poll.everyMs
      if (at < limit && at < (earliest?.at ?? Number.POSITIVE_INFINITY)) earliest = { poll, at }
    }
    return earliest
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const [a, b] = [heap[left], heap[left + 1]]
      if (!a) break
      const [child, at] = b && before(b, a) ? [b, left + 1] : [a, left]
      if (!before(child, last)) break
      heap[index] = child
      index = at
    }
    heap[index] = last
  }
}
