import { afterEach, expect, test } from 'vitest'
import { groupPath } from '../support/simulator.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const policy = worldPolicy.replace(
  '    services: [rdp, ssh, winrm, postgres]\n',
  '    services: [rdp, ssh, winrm, postgres]\n    flushConnections: true\n',
)

let world: World
afterEach(() => world?.close())

const groups = ['nsg-jump01-nic', 'nsg-ops-subnet']
const groupPuts = () =>
  world.azure
    .calls()
    .filter(({ method, path }) => method === 'PUT' && /networkSecurityGroups\/[^/]+$/i.test(path))
const flushes = () => groups.map((nsg) => world.azure.flushes(nsg))
const opens = async () => {
  await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
  await world.clicks('avery', 'approve')
}

test('where the policy says nothing of it, no group is ever written and sessions go on', async () => {
  world = await createWorld({ simulator: { flushConnection: true } })
  await opens()
  await world.passes('31m')
  expect(groupPuts()).toEqual([])
  expect(world.cardText()).toMatch(/Sessions that are already open stay open until they disconnect/)
})

test('at the end, after the rules are gone, Azure cuts open sessions, and only then they are said to be cut', async () => {
  world = await createWorld({ policy, simulator: { flushConnection: true } })
  await opens()
  await world.passes('29m')
  expect(groupPuts()).toEqual([])
  const rules = groups.map((nsg) =>
    Object.keys(world.azure.rules(nsg)).filter((name) => !name.startsWith('jit-')),
  )
  await world.passes('2m')
  expect(world.ourRules()).toEqual([])
  expect(flushes()).toEqual([1, 1])
  expect(groups.map((nsg) => Object.keys(world.azure.rules(nsg)))).toEqual(rules)
  const thread = world.thread()
  expect(thread.find((text) => text.startsWith('Closed'))).not.toMatch(/were cut/)
  expect(thread.at(-1)).toMatch(
    /^Open sessions were cut: rdp to vm-jump01\.\n• nsg-.*Azure confirmed 2026-11-23 09:3/,
  )
  expect(world.dm('robin').at(-1)).toMatch(/^Open sessions were cut/)
  expect(world.cardText()).toMatch(/Open sessions that no rule allows any more were cut, as Azure confirmed/)
  expect(world.cardText()).not.toMatch(/stay open until they disconnect/)
  expect(world.auditLines().filter((line) => /asked Azure to cut open sessions/.test(line))).toHaveLength(2)
})

test('the DELETE of each rule comes first', async () => {
  world = await createWorld({ policy, simulator: { flushConnection: true } })
  await opens()
  await world.passes('31m')
  const calls = world.azure.calls()
  const lastDelete = calls.findLast(({ method }) => method === 'DELETE')
  expect(groupPuts()).toHaveLength(2)
  expect(Math.min(...groupPuts().map(({ seq }) => seq))).toBeGreaterThan(lastDelete?.seq ?? Number.NaN)
})

test('where the region does not have it, the thread says so once, in plain words', async () => {
  world = await createWorld({ policy })
  await opens()
  await world.passes('31m')
  expect(world.thread().at(-1)).toMatch(
    /^Not confirmed that open sessions were cut: .*may stay open until they disconnect.*Azure does not offer that in this region yet/s,
  )
  expect(world.cardText()).toMatch(/Sessions that are already open stay open until they disconnect/)
  expect(world.cardText()).not.toMatch(/were cut/)
  const puts = groupPuts().length
  expect(puts).toBe(2)
  await world.passes('2h')
  expect(groupPuts()).toHaveLength(puts)
})

test('a rule that goes astray while a group is written calls the operators', async () => {
  world = await createWorld({ policy, simulator: { flushConnection: true } })
  await opens()
  const name = 'theirs'
  world.azure.mutate({
    do: 'put-rule',
    nsg: 'nsg-jump01-nic',
    name,
    properties: {
      access: 'Deny',
      direction: 'Inbound',
      priority: 3990,
      protocol: 'Tcp',
      sourceAddressPrefix: '*',
      sourcePortRange: '*',
      destinationAddressPrefix: '*',
      destinationPortRange: '445',
    },
  })
  const { sim } = world.azure
  // Somebody takes it away between the write and the look at what came of it.
  sim.chores.push(() => {
    const group = sim.groups.get(groupPath)
    if (group?.resource.properties['flushConnection'] === true) group.delete(name, 'hand', sim.now())
  })
  await world.passes('31m')
  // The policy names no place of its own for what operators must hear.
  expect(world.auditLines().join('\n')).toMatch(
    /Look at the security group nsg-jump01-nic: .*the rule theirs is gone/,
  )
  expect(world.thread().at(-1)).toMatch(/^Not confirmed that open sessions were cut/)
})
