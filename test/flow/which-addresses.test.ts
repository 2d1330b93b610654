import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
address:
  ranges: { office: 81.2.69.128/28, vpn: 81.2.70.7 }
  shared: [81.2.69.128/28]
  never: [198.41.128.0/24]
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY, U0ALEX] } }
rules:
  - { name: an office looks at a web server, vm: { name: vm-web* }, maxAddresses: 16 }
  - { name: a colleague agrees }
`
const untyped = policy.replace('address:\n', 'address:\n  typed: false\n')
const moreNever = policy.replace('198.41.128.0/24', '81.2.69.0/24').replace('office: 81.2.69.128/28, ', '')

describe('which addresses may come in', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())

  const sources = () => [...new Set(world.ourRules().map(({ source }) => source))]
  const denies = async () => {
    await world.clicks('avery', 'deny')
    await world.people.avery.closes(await world.slack.until(() => world.people.avery.modal()), { all: true })
  }
  const said = () => world.ephemerals('robin').at(-1) ?? ''

  test('from office: the policy’s range, under the rule’s own limit, and the card says what it is', async () => {
    await world.asks('robin', 'ssh vm-web01 30m from Office')
    expect(world.cardText()).toContain(
      '81.2.69.128/28, 16 addresses (of the policy’s range office; shared address: others come from it too)',
    )
    await world.clicks('avery', 'approve')
    expect(sources()).toEqual(['81.2.69.128/28'])
    expect(
      world.auditLines().some((line) => /from 81\.2\.69\.128\/28 \(a range of the policy\)/.test(line)),
    ).toBe(true)
    await world.passes('31m')
    expect(sources()).toEqual([])
    await world.asks('robin', 'ssh vm-jump01 30m from office')
    expect(said()).toContain('16 addresses, more than the 1 that the rule allows at once')
  })

  test('asked again it is the range once more, by its name', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m from vpn')
    expect(world.cardText()).toMatch(/Address\s+81\.2\.70\.7 \(of the policy’s range vpn\)/)
    await world.clicks('avery', 'approve')
    await world.passes('31m')
    const own = world.slack.dm('robin').findLast((message) => JSON.stringify(message).includes('"again"'))
    await world.clicks('robin', 'again', own)
    const view = await world.slack.until(() => world.people.robin.modal())
    expect(world.slack.visible(view)).toContain('from vpn, as the policy has it now')
    await world.people.robin.submits(view)
    await world.settle()
    expect(world.cardText()).toMatch(
      /^Approval needed: ssh to vm-jump01.*81\.2\.70\.7 \(of the policy’s range vpn\)/s,
    )
    await denies()
  })

  test('it is not remembered as an address that was typed', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m')
    expect(said()).not.toContain('81.2.70.7')
    expect(world.cardText()).toMatch(/^Denied/)
  })

  test.each([
    ['ofice', 'Did you mean office? Type'],
    ['home', 'use from office or from vpn. Nothing was stored.'],
    ['198.41.128.7', 'stands in the policy’s own list of addresses that the policy never lets in'],
    ['198.41.128.0/28', 'Some of 198.41.128.0/28'],
  ])('from %s is refused, and nobody is asked', async (from, why) => {
    await world.asks('robin', `ssh vm-web01 30m from ${from}`)
    expect(said()).toContain(why)
    expect(world.cardText()).toMatch(/^Denied/)
  })

  test('what is listed while a request waits gets no yes any more', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    expect(world.cardText()).toContain('81.2.69.142 (typed, not confirmed; shared address')
    expect(await world.policy(moreNever)).toBeNull()
    await world.clicks('avery', 'approve')
    expect(sources()).toEqual([])
    expect(world.ephemerals('avery').at(-1)).toContain(
      'an address in the policy’s own list of those that never come in',
    )
    await denies()
    await world.asks('robin', 'ssh vm-jump01 30m')
    expect(said()).toContain('81.2.69.142 stands in the policy’s own list')
  })

  test('typed: false takes no typed address, new or remembered, and says what is possible', async () => {
    expect(await world.policy(untyped)).toBeNull()
    for (const from of [' from 81.2.69.142', ' from 10.0.0.1', '']) {
      await world.asks('robin', `ssh vm-jump01 30m${from}`)
      expect(said()).toContain(
        'The policy takes no typed addresses. Use from office or from vpn. Nothing was',
      )
    }
    await world.asks('robin', 'why ssh vm-jump01 30m from vpn')
    expect(said()).toContain('the rule “a colleague agrees” asks for 1 approval')
  })
})
