import { type LateTenant, lateAmong, type Reading } from '../core/inventory.ts'
import { VmIndex } from '../core/vm-index.ts'
import type { Clock, Inventory, InventorySource, KeptInventory } from '../ports.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

/** Resource Graph's quota lets a million VMs through in this time. */
const longestReadMs = 15 * 60_000
const leaseMs = 15_000
const renewMs = 5_000
/** How often is looked whether the replica that reads is ready. */
const lookMs = 1_000

export interface InventoryParts {
  readonly source: InventorySource
  readonly kept: KeptInventory
  readonly clock: Clock
  /** Tells this replica from all others. */
  readonly self: string
  readonly log: Log
}

/** The inventory with what keeps it going. */
export interface LivingInventory extends Inventory {
  /** Takes what the database keeps, however old; reads Azure when that is nothing. */
  open(): Promise<void>
  /** Takes what another replica has read since, and reads Azure when the list has become older than this. */
  freshen(mostAgeMs: number): Promise<void>
  /** Ends a reading that is under way. */
  stop(): void
}

export const createInventory = (parts: InventoryParts): LivingInventory => new Living(parts)

const pause = () => new Promise<void>((resolve) => void setImmediate(resolve))

/** Step by step, so that a click need not wait for 100,000 VMs to be sorted. */
async function indexOf({ entries }: Reading): Promise<VmIndex> {
  const steps = VmIndex.building(entries)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await pause()
  }
}

/** The VMs that the identity can read, in memory. It says what exists, never whether access is open. */
class Living implements LivingInventory {
  readonly #parts: InventoryParts
  readonly #stopping = new AbortController()
  #index = VmIndex.of([])
  #shown: Reading | null = null
  #late: readonly LateTenant[] = []
  /** The reading that is under way here: whoever asks for another one meanwhile gets this one. */
  #reading: Promise<void> | null = null

  constructor(parts: InventoryParts) {
    this.#parts = parts
  }

  find: Inventory['find'] = (name) => this.#index.find(name)
  nearest: Inventory['nearest'] = (name, most) => this.#index.nearest(name, most)
  has: Inventory['has'] = (vmId) => this.#index.has(vmId)
  subscription: Inventory['subscription'] = (nameOrId) => this.#index.subscription(nameOrId)
  details: Inventory['details'] = (vmId) => this.#index.details(vmId)
  all: Inventory['all'] = () => this.#index.all()
  late = () => this.#late
  readAt: Inventory['readAt'] = (vmId) =>
    (vmId === undefined ? null : this.#index.readAt(vmId)) ?? this.#shown?.readAt ?? null

  async open(): Promise<void> {
    await this.#catchUp()
    if (!this.#shown) await this.refresh()
  }

  async freshen(mostAgeMs: number): Promise<void> {
    await this.#catchUp()
    if (!this.#shown || this.#parts.clock.now() - this.#shown.readAt >= mostAgeMs) await this.refresh()
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** A caller may give up waiting; the reading itself goes on, because others may be waiting for it too. */
  async refresh(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = null
    })
    const reading = this.#reading
    if (!signal) return reading
    const given = Promise.withResolvers<never>()
    const giveUp = () => given.reject(signal.reason)
    signal.addEventListener('abort', giveUp)
    // When nobody waits any more, what becomes of it is nobody's error.
    reading.catch(() => {})
    try {
      await Promise.race([reading, given.promise])
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  async #readOnce(): Promise<void> {
    const { clock } = this.#parts
    await within(clock, longestReadMs, this.#stopping.signal, async (signal) => {
      if (await this.#tookAnother(clock.now(), signal)) return
      const over = new AbortController()
      const renewing = this.#renew(over.signal)
      try {
        await this.#readHere(signal)
      } finally {
        over.abort()
        await renewing
        await this.#release()
      }
    })
  }

  /** Waits for the turn to read. True when another replica has read meanwhile, so that this one need not. */
  async #tookAnother(asked: number, signal: AbortSignal): Promise<boolean> {
    const { kept, clock } = this.#parts
    while (!(await this.#claim())) {
      await clock.sleep(lookMs, signal)
      signal.throwIfAborted()
      if (((await kept.readAt()) ?? Number.NEGATIVE_INFINITY) < asked) continue
      await this.#catchUp()
      return true
    }
    return false
  }

  #claim(): Promise<boolean> {
    const { kept, clock, self } = this.#parts
    const now = clock.now()
    return kept.claim(self, now + leaseMs, now)
  }

  async #renew(over: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts
    for (;;) {
      await clock.sleep(renewMs, over)
      if (over.aborted) return
      try {
        await this.#claim()
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the turn to read the inventory could not be kept')
      }
    }
  }

  async #release(): Promise<void> {
    const { kept, self, log } = this.#parts
    try {
      await kept.release(self)
    } catch (error) {
      // It ends by itself.
      log.warn({ error: messageOf(error) }, 'the turn to read the inventory could not be given back')
    }
  }

  async #readHere(signal: AbortSignal): Promise<void> {
    const { source, kept, log } = this.#parts
    // What another replica or an earlier life has read stands in for a tenant that cannot be read now.
    await this.#catchUp()
    const reading = await source.read(signal, this.#shown)
    signal.throwIfAborted()
    await this.#show(reading)
    try {
      await kept.keep(reading)
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'the inventory was read, but could not be kept')
    }
  }

  async #catchUp(): Promise<void> {
    const { kept } = this.#parts
    const at = await kept.readAt()
    if (at === null || at <= (this.#shown?.readAt ?? Number.NEGATIVE_INFINITY)) return
    const reading = await kept.load()
    if (reading) await this.#show(reading)
  }

  /** All of it at one moment, and never an older one in the place of a newer. */
  async #show(reading: Reading): Promise<void> {
    const index = await indexOf(reading)
    if (this.#shown && reading.readAt < this.#shown.readAt) return
    this.#index = index
    this.#shown = reading
    this.#late = reading.late ?? lateAmong(reading.entries)
  }
}
