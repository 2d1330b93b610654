import { tellClocks } from './engine/clocks.ts'
import type { LivingInventory } from './engine/inventory.ts'
import { reconcileNow } from './engine/reconcile.ts'
import type { Clock, Store } from './ports.ts'
import type { Upkeep } from './upkeep.ts'

/** How old the list of VMs becomes before one of the replicas reads it again, and how soon all of them have it. */
const inventoryAgeMs = 5 * 60_000
const inventoryEveryMs = 30_000
const anchorEveryMs = 5_000
const reapEveryMs = 500
const maintainEveryMs = 10 * 60_000
const clocksEveryMs = 5_000
const policyEveryMs = 5_000

const digestEveryMs = 60_000

export interface Chores {
  readonly store: Store
  readonly clock: Clock
  readonly anchor: () => Promise<void>
  readonly inventory: Pick<LivingInventory, 'open' | 'freshen'>
  readonly clockTrouble: () => string | null
  readonly catchUpPolicy: () => Promise<void>
  readonly planDigest: () => Promise<void>
}

/** What went wrong while something was away is looked for as soon as it is back, and not only at the next turn. */
function onceBack(chore: () => Promise<unknown>, then: () => Promise<unknown>) {
  let away = false
  return async () => {
    try {
      await chore()
    } catch (error) {
      away = true
      throw error
    }
    if (away) await then()
    away = false
  }
}

/** Resolves once there is an inventory, be it an older one that the database kept. */
export function startChores(upkeep: Upkeep, chores: Chores): Promise<void> {
  const { store, clock, anchor, inventory, clockTrouble, catchUpPolicy, planDigest } = chores
  upkeep.every(clocksEveryMs, 'comparing the clocks', () => tellClocks(store, clock.now(), clockTrouble()))
  const compare = () => reconcileNow(store, clock.now())
  upkeep.every(reapEveryMs, 'freeing the jobs of dead replicas', async () => {
    if ((await store.jobs.reap(clock.now())) > 0) await compare()
  })
  upkeep.every(anchorEveryMs, 'reading the database’s clock', onceBack(anchor, compare))
  upkeep.every(policyEveryMs, 'putting the policy on record', catchUpPolicy)
  upkeep.every(digestEveryMs, 'planning the digest', planDigest)
  upkeep.every(maintainEveryMs, 'looking after the database', () => store.maintain(clock.now()))
  upkeep.every(inventoryEveryMs, 'reading Azure’s inventory', () => inventory.freshen(inventoryAgeMs))
  return upkeep.until('Reading Azure’s inventory', () => inventory.open())
}
