import { afterAll, beforeAll, expect, test } from 'vitest'
import { jitAllows, policyAt, rgShop, securityClient } from '../support/defender.ts'
import { createWorld, type World } from '../support/world.ts'

let world: World
/** Two security groups stand before it, and it is under a policy of Defender. */
const jump = `${rgShop.replace('rg-shop', 'rg-ops')}/providers/Microsoft.Compute/virtualMachines/vm-jump01`
beforeAll(async () => {
  world = await createWorld()
  const terms = { protocol: 'TCP', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT2H' }
  const [, region, name] = policyAt
  await securityClient(world.azure).jitNetworkAccessPolicies.createOrUpdate('rg-ops', region, name, {
    virtualMachines: [{ id: jump, ports: [{ number: 3389, ...terms }] }],
  })
})
afterAll(() => world?.close())

const opens = async () => {
  await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
  await world.clicks('avery', 'approve')
  await world.passes('2m')
}
const groups = ['nsg-ops-subnet', 'nsg-jump01-nic']
const allows = () => groups.map((group) => jitAllows(world.azure, group).length)

test('Defender writes into both groups: it is open once its rule stands in both', async () => {
  await opens()
  expect(allows()).toEqual([1, 1])
  expect(world.ourRules()).toEqual([])
  expect(world.cardText()).toMatch(/^Open:/)
  await world.passes('31m')
  expect(world.thread().at(-1)).toMatch(/Defender for Cloud closed it\./)
})

test.each([
  ['nic', 'nsg-ops-subnet', [0, 1]],
  ['subnet', 'nsg-jump01-nic', [1, 0]],
] as const)(
  'Defender writes only into the group of the %s: a rule of our own stands in %s, and each goes by its writer',
  async (jitGroups, left, found) => {
    world.azure.sim.settings.jitGroups = jitGroups
    await opens()
    expect(allows()).toEqual(found)
    expect(world.ourRules()).toEqual([expect.objectContaining({ nsg: left, source: '81.2.69.142' })])
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    expect(world.thread().at(-1)).toMatch(
      /Defender for Cloud opened one security group, and Jitney the other\./,
    )
    await world.passes('31m')
    expect(world.ourRules()).toEqual([])
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    expect(world.thread().at(-1)).toMatch(/Defender for Cloud and Jitney each removed their own rule\./)
  },
)
