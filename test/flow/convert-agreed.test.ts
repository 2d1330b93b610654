import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = (operators = '[U0ALEX, U0LEE]') => `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: ${operators} }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`
const group = 'nsg-open01-nic'
const theirs = 'rdp-for-everyone'

let world: World
const answered = (name: Name) => world.ephemerals(name).at(-1) ?? ''
const last = (name: Name) => {
  const found = world.slack.ephemerals(name).at(-1)
  if (!found) throw new Error('There is no answer.')
  return found
}
const looks = async (name: Name = 'alex', vm = 'open01') => {
  await world.asks(name, `vms ${vm}`)
  await world.clicks(name, 'convert', last(name))
  return last(name)
}
const asks = async (name: Name = 'alex', vm = 'open01') => {
  await world.clicks(name, 'ask_conversion', await looks(name, vm))
  return answered(name)
}
const cards = (vm = 'vm-open01') =>
  world.slack
    .messages(channels.pages)
    .filter((message) => world.slack.visible(message).includes(`${vm} (rg-ops`))
const card = (vm?: string) => {
  const message = cards(vm).at(-1)
  if (!message) throw new Error('Nobody was asked.')
  return message
}
const shown = (vm?: string) => world.slack.visible(card(vm))
const rule = (name = theirs) => world.azure.rules(group)[name]
const agrees = () => world.clicks('lee', 'make_conversion', card())

describe('the yes of the second operator', () => {
  let before: NonNullable<ReturnType<typeof rule>>
  const byHand = (properties: Partial<typeof before>, name = theirs) =>
    world.azure.mutate({ do: 'put-rule', nsg: group, name, properties: { ...before, ...properties } })

  beforeAll(async () => {
    world = await createWorld({ policy: policy(), durable: true })
    await world.app.inventory.refresh()
    const found = structuredClone(rule())
    if (!found) throw new Error('There is no such rule.')
    before = found
    return () => world.close()
  })
  beforeEach(async () => {
    for (const name of Object.keys(world.azure.rules(group)))
      world.azure.mutate({ do: 'delete-rule', nsg: group, name })
    byHand({})
    await world.app.inventory.refresh()
  })
  afterEach(async () => {
    world.azure.clearFaults()
    await world.policy(policy())
    await world.passes('5m')
    if (cards().length > 0 && shown().includes('[Leave it]'))
      await world.clicks('lee', 'leave_conversion', card())
  })

  test('is not taken once whoever asked is no operator any more', async () => {
    await asks()
    await world.policy(policy('[U0LEE]'))
    await agrees()
    expect(answered('lee')).toBe(
      '@alex, who asked for this, may not ask for it any more: the policy does not name them as an operator any more, so your yes was not taken. Nothing was changed. Two operators have to want it. Leave it as it is, and an operator can ask anew.',
    )
    expect(rule()).toEqual(before)
    await world.clicks('lee', 'leave_conversion', card())
    expect(answered('lee')).toBe('Every rule stays as it is.')
  })

  test('is not taken once the account of whoever asked is deactivated', async () => {
    await asks()
    world.people.alex.becomes({ deleted: true })
    await world.passes('2m')
    await agrees()
    const [said, now] = [answered('lee'), structuredClone(rule())]
    world.people.alex.becomes({ deleted: false })
    await world.passes('2m')
    expect(said).toMatch(/^@alex, who asked for this, may not .*: this account is deactivated, so your yes/)
    expect(now).toEqual(before)
  })
})
