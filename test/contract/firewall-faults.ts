import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { nsgFirewall } from '../../src/azure/nsg-firewall.ts'
import type { Clock, Firewall, Written } from '../../src/ports.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { group, never, nsgId, readyClock, ruleOf } from './firewall.contract.ts'

export const connect = (simulator: Simulator, clock: Clock = readyClock(), patienceMs = 5000): Firewall => {
  const credential = simulatorCredential(simulator)
  const arm = connectArm({ clock, endpoint: simulator.url, credential, callTimeoutMs: 1000 })
  return nsgFirewall({ arm, patienceMs })
}

export const rule = ruleOf()
export const present: Written = { kind: 'present' }
export const absent: Written = { kind: 'absent' }

export const again = (why: RegExp, afterMs: number | null = null) => ({
  kind: 'try again',
  why: expect.stringMatching(why),
  afterMs,
})
export const refused = (code: string, why: RegExp = /./) => ({
  kind: 'refused',
  code,
  why: expect.stringMatching(why),
})

/** A simulated Azure of its own for the tests of one block, without faults and without the rule at the start of each. */
export function misbehavingAzure() {
  let simulator: Simulator
  let firewall: Firewall

  beforeAll(async () => {
    simulator = await startTestSimulator()
  })
  // What Azure refused to one test must not make the next one wait for its turn.
  beforeEach(() => {
    firewall = connect(simulator)
  })
  afterAll(() => simulator.close())
  afterEach(() => {
    simulator.clearFaults()
    simulator.release()
    simulator.mutate({ do: 'unlock', scope: nsgId })
    if (rule.name in simulator.rules(group)) {
      simulator.mutate({ do: 'delete-rule', nsg: group, name: rule.name })
    }
  })
  return {
    azure: () => simulator,
    firewall: () => firewall,
    stands: () => rule.name in simulator.rules(group),
    opened: () => firewall.open(rule, never()),
    closed: () => firewall.close(rule, never()),
    callsOf: async (work: () => Promise<unknown>) => {
      const since = simulator.calls().at(-1)?.seq ?? 0
      await work()
      return simulator.calls(since).map(({ method, path }) => `${method} ${path.split('/').at(-2) ?? ''}`)
    },
  }
}
