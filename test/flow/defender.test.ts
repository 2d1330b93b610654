import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const policy = `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n`
const ask = 'rdp vm-mdc01 30m from 81.2.69.142'

let world: World
beforeAll(async () => {
  world = await createWorld({ policy })
})
afterAll(() => world?.close())

test('Defender opens, and closes at the end; nothing is said before Azure shows it', async () => {
  await world.asks('robin', ask)
  expect(world.cardText()).toMatch(/Way.*by Defender for Cloud, under its policy default/s)
  await world.clicks('avery', 'approve')
  expect(world.passesTo('vm-mdc01', 3389)).toBe(false)
  expect(world.cardText()).toMatch(
    /^Approved, opening.*Defender for Cloud was asked .*Azure does not show its network rule yet/s,
  )
  expect(world.thread()).toEqual([])
  await world.passes({ seconds: 10 })
  expect(world.passesTo('vm-mdc01', 3389)).toBe(true)
  expect(world.passesTo('vm-mdc01', 3389, '81.2.69.143')).toBe(false)
  expect(world.cardText()).toMatch(/^Open:.*Defender for Cloud opened it. Azure confirmed the network rule/s)
  expect(world.thread().at(-1)).toMatch(/^Open until .*Defender for Cloud opened it\./)
  await world.passes('31m')
  expect(world.passesTo('vm-mdc01', 3389)).toBe(false)
  expect(world.cardText()).toMatch(/^Closed/)
  expect(world.thread().at(-1)).toMatch(
    /Closed:.*after its end. Defender for Cloud closed it\. Azure confirms/s,
  )
})
