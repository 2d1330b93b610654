import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

describe('a whole request', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())

  test('Robin asks, Avery approves, the rule is there for half an hour and then it is gone', async () => {
    const seen = await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142 because the build is stuck')
    console.log(seen, world.ephemerals('robin'))
    console.log(world.cardText())
    console.log(world.dm('robin'))
    await world.clicks('avery', 'approve')
    console.log(world.cardText())
    console.log(world.ourRules())
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.passes('31m')
    console.log(world.cardText())
    console.log(world.thread())
    console.log(world.dm('robin'))
    console.log(world.auditLines())
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
  })
})
