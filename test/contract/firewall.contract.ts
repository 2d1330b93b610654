import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Rule } from '../../src/core/grant.ts'
import type { Clock, Firewall } from '../../src/ports.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { startTestSimulator } from '../support/simulator.ts'

export const group = 'nsg-jump01-nic'
const place = '/subscriptions/11111111-1111-4111-8111-111111111111/resourcegroups/rg-ops'
export const nsgId = `${place}/providers/microsoft.network/networksecuritygroups/${group}`
const vm = 'vm-jump01'

/** Time that passes by itself as soon as somebody waits for it. */
export function readyClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = []
  return {
    slept,
    now: () => Date.now(),
    sleep: (ms) => {
      slept.push(ms)
      return Promise.resolve()
    },
  }
}

export const ruleOf = (changes: Partial<Rule> = {}): Rule => ({
  name: 'jit-01kb3x9y7z-1795447000',
  nsgId,
  priority: 3000,
  source: '81.2.69.142',
  destinations: ['10.20.1.10'],
  ports: [{ number: 3389, protocol: 'tcp' }],
  description: 'jitney request 01kb3x9y7z for U0ALICE',
  state: 'planned',
  ...changes,
})

const passes = (simulator: Simulator, source: string) => simulator.flow({ vm, source, port: 3389 }).access

export const never = (): AbortSignal => new AbortController().signal

/** What every firewall does, whatever it speaks to. The simulated Azure tells what is really so. */
export function firewallContract(name: string, connect: (simulator: Simulator) => Firewall): void {
  describe(`${name} as a firewall`, () => {
    let simulator: Simulator
    let firewall: Firewall
    const rule = ruleOf()

    beforeAll(async () => {
      simulator = await startTestSimulator()
      firewall = connect(simulator)
    })
    afterAll(() => simulator.close())
    beforeEach(() => {
      const ours = Object.keys(simulator.rules(group)).filter((each) => each.startsWith('jit-'))
      for (const each of ours) simulator.mutate({ do: 'delete-rule', nsg: group, name: each })
    })

    it('opens what the rule says, and nothing more', async () => {
      const before = simulator.rules(group)
      expect(await firewall.open(rule, never())).toEqual({ kind: 'present' })
      expect(simulator.rules(group)).toEqual({
        ...before,
        [rule.name]: {
          description: rule.description,
          access: 'Allow',
          direction: 'Inbound',
          priority: 3000,
          protocol: 'Tcp',
          sourceAddressPrefix: '81.2.69.142',
          sourcePortRange: '*',
          destinationAddressPrefix: '10.20.1.10',
          destinationPortRange: '3389',
        },
      })
    })

    it('opens several ports and addresses of one protocol', async () => {
      const ports = [
        { number: 500, protocol: 'udp' },
        { number: 4500, protocol: 'udp' },
      ] as const
      const wide = ruleOf({ ports, destinations: ['10.20.1.10', '10.20.1.11'] })
      expect(await firewall.open(wide, never())).toEqual({ kind: 'present' })
      expect(simulator.rules(group)[rule.name]).toMatchObject({
        protocol: 'Udp',
        destinationPortRanges: ['500', '4500'],
        destinationAddressPrefixes: ['10.20.1.10', '10.20.1.11'],
      })
    })

    it('opens for an IPv6 address', async () => {
      const six = ruleOf({ source: '2a02:8109::1', destinations: ['fd00:20:0:1::10'] })
      expect(await firewall.open(six, never())).toEqual({ kind: 'present' })
      expect(simulator.rules(group)[rule.name]).toMatchObject({ sourceAddressPrefix: '2a02:8109::1' })
    })

    it('may be asked to open twice', async () => {
      await firewall.open(rule, never())
      expect(await firewall.open(rule, never())).toEqual({ kind: 'present' })
    })

    it('closes, and leaves the rules of others as they were', async () => {
      const before = simulator.rules(group)
      await firewall.open(rule, never())
      expect(await firewall.close(rule, never())).toEqual({ kind: 'absent' })
      expect(simulator.rules(group)).toEqual(before)
    })

    it('calls a rule that was never there absent', async () => {
      expect(await firewall.close(rule, never())).toEqual({ kind: 'absent' })
    })

    it('lets packets of that address in between the two, and of no other', async () => {
      const subnet = ruleOf({ nsgId: nsgId.replace(group, 'nsg-ops-subnet') })
      await firewall.open(subnet, never())
      await firewall.open(rule, never())
      expect(passes(simulator, '81.2.69.142')).toBe('Allow')
      expect(passes(simulator, '81.2.69.143')).toBe('Deny')
      await firewall.close(rule, never())
      expect(passes(simulator, '81.2.69.142')).toBe('Deny')
      await firewall.close(subnet, never())
    })

    it('says that a priority is taken, so that another can be chosen', async () => {
      await firewall.open(rule, never())
      const second = ruleOf({ name: 'jit-01kb3second-1795447000' })
      expect(await firewall.open(second, never())).toEqual({ kind: 'priority taken' })
      expect(await firewall.open({ ...second, priority: 3001 }, never())).toEqual({ kind: 'present' })
    })

    it('lists the rules of a group as they are', async () => {
      await firewall.open(rule, never())
      const rules = await firewall.list(nsgId)
      expect(rules?.map((each) => each.name).toSorted()).toEqual(['deny-rdp-internet', rule.name])
      expect(rules?.find((each) => each.name === rule.name)).toEqual({
        name: rule.name,
        description: rule.description,
        priority: 3000,
        direction: 'Inbound',
        access: 'Allow',
        sources: ['81.2.69.142'],
        destinations: ['10.20.1.10'],
        ports: ['3389'],
        protocol: 'Tcp',
        provisioning: 'Succeeded',
      })
    })

    it('refuses a mix of protocols and writes nothing', async () => {
      const ports = [
        { number: 53, protocol: 'tcp' },
        { number: 53, protocol: 'udp' },
      ] as const
      const before = simulator.calls().length
      expect(await firewall.open(ruleOf({ ports }), never())).toMatchObject({
        kind: 'refused',
        code: 'mixed protocols',
      })
      expect(simulator.calls()).toHaveLength(before)
    })

    it.each(['deny-rdp-internet', 'jit-', 'jit-x-abc', 'my-jit-abc-1795447000'])(
      'does not touch a rule named %s',
      async (foreign) => {
        const before = simulator.calls().length
        await expect(firewall.close({ name: foreign, nsgId }, never())).rejects.toThrow(TypeError)
        await expect(firewall.open(ruleOf({ name: foreign }), never())).rejects.toThrow(TypeError)
        expect(simulator.calls()).toHaveLength(before)
      },
    )

    it('knows of a group that is gone: nothing to list, nothing to close, no way to open', async () => {
      const gone = nsgId.replace(group, 'nsg-gone')
      expect(await firewall.list(gone)).toBeNull()
      expect(await firewall.close({ name: rule.name, nsgId: gone }, never())).toEqual({ kind: 'absent' })
      expect(await firewall.open(ruleOf({ nsgId: gone }), never())).toMatchObject({ kind: 'refused' })
    })

    it('gives up when its time is over, and says what is so by then', async () => {
      const over = AbortSignal.abort()
      expect(await firewall.open(rule, over)).toMatchObject({ kind: 'try again' })
      expect(simulator.rules(group)).not.toHaveProperty([rule.name])
      await firewall.open(rule, never())
      expect(await firewall.open(rule, over)).toEqual({ kind: 'present' })
      expect(await firewall.close(rule, over)).toMatchObject({ kind: 'try again' })
    })
  })
}
