import { afterAll, beforeAll, expect, test } from 'vitest'
import { policyAt as simulated } from '../../src/simulator/defender.ts'
import { policyPath } from '../support/defender.ts'
import { channels, createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ALEX] }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`

let world: World
beforeAll(async () => {
  world = await createWorld({ policy, durable: true })
  await world.app.inventory.refresh()
})
afterAll(() => world?.close())

const does = async (text: string, values: Record<string, unknown> = {}) => {
  await world.people.alex.types('/jit', text, { channel: channels.access })
  const view = await world.slack.until(() => world.people.alex.modal())
  await world.people.alex.submits(view, values)
  await world.settle()
}
const told = () => world.dm('alex').at(-1) ?? ''
const denies = (nsg: string) =>
  Object.keys(world.azure.rules(nsg)).filter((name) => name.startsWith('jitney-protect-'))
const entries = () =>
  simulated(world.azure.sim, policyPath)?.properties.virtualMachines.map(({ id }) => id.split('/').at(-1))

test('a restart between the form, the rules and their removal loses nothing and writes nothing twice', async () => {
  world.azure.fault({ kind: 'server-error', method: 'PUT', path: 'jitney-protect-' })
  await does('protect vm-web01', { protocol: 'tcp' })
  expect(denies('nsg-web-subnet')).toEqual([])
  expect(told()).toMatch(/^Protecting vm-web01/)
  await world.restarts()
  world.azure.clearFaults()
  await world.passes('2m')
  expect(denies('nsg-web-subnet')).toHaveLength(1)
  expect(told()).toMatch(/^Protected: vm-web01/)
  await world.restarts()
  await world.reconciles()
  await world.passes('2m')
  expect(denies('nsg-web-subnet')).toHaveLength(1)
  expect(world.slack.messages(channels.pages)).toEqual([])

  world.azure.fault({ kind: 'server-error', method: 'DELETE', path: 'jitney-protect-' })
  await does('unprotect vm-web01')
  await world.passes('2m')
  expect(world.slack.messages(channels.pages).map((message) => world.slack.visible(message))).toEqual([
    expect.stringMatching(/Not removed: jitney-protect-\w+-tcp in nsg-web-subnet, which protected vm-web01/),
  ])
  await world.restarts()
  world.azure.clearFaults()
  await world.passes('5m')
  expect(denies('nsg-web-subnet')).toEqual([])
  expect(told()).toMatch(/^No longer protected by Jitney: vm-web01/)
})

test('the same for the policy of Defender for Cloud', async () => {
  world.azure.fault({ kind: 'server-error', method: 'PUT', path: 'jitNetworkAccessPolicies' })
  await does('protect vm-db01', { way: 'defender' })
  expect(entries()).toEqual(['vm-mdc01'])
  await world.restarts()
  world.azure.clearFaults()
  await world.passes('2m')
  expect(entries()).toEqual(['vm-mdc01', 'vm-db01'])
  expect(told()).toMatch(/^Protected: vm-db01/)
  await world.restarts()
  await does('unprotect vm-db01')
  await world.restarts()
  await world.passes('1m')
  expect(entries()).toEqual(['vm-mdc01'])
  expect(told()).toMatch(/^No longer protected by Jitney: vm-db01/)
})

test('the reconciler never takes a rule that protects for one that a grant left', async () => {
  await does('protect vm-web01', { protocol: 'tcp' })
  await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
  await world.clicks('avery', 'approve')
  await world.passes('40m')
  await world.reconciles()
  expect(world.ourRules()).toEqual([])
  expect(denies('nsg-web-subnet')).toHaveLength(1)
  expect(world.auditLines().join('\n')).not.toMatch(/no access needs/)
  await does('unprotect vm-web01')
})
