import { pino } from 'pino'
import type { Arm } from '../../src/azure/arm.ts'
import { armInventory } from '../../src/azure/inventory.ts'
import type { Reading } from '../../src/core/inventory.ts'
import { createInventory, type LivingInventory } from '../../src/engine/inventory.ts'
import type { Clock, InventorySource, KeptInventory } from '../../src/ports.ts'
import { TestClock } from './test-clock.ts'

/** Keeps a reading where a database would, for tests that are not about the database. */
export function keptInMemory(): KeptInventory {
  let kept: Reading | null = null
  let reader: { owner: string; until: number } | null = null
  return {
    readAt: () => Promise.resolve(kept?.readAt ?? null),
    load: () => Promise.resolve(kept),
    keep: (reading) => {
      if (kept !== null && kept.readAt >= reading.readAt) return Promise.resolve(false)
      kept = reading
      return Promise.resolve(true)
    },
    claim: (owner, until, now) => {
      if (reader !== null && reader.owner !== owner && reader.until > now) return Promise.resolve(false)
      reader = { owner, until }
      return Promise.resolve(true)
    },
    release: (owner) => {
      if (reader?.owner === owner) reader = null
      return Promise.resolve()
    },
  }
}

export const inventoryOn = (
  source: InventorySource,
  clock: Clock,
  { kept = keptInMemory(), self = 'this one' }: { kept?: KeptInventory; self?: string } = {},
): LivingInventory => createInventory({ source, kept, clock, self, log: pino({ level: 'silent' }) })

/** On a clock of its own, where the long waits of a reading are not over at once. */
export const azureInventory = (arm: Arm): LivingInventory =>
  inventoryOn(armInventory({ arm }), new TestClock(arm.clock.now()))
