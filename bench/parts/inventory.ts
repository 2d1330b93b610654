/** The inventory without the rest of the bot, on an embedded database; and the least that reads the same pages. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { connectArm } from '../../src/azure/arm.ts'
import { armInventory } from '../../src/azure/inventory.ts'
import { readConfig } from '../../src/config.ts'
import { createInventory, type LivingInventory } from '../../src/engine/inventory.ts'
import type { Clock } from '../../src/ports.ts'
import { openStore } from '../../src/store/store.ts'
import { serve } from './part.ts'

/** What something took, and how it was for whatever else the process had to do. */
interface Took {
  readonly ms: number
  /** The most memory that the process had meanwhile. */
  readonly peakMb: number
  /** The longest that nothing else had its turn. */
  readonly heldMs: number
}

async function measured(work: () => Promise<unknown>): Promise<Took> {
  const held = monitorEventLoopDelay({ resolution: 1 })
  let peak = 0
  const look = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 10)
  held.enable()
  const begun = performance.now()
  await work()
  const ms = performance.now() - begun
  held.disable()
  clearInterval(look)
  return { ms, peakMb: peak / 1e6, heldMs: held.max / 1e6 }
}

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => wait(ms, undefined, { ...(signal && { signal }) }).catch(() => {}),
}

const query = `resources
| where type in~ ('microsoft.compute/virtualmachines', 'microsoft.network/networkinterfaces', 'microsoft.network/virtualnetworks')
| project id, name, type, location, tags, properties
| order by id asc`

export interface InventoryPart {
  readonly given: { readonly dataDir: string }
  readonly facts: null
  readonly orders: {
    /** Begins with what the database keeps, or with a reading of Azure. */
    readonly open: () => Promise<Took>
    readonly refresh: () => Promise<Took>
    /** Only asks for the pages. */
    readonly barePages: () => Promise<Took>
  }
}

await serve<InventoryPart>(async ({ dataDir }) => {
  const config = readConfig()
  const arm = connectArm({
    clock,
    endpoint: config.AZURE_RESOURCE_MANAGER_URL,
    identity: {
      tokenCredentials: config.AZURE_TOKEN_CREDENTIALS,
      identityEndpoint: config.IDENTITY_ENDPOINT,
    },
  })
  const store = await openStore({ dataDir })
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const inventory: LivingInventory = createInventory({
    source: armInventory({ arm }),
    kept: store.inventory,
    clock,
    self: 'bench',
    log: silent,
  })
  const bare = async () => {
    for (let skipToken: string | undefined; ; ) {
      const options = { top: 1000, resultFormat: 'objectArray', ...(skipToken && { skipToken }) } as const
      const page = await arm.graph.resources({ query, options })
      skipToken = page.skipToken
      if (skipToken === undefined) return
    }
  }
  return {
    facts: null,
    orders: {
      open: () => measured(() => inventory.open()),
      refresh: () => measured(() => inventory.refresh()),
      barePages: () => measured(bare),
    },
  }
})
