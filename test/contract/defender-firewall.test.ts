import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { defenderFirewall } from '../../src/azure/defender-firewall.ts'
import { nsgFirewall } from '../../src/azure/nsg-firewall.ts'
import { isDefendersFor } from '../../src/core/defender.ts'
import type { Clock, Defender, DefenderOrder } from '../../src/ports.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import {
  guarded,
  guardedGroup,
  jitAllows,
  policyAt,
  policyPath,
  securityClient,
} from '../support/defender.ts'
import { production, simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { never, readyClock } from './firewall.contract.ts'
import { guardedNsg, wanted, wayContract } from './way.contract.ts'

const armOf = (azure: Simulator, clock: Clock = readyClock()) =>
  connectArm({
    clock,
    endpoint: azure.url,
    credential: simulatorCredential(azure, 10_000_000),
    callTimeoutMs: 2_000,
  })

const mark = 'Jitney request r1 '
const orderOf = (now: number, changes: Partial<DefenderOrder> = {}): DefenderOrder & { mark: string } => ({
  policyId: policyPath,
  vmId: guarded.toLowerCase(),
  ports: [3389],
  source: '81.2.69.142',
  endsAt: now + 30 * 60_000,
  justification: `${mark}for U0ALICE`,
  mark,
  ...changes,
})

const own = (id: string) => ({
  justification: `Jitney request ${id} for U0ALICE`,
  mark: `Jitney request ${id} `,
})

wayContract('the firewall of network security groups', (azure) => {
  const firewall = nsgFirewall({ arm: armOf(azure), patienceMs: 5_000 })
  return {
    open: (rule) => firewall.open(rule, never()),
    close: (rule) => firewall.close(rule, never()),
  }
})

wayContract('Defender for Cloud', (azure, clock) => {
  const arm = armOf(azure)
  const [defender, firewall] = [defenderFirewall({ arm, patienceMs: 5_000 }), nsgFirewall({ arm })]
  return {
    async open(rule) {
      const ports = rule.ports.map(({ number }) => number)
      const asked = await defender.ask(orderOf(clock.ms, { ports }), never())
      if (asked.kind === 'refused') return { ...asked, code: 'refused' }
      clock.ms += 60_000
      const found = (await firewall.list(rule.nsgId))?.filter((live) => isDefendersFor(live, rule)) ?? []
      return found.length === ports.length ? { kind: 'present' } : { kind: 'absent' }
    },
    async close(rule) {
      for (const live of (await firewall.list(rule.nsgId)) ?? []) {
        if (!isDefendersFor(live, rule)) continue
        const written = await defender.remove(rule, live.name, never())
        if (written.kind !== 'absent') return written
      }
      return { kind: 'absent' }
    },
  }
})

describe('the adapter of Defender for Cloud', () => {
  let azure: Simulator
  let defender: Defender
  let now = Date.UTC(2026, 10, 23, 9)
  const vm = { id: guarded.toLowerCase(), subscriptionId: production }

  beforeAll(async () => {
    azure = await startTestSimulator({ now: () => now, tokenLifetimeSeconds: 10_000_000 })
    defender = defenderFirewall({ arm: armOf(azure) })
    return () => azure.close()
  })
  afterEach(() => {
    azure.clearFaults()
    now += 24 * 60 * 60_000
    azure.sim.catchUp()
  })
  const ask = (changes: Partial<DefenderOrder> = {}) => defender.ask(orderOf(now, changes), never())
  const state = (changes: Partial<DefenderOrder> = {}) => defender.state(orderOf(now, changes))

  it('reads the policy that a VM is under, with its terms and the plan', async () => {
    const hours = 3 * 60 * 60_000
    expect(await defender.guard(vm)).toEqual({
      policyId: policyPath,
      hasPlan: true,
      ports: [22, 3389].map((number) => ({ number, protocol: 'any', sources: ['*'], maxMs: hours })),
    })
    expect(await defender.guard({ ...vm, id: `${vm.id}x` })).toBeNull()
  })

  it.each([
    ['Free', undefined, false],
    ['Standard', 'P1', false],
    ['Standard', 'P2', true],
    ['Standard', undefined, true],
  ])('takes the tier %s with the plan %s for %s', async (pricingTier, subPlan, has) => {
    const id = `/subscriptions/${production}/providers/Microsoft.Security/pricings/VirtualMachines`
    const plan = azure.sim.resources.get(id)
    if (!plan) throw new Error('There is no plan.')
    azure.sim.resources.put({ ...plan, properties: { pricingTier, ...(subPlan && { subPlan }) } })
    expect((await defender.guard(vm))?.hasPlan).toBe(has)
    azure.sim.resources.put(plan)
  })

  it('knows no policy where it may read none, and no plan where it may not read that', async () => {
    azure.fault({ kind: 'forbidden', path: 'pricings' })
    expect((await defender.guard(vm))?.hasPlan).toBeNull()
    azure.fault({ kind: 'forbidden', path: 'jitNetworkAccessPolicies' })
    expect(await defender.guard(vm)).toBeNull()
    azure.clearFaults()
    azure.fault({ kind: 'server-error', path: 'jitNetworkAccessPolicies' })
    await expect(defender.guard(vm)).rejects.toMatchObject({ kind: 'try again' })
  })

  it('always sends source and end, and nothing that the SDK drops', async () => {
    expect(await ask()).toEqual({ kind: 'taken' })
    expect(azure.calls().at(-1)?.body).toEqual({
      justification: `${mark}for U0ALICE`,
      virtualMachines: [
        {
          id: vm.id,
          ports: [
            {
              number: 3389,
              allowedSourceAddressPrefix: '81.2.69.142',
              endTimeUtc: new Date(now + 30 * 60_000).toISOString(),
            },
          ],
        },
      ],
    })
  })

  it('takes 200 for a yes, although the SDK throws it', async () => {
    azure.fault({ kind: 'accepted-as-200' })
    expect(await ask()).toEqual({ kind: 'taken' })
  })

  it.each([
    ['a port outside of the policy', { ports: [5985] }, /not a subset of policy/],
    ['an IPv6 address', { source: '2001:db8::1' }, /IPv6 format/],
    ['an unknown policy', { policyId: policyPath.replace('default', 'other') }, /was not found/],
  ])('tells why Defender refuses %s', async (_name, changes, why) => {
    expect(await ask(changes)).toEqual({ kind: 'refused', why: expect.stringMatching(why) })
  })

  it('says when trying again may help', async () => {
    azure.fault({ kind: 'throttle', path: '/initiate$', retryAfterSeconds: 17 })
    expect(await ask()).toMatchObject({ kind: 'try again', afterMs: 17_000 })
    azure.clearFaults()
    azure.fault({ kind: 'drop', path: '/initiate$' })
    expect(await ask()).toMatchObject({ kind: 'try again' })
  })

  it('knows who else asked for the same, before ours and after it', async () => {
    azure.sim.settings.jitSupersedes = 'none'
    const asks = (justification: string, source = '81.2.69.142') => ask({ justification, source })
    await asks('from the portal')
    await asks('from another address', '81.2.69.143')
    await asks('Jitney request r8 for U0BOB')
    now += 60_000
    expect(await state(own('r9'))).toEqual({ kind: 'unknown', rivals: { earlier: 0, later: 2 } })
    await ask(own('r9'))
    expect(await state(own('r9'))).toMatchObject({ rivals: { earlier: 1, later: 0 } })
    now += 60_000
    await asks('from the portal')
    expect(await state(own('r9'))).toMatchObject({ rivals: { earlier: 1, later: 1 } })
    expect(await state({ ...own('r9'), policyId: policyPath.replace('default', 'gone') })).toEqual({
      kind: 'unknown',
      rivals: null,
    })
    azure.sim.settings.jitSupersedes = 'port'
  })

  it('knows how the newest request of ours stands', async () => {
    expect(await state(own('r2'))).toEqual({ kind: 'unknown' })
    await ask(own('r2'))
    expect(await state(own('r2'))).toEqual({ kind: 'initiating' })
    now += 60_000
    expect(await state(own('r2'))).toEqual({ kind: 'initiated' })
    await ask(own('r3'))
    expect(await state(own('r2'))).toEqual({
      kind: 'revoked',
      why: 'newer request',
      rivals: { earlier: 0, later: 1 },
    })
    now += 60 * 60_000
    expect(await state(own('r3'))).toEqual({ kind: 'revoked', why: 'expired' })
  })

  it('removes a rule only while it is exactly what Defender wrote for us', async () => {
    await ask()
    now += 60_000
    const [found] = jitAllows(azure)
    if (!found) throw new Error('There is no rule.')
    const others = [
      wanted({ source: '81.2.69.143' }),
      wanted({ destinations: ['10.30.2.11'] }),
      wanted({ ports: [{ number: 22, protocol: 'tcp' }] }),
    ]
    for (const other of others)
      expect(await defender.remove(other, found.name, never())).toMatchObject({ code: 'not as written' })
    const deny = Object.keys(azure.rules(guardedGroup)).find((name) => name.includes('JITRule_')) ?? ''
    expect(await defender.remove(wanted(), deny, never())).toMatchObject({ code: 'not as written' })
    expect(jitAllows(azure)).toHaveLength(1)
    expect(await defender.remove(wanted(), found.name, never())).toEqual({ kind: 'absent' })
    expect(jitAllows(azure)).toEqual([])
    expect(await defender.remove(wanted(), found.name, never())).toEqual({ kind: 'absent' })
    expect(guardedNsg).toContain(guardedGroup)
  })

  it('reads several allowed sources and a protocol', async () => {
    const client = securityClient(azure)
    const before = await client.jitNetworkAccessPolicies.get(...policyAt)
    await client.jitNetworkAccessPolicies.createOrUpdate(...policyAt, {
      virtualMachines: [
        {
          id: guarded,
          ports: [
            {
              number: 22,
              protocol: 'TCP',
              allowedSourceAddressPrefixes: ['81.2.69.0/24', '203.0.113.7'],
              maxRequestAccessDuration: 'PT1H30M',
            },
          ],
        },
      ],
    })
    expect((await defender.guard(vm))?.ports).toEqual([
      { number: 22, protocol: 'tcp', sources: ['81.2.69.0/24', '203.0.113.7'], maxMs: 5_400_000 },
    ])
    await client.jitNetworkAccessPolicies.createOrUpdate(...policyAt, before)
  })
})
