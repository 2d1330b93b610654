import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { jitWriter } from '../../src/azure/jit-writer.ts'
import { nsgFirewall } from '../../src/azure/nsg-firewall.ts'
import { nsgShield } from '../../src/azure/shield.ts'
import { armTopology } from '../../src/azure/topology.ts'
import type { JitPolicies, Shield } from '../../src/ports.ts'
import { policyAt as simulated } from '../../src/simulator/defender.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { policyPath, rgShop } from '../support/defender.ts'
import { shieldRule } from '../support/protections.ts'
import { production, simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { never, readyClock } from './firewall.contract.ts'

let azure: Simulator
let shield: Shield
let policies: JitPolicies
let arm: ReturnType<typeof connectArm>
beforeAll(async () => {
  azure = await startTestSimulator({ tokenLifetimeSeconds: 10_000_000 })
  arm = connectArm({
    clock: readyClock(),
    endpoint: azure.url,
    credential: simulatorCredential(azure, 10_000_000),
    callTimeoutMs: 2_000,
  })
  shield = nsgShield({ arm, patienceMs: 5_000 })
  policies = jitWriter({ arm })
  return () => azure.close()
})
afterEach(() => azure.clearFaults())

const group = 'nsg-web-subnet'
const nsgId = `${rgShop}/providers/Microsoft.Network/networkSecurityGroups/${group}`.toLowerCase()
const rule = shieldRule({ nsgId, destinations: ['10.30.1.10'] })
const theirs = {
  access: 'Allow',
  direction: 'Inbound',
  protocol: 'Tcp',
  priority: 700,
  sourceAddressPrefix: '*',
  sourcePortRange: '*',
  destinationAddressPrefix: '*',
  destinationPortRange: '22',
} as const

describe('rules that deny', () => {
  it('are written, written again without harm, and removed', async () => {
    expect(await shield.put(rule, never())).toEqual({ kind: 'present' })
    expect(await shield.put(rule, never())).toEqual({ kind: 'present' })
    expect(azure.rules(group)[rule.name]).toMatchObject({
      access: 'Deny',
      direction: 'Inbound',
      priority: 3500,
      sourceAddressPrefix: '*',
      destinationAddressPrefix: '10.30.1.10',
      destinationPortRange: '22',
      description: rule.description,
    })
    expect(await shield.remove(rule, never())).toEqual({ kind: 'absent' })
    expect(await shield.remove(rule, never())).toEqual({ kind: 'absent' })
    expect(azure.rules(group)[rule.name]).toBeUndefined()
  })

  it('leave alone what is not theirs, by name and by description', async () => {
    azure.mutate({ do: 'put-rule', nsg: group, name: rule.name, properties: theirs })
    expect(await shield.put(rule, never())).toMatchObject({ kind: 'refused', code: 'not ours' })
    expect(await shield.remove(rule, never())).toMatchObject({ kind: 'refused', code: 'not ours' })
    expect(azure.rules(group)[rule.name]).toMatchObject(theirs)
    azure.mutate({ do: 'delete-rule', nsg: group, name: rule.name })
    await expect(shield.put({ ...rule, name: 'allow-https' }, never())).rejects.toThrow(TypeError)
    await expect(shield.remove({ ...rule, name: 'jit-abc-1700000000' }, never())).rejects.toThrow(TypeError)
    const firewall = nsgFirewall({ arm })
    await expect(firewall.close(rule, never())).rejects.toThrow(TypeError)
  })

  it('say when their place is taken', async () => {
    azure.mutate({ do: 'put-rule', nsg: group, name: 'theirs', properties: { ...theirs, priority: 3500 } })
    expect(await shield.put(rule, never())).toEqual({ kind: 'priority taken' })
    azure.mutate({ do: 'delete-rule', nsg: group, name: 'theirs' })
  })
})

describe('a rule of somebody else’s', () => {
  it('is removed only while it is exactly the one that was agreed about', async () => {
    const firewall = nsgFirewall({ arm })
    azure.mutate({ do: 'put-rule', nsg: group, name: 'theirs', properties: theirs })
    const seen = await firewall.read(nsgId, 'theirs')
    if (!seen) throw new Error('There is no such rule.')
    const other = { ...seen, ports: ['23'] }
    expect(await shield.removeOther(nsgId, other, never())).toMatchObject({
      kind: 'refused',
      code: 'not as agreed',
    })
    expect(azure.rules(group)['theirs']).toBeDefined()
    // As it comes back from the database.
    expect(await shield.removeOther(nsgId, JSON.parse(JSON.stringify(seen)), never())).toEqual({
      kind: 'absent',
    })
    expect(azure.rules(group)['theirs']).toBeUndefined()
    expect(await shield.removeOther(nsgId, seen, never())).toEqual({ kind: 'absent', already: true })
  })
})

const standing = (id = policyPath) => structuredClone(simulated(azure.sim, id)?.properties)
const before = (): NonNullable<ReturnType<typeof standing>> => {
  const found = standing()
  if (!found) throw new Error('There is no policy.')
  return found
}

describe('what a just-in-time policy says of one VM', () => {
  const vmId = `${rgShop}/providers/Microsoft.Compute/virtualMachines/vm-db01`
  const order = { policyId: policyPath, vmId: vmId.toLowerCase(), location: 'westeurope' }
  const terms = {
    number: 22,
    protocol: 'TCP',
    allowedSourceAddressPrefix: '*',
    maxRequestAccessDuration: 'PT1H',
  }
  const entry = JSON.stringify({ id: vmId, ports: [terms] })

  it('is written and taken out, with all others as they were, requests too', async () => {
    simulated(azure.sim, policyPath)?.properties.requests.push({
      virtualMachines: [],
      startTimeUtc: '2026-11-23T09:00:00.0000000Z',
      requestor: 'somebody',
    })
    const old = before()
    expect(old.requests).toHaveLength(1)
    expect(await policies.entry(order)).toBeNull()
    expect(await policies.write(order, entry, never())).toEqual({ kind: 'done', changes: [] })
    expect(JSON.parse((await policies.entry(order)) ?? '')).toEqual(JSON.parse(entry))
    expect(before().virtualMachines).toEqual([...old.virtualMachines, JSON.parse(entry)])
    const puts = () =>
      azure.calls().filter(({ method, path }) => method === 'PUT' && path.includes('jitNetwork'))
    const sent = puts().length
    expect(puts().at(-1)?.body).toMatchObject({ kind: 'Basic', properties: { requests: old.requests } })
    expect(await policies.write(order, entry, never())).toEqual({ kind: 'done', changes: [] })
    expect(puts()).toHaveLength(sent)
    expect(await policies.write(order, null, never())).toEqual({ kind: 'done', changes: [] })
    expect(before()).toEqual(old)
  })

  it('stands where the VM is named, or in “default” of its group and region', async () => {
    const vm = {
      id: vmId.toLowerCase(),
      name: 'vm-db01',
      resourceGroup: 'rg-ops',
      subscriptionId: production,
      subscriptionName: '',
      location: 'westeurope',
      os: null,
      tags: {},
    }
    const named = { ...vm, id: vmId.replace('vm-db01', 'vm-mdc01').toLowerCase() }
    expect((await policies.place(named)).policyId.toLowerCase()).toBe(policyPath.toLowerCase())
    const { policyId, hasPlan } = await policies.place(vm)
    expect([policyId, hasPlan]).toEqual([policyPath.replace('rg-shop', 'rg-ops'), true])
    expect(await policies.write({ ...order, policyId }, entry, never())).toEqual({
      kind: 'done',
      changes: [],
    })
    expect(standing(policyId)?.virtualMachines).toEqual([JSON.parse(entry)])
    expect(await policies.write({ ...order, policyId }, null, never())).toEqual({ kind: 'done', changes: [] })
    azure.fault({ kind: 'forbidden', path: 'pricings' })
    expect((await policies.place(vm)).hasPlan).toBeNull()
  })

  it('is told when something else in the policy looks different afterwards', async () => {
    const old = before()
    const live = simulated(azure.sim, policyPath)
    if (!live) throw new Error('There is no policy.')
    // Somebody else writes the policy at the same moment, with one VM alone.
    const meddled: typeof arm = {
      ...arm,
      async put(...call) {
        const reply = await arm.put(...call)
        live.properties.virtualMachines = (
          simulated(azure.sim, policyPath)?.properties.virtualMachines ?? []
        ).filter(({ id }) => id.endsWith('vm-db01'))
        azure.sim.resources.put(live)
        return reply
      },
    }
    expect(await jitWriter({ arm: meddled }).write(order, entry, never())).toEqual({
      kind: 'done',
      changes: ['the entry of vm-mdc01 is gone'],
    })
    azure.sim.resources.put({ ...live, properties: old })
    expect(before()).toEqual(old)
  })

  const one404 = { kind: 'server-error', status: 404, code: 'ResourceNotFound', method: 'GET' } as const
  const single = 'jitNetworkAccessPolicies/default'

  it('a policy that is not found once is not written anew, with one VM alone', async () => {
    const old = before()
    azure.fault({ ...one404, path: single, times: 1 })
    expect(await policies.write(order, entry, never())).toEqual({ kind: 'done', changes: [] })
    expect(before().virtualMachines).toEqual([...old.virtualMachines, JSON.parse(entry)])
    azure.fault({ ...one404, path: single, times: 1 })
    expect(await policies.entry(order)).not.toBeNull()
    await policies.write(order, null, never())
    expect(before()).toEqual(old)
  })

  it('a policy that the list of the subscription shows is never written anew, found or not', async () => {
    const old = before()
    azure.fault({ ...one404, path: single })
    expect(await policies.write(order, entry, never())).toMatchObject({
      kind: 'try again',
      why: expect.stringMatching(/lists the policy, and does not find it/),
    })
    await expect(policies.entry(order)).rejects.toThrow(/lists the policy/)
    azure.clearFaults()
    expect(before()).toEqual(old)
  })

  it('a policy that stood when the protection was asked for is not written anew once it is gone', async () => {
    const policyId = `${policyPath}-gone`
    expect(await policies.write({ ...order, policyId, stood: true }, entry, never())).toMatchObject({
      kind: 'refused',
      code: 'gone',
    })
    expect(standing(policyId)).toBeUndefined()
  })

  const other = { id: `${rgShop}/providers/Microsoft.Compute/virtualMachines/vm-other`, ports: [terms] }
  const addsOther = (id = policyPath) => {
    const live = simulated(azure.sim, id) ?? simulated(azure.sim, policyPath)
    if (!live) throw new Error('There is no policy.')
    const virtualMachines = id === live.id ? [...live.properties.virtualMachines, other] : [other]
    azure.sim.resources.put({ ...live, id, properties: { ...live.properties, virtualMachines } })
  }

  it('somebody who adds a VM between two readings does not lose it', async () => {
    const live = simulated(azure.sim, policyPath)
    const old = before()
    let reads = 0
    const raced: typeof arm = {
      ...arm,
      async get(path, signal) {
        if (path.includes(single) && ++reads === 2) addsOther()
        return arm.get(path, signal)
      },
    }
    const writer = jitWriter({ arm: raced })
    expect(await writer.write(order, entry, never())).toMatchObject({
      kind: 'try again',
      why: expect.stringMatching(/somebody else is changing it\. Nothing was sent/),
    })
    expect(await writer.write(order, entry, never())).toEqual({ kind: 'done', changes: [] })
    expect(before().virtualMachines).toEqual([...old.virtualMachines, other, JSON.parse(entry)])
    if (live) azure.sim.resources.put({ ...live, properties: old })
  })

  it('a policy that somebody else makes at the same moment is not written over', async () => {
    const policyId = policyPath.replace('westeurope', 'northeurope')
    const raced: typeof arm = {
      ...arm,
      async put(...call) {
        if (!standing(policyId)) addsOther(policyId)
        return arm.put(...call)
      },
    }
    const writer = jitWriter({ arm: raced })
    expect(await writer.write({ ...order, policyId }, entry, never())).toMatchObject({ kind: 'try again' })
    expect(standing(policyId)?.virtualMachines).toEqual([other])
    azure.sim.resources.delete(policyId)
  })

  it.each([
    ['forbidden', { kind: 'refused', code: 'AuthorizationFailed' }],
    ['server-error', { kind: 'try again' }],
  ] as const)('%s: it is not there', async (kind, answer) => {
    azure.fault({ kind, method: 'PUT', path: 'jitNetworkAccessPolicies' })
    expect(await policies.write(order, entry, never())).toMatchObject(answer)
    expect(await policies.entry(order)).toBeNull()
  })

  it('an answer that is lost is made good by reading', async () => {
    azure.fault({ kind: 'drop', when: 'after', method: 'PUT', path: 'jitNetworkAccessPolicies', times: 1 })
    expect(await policies.write(order, entry, never())).toEqual({ kind: 'done', changes: [] })
    await policies.write(order, null, never())
  })
})

it('every address of a VM is on the way when all are asked for', async () => {
  const vm = {
    id: `/subscriptions/${production}/resourceGroups/rg-ops/providers/Microsoft.Compute/virtualMachines/vm-jump01`.toLowerCase(),
    name: 'vm-jump01',
    resourceGroup: 'rg-ops',
    subscriptionId: production,
    subscriptionName: '',
    location: 'westeurope',
    os: null,
    tags: {},
  }
  const path = await armTopology({ arm }).path(vm, 'all')
  expect(
    path.kind === 'guarded' && path.hops.map(({ attachedTo, destinations }) => [attachedTo, destinations]),
  ).toEqual([
    ['subnet', ['10.20.1.10', 'fd00:20:0:1::10']],
    ['network interface', ['10.20.1.10', 'fd00:20:0:1::10']],
  ])
})
