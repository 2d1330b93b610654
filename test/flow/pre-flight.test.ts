import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Simulator } from '../../src/simulator/server.ts'
import { machine } from '../../src/simulator/world-builder.ts'
import { groupPath, production } from '../support/simulator.ts'
import { channels, createWorld, type World, worldPolicy } from '../support/world.ts'

const ask = 'rdp vm-jump01 30m from 81.2.69.142'
const resourceGroup = `/subscriptions/${production}/resourceGroups/rg-ops`
const network = `${resourceGroup}/providers/Microsoft.Network/virtualNetworks/vnet-ops`
const deny = (name: string, priority: number) =>
  ({
    do: 'put-rule',
    nsg: 'nsg-jump01-nic',
    name,
    properties: {
      access: 'Deny',
      direction: 'Inbound',
      protocol: '*',
      priority,
      sourceAddressPrefix: 'Internet',
      sourcePortRange: '*',
      destinationAddressPrefix: '*',
      destinationPortRange: '3389',
    },
  }) as const
const adminRule = (access: 'Allow' | 'Deny' | 'AlwaysAllow') => ({
  network,
  name: 'rdp-from-outside',
  priority: 10,
  access,
  direction: 'Inbound' as const,
  protocol: 'Tcp',
  sources: ['Internet'],
  destinations: ['*'],
  destinationPortRanges: ['3389'],
})

/** What a person in the portal did to Azure for one test, and undoes afterwards. */
function tidied(azure: Simulator) {
  azure.clearFaults()
  azure.sim.resources.locks.length = 0
  azure.sim.governance.adminRules.length = 0
  azure.sim.governance.policies.length = 0
}

describe('before anybody is asked', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
    world.tags('vm-stopped01', { env: 'staging' })
  })
  afterAll(() => world?.close())
  afterEach(async () => {
    tidied(world.azure)
    for (const name of Object.keys(world.azure.rules('nsg-jump01-nic')))
      if (name.startsWith('theirs-')) world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-jump01-nic', name })
    await world.passes('9h')
    expect(world.ourRules()).toEqual([])
  })

  const cards = () => world.slack.messages(channels.approvals).length
  /** Asks, and answers what Robin is told in private; nobody else hears of it and nothing is stored. */
  const refused = async (text: string) => {
    const before = [cards(), world.dm('robin').length]
    await world.asks('robin', text)
    expect([cards(), world.dm('robin').length]).toEqual(before)
    return world.ephemerals('robin').at(-1) ?? ''
  }

  test('the card shows exactly what is to be written, and in front of which Deny', async () => {
    await world.asks('robin', ask)
    expect(world.cardText()).toMatch(/Rules, as planned 2026-11-2\d \d\d:\d\d UTC/)
    expect(world.cardText()).toContain(
      'nsg-ops-subnet (subnet): allow 81.2.69.142 to 10.20.1.10 on 3389/tcp, priority 3000, in front of deny-rdp-internet (4000)',
    )
    expect(world.cardText()).toContain('nsg-jump01-nic (network interface): allow 81.2.69.142 to 10.20.1.10')
    expect(world.cardText()).not.toContain('Warning')
    await world.clicks('avery', 'approve')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    const written = world.azure.rules('nsg-jump01-nic')
    expect(Object.entries(written).find(([name]) => name.startsWith('jit-'))?.[1].priority).toBe(3000)
    // What was planned is history by now; what was written is in Azure.
    expect(world.cardText()).not.toContain('as planned')
  })

  test('the priority that somebody takes before the yes leaves the card true', async () => {
    await world.asks('robin', ask)
    world.azure.mutate({
      ...deny('theirs-late', 3000),
      properties: { ...deny('x', 3000).properties, access: 'Allow', destinationPortRange: '443' },
    })
    const text = world.cardText()
    expect(text).toMatch(/as planned .*priority 3000/s)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open:/)
    expect(world.azure.rules('nsg-jump01-nic')).toMatchObject({ 'theirs-late': { priority: 3000 } })
  })

  test('a Deny in front of the band refuses, by name, and says what to do', async () => {
    world.azure.mutate(deny('theirs-no-rdp', 200))
    const told = await refused(ask)
    expect(told).toMatch(/rdp to vm-jump01 would not work/)
    expect(told).toMatch(/In nsg-jump01-nic: The rule theirs-no-rdp \(priority 200\) denies this traffic/)
    expect(told).toMatch(/Ask whoever looks after that security group/)
    expect(told).toMatch(/Nothing was stored and nobody was asked/)
  })

  test.each(['CanNotDelete', 'ReadOnly'] as const)(
    'a %s lock on the group, its resource group or its subscription refuses: the rule could not be closed',
    async (level) => {
      const places = [
        [groupPath, 'the security group nsg-jump01-nic'],
        [resourceGroup, 'the resource group rg-ops'],
        [`/subscriptions/${production}`, 'the subscription'],
      ] as const
      for (const [scope, place] of places) {
        world.azure.sim.resources.locks.length = 0
        world.azure.mutate({ do: 'lock', scope, level, name: 'keep' })
        const told = await refused(ask)
        expect(told).toContain(`The lock “keep” (${level}) is on ${place}`)
        expect(told).toContain('Ask whoever put it there to take it away')
      }
    },
  )

  test('a lock on another group of the same resource group does not matter', async () => {
    const scope = groupPath.replace('nsg-jump01-nic', 'nsg-open01-nic')
    world.azure.mutate({ do: 'lock', scope, level: 'CanNotDelete' })
    await world.asks('robin', ask)
    expect(world.cardText()).toMatch(/^Approval needed|^Waiting|rdp to vm-jump01/)
    await world.clicks('avery', 'deny')
  })

  test('a security admin rule that denies refuses, for no security group is asked then', async () => {
    world.azure.sim.governance.adminRules.push(adminRule('Deny'))
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    expect(await refused(ask)).toMatch(
      /The security admin rule rdp-from-outside denies 3389\/tcp before any security group is asked.*Ask whoever runs the network manager/,
    )
  })

  test('one that allows leaves the word to the groups; one that always allows makes it pointless', async () => {
    world.azure.sim.governance.adminRules.push(adminRule('Allow'))
    await world.asks('robin', ask)
    expect(world.cardText()).not.toContain('Warning')
    await world.clicks('avery', 'deny')
    world.azure.sim.governance.adminRules[0] = adminRule('AlwaysAllow')
    await world.asks('robin', ask)
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    expect(world.cardText()).toMatch(
      /Warning, as seen .*Already open without this: 3389\/tcp, by the security admin rule rdp-from-outside/s,
    )
    await world.clicks('avery', 'deny')
  })

  test('a VM that is not running must be started first', async () => {
    const told = await refused('ssh vm-stopped01 30m from 81.2.69.142')
    expect(told).toContain('vm-stopped01 is deallocated, so nobody could connect to it. Start it first')
    world.azure.mutate({ do: 'power', vm: 'vm-stopped01', state: 'running' })
    await world.asks('robin', 'ssh vm-stopped01 30m from 81.2.69.142')
    expect(world.cardText()).toContain('ssh to vm-stopped01')
    expect(world.cardText()).not.toContain('Warning')
    await world.clicks('avery', 'deny')
    world.azure.mutate({ do: 'power', vm: 'vm-stopped01', state: 'deallocated' })
  })

  test('access that begins later may be asked for while the VM is down, with a warning', async () => {
    await world.asks('robin', 'ssh vm-stopped01 30m at 23:50 from 81.2.69.142')
    expect(world.cardText()).toContain(
      'vm-stopped01 is deallocated at the moment; it must be started before the access begins',
    )
    await world.clicks('avery', 'deny')
  })

  test('what is open already is said, with the rule and its group, and only for the ports that are', async () => {
    await world.asks('robin', 'rdp,ssh vm-open01 30m from 81.2.69.142')
    expect(world.passesTo('vm-open01', 3389)).toBe(true)
    expect(world.cardText()).toMatch(
      /Warning, as seen .*Already open without this: 3389\/tcp, by rdp-for-everyone in nsg-open01-nic\. /s,
    )
    expect(world.ephemerals('robin').at(-1)).toContain(
      'Note: Already open without this: 3389/tcp, by rdp-for-everyone in nsg-open01-nic.',
    )
    await world.clicks('avery', 'deny')
  })

  test('a rule of ours that is open for a while is not held against a second request', async () => {
    await world.asks('robin', ask)
    await world.clicks('avery', 'approve')
    await world.asks('robin', 'rdp vm-jump01 2h from 81.2.69.142')
    expect(world.cardText()).not.toContain('Warning')
    expect(world.cardText()).toContain('priority 3001')
    await world.clicks('avery', 'deny')
  })

  test('a VM without a public address may have another way in, so that is a warning', async () => {
    const { sim } = world.azure
    const place = { subscriptionId: production, resourceGroup: 'rg-ops', location: 'westeurope' }
    const subnet = `${network}/subnets/snet-jump`
    const made = machine(place, { name: 'vm-inner01', os: 'Linux', privateIp: '10.20.1.77', subnet })
    for (const each of made) sim.resources.put(each)
    await world.app.inventory.refresh()
    await world.asks('robin', 'ssh vm-inner01 30m from 81.2.69.142')
    expect(world.cardText()).toContain(
      'Azure shows no public address for vm-inner01: this helps only where another way leads to it',
    )
    await world.clicks('avery', 'deny')
  })

  test('Azure Policy’s own no is a warning, for it does not know of exemptions', async () => {
    const policy = { scope: resourceGroup, assignment: 'no-management-ports', ports: ['3389'] }
    world.azure.sim.governance.policies.push({ ...policy, effect: 'Audit' })
    await world.asks('robin', ask)
    expect(world.cardText()).not.toContain('Warning')
    await world.clicks('avery', 'deny')
    world.azure.sim.governance.policies.push({ ...policy, effect: 'Deny' })
    await world.asks('robin', ask)
    expect(world.cardText()).toContain(
      'Azure Policy says that it would refuse the rule in nsg-jump01-nic (assignment no-management-ports)',
    )
    await world.clicks('avery', 'approve')
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Could not open|^Not opened/)
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
  })

  test.each([
    ['whether the VM runs', 'instanceView', 'whether the VM is running'],
    ['locks', 'Microsoft.Authorization/locks', 'locks on nsg-ops-subnet and nsg-jump01-nic'],
    ['security admin rules', 'listNetworkManagerEffective', 'security admin rules'],
    [
      'Azure Policy',
      'checkPolicyRestrictions',
      'what Azure Policy says of a rule in nsg-ops-subnet and nsg-jump01-nic',
    ],
    ['the network', 'virtualNetworks/vnet-ops$', 'the addresses of the virtual network'],
    ['rules', 'networkSecurityGroups/nsg-jump01-nic/securityRules$', 'the rules of nsg-jump01-nic'],
  ])('without the right to read %s the request goes on, and the card says so', async (_, path, says) => {
    world.azure.fault({ kind: 'forbidden', path })
    await world.asks('robin', ask)
    expect(world.cardText()).toContain(`Azure did not let these be read, so they are not checked: ${says}.`)
    world.azure.clearFaults()
    await world.clicks('avery', 'approve')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
  })

  test('asking why tells of what would defeat it, and of what an approver would be warned of', async () => {
    await world.asks('robin', 'why ssh vm-stopped01 30m from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /Azure stands in its way, so it would be refused:\s+vm-stopped01 is deallocated/,
    )
    await world.asks('robin', 'why rdp vm-open01 30m from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(/In Azure:\s+Already open without this: 3389\/tcp/)
  })

  test('more time is not asked for where the rule could not be closed any more', async () => {
    await world.asks('robin', ask)
    await world.clicks('avery', 'approve')
    const [, id = ''] = /Request ([0-9a-z]{10})/.exec(world.cardText()) ?? []
    world.azure.mutate({ do: 'lock', scope: groupPath, level: 'CanNotDelete', name: 'keep' })
    const told = await refused(`extend ${id} 30m`)
    expect(told).toContain('The lock “keep” (CanNotDelete)')
    expect(told).toContain('what is open stays open until its own end')
    world.azure.mutate({ do: 'unlock', scope: groupPath })
  })

  test('nobody looks at Azure for what the policy refuses', async () => {
    const before = world.azure.calls().length
    await world.asks('robin', 'rdp vm-jump01 9h from 81.2.69.142')
    const paths = world.azure
      .calls()
      .slice(before)
      .map(({ path }) => path)
    expect(paths.filter((path) => /locks|checkPolicy|instanceView/i.test(path))).toEqual([])
  })
})

const policy = (priorities: string) =>
  worldPolicy.replace('deadline: 30m }', `deadline: 30m, priorities: ${priorities} }`)

describe('where the policy names the priorities', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy: policy('{ from: 500, to: 501 }') })
  })
  afterAll(() => world?.close())

  const priorityOfOurs = () =>
    Object.entries(world.azure.rules('nsg-jump01-nic')).find(([name]) => name.startsWith('jit-'))?.[1]
      .priority

  test('they are taken from there, at the plan and at the write', async () => {
    await world.asks('robin', ask)
    expect(world.cardText()).toContain('priority 500')
    world.azure.fault({ kind: 'late-conflict', path: 'securityRules/jit-', method: 'PUT', times: 1 })
    await world.clicks('avery', 'approve')
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Open:/)
    expect([500, 501]).toContain(priorityOfOurs())
    await world.passes('1h')
  })

  test('when all of them are in use, it is refused with what to do', async () => {
    for (const [name, priority] of [
      ['theirs-a', 500],
      ['theirs-b', 501],
    ] as const) {
      const { properties } = deny(name, priority)
      world.azure.mutate({
        do: 'put-rule',
        nsg: 'nsg-jump01-nic',
        name,
        properties: { ...properties, access: 'Allow', destinationPortRange: '443' },
      })
    }
    await world.asks('robin', ask)
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /In nsg-jump01-nic no priority from 500 to 501 is free\. Ask whoever keeps the policy for a wider band/,
    )
    for (const name of ['theirs-a', 'theirs-b'])
      world.azure.mutate({ do: 'delete-rule', nsg: 'nsg-jump01-nic', name })
  })

  test('a Deny is passed only where the policy says so, and the card names it', async () => {
    world.azure.mutate(deny('theirs-no-rdp', 120))
    await world.asks('robin', ask)
    expect(world.ephemerals('robin').at(-1)).toContain('theirs-no-rdp (priority 120) denies this traffic')
    expect(await world.policy(policy('{ from: 500, to: 501, beatDenies: true }'))).toBe(null)
    await world.asks('robin', ask)
    expect(world.cardText()).toContain('priority 119, in front of theirs-no-rdp (120)')
    await world.clicks('avery', 'approve')
    expect(priorityOfOurs()).toBe(119)
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.passes('1h')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
  })

  test('never into the priorities of Defender for Cloud', async () => {
    world.azure.mutate(deny('theirs-first', 111))
    await world.asks('robin', ask)
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /theirs-first \(priority 111\) denies this traffic, and no priority in front of it is free/,
    )
  })
})
