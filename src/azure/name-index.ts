import type { Vm } from '../core/vm.ts'

/** Most letters that may differ for a name to count as a slip of the keyboard. */
const mostSlips = 2

/**
 * How many letters must be changed, added, removed or swapped with their neighbour to make one word of the other;
 * anything above `most` is `most + 1`.
 */
export function slips(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1)
      }
      next.push(cost)
    }
    if (Math.min(...next) > most) return most + 1
    before = row
    row = next
  }
  return row[b.length] ?? most + 1
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
