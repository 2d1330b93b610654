import { type JudgedVm, judging, managementPorts } from '../core/compliance.ts'
import type { VmEntry } from '../core/inventory.ts'
import type { LiveRule } from '../core/live-rule.ts'
import type { LastAccess, Overview, ShownVm, Unread } from '../core/overview.ts'
import type { Policy } from '../core/policy.ts'
import { ruleAbout } from '../core/policy-about.ts'
import type { Clock, Inventory, Store, Survey } from '../ports.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

export interface OverviewParts {
  readonly inventory: Inventory
  readonly survey: Survey
  readonly store: Store
  readonly clock: Clock
  readonly policy: () => Policy
  readonly log: Log
}

/** Looks at all VMs and at the rules in front of them. */
export interface Overviews {
  /** Rules are read again when they are older than a minute. A subscription that cannot be read hides no other. */
  look(mostMs: number, stop: AbortSignal | null): Promise<Overview>
  /** The same VMs with who had access to them last. */
  withLastAccess(judged: readonly JudgedVm[]): Promise<readonly ShownVm[]>
}

/** The rules in front of the VMs of one subscription, or why they could not be read. */
type Read =
  | { readonly at: number; readonly groups: ReadonlyMap<string, readonly LiveRule[]> }
  | { readonly why: string }

type Reads = ReadonlyMap<string, Read>

const freshForMs = 60_000
/** How many subscriptions are read at once. */
const atOnce = 4
/** How many VMs are judged between two pauses. */
const mostJudged = 50

const pause = () => new Promise<void>((resolve) => void setImmediate(resolve))

const subscriptionOf = (id: string): string => id.split('/')[2] ?? ''

/** The subscriptions of the VMs, by id, with their names. */
function subscriptionsOf(entries: readonly VmEntry[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { vm } of entries) found.set(vm.subscriptionId, vm.subscriptionName)
  for (const { interfaces } of entries)
    for (const { nsgId, subnetNsgIds } of interfaces)
      for (const id of [nsgId, ...subnetNsgIds]) {
        const subscription = id === null ? '' : subscriptionOf(id)
        if (subscription !== '' && !found.has(subscription)) found.set(subscription, '')
      }
  return found
}

/** Step by step, so that a click need not wait for 100,000 VMs. */
async function judgeAll(
  entries: readonly VmEntry[],
  reads: Reads,
  policy: Policy,
): Promise<readonly JudgedVm[]> {
  const judge = judging({
    rulesOf: (nsgId) => {
      const read = reads.get(subscriptionOf(nsgId))
      return read && 'groups' in read ? (read.groups.get(nsgId) ?? null) : null
    },
    ports: managementPorts(policy.services),
    ruleAbout: ruleAbout(policy),
  })
  const judged: JudgedVm[] = []
  for (const entry of entries) {
    judged.push(judge(entry))
    if (judged.length % mostJudged === 0) await pause()
  }
  return judged
}

export const createOverviews = (parts: OverviewParts): Overviews => new Looking(parts)

class Looking implements Overviews {
  readonly #parts: OverviewParts
  readonly #known = new Map<string, Extract<Read, { at: number }>>()
  #judged: { readonly by: readonly unknown[]; readonly judged: Promise<readonly JudgedVm[]> } | null = null
  /** Whoever asks for a subscription while it is read gets the same answer. */
  readonly #reading = new Map<string, Promise<Read>>()

  constructor(parts: OverviewParts) {
    this.#parts = parts
  }

  async look(mostMs: number, stop: AbortSignal | null): Promise<Overview> {
    const { inventory } = this.#parts
    const vmsAt = inventory.readAt()
    const late = inventory.late?.() ?? []
    const entries = [...inventory.all()]
    const subscriptions = subscriptionsOf(entries)
    const reads = await this.#readAll([...subscriptions.keys()], mostMs, stop)
    const judged = await this.#judge(entries, vmsAt, reads)
    const times = [...reads.values()].flatMap((read) => ('at' in read ? [read.at] : []))
    const unread = [...reads].flatMap(([subscriptionId, read]): Unread[] =>
      'why' in read ? [{ subscriptionId, name: subscriptions.get(subscriptionId) ?? '', why: read.why }] : [],
    )
    return { vmsAt, rulesAt: times.length > 0 ? Math.min(...times) : null, judged, unread, late }
  }

  /** What was judged a moment ago by the same readings and the same policy is not judged again. */
  #judge(entries: readonly VmEntry[], vmsAt: number | null, reads: Reads): Promise<readonly JudgedVm[]> {
    const policy = this.#parts.policy()
    const by = [vmsAt, policy, ...reads.values()]
    const last = this.#judged
    if (last && last.by.length === by.length && last.by.every((one, at) => one === by[at])) return last.judged
    const judged = judgeAll(entries, reads, policy)
    this.#judged = { by, judged }
    return judged
  }

  async withLastAccess(judged: readonly JudgedVm[]): Promise<readonly ShownVm[]> {
    const { store } = this.#parts
    const [own, protections] = await Promise.all([
      store.records.lastAccess(judged.map(({ vm }) => vm.id)),
      store.protections(),
    ])
    const kept = new Map(
      protections.filter(({ state }) => state === 'protected').map((one) => [one.vm.id, one]),
    )
    return judged.map((one) => {
      const protection = kept.get(one.vm.id)
      const ours = own.get(one.vm.id)
      const theirs = one.guardedBy?.kind === 'defender' ? one.guardedBy.lastAccess : null
      return {
        ...one,
        lastAccess: newest(ours ?? null, theirs),
        ...(protection && { keptShut: { at: protection.at, ports: protection.terms.ports } }),
      }
    })
  }

  async #readAll(ids: readonly string[], mostMs: number, stop: AbortSignal | null): Promise<Reads> {
    const waiting = [...ids]
    const reads = new Map<string, Read>()
    const work = async (signal: AbortSignal) => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
        reads.set(id, await this.#read(id, signal))
    }
    await within(this.#parts.clock, mostMs, stop, async (signal) => {
      await Promise.all(Array.from({ length: atOnce }, () => work(signal)))
    })
    return reads
  }

  #read(id: string, signal: AbortSignal): Promise<Read> {
    const known = this.#known.get(id)
    if (known && this.#parts.clock.now() - known.at < freshForMs) return Promise.resolve(known)
    const already = this.#reading.get(id)
    if (already) return already
    const reading = this.#readNow(id, signal).finally(() => this.#reading.delete(id))
    this.#reading.set(id, reading)
    return reading
  }

  async #readNow(id: string, signal: AbortSignal): Promise<Read> {
    const { survey, clock, log } = this.#parts
    const at = clock.now()
    try {
      const found = await survey.groups(id, signal)
      // Most rules of large networks are about what goes out, or are alike; only what lets in is looked at.
      const groups = new Map(
        found.map(({ nsgId, rules }) => [nsgId, rules.filter(({ direction }) => direction === 'Inbound')]),
      )
      const read = { at, groups }
      this.#known.set(id, read)
      return read
    } catch (error) {
      log.warn({ subscription: id, error: messageOf(error) }, 'security groups could not be read')
      return { why: messageOf(error) }
    }
  }
}

function newest(
  ours: { readonly userId: string; readonly at: number } | null,
  theirs: { readonly by: string; readonly at: number } | null,
): LastAccess | null {
  if (ours && (!theirs || ours.at >= theirs.at)) return { at: ours.at, by: { userId: ours.userId } }
  return theirs && { at: theirs.at, by: { name: theirs.by } }
}
