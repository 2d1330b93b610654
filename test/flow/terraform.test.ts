import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { guardedGroup, jitAllows, rgShop } from '../support/defender.ts'
import { armCall, groupPath } from '../support/simulator.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

describe('Terraform keeps the whole security group in its own list', () => {
  let world: World
  beforeEach(async () => {
    world = await createWorld({ policy: `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n` })
  })
  afterEach(() => world.close())

  /** What Terraform's state holds of a group: the rules that somebody wrote into it, none of ours. */
  const stateOf = async (group: string) => {
    const { body } = await armCall(world.azure, 'GET', group)
    return body
  }
  const applies = async (group: string, state: unknown) => {
    expect(await armCall(world.azure, 'PUT', group, { body: state })).toMatchObject({ status: 200 })
  }
  const cardOf = (address: string) => {
    const cards = world.slack.messages('C0APPROVALS').map((message) => world.slack.visible(message))
    return cards.findLast((text) => text.includes(address) && /^(Open|Closed|Closing)/.test(text)) ?? ''
  }

  test('an apply wipes two people’s rules: each thread says so, each access is closed, its own rules stay', async () => {
    const state = await stateOf(groupPath)
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    await world.asks('avery', 'rdp vm-jump01 30m from 81.2.69.160')
    await world.clicks('alex', 'approve')
    await world.passes('1m')
    expect([cardOf('81.2.69.142'), cardOf('81.2.69.160')]).toEqual([
      expect.stringMatching(/^Open/),
      expect.stringMatching(/^Open/),
    ])
    await applies(groupPath, state)
    await world.reconciles()
    expect([cardOf('81.2.69.142'), cardOf('81.2.69.160')]).toEqual([
      expect.stringMatching(/^Closed/),
      expect.stringMatching(/^Closed/),
    ])
    const said = world.slack.messages('C0APPROVALS').map((message) => world.slack.visible(message))
    expect(
      said.filter((text) =>
        /changed outside Jitney: its rule in nsg-jump01-nic was removed by somebody else/.test(text),
      ),
    ).toHaveLength(2)
    expect(Object.keys(world.azure.rules('nsg-jump01-nic'))).toEqual(['deny-rdp-internet'])
    expect(world.ourRules()).toEqual([])
    for (const source of ['81.2.69.142', '81.2.69.160'])
      expect(world.passesTo('vm-jump01', 3389, source)).toBe(false)
  })

  test('whoever asks again after the wipe is let in by a new rule, until the next apply', async () => {
    const state = await stateOf(groupPath)
    for (const turn of [1, 2]) {
      await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
      await world.clicks('avery', 'approve')
      await world.passes('1m')
      expect([turn, world.passesTo('vm-jump01', 3389)]).toEqual([turn, true])
      await applies(groupPath, state)
      await world.reconciles()
      expect(world.cardText()).toMatch(/^Closed/)
    }
  })

  test('an apply wipes the rule that Defender wrote: it is told, and nothing is brought back', async () => {
    const group = `${rgShop}/providers/Microsoft.Network/networkSecurityGroups/${guardedGroup}`
    const state = await stateOf(group)
    await world.asks('robin', 'rdp vm-mdc01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Open/)
    expect(jitAllows(world.azure)).toHaveLength(1)
    await applies(group, state)
    await world.passes('2m')
    expect(world.thread().join('\n')).toMatch(
      /changed outside Jitney: its rule in nsg-mdc01-nic was removed by somebody else/,
    )
    expect([world.passesTo('vm-mdc01', 3389), jitAllows(world.azure)]).toEqual([false, []])
  })
})
