import { afterAll, beforeAll, expect, test } from 'vitest'
import { peopledWorld } from '../support/access.ts'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ROBIN, U0MALLORY, U0ALEX] }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`

let world: World
beforeAll(async () => {
  world = await createWorld({ policy, entra: true, simulator: { world: peopledWorld() } })
  world.people.mallory.becomes({ email: 'Robin@example.com' })
  await world.app.inventory.refresh()
})
afterAll(() => world?.close())

const last = (name: Name) => {
  const found = world.slack.ephemerals(name).at(-1)
  if (!found) throw new Error('There is no answer.')
  return found
}
const says = async (name: Name, button: string) => {
  await world.clicks(name, button, world.slack.messages(channels.pages).at(-1))
  return world.slack.visible(last(name))
}
const sources = () => world.azure.rules('nsg-open01-nic')['rdp-for-everyone']?.sourceAddressPrefix

test('the second account of whoever asked for a change of rules agrees to nothing', async () => {
  await world.asks('robin', 'vms open01')
  for (const button of ['convert', 'ask_conversion']) await world.clicks('robin', button, last('robin'))
  expect(await says('mallory', 'make_conversion')).toMatch(/Nobody decides on their own request/)
  expect(sources()).toBe('*')

  world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
  await world.passes('2m')
  expect(await says('alex', 'make_conversion')).toMatch(/Entra could not tell just now/)
  expect(sources()).toBe('*')
  world.azure.clearFaults()

  expect(await says('alex', 'make_conversion')).toMatch(/The change is being made/)
  expect(sources()).toBe('VirtualNetwork')
})
