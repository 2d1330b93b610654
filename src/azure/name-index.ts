import type { Vm } from '../core/vm.ts'

/** Most letters that may differ for a name to count as a slip of the keyboard. */
const mostSlips = 2

/** Azure's names have at most 64 letters. */
const longest = 100
type Row = Uint8Array
const newRow = (): Row => new Uint8Array(longest + 2)
let rows: readonly [Row, Row, Row] = [newRow(), newRow(), newRow()]

/** One row of the table of distances, of which only what can still be within `most` is worked out. */
function fillRow(a: string, b: string, i: number, most: number): number {
  const [before, last, next] = rows
  const [from, to] = [Math.max(1, i - most), Math.min(b.length, i + most)]
  const letter = a.charCodeAt(i - 1)
  next[from - 1] = from === 1 ? i : most + 1
  let least = next[from - 1] ?? 0
  for (let j = from; j <= to; j++) {
    const other = b.charCodeAt(j - 1)
    let cost = Math.min(last[j] ?? 0, next[j - 1] ?? 0) + 1
    cost = Math.min(cost, (last[j - 1] ?? 0) + (letter === other ? 0 : 1))
    if (i > 1 && j > 1 && letter === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === other) {
      cost = Math.min(cost, (before[j - 2] ?? 0) + 1)
    }
    next[j] = cost
    least = Math.min(least, cost)
  }
  next[to + 1] = most + 1
  return least
}

/**
 * How many letters must be changed, added, removed or swapped with their neighbour to make one word of the other;
 * anything above `most` is `most + 1`. It runs over every name there is, so it allocates nothing.
 */
export function slips(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most || Math.max(a.length, b.length) > longest) return most + 1
  const [, first] = rows
  for (let j = 0; j <= b.length; j++) first[j] = j
  for (let i = 1; i <= a.length; i++) {
    if (fillRow(a, b, i, most) > most) return most + 1
    rows = [rows[1], rows[2], rows[0]]
  }
  return Math.min(rows[1][b.length] ?? 0, most + 1)
}

/** Where the first name that is not before `text` stands in the sorted list. */
function lowerBound(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? '') < text) low = middle + 1
    else high = middle
  }
  return low
}

/** VMs by name. Built once per reading of Azure and never changed. */
export class NameIndex {
  readonly #vms = new Map<string, Vm[]>()
  /** Lower case, sorted: a prefix is a stretch of it. */
  readonly #names: readonly string[]

  constructor(vms: readonly Vm[]) {
    for (const vm of vms) {
      const key = vm.name.toLowerCase()
      const namesakes = this.#vms.get(key)
      if (namesakes) namesakes.push(vm)
      else this.#vms.set(key, [vm])
    }
    this.#names = [...this.#vms.keys()].toSorted()
  }

  has(id: string): boolean {
    const name = id.toLowerCase().split('/').at(-1) ?? ''
    return (this.#vms.get(name) ?? []).some((vm) => vm.id === id.toLowerCase())
  }

  /** The id of the subscription that goes by this name or id; null when none does, or more than one. */
  subscription(nameOrId: string): string | null {
    const wanted = nameOrId.trim().toLowerCase()
    const named = [...this.#vms.values()]
      .flat()
      .filter(({ subscriptionId, subscriptionName }) =>
        [subscriptionId, subscriptionName.toLowerCase()].includes(wanted),
      )
    const [id, other] = new Set(named.map(({ subscriptionId }) => subscriptionId))
    return id !== undefined && other === undefined ? id : null
  }

  find(text: string): readonly Vm[] {
    const [name = '', group, subscription, ...more] = text.toLowerCase().split('/').toReversed()
    if (more.length > 0) return []
    return (this.#vms.get(name) ?? []).filter(
      (vm) =>
        (group === undefined || vm.resourceGroup.toLowerCase() === group) &&
        (subscription === undefined ||
          [vm.subscriptionId, vm.subscriptionName].some((each) => each.toLowerCase() === subscription)),
    )
  }

  /** Names that begin so, then names that hold it, then names that were perhaps meant. */
  nearest(text: string, most: number): readonly string[] {
    const wanted = text.toLowerCase().split('/').at(-1) ?? ''
    if (wanted === '') return []
    const found = new Set<string>()
    for (let at = lowerBound(this.#names, wanted); found.size < most; at++) {
      const name = this.#names[at]
      if (!name?.startsWith(wanted)) break
      found.add(name)
    }
    for (const name of this.#names) {
      if (found.size >= most) break
      if (name.includes(wanted)) found.add(name)
    }
    if (found.size < most) this.#addMeant(wanted, most, found)
    return [...found].map((name) => this.#vms.get(name)?.[0]?.name ?? name)
  }

  #addMeant(wanted: string, most: number, found: Set<string>): void {
    // In a short word two slips make any other word.
    const allowed = wanted.length < 5 ? 1 : mostSlips
    const meant = this.#names
      .filter((name) => !found.has(name))
      .map((name) => ({ name, distance: slips(wanted, name, allowed) }))
      .filter(({ distance }) => distance <= allowed)
      .toSorted((a, b) => a.distance - b.distance)
    for (const { name } of meant.slice(0, most - found.size)) found.add(name)
  }
}
