import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { peopledWorld } from '../support/access.ts'
import { createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY] } }
rules:
  - { name: a colleague agrees }
`

describe('a start that has come while Entra does not answer', () => {
  let world: World
  beforeEach(async () => {
    world = await createWorld({ policy, entra: true, simulator: { world: peopledWorld() } })
    await world.asks('robin', 'ssh vm-jump01 1h at 23:00 from 81.2.69.142')
    await world.clicks('avery', 'approve')
    const opensAt = Date.parse('2026-11-23T22:00:00Z')
    await world.passes(`${Math.round((opensAt - world.clock.now()) / 60_000) - 2}m`)
    world.azure.fault({ kind: 'server-error', status: 503, path: '/v1.0/' })
    await world.passes('15m')
  })
  afterEach(() => world?.close())

  const waits = /^Not opened yet: ssh to vm-jump01\. Entra did not answer .* I keep trying until /

  test('says so once, on the card as well, and opens when Entra answers', async () => {
    expect(world.thread()).toEqual([expect.stringMatching(waits)])
    expect(world.dm('robin').at(-1)).toMatch(waits)
    expect(world.cardText()).toMatch(/Nothing is open yet: Entra did not answer/)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
    world.azure.clearFaults()
    await world.passes('10m')
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.cardText()).not.toMatch(/did not answer/)
    await world.passes('1h')
    expect(world.cardText()).toMatch(/^Closed: .*Its time is over\./s)
  })

  test('says at its end why it never opened', async () => {
    await world.passes('1h')
    expect(world.cardText()).toMatch(
      /^Never opened: .*Its time is over: Entra did not answer until then, so it could not be looked at again/s,
    )
    expect(world.thread().at(-1)).toMatch(/^Ended without opening: .*Entra did not answer/)
    expect(world.azure.history().filter(({ rule }) => rule.startsWith('jit-'))).toEqual([])
  })
})
