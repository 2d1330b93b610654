/** Most letters that may differ for a name to count as a slip of the keyboard. */
const mostSlips = 2
/** Azure's names have at most 64 letters. */
const longest = 100
/** How many names are looked at between two pauses. */
const atOnce = 20_000
/** Stands between two names in the text that holds them all. */
const gap = '\n'

/** Where the first name that is not before `text` stands in the sorted list. */
export function lowerBound(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? '') < text) low = middle + 1
    else high = middle
  }
  return low
}

function sharedStart(a: string, b: string): number {
  const end = Math.min(a.length, b.length, longest)
  let at = 0
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at += 1
  return at
}

/**
 * Finds names by their beginning, by any part of them, and by what was perhaps meant. The names are in lower case,
 * sorted, each of them once. It gives what a look at every single name would give, in the same order.
 */
export class NameSearch {
  readonly #names: readonly string[]
  /** Every name one after the other: looking for a part of a name is one pass of native code over 2 MB. */
  readonly #text: string
  /** Where each name begins in the text. */
  readonly #starts: Uint32Array
  /** How many letters each name shares with the one before it: the sorted list is a tree that way. */
  readonly #shared: Uint8Array

  private constructor(names: readonly string[], starts: Uint32Array, shared: Uint8Array) {
    this.#names = names
    this.#text = names.join(gap)
    this.#starts = starts
    this.#shared = shared
  }

  /** Builds it in steps, so that whoever builds it can do something else in between. */
  static *building(names: readonly string[]): Generator<undefined, NameSearch> {
    const starts = new Uint32Array(names.length)
    const shared = new Uint8Array(names.length)
    let start = 0
    let before = ''
    for (const [at, name] of names.entries()) {
      if (at % atOnce === atOnce - 1) yield
      starts[at] = start
      shared[at] = sharedStart(before, name)
      start += name.length + gap.length
      before = name
    }
    return new NameSearch(names, starts, shared)
  }

  /** Names that begin so, then names that hold it, then names that were perhaps meant, by their place in the list. */
  nearest(wanted: string, most: number): readonly number[] {
    const found = new Set<number>()
    if (wanted === '' || most < 1) return []
    this.#addBeginning(wanted, most, found)
    if (found.size < most) this.#addHolding(wanted, most, found)
    if (found.size < most) this.#addMeant(wanted, most, found)
    return [...found]
  }

  #addBeginning(wanted: string, most: number, found: Set<number>): void {
    for (let at = lowerBound(this.#names, wanted); found.size < most; at += 1) {
      if (!this.#names[at]?.startsWith(wanted)) return
      found.add(at)
    }
  }

  #addHolding(wanted: string, most: number, found: Set<number>): void {
    if (wanted.includes(gap)) return
    for (let from = 0; found.size < most; ) {
      const place = this.#text.indexOf(wanted, from)
      if (place < 0) return
      const at = this.#nameAt(place)
      found.add(at)
      from = this.#starts[at + 1] ?? this.#text.length
    }
  }

  /** The name that this place in the text belongs to. */
  #nameAt(place: number): number {
    let [low, high] = [0, this.#starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] ?? 0) <= place) low = middle
      else high = middle - 1
    }
    return low
  }

  #addMeant(wanted: string, most: number, found: Set<number>): void {
    // In a short word two slips make any other word.
    const allowed = wanted.length < 5 ? 1 : mostSlips
    const byDistance: number[][] = Array.from({ length: allowed + 1 }, () => [])
    this.#walk(wanted, allowed, (at, distance) => {
      if (!found.has(at)) byDistance[distance]?.push(at)
    })
    for (const at of byDistance.flat().slice(0, most - found.size)) found.add(at)
  }

  /**
   * Every name within so many slips. The table of distances has a row for each letter of a name, and names that
   * begin alike share their first rows; where nothing can come of a beginning, all names that have it are passed over.
   */
  #walk(wanted: string, allowed: number, tell: (at: number, distance: number) => void): void {
    if (wanted.length > longest) return
    const table = new Table(wanted, allowed)
    for (let at = 0; at < this.#names.length; ) {
      const name = this.#names[at] ?? ''
      const dead = table.fill(name, this.#shared[at] ?? 0)
      if (dead === null) {
        const distance = table.distance(name)
        if (distance <= allowed) tell(at, distance)
        at += 1
        continue
      }
      do at += 1
      while ((this.#shared[at] ?? 0) >= dead)
    }
  }
}

/** The table of distances between the wanted name and one name of the list, of which only what can matter is filled. */
class Table {
  readonly #wanted: string
  readonly #allowed: number
  readonly #width: number
  readonly #cells: Uint8Array

  constructor(wanted: string, allowed: number) {
    this.#wanted = wanted
    this.#allowed = allowed
    this.#width = wanted.length + 2
    // One row more than the longest name that can be near enough.
    this.#cells = new Uint8Array((wanted.length + allowed + 2) * this.#width)
    for (let j = 0; j <= wanted.length; j += 1) this.#cells[j] = j
  }

  /** Fills the rows below those that the name before had filled already; answers the row from which on all is lost. */
  fill(name: string, filled: number): number | null {
    for (let row = filled + 1; row <= name.length; row += 1) {
      if (row > this.#wanted.length + this.#allowed || this.#fillRow(name, row) > this.#allowed) return row
    }
    return null
  }

  distance(name: string): number {
    // What lies further off was never filled for this name.
    if (Math.abs(name.length - this.#wanted.length) > this.#allowed) return this.#allowed + 1
    return this.#cells[name.length * this.#width + this.#wanted.length] ?? this.#allowed + 1
  }

  #fillRow(name: string, row: number): number {
    const [cells, wanted, width, beyond] = [this.#cells, this.#wanted, this.#width, this.#allowed + 1]
    const [here, last, before] = [row * width, (row - 1) * width, (row - 2) * width]
    const [from, to] = [Math.max(1, row - this.#allowed), Math.min(wanted.length, row + this.#allowed)]
    const letter = name.charCodeAt(row - 1)
    const first = from === 1 ? Math.min(row, beyond) : beyond
    cells[here + from - 1] = first
    let least = first
    for (let j = from; j <= to; j += 1) {
      const other = wanted.charCodeAt(j - 1)
      let cost = Math.min(cells[last + j] ?? 0, cells[here + j - 1] ?? 0) + 1
      cost = Math.min(cost, (cells[last + j - 1] ?? 0) + (letter === other ? 0 : 1))
      const swapped =
        row > 1 && j > 1 && letter === wanted.charCodeAt(j - 2) && name.charCodeAt(row - 2) === other
      if (swapped) cost = Math.min(cost, (cells[before + j - 2] ?? 0) + 1)
      cells[here + j] = Math.min(cost, beyond)
      least = Math.min(least, cost)
    }
    cells[here + to + 1] = beyond
    return least
  }
}
