/** The simulated Azure as a process of its own. */
import { bigWorld } from '../../src/simulator/big-world.ts'
import type { Call } from '../../src/simulator/calls.ts'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import { type Simulator, startSimulator } from '../../src/simulator/server.ts'
import type { RuleProperties } from '../../src/simulator/world.ts'
import { serve } from './part.ts'

/** A rule that is put where it belongs past every check. */
interface PlacedRule {
  readonly nsgId: string
  readonly name: string
  readonly properties: RuleProperties
}

/** Lets a moment that lies ahead come at once. */
let offset = 0

const ordersOf = ({ sim }: Simulator) => ({
  /** Calls to ARM with this method, oldest first; an empty method stands for all. */
  calls: (method: string): Pick<Call, 'time' | 'method' | 'path'>[] =>
    sim.calls
      .list()
      .filter((call) => call.action !== '' && (method === '' || call.method === method))
      .map((call) => ({ time: call.time, method: call.method, path: call.path })),
  forget: () => sim.calls.clear(),
  put: (rules: readonly PlacedRule[]) => {
    for (const { nsgId, name, properties } of rules) {
      sim.group(nsgId)?.put({ name, properties }, 'hand', sim.now())
    }
  },
  shift: (ms: number) => {
    offset = ms
  },
  /** A token that opens everything, for a baseline that does without the SDK. */
  token: () => sim.tokens.issue('https://management.azure.com', 3_600, Date.now()).token,
})

export interface AzurePart {
  /** `vms`: how large a world, or null for the demo's. */
  readonly given: {
    readonly vms: number | null
    readonly latencyMs: number
    readonly operationMs: number
    readonly caFile: string
  }
  readonly facts: {
    readonly url: string
    readonly caPem: string
    readonly environment: Record<string, string>
  }
  readonly orders: ReturnType<typeof ordersOf>
}

await serve<AzurePart>(async ({ vms, ...settings }) => {
  const world = vms === null ? demoWorld() : bigWorld({ vms })
  const simulator = await startSimulator({ ...settings, world, now: () => Date.now() + offset })
  const { url, caPem, environment } = simulator
  return { facts: { url, caPem, environment }, orders: ordersOf(simulator) }
})
