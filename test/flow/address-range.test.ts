import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
address: { remember: 12h }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY, U0ALEX] } }
rules:
  - { name: an office looks at a web server, vm: { name: vm-web* }, maxAddresses: 16 }
  - { name: a colleague agrees }
`

describe('a range instead of one address', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())

  const less = async (from: string, time = '30m') => {
    await world.clicks('avery', 'less')
    const view = await world.slack.until(() => world.people.avery.modal())
    world.people.avery.fills(view, { time, source: from })
    const seen = JSON.stringify(await world.people.avery.submits(view))
    await world.settle()
    if (world.people.avery.modal()) await world.people.avery.closes(view, { all: true })
    return seen
  }
  const sources = () => [...new Set(world.ourRules().map(({ source }) => source))]

  test('is opened as it was asked for, where the rule lets it in', async () => {
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.128/28')
    expect(world.cardText()).toContain('81.2.69.128/28, 16 addresses (typed, not confirmed)')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open: ssh to vm-web01/)
    expect(sources()).toEqual(['81.2.69.128/28'])
    await world.passes('31m')
    expect(world.cardText()).toMatch(/^Closed: /)
    expect(sources()).toEqual([])
  })

  test('is refused by a rule that lets in one address, and nothing is posted', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.128/28')
    expect(world.ephemerals('robin').at(-1)).toContain('more than the 1 that the rule allows at once')
    expect(world.cardText()).toMatch(/^Closed: ssh to vm-web01/)
  })

  test.each([
    ['81.2.69.128/24', 'stands for 256 addresses; the policy allows at most 16 at once'],
    ['81.2.69.142/28', 'write 81.2.69.128/28'],
    ['10.0.0.0/28', 'is private'],
  ])('%s is not understood as one', async (from, why) => {
    await world.asks('robin', `ssh vm-web01 30m from ${from}`)
    expect(world.ephemerals('robin').at(-1)).toContain(why)
  })

  test('Approve less: a narrower source, and nobody else of the range gets in', async () => {
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.128/28')
    for (const [from, wrong] of [
      ['81.2.69.128/27', 'Only a part of 81.2.69.128/28 was asked for.'],
      ['9.9.9.9', 'Only a part of 81.2.69.128/28 was asked for.'],
      ['81.2.69.128/28', 'This is all of it.'],
      ['the office', 'is a list'],
    ] as const) {
      expect(await less(from)).toContain(wrong)
      expect(world.cardText()).toMatch(/^Approval needed/)
    }
    await less('81.2.69.142')
    expect(world.cardText()).toMatch(/^Open: ssh to vm-web01/)
    expect(world.cardText()).toContain('81.2.69.142 (typed, not confirmed)')
    expect(world.cardText()).toMatch(
      /Asked for: ssh, 30 min, from 81\.2\.69\.128\/28\. @avery approved less\./,
    )
    expect(sources()).toEqual(['81.2.69.142'])
    expect(world.passesTo('vm-web01', 22)).toBe(true)
    expect(world.auditLines().some((line) => /approved less/.test(line))).toBe(true)
    await world.passes('31m')
  })
})
