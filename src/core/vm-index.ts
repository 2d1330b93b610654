import { detailsOf, type VmDetails, type VmEntry } from './inventory.ts'
import { lowerBound, NameSearch } from './name-search.ts'
import type { Vm } from './vm.ts'

/** How many entries are looked at between two pauses. */
const atOnce = 5_000

/** VMs by name. Built once per reading of Azure and never changed. */
export class VmIndex {
  /** Lower case, sorted, each once. */
  readonly #names: readonly string[]
  /** The VMs of each name. */
  readonly #named: readonly (readonly VmEntry[])[]
  readonly #search: NameSearch
  /** Ids of subscriptions by their id and by their name in lower case; null where several have that name. */
  readonly #subscriptions: ReadonlyMap<string, string | null>

  private constructor(parts: {
    readonly names: readonly string[]
    readonly named: readonly (readonly VmEntry[])[]
    readonly search: NameSearch
    readonly subscriptions: ReadonlyMap<string, string | null>
  }) {
    this.#names = parts.names
    this.#named = parts.named
    this.#search = parts.search
    this.#subscriptions = parts.subscriptions
  }

  /** Builds it in steps, so that whoever builds it can do something else in between. */
  static *building(entries: readonly VmEntry[]): Generator<undefined, VmIndex> {
    const byName = new Map<string, VmEntry[]>()
    const subscriptions = new Map<string, string | null>()
    for (const [at, entry] of entries.entries()) {
      if (at % atOnce === atOnce - 1) yield
      const key = entry.vm.name.toLowerCase()
      const namesakes = byName.get(key)
      if (namesakes) namesakes.push(entry)
      else byName.set(key, [entry])
      addSubscription(subscriptions, entry.vm)
    }
    yield
    const names = [...byName.keys()].toSorted()
    yield
    const named: (readonly VmEntry[])[] = []
    for (const name of names) {
      if (named.length % atOnce === atOnce - 1) yield
      named.push(byName.get(name) ?? [])
    }
    const search = yield* NameSearch.building(names)
    return new VmIndex({ names, named, search, subscriptions })
  }

  static of(entries: readonly VmEntry[]): VmIndex {
    const steps = VmIndex.building(entries)
    for (;;) {
      const { done, value } = steps.next()
      if (done) return value
    }
  }

  /** In the order of their names. */
  *all(): Generator<VmEntry> {
    for (const namesakes of this.#named) yield* namesakes
  }

  #entry(id: string): VmEntry | undefined {
    const wanted = id.toLowerCase()
    return this.#withName(wanted.split('/').at(-1) ?? '').find(({ vm }) => vm.id === wanted)
  }

  #withName(name: string): readonly VmEntry[] {
    const at = lowerBound(this.#names, name)
    return this.#names[at] === name ? (this.#named[at] ?? []) : []
  }

  has(id: string): boolean {
    return this.#entry(id) !== undefined
  }

  /** When this VM was read, where that was not by the last reading. */
  readAt(id: string): number | null {
    return this.#entry(id)?.readAt ?? null
  }

  details(id: string): VmDetails | null {
    const entry = this.#entry(id)
    return entry ? detailsOf(entry) : null
  }

  /** The id of the subscription that goes by this name or id; null when none does, or more than one. */
  subscription(nameOrId: string): string | null {
    return this.#subscriptions.get(nameOrId.trim().toLowerCase()) ?? null
  }

  find(text: string): readonly Vm[] {
    const [name = '', group, subscription, ...more] = text.toLowerCase().split('/').toReversed()
    if (more.length > 0) return []
    return this.#withName(name)
      .map(({ vm }) => vm)
      .filter(
        (vm) =>
          (group === undefined || vm.resourceGroup.toLowerCase() === group) &&
          (subscription === undefined ||
            [vm.subscriptionId, vm.subscriptionName].some((each) => each.toLowerCase() === subscription)),
      )
  }

  /** Names that begin so, then names that hold it, then names that were perhaps meant. */
  nearest(text: string, most: number): readonly string[] {
    const wanted = text.toLowerCase().split('/').at(-1) ?? ''
    return this.#search
      .nearest(wanted, most)
      .map((at) => this.#named[at]?.[0]?.vm.name ?? this.#names[at] ?? '')
  }
}

function addSubscription(known: Map<string, string | null>, vm: Vm): void {
  for (const key of new Set([vm.subscriptionId, vm.subscriptionName.toLowerCase()])) {
    const before = known.get(key)
    if (before === undefined) known.set(key, vm.subscriptionId)
    else if (before !== null && before !== vm.subscriptionId) known.set(key, null)
  }
}
