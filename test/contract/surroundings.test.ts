import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { armSurroundings } from '../../src/azure/surroundings.ts'
import type { Rule } from '../../src/core/grant.ts'
import type { Surroundings } from '../../src/ports.ts'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { vm } from '../support/cases.ts'
import {
  armCall,
  groupPath,
  networkClient,
  production,
  rdpRule,
  ruleAt,
  simulatorCredential,
  startTestSimulator,
} from '../support/simulator.ts'

const group = `/subscriptions/${production}/resourceGroups/rg-ops`
const network = `${group}/providers/Microsoft.Network/virtualNetworks/vnet-ops`
const machine = (name: string, rg = group) =>
  vm({ name, id: `${rg}/providers/Microsoft.Compute/virtualMachines/${name}` })
const rule: Rule = {
  name: 'jit-a-1790000000',
  nsgId: groupPath.toLowerCase(),
  priority: 3000,
  source: '81.2.69.142',
  destinations: ['10.20.1.10'],
  ports: [{ number: 3389, protocol: 'tcp' }],
  description: 'jitney',
  state: 'planned',
}
const admin = (name: string, priority = 10) => ({
  network,
  name,
  priority,
  access: 'Deny' as const,
  direction: 'Inbound' as const,
  protocol: 'Any',
  sources: ['Internet', '81.2.0.0/16'],
  destinations: ['*'],
  destinationPortRanges: ['22', '3389-3390'],
})

describe('what stands around the way to a VM, over the real wire', () => {
  let azure: Simulator
  let around: Surroundings
  beforeAll(async () => {
    const world = demoWorld()
    const vnet = world.resources.find(({ id }) => id === network)
    if (vnet)
      vnet.properties.virtualNetworkPeerings = [
        { properties: { remoteAddressSpace: { addressPrefixes: ['10.90.0.0/16'] } } },
      ]
    azure = await startTestSimulator({ world })
    const clock = { now: () => Date.now(), sleep: () => Promise.resolve() }
    around = armSurroundings({
      arm: connectArm({ clock, endpoint: azure.url, credential: simulatorCredential(azure) }),
    })
  })
  afterAll(() => azure.close())
  afterEach(() => {
    azure.clearFaults()
    azure.sim.resources.locks.length = 0
    azure.sim.governance.adminRules.length = 0
    azure.sim.governance.policies.length = 0
  })

  test('whether the VM is running', async () => {
    expect(await around.power(machine('vm-jump01'))).toBe('running')
    azure.mutate({ do: 'power', vm: 'vm-jump01', state: 'deallocating' })
    expect(await around.power(machine('vm-jump01'))).toBe('deallocating')
    azure.mutate({ do: 'power', vm: 'vm-jump01', state: 'running' })
  })

  test('the prefixes of the network, with those of its peers', async () => {
    expect(await around.prefixes(network.toLowerCase())).toEqual([
      '10.20.0.0/16',
      'fd00:20::/48',
      '10.90.0.0/16',
    ])
  })

  test('the security admin rules that hold there, page after page, and none of another network', async () => {
    expect(await around.adminRules(network)).toEqual([])
    const names = Array.from({ length: 45 }, (_, at) => `rule-${at}`)
    azure.sim.governance.adminRules.push(...names.map((name, at) => admin(name, at + 1)), {
      ...admin('elsewhere'),
      network: network.replace('vnet-ops', 'vnet-shop'),
    })
    const rules = await around.adminRules(network.toLowerCase())
    expect(rules.map(({ name }) => name)).toEqual(names)
    expect(rules[0]).toEqual({
      name: 'rule-0',
      priority: 1,
      access: 'Deny',
      direction: 'Inbound',
      protocol: '*',
      sources: ['Internet', '81.2.0.0/16'],
      destinations: ['*'],
      ports: ['22', '3389-3390'],
      sourcePorts: ['0-65535'],
    })
  })

  test('the SDK reads the same list', async () => {
    azure.sim.governance.adminRules.push(admin('one'))
    const { value } = await networkClient(azure).listNetworkManagerEffectiveSecurityAdminRules(
      'rg-ops',
      'vnet-ops',
      {},
    )
    expect(value).toMatchObject([{ kind: 'Custom', access: 'Deny', priority: 10 }])
  })

  test('the locks on the group and above it, and none beside or below it', async () => {
    const scopes = [groupPath, group, `/subscriptions/${production}`]
    const others = [`${groupPath}/securityRules/x`, groupPath.replace('jump01', 'open01'), `${group}-2`]
    for (const scope of [...scopes, ...others])
      azure.mutate({ do: 'lock', scope, level: 'CanNotDelete', name: scope.split('/').at(-1) ?? '' })
    const locks = await around.locks(groupPath.toLowerCase())
    expect(locks.map(({ scope }) => scope)).toEqual(scopes)
    expect(locks[0]).toEqual({ name: 'nsg-jump01-nic', level: 'CanNotDelete', scope: groupPath })
    const all = await armCall(azure, 'GET', `${groupPath}/providers/Microsoft.Authorization/locks`)
    expect(all.body).toMatchObject({ value: { length: 4 } })
    const wrong = await armCall(
      azure,
      'GET',
      `${groupPath}/providers/Microsoft.Authorization/locks?$filter=x`,
    )
    expect(wrong.status).toBe(400)
  })

  test('the assignments of Azure Policy that deny exactly this rule, and the write that they deny', async () => {
    const policy = { scope: group, assignment: 'no-rdp', ports: ['3389'], effect: 'Deny' as const }
    expect(await around.denials(rule)).toEqual([])
    azure.sim.governance.policies.push(policy, { ...policy, assignment: 'watch', effect: 'Audit' })
    expect(await around.denials(rule)).toEqual(['no-rdp'])
    expect(await around.denials({ ...rule, ports: [{ number: 22, protocol: 'tcp' }] })).toEqual([])
    const put = () => networkClient(azure).securityRules.createOrUpdate(...ruleAt, rdpRule)
    await expect(put().submitted()).rejects.toMatchObject({ code: 'RequestDisallowedByPolicy' })
    // The check knows nothing of an exemption, so it may say no where the write succeeds.
    azure.sim.governance.policies[0] = { ...policy, exempt: [groupPath] }
    expect(await around.denials(rule)).toEqual(['no-rdp'])
    await put()
  })

  test('needs these rights and no others', async () => {
    const from = azure.calls().length
    await Promise.all([
      around.power(machine('vm-jump01')),
      around.prefixes(network),
      around.adminRules(network),
      around.locks(groupPath),
      around.denials(rule),
    ])
    const actions = azure
      .calls()
      .slice(from)
      .map(({ action }) => action)
    expect(actions.toSorted()).toEqual([
      'Microsoft.Authorization/locks/read',
      'Microsoft.Compute/virtualMachines/instanceView/read',
      'Microsoft.Network/virtualNetworks/listNetworkManagerEffectiveSecurityAdminRules/action',
      'Microsoft.Network/virtualNetworks/read',
      'Microsoft.PolicyInsights/checkPolicyRestrictions/read',
    ])
  })

  test('a right that is missing is a fault', async () => {
    azure.fault({ kind: 'forbidden', path: 'locks|PolicyInsights|listNetwork|instanceView' })
    for (const read of [
      around.locks(groupPath),
      around.denials(rule),
      around.adminRules(network),
      around.power(machine('vm-jump01')),
    ])
      await expect(read).rejects.toMatchObject({ kind: 'permanent' })
  })
})
