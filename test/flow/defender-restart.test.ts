import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { guarded, guardedGroup, jitAllows, policyAt, securityClient } from '../support/defender.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const policy = `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n`
const ask = 'rdp vm-mdc01 30m from 81.2.69.142'

let world: World
beforeAll(async () => {
  world = await createWorld({ policy, durable: true })
})
afterAll(() => world?.close())

const isOpen = () => world.passesTo('vm-mdc01', 3389)
const told = () => world.thread().at(-1) ?? ''
const initiated = () =>
  world.azure.calls().filter(({ method, path }) => method === 'POST' && path.endsWith('/initiate')).length

test('a restart between the asking, the rule, the end and the removal loses nothing and asks nothing twice', async () => {
  await world.asks('robin', ask)
  const before = initiated()
  await world.clicks('avery', 'approve')
  await world.restarts()
  await world.passes({ seconds: 10 })
  expect(isOpen()).toBe(true)
  expect(told()).toMatch(/^Open until/)
  await world.restarts()
  await world.reconciles()
  expect(world.cardText()).toMatch(/^Open:/)
  world.azure.fault({ kind: 'no-expiry' })
  await world.passes('30m')
  await world.restarts()
  expect(world.cardText()).toMatch(/^Closing/)
  await world.passes('2m')
  expect(isOpen()).toBe(false)
  expect(told()).toMatch(/so Jitney removed its network rule/)
  expect(initiated()).toBe(before + 1)
  world.azure.clearFaults()
})

test('a crash after Azure took the request and before that was on record: the record of Defender tells', async () => {
  await world.asks('robin', ask)
  const before = initiated()
  // The answer never comes, and the process is stopped while it waits for it.
  world.azure.fault({ kind: 'drop', when: 'after', path: '/initiate$', times: 1 })
  world.azure.fault({ kind: 'drop', method: 'GET', path: 'jitNetworkAccessPolicies/default$', after: 1 })
  await world.clicks('avery', 'approve')
  await world.restarts()
  world.azure.clearFaults()
  await world.passes({ seconds: 30 })
  expect(isOpen()).toBe(true)
  expect(world.cardText()).toMatch(/^Open:/)
  expect(initiated()).toBe(before + 1)
  await world.passes('31m')
  expect(isOpen()).toBe(false)
  expect(jitAllows(world.azure)).toEqual([])
})

test('it is closed while nobody knows whether it was asked for: a rule that appears all the same is removed', async () => {
  await world.asks('robin', ask)
  world.azure.fault({ kind: 'drop', when: 'after', path: '/initiate$', times: 1 })
  world.azure.fault({
    kind: 'drop',
    method: 'GET',
    path: 'jitNetworkAccessPolicies/default$',
    after: 1,
    times: 3,
  })
  await world.clicks('avery', 'approve')
  await world.clicks('robin', 'close')
  await world.passes('3m')
  expect(isOpen()).toBe(false)
  expect(jitAllows(world.azure)).toEqual([])
  expect(world.cardText()).toMatch(/^Never opened/)
  const born = world.azure.history(guardedGroup).findLast(({ by }) => by === 'defender')
  expect(born).toMatchObject({ endedBy: 'arm' })
})

test('Defender moves a rule of our own out of its way: it stays open, and the thread says where it is now', async () => {
  await world.policy(policy.replace('deadline: 30m }', 'deadline: 30m, way: { prefer: nsg } }'))
  onTestFinished(async () => void (await world.policy(policy)))
  await world.asks('robin', ask)
  await world.clicks('avery', 'approve')
  const foreign = { access: 'Allow', direction: 'Inbound', protocol: 'Tcp', priority: 200 }
  const by = { sourceAddressPrefix: '10.9.9.9', destinationPortRange: '9100' }
  world.azure.mutate({
    do: 'put-rule',
    nsg: guardedGroup,
    name: 'monitoring',
    properties: { ...foreign, ...by },
  })
  world.azure.fault({ kind: 'renumbering', by: 7 })
  const endTimeUtc = new Date(world.clock.now() + 10 * 60_000)
  await securityClient(world.azure).jitNetworkAccessPolicies.initiate(...policyAt, {
    justification: 'from the portal',
    virtualMachines: [
      { id: guarded, ports: [{ number: 22, allowedSourceAddressPrefix: '198.51.101.7', endTimeUtc }] },
    ],
  })
  await world.passes('2m')
  const [ours] = world.ourRules()
  expect(world.azure.rules(guardedGroup)[ours?.name ?? '']).toMatchObject({ priority: 3007 })
  expect(world.cardText()).toMatch(/^Open:/)
  expect(told()).toMatch(
    /^A network rule has another place: rdp to vm-mdc01\. .* in nsg-mdc01-nic had priority 3007 instead of 3000\. Defender for Cloud/,
  )
  const lines = world.thread().length
  await world.passes('10m')
  expect(world.thread()).toHaveLength(lines)
  // The one from the portal is Defender's own business, and so is what it moved of others.
  expect(world.azure.rules(guardedGroup)['monitoring']).toMatchObject({ priority: 207 })
  await world.passes('20m')
  expect(world.ourRules()).toEqual([])
  expect(world.cardText()).toMatch(/^Closed/)
})

test('the reconciler knows Defender’s rules for what they are, also at another priority', async () => {
  await world.asks('robin', ask)
  await world.clicks('avery', 'approve')
  await world.passes({ seconds: 10 })
  const lines = world.auditLines().length
  await world.reconciles()
  await world.passes('2m')
  expect(world.auditLines()).toHaveLength(lines)
  expect(isOpen()).toBe(true)
  const [rule] = jitAllows(world.azure)
  if (!rule) throw new Error('There is no rule.')
  const { name, ...properties } = rule
  world.azure.mutate({
    do: 'put-rule',
    nsg: guardedGroup,
    name,
    properties: { ...properties, priority: 105 },
  })
  await world.reconciles()
  expect(world.cardText()).toMatch(/^Open:/)
  await world.clicks('avery', 'close')
  expect(isOpen()).toBe(false)
  world.azure.clearFaults()
})

test('a rule that stood there before is not taken for the one that was asked for', async () => {
  const endTimeUtc = new Date(world.clock.now() + 20 * 60_000)
  await securityClient(world.azure).jitNetworkAccessPolicies.initiate(...policyAt, {
    justification: 'from the portal',
    virtualMachines: [
      { id: guarded, ports: [{ number: 3389, allowedSourceAddressPrefix: '81.2.69.142', endTimeUtc }] },
    ],
  })
  await world.passes('1m')
  const [older] = jitAllows(world.azure)
  expect(older).toBeDefined()
  world.azure.fault({ kind: 'late-opening', ms: 60_000 })
  await world.asks('robin', ask)
  await world.clicks('avery', 'approve')
  await world.passes({ seconds: 3 })
  expect(world.cardText()).toMatch(/^Approved, opening/)
  await world.passes('2m')
  expect(world.cardText()).toMatch(/^Open:/)
  const [grant] = (await world.app.store.grants(['open'])).map((one) => one.grant)
  expect(grant?.rules[0]?.name).not.toBe(older?.name)
  world.azure.clearFaults()
  await world.clicks('robin', 'close')
  expect(jitAllows(world.azure)).toEqual([])
})
