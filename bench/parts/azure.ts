/** The simulated Azure as a process of its own. */
import { bigWorld } from '../../src/simulator/big-world.ts'
import type { Call } from '../../src/simulator/calls.ts'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import { type Simulator, startSimulator } from '../../src/simulator/server.ts'
import { type Layout, seedGrants, standingRule } from '../grants.ts'
import { serve } from './part.ts'

/** The rules of grants with these numbers, which end at moments that far apart. */
interface Standing {
  readonly from: number
  readonly count: number
  readonly layout: Layout
  readonly firstEnd: number
  readonly apartMs: number
}

/** Lets a moment that lies ahead come at once. */
let offset = 0

const ordersOf = ({ sim }: Simulator) => ({
  /** Calls to ARM with this method, oldest first; an empty method stands for all. */
  calls: (method: string): Pick<Call, 'time' | 'method' | 'path'>[] =>
    sim.calls
      .list()
      .filter((each) => each.action !== '' && (method === '' || each.method === method))
      .map((each) => ({ time: each.time, method: each.method, path: each.path })),
  forget: () => sim.calls.clear(),
  /** How many calls ARM took since the last time this was asked, and how many of them it refused with 429. */
  tally: () => {
    const taken = sim.calls.list().filter(({ action }) => action !== '')
    sim.calls.clear()
    return { calls: taken.length, refused: taken.filter(({ status }) => status === 429).length }
  },
  /** Puts rules where they belong, past every check. */
  stand: ({ firstEnd, apartMs, layout, ...which }: Standing) => {
    for (const grant of seedGrants(which, (index) => firstEnd + index * apartMs, layout)) {
      const { nsgId, name, properties } = standingRule(grant)
      sim.group(nsgId)?.put({ name, properties }, 'hand', sim.now())
    }
  },
  /** The rules that the bot removed, and when they were gone; in no order. */
  gone: (): { name: string; at: number }[] =>
    sim
      .history()
      .flatMap(({ rule, to, endedBy }) => (to !== null && endedBy === 'arm' ? [{ name: rule, at: to }] : [])),
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
    readonly nsgs?: number
    readonly subscriptions?: number
    /** Whether Azure's own limits on calls hold. */
    readonly buckets?: boolean
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

await serve<AzurePart>(async ({ vms, nsgs, subscriptions, ...settings }) => {
  const size = { ...(nsgs !== undefined && { nsgs }), ...(subscriptions !== undefined && { subscriptions }) }
  const world = vms === null ? demoWorld() : bigWorld({ vms, ...size })
  const simulator = await startSimulator({ ...settings, world, now: () => Date.now() + offset })
  const { url, caPem, environment } = simulator
  return { facts: { url, caPem, environment }, orders: ordersOf(simulator) }
})
