import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { production } from '../support/simulator.ts'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ALEX, U0LEE] }
defaults: { channel: C0APPROVALS, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`
const group = 'nsg-open01-nic'
const theirs = 'rdp-for-everyone'

let world: World
const last = (name: Name) => {
  const found = world.slack.ephemerals(name).at(-1)
  if (!found) throw new Error('There is no answer.')
  return found
}
/** The proposal that Convert to JIT answers. */
const looks = async (name: Name = 'alex') => {
  await world.asks(name, 'vms open01')
  await world.clicks(name, 'convert', last(name))
  return last(name)
}
const asks = async (name: Name = 'alex') => {
  await world.clicks(name, 'ask_conversion', await looks(name))
  return answered(name)
}
const answered = (name: Name) => world.ephemerals(name).at(-1) ?? ''
const told = (name: Name = 'alex') => world.dm(name).at(-1) ?? ''
const card = () => {
  const message = world.slack.messages(channels.pages).at(-1)
  if (!message) throw new Error('Nobody was asked.')
  return message
}
const shown = () => world.slack.visible(card())
const audited = () =>
  world
    .auditLines()
    .map((line) => line.split(' · ')[1] ?? '')
    .filter((line) => !line.includes('policy'))
const rule = () => world.azure.rules(group)[theirs]
const writes = () => world.azure.calls().filter(({ method }) => method === 'PUT' || method === 'DELETE')
const fromInside = '10.40.1.99'

describe('what stands open on a VM is turned into access on request', () => {
  let before: NonNullable<ReturnType<typeof rule>>
  beforeEach(async () => {
    world = await createWorld({ policy, durable: true })
    await world.app.inventory.refresh()
    const found = structuredClone(rule())
    if (!found) throw new Error('There is no such rule.')
    before = found
  })
  afterEach(() => world.close())

  test('when one operator asks and another one agrees; from inside one still gets in', async () => {
    expect(world.passesTo('vm-open01', 3389, '8.8.8.8')).toBe(true)
    expect(await asks()).toMatch(
      /^Another operator is asked, in #pages, whether this change is made\. Until one agrees every rule stays as it is/,
    )
    console.log(shown())
    console.log(world.slack.visible(await looks()))
    expect(shown()).toMatch(
      /@alex asks to change 1 rule that is not Jitney’s, so that people outside have to ask for access to vm-open01/,
    )
    expect(shown()).toMatch(/\[Make the change\].*\[Leave it\]/s)
    expect(writes()).toEqual([])

    await world.clicks('lee', 'make_conversion', card())
    expect(answered('lee')).toMatch(/The change is being made, as far as each rule is still as it was shown/)
    console.log(shown())
    console.log(told())
    console.log(world.auditLines().join('\n'))
    expect(rule()).toEqual({ ...before, sourceAddressPrefix: 'VirtualNetwork' })
    expect(world.passesTo('vm-open01', 3389, '8.8.8.8')).toBe(false)
    expect(world.passesTo('vm-open01', 3389, fromInside)).toBe(true)
  })
})
