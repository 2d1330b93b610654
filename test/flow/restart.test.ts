import { afterEach, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

describe('a restart', () => {
  let world: World
  afterEach(() => world.close())

  test('a card that was posted before still works after', async () => {
    world = await createWorld({ durable: true })
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.restarts()
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.slack.messages('C0APPROVALS')).toHaveLength(1)
  })

  test('access that ended while the bot was away is closed at once, and the lateness is told', async () => {
    world = await createWorld({ durable: true })
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    world.clock.to(world.clock.now() + 2 * 3_600_000)
    await world.restarts()
    await world.settle()
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    expect(world.thread().at(-1)).toMatch(/^Closed/)
    expect(world.thread().at(-1)).toMatch(/5400 s|90 min|1 h 30 min/)
    expect(world.thread().join('\n')).not.toMatch(/5 minutes left/)
  })

  test('access that goes on is left alone and closed in time', async () => {
    world = await createWorld({ durable: true })
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    await world.restarts()
    await world.passes('29m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.passes('1m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
  })

  test('a command that was acknowledged and not yet handled is handled after', async () => {
    world = await createWorld({ durable: true })
    const seen = await world.people.robin.types('/jit', 'rdp vm-jump01 30m from 81.2.69.142', {
      channel: 'C0ACCESS',
    })
    expect(seen.acked).toBe(true)
    await world.restarts()
    await world.settle()
    expect(world.cardText()).toMatch(/^Approval needed/)
  })
})
