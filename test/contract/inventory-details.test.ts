import nock from 'nock'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { armInventory } from '../../src/azure/inventory.ts'
import type { VmInterface } from '../../src/core/inventory.ts'
import { bigWorld } from '../../src/simulator/big-world.ts'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import type { Simulator, SimulatorOptions } from '../../src/simulator/server.ts'
import type { ArmResource } from '../../src/simulator/world.ts'
import { azureInventory } from '../support/inventory.ts'
import { production, simulatorCredential, staging, startTestSimulator } from '../support/simulator.ts'

let simulator: Simulator
/** Both sides go by it, so that Resource Graph's five seconds pass when somebody sleeps through them. */
const time = { now: 0, slept: [] as number[] }
const clock = {
  now: () => time.now,
  sleep: (ms: number) => {
    time.slept.push(ms)
    time.now += ms
    return Promise.resolve()
  },
}

const start = async (options: SimulatorOptions = {}) => {
  simulator = await startTestSimulator({ now: () => time.now, ...options })
  const credential = simulatorCredential(simulator, 86_400)
  return connectArm({ clock, endpoint: simulator.url, credential, callTimeoutMs: 5000 })
}

const read = async () => {
  const arm = connectArm({
    clock,
    endpoint: simulator.url,
    credential: simulatorCredential(simulator, 86_400),
    callTimeoutMs: 5000,
  })
  const inventory = azureInventory(arm)
  await inventory.refresh()
  const one = (name: string) => {
    const [vm] = inventory.find(name)
    return inventory.details(vm?.id ?? '')
  }
  return { inventory, one }
}

beforeEach(() => {
  time.now = Date.now()
  time.slept = []
})
afterEach(() => simulator.close())

const nsg = (group: string, name: string) =>
  `/subscriptions/${production}/resourcegroups/${group}/providers/microsoft.network/networksecuritygroups/${name}`
const nic = (name: string) =>
  `/subscriptions/${production}/resourcegroups/rg-ops/providers/microsoft.network/networkinterfaces/${name}-nic`

const hidden = (each: ArmResource) => each.name === 'vnet-shop' || each.name === 'vm-jump01-nic'
const requested = (by: string, at: string, vm: string) => ({
  requestor: by,
  startTimeUtc: at,
  virtualMachines: [{ id: vm, ports: [] }],
})

describe('what the inventory knows around a VM', () => {
  it('its network interfaces with their addresses and both security groups, its power and its policy', async () => {
    await start()
    const { one } = await read()
    const jump: VmInterface = {
      id: nic('vm-jump01'),
      nsgId: nsg('rg-ops', 'nsg-jump01-nic'),
      subnetNsgIds: [nsg('rg-ops', 'nsg-ops-subnet')],
      privateAddresses: ['10.20.1.10', 'fd00:20:0:1::10'],
      publicAddresses: ['52.166.10.10'],
      whole: true,
    }
    expect(one('vm-jump01')).toEqual({
      networkInterfaces: [jump],
      privateAddresses: jump.privateAddresses,
      publicAddresses: jump.publicAddresses,
      nsgIds: [nsg('rg-ops', 'nsg-jump01-nic'), nsg('rg-ops', 'nsg-ops-subnet')],
      power: 'running',
      jitPolicy: null,
    })
    expect(one('vm-web01')?.networkInterfaces).toMatchObject([
      { nsgId: null, subnetNsgIds: [nsg('rg-shop', 'nsg-web-subnet')] },
    ])
    expect(one('vm-bare01')).toMatchObject({
      nsgIds: [],
      networkInterfaces: [{ whole: true, subnetNsgIds: [null] }],
    })
    expect(one('vm-stopped01')?.power).toBe('deallocated')
    expect(one('vm-none')).toBeNull()
  })

  it('tells each VM once when it tells them all', async () => {
    await start()
    const { inventory } = await read()
    const names = [...inventory.all()].map(({ vm }) => vm.name)
    expect(names).toEqual(names.toSorted())
    expect(names.filter((name) => name === 'vm-app01')).toHaveLength(2)
    expect(new Set(names)).toContain('vm-jump01')
  })

  it('says that there may be more where Azure does not show a network or an interface', async () => {
    const demo = demoWorld()
    await start({ world: { ...demo, resources: demo.resources.filter((each) => !hidden(each)) } })
    const { one } = await read()
    expect(one('vm-jump01')?.networkInterfaces).toMatchObject([{ id: nic('vm-jump01'), whole: false }])
    expect(one('vm-web01')?.networkInterfaces).toMatchObject([
      { whole: false, privateAddresses: ['10.30.1.10'] },
    ])
  })
})

describe('the policy of Defender for Cloud', () => {
  it('is known with its ports and limits, and for the VMs that it names only', async () => {
    await start()
    const { one } = await read()
    const limits = { protocol: 'any', sources: ['*'], mostMs: 3 * 3_600_000 }
    expect(one('vm-mdc01')?.jitPolicy).toEqual({
      id: `/subscriptions/${production}/resourcegroups/rg-shop/providers/microsoft.security/locations/westeurope/jitnetworkaccesspolicies/default`,
      ports: [
        { number: 22, ...limits },
        { number: 3389, ...limits },
      ],
      lastAccess: null,
    })
    expect(one('vm-db01')?.jitPolicy).toBeNull()
  })

  it('tells who had access last', async () => {
    const demo = demoWorld()
    const vmId = demo.resources.find(({ name }) => name === 'vm-mdc01')?.id ?? ''
    const requests = [
      requested('early@example.com', '2026-11-20T08:00:00.0000000Z', vmId),
      requested('late@example.com', '2026-11-21T08:00:00.0000000Z', vmId.toUpperCase()),
      requested('other@example.com', '2026-11-22T08:00:00.0000000Z', `${vmId}x`),
    ]
    const resources = demo.resources.map((each) =>
      each.kind === 'Basic' ? { ...each, properties: { ...each.properties, requests } } : each,
    )
    await start({ world: { ...demo, resources } })
    const { one } = await read()
    const policy = one('vm-mdc01')?.jitPolicy
    expect(policy).toMatchObject({ lastAccess: { by: 'late@example.com', at: Date.UTC(2026, 10, 21, 8) } })
  })

  it.each(['forbidden', 'server-error'] as const)(
    'is not known, and never “none”, in a subscription that answers %s; other subscriptions are known',
    async (kind) => {
      await start()
      simulator.fault({ kind, path: `${production}/providers/Microsoft.Security` })
      const { inventory, one } = await read()
      expect([one('vm-mdc01')?.jitPolicy, one('vm-jump01')?.jitPolicy]).toEqual(['not known', 'not known'])
      const lab = inventory.find(`${staging}/rg-lab/vm-app01`)[0]?.id ?? ''
      expect(inventory.details(lab)?.jitPolicy).toBeNull()
    },
  )
})

describe('Resource Graph’s quota', () => {
  it('is never overdrawn: used up, the next query waits as long as its header says', async () => {
    const arm = await start({ world: bigWorld({ vms: 18_000, nsgs: 10 }), buckets: true })
    const source = armInventory({ arm })
    const { entries } = await source.read()
    expect(entries).toHaveLength(18_000)
    const graph = simulator.calls().filter(({ path }) => path.includes('ResourceGraph'))
    // 18,000 VMs, as many interfaces and two networks; fifteen pages go through in five seconds.
    expect(graph).toHaveLength(37)
    expect(graph.filter(({ status }) => status === 429)).toEqual([])
    expect(time.slept).toEqual([5000, 5000])
  })

  it('that others have used up is waited for all the same', async () => {
    const arm = await start({ buckets: true })
    const other = connectArm({
      clock,
      endpoint: simulator.url,
      credential: simulatorCredential(simulator, 86_400),
    })
    await armInventory({ arm }).read()
    for (let queries = 1; queries < 15; queries += 1) await armInventory({ arm: other }).read()
    const { entries } = await armInventory({ arm }).read()
    expect(entries.length).toBeGreaterThan(5)
    expect(time.slept).toEqual([5000])
    expect(simulator.calls().filter(({ status }) => status === 429)).toHaveLength(1)
  })
})

const wire = 'https://arm.example'
const row = {
  id: `/subscriptions/${production}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-1`,
  type: 'microsoft.compute/virtualmachines',
  name: 'vm-1',
  subscriptionId: production,
  resourceGroup: 'rg',
  location: 'westeurope',
}
const whole = { totalRecords: 1, count: 1, resultTruncated: 'false', facets: [], data: [row] }

describe('an answer that is not whole', () => {
  beforeEach(async () => {
    simulator = await startTestSimulator()
    nock(wire).persist().get('/subscriptions').query(true).reply(200, { value: [] })
    nock(wire)
      .persist()
      .get(/jitNetworkAccessPolicies/)
      .query(true)
      .reply(200, { value: [] })
  })
  afterEach(() => {
    nock.cleanAll()
  })

  it.each([
    ['fewer rows than it counts', { ...whole, totalRecords: 5_000 }],
    ['no rows at all', { totalRecords: 0, count: 0, resultTruncated: 'false' }],
    ['the word that it was cut short, and no next page', { ...whole, resultTruncated: 'true' }],
  ])('is refused, and what was known stays: %s', async (_, bad) => {
    const answers = [whole, bad]
    nock(wire)
      .persist()
      .post('/providers/Microsoft.ResourceGraph/resources')
      .query(true)
      .reply(200, () => answers.shift())
    const credential = simulatorCredential(simulator)
    const inventory = azureInventory(connectArm({ clock, endpoint: wire, credential }))
    await inventory.refresh()
    const readAt = inventory.readAt()
    time.now += 60_000
    await expect(inventory.refresh()).rejects.toMatchObject({ kind: 'try again' })
    expect(answers).toEqual([])
    expect(inventory.readAt()).toBe(readAt)
    expect(inventory.find('vm-1')).toHaveLength(1)
  })
})
