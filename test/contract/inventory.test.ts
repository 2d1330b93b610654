import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { machine, type Place } from '../../src/simulator/world-builder.ts'
import { azureInventory } from '../support/inventory.ts'
import { simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { readyClock } from './firewall.contract.ts'

const production = '11111111-1111-4111-8111-111111111111'
const staging = '22222222-2222-4222-8222-222222222222'

const connect = (simulator: Simulator, subscriptionIds: string[] | null = null) => {
  const clock = readyClock()
  const credential = simulatorCredential(simulator)
  const arm = connectArm({ clock, endpoint: simulator.url, credential, subscriptionIds, callTimeoutMs: 5000 })
  return { clock, inventory: azureInventory(arm) }
}

describe('the inventory of the demo’s world', () => {
  let simulator: Simulator
  beforeAll(async () => {
    simulator = await startTestSimulator()
  })
  afterAll(() => simulator.close())

  it('is empty until it is read', async () => {
    const { inventory } = connect(simulator)
    expect(inventory.readAt()).toBeNull()
    expect(inventory.find('vm-jump01')).toEqual([])
    expect(inventory.nearest('vm', 3)).toEqual([])
    await inventory.refresh()
    expect(inventory.readAt()).toBeTypeOf('number')
  })

  it('knows a VM with its place, system and tags, in any case', async () => {
    const { inventory } = connect(simulator)
    await inventory.refresh()
    expect(inventory.find('VM-Jump01')).toEqual([
      {
        id: `/subscriptions/${production}/resourcegroups/rg-ops/providers/microsoft.compute/virtualmachines/vm-jump01`,
        name: 'vm-jump01',
        resourceGroup: 'rg-ops',
        subscriptionId: production,
        subscriptionName: 'Production',
        location: 'westeurope',
        tenantId: '99999999-9999-4999-8999-999999999999',
        os: 'windows',
        tags: { env: 'ops', owner: 'platform' },
      },
    ])
    expect(inventory.find('vm-web01')[0]?.os).toBe('linux')
    expect(inventory.find('vm-jump')).toEqual([])
  })

  it('knows a subscription by its name or its id, and none that it does not have', async () => {
    const { inventory } = connect(simulator)
    await inventory.refresh()
    expect([inventory.subscription('production'), inventory.subscription(production)]).toEqual([
      production,
      production,
    ])
    expect(inventory.subscription('Nowhere')).toBeNull()
  })

  it.each([
    ['vm-app01', 2],
    ['rg-lab/vm-app01', 1],
    ['RG-SHOP/VM-APP01', 1],
    ['Staging/rg-lab/vm-app01', 1],
    [`${staging}/rg-lab/vm-app01`, 1],
    [`${production}/rg-lab/vm-app01`, 0],
    ['production/rg-lab/vm-app01', 0],
    ['rg-ops/vm-app01', 0],
    ['x/staging/rg-lab/vm-app01', 0],
    ['', 0],
  ])('finds under %s: %i', async (name, count) => {
    const { inventory } = connect(simulator)
    await inventory.refresh()
    expect(inventory.find(name)).toHaveLength(count)
  })

  it('knows by its id whether a VM was there when it was read', async () => {
    const { inventory } = connect(simulator)
    const [vm] = (await inventory.refresh(), inventory.find('vm-jump01'))
    const id = vm?.id ?? ''
    expect(inventory.has(id)).toBe(true)
    expect(inventory.has(id.toUpperCase())).toBe(true)
    expect(inventory.has(id.replace('rg-ops', 'rg-shop'))).toBe(false)
    expect(inventory.has(id.replace('vm-jump01', 'vm-jump02'))).toBe(false)
    expect(inventory.has('')).toBe(false)
  })

  it('holds only the subscriptions that it is told of', async () => {
    const { inventory } = connect(simulator, [staging])
    await inventory.refresh()
    expect(inventory.find('vm-app01').map((vm) => vm.subscriptionName)).toEqual(['Staging'])
    expect(inventory.find('vm-jump01')).toEqual([])
  })

  it('keeps what it had when reading again fails', async () => {
    const { inventory } = connect(simulator)
    await inventory.refresh()
    const readAt = inventory.readAt()
    simulator.fault({ kind: 'server-error', path: '^/subscriptions$', times: 1 })
    await expect(inventory.refresh()).rejects.toMatchObject({ name: 'ArmFault', kind: 'try again' })
    simulator.fault({ kind: 'forbidden', path: 'ResourceGraph', times: 1 })
    await expect(inventory.refresh()).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      kind: 'permanent',
    })
    expect(inventory.find('vm-jump01')).toHaveLength(1)
    expect(inventory.readAt()).toBe(readAt)
  })

  it('forgets a VM that is gone and learns of a new name', async () => {
    const { inventory } = connect(simulator)
    await inventory.refresh()
    simulator.mutate({ do: 'rename-vm', vm: 'vm-open01', to: 'vm-shut01' })
    await inventory.refresh()
    expect(inventory.find('vm-open01')).toEqual([])
    expect(inventory.find('vm-shut01')).toHaveLength(1)
  })

  it('takes one query, and one list of policies for each subscription that has VMs', async () => {
    const before = simulator.calls().at(-1)?.seq ?? 0
    await connect(simulator).inventory.refresh()
    expect(
      simulator
        .calls(before)
        .map(({ method, path }) => `${method} ${path}`)
        .toSorted(),
    ).toEqual([
      'GET /subscriptions',
      `GET /subscriptions/${production}/providers/Microsoft.Security/jitNetworkAccessPolicies`,
      `GET /subscriptions/${staging}/providers/Microsoft.Security/jitNetworkAccessPolicies`,
      'POST /providers/Microsoft.ResourceGraph/resources',
    ])
  })
})

describe('a long inventory', () => {
  const place: Place = { subscriptionId: production, resourceGroup: 'rg-many', location: 'westeurope' }
  const many = Array.from({ length: 2345 }, (_, index) =>
    machine(place, { name: `vm-${index}`, os: 'Linux', privateIp: '10.9.0.4', subnet: '/subnet' }),
  )
  let simulator: Simulator
  beforeAll(async () => {
    const demo = demoWorld()
    const world = {
      ...demo,
      resourceGroups: [...demo.resourceGroups, { ...place, name: place.resourceGroup }],
      resources: many.flat(),
    }
    simulator = await startTestSimulator({ world })
  })
  afterAll(() => simulator.close())

  it('is read to its end, page by page', async () => {
    const { inventory } = connect(simulator)
    const before = simulator.calls().at(-1)?.seq ?? 0
    await inventory.refresh()
    expect(inventory.find('vm-0')).toHaveLength(1)
    expect(inventory.find('vm-2344')).toHaveLength(1)
    // Each VM and its network interface are a row, and a page has 1,000.
    expect(simulator.calls(before).filter(({ method }) => method === 'POST')).toHaveLength(5)
  })

  it('waits as long as Resource Graph asks, but never longer than ten seconds', async () => {
    const { inventory, clock } = connect(simulator)
    const throttle = { kind: 'throttle', path: 'ResourceGraph', times: 1 } as const
    simulator.fault({ ...throttle, retryAfterSeconds: 4 })
    simulator.fault({ ...throttle, retryAfterSeconds: 3600 })
    await inventory.refresh()
    expect(inventory.find('vm-2344')).toHaveLength(1)
    expect(clock.slept).toEqual([4000, 10_000])
  })

  it('gives up when Resource Graph never lets it', async () => {
    const { inventory, clock } = connect(simulator)
    simulator.fault({ kind: 'throttle', path: 'ResourceGraph' })
    await expect(inventory.refresh()).rejects.toMatchObject({ kind: 'try again' })
    expect(clock.slept).toHaveLength(19)
    simulator.clearFaults()
  })
})
