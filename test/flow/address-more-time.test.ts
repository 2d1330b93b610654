import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Changing, elsewhere, robins, third, withChanges } from '../support/changed-address.ts'
import type { World } from '../support/world.ts'

describe('more time, and another address', () => {
  let bench: Changing
  let world: World
  let id: string
  beforeEach(async () => {
    bench = await withChanges()
    world = bench.world
    id = await bench.opens()
    await world.passes('20m')
    await world.asks('robin', `extend ${id} 1h`)
  })
  afterEach(() => world?.close())

  test('more time from the old address ends once the new one is open', async () => {
    const more = world.card()
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open: more time/)
    await bench.changes(/^Open: rdp to vm-jump01/)
    await world.clicks('avery', 'approve')
    await world.passes('2m')
    expect(bench.letIn()).toEqual([elsewhere])
    expect(world.slack.visible(world.slack.now(more))).toMatch(
      /^Closed: more time .*Its person comes from another address now, and request .* took its place\./s,
    )
  })

  test('more time that was asked for before cannot open the old address any more', async () => {
    const more = world.card()
    await bench.changes(/^Open: rdp to vm-jump01/)
    expect(bench.told()).toMatch(/More time from the old address ends then, too/)
    await world.clicks('avery', 'approve')
    await world.passes('2m')
    expect(bench.letIn()).toEqual([elsewhere])
    expect(world.slack.visible(world.slack.now(more))).toMatch(
      /^Ended: more time .*Its person comes from another address now, and request .* took the place of the access that this was to follow\. .*Nothing more was opened\./s,
    )
    expect(bench.told()).toMatch(
      /Ended .*You come from another address now, and request .* took the place of the access that this was to follow/,
    )
    const [requestId] = /(?<=Request )[a-z0-9]+/.exec(world.slack.visible(world.slack.now(more))) ?? ['']
    const person = { enterpriseId: null, teamId: 'T0TEAM', userId: 'U0AVERY' }
    const gesture = { kind: 'click', person, action: 'approve', requestId, responseUrl: null } as const
    await world.app.store.receive({ key: 'late', receivedAt: world.clock.now(), gesture })
    await world.passes('2m')
    expect(bench.letIn()).toEqual([elsewhere])
  })

  test('where more time moves, the access that it follows ends, too', async () => {
    await world.clicks('avery', 'approve')
    await bench.changes(/^Open: more time/, third)
    expect(world.cardText()).toMatch(/^Approval needed: a new address/)
    expect(bench.letIn()).toEqual([robins])
    await world.clicks('avery', 'approve')
    await world.passes('2m')
    expect(bench.letIn()).toEqual([third])
  })

  test('more time that got the new address before its approval goes on', async () => {
    const more = world.card()
    expect(await bench.changes(/^Approval needed: more time/)).toBeNull()
    expect(await bench.changes(/^Open: rdp to vm-jump01/)).toBeNull()
    await world.clicks('avery', 'approve')
    await world.passes('2m')
    expect(world.slack.visible(world.slack.now(more))).toMatch(/^Approval needed: more time/)
    await world.clicks('avery', 'approve', world.slack.now(more))
    await world.passes('2m')
    expect(bench.letIn()).toEqual([elsewhere])
  })

  test('where more time moves to an address that was confirmed later, an earlier move leaves it alone', async () => {
    await world.clicks('avery', 'approve')
    await bench.changes(/^Open: rdp to vm-jump01/)
    const earlier = world.card()
    await world.passes('1m')
    await bench.changes(/^Open: more time/, third)
    const later = world.card()
    await world.clicks('avery', 'approve', earlier)
    await world.passes('2m')
    expect(world.slack.visible(world.slack.now(later))).toMatch(/^Approval needed: a new address/)
    await world.clicks('avery', 'approve', world.slack.now(later))
    await world.passes('2m')
    expect(world.slack.visible(world.slack.now(later))).toMatch(/^Open: a new address/)
    expect(world.passesTo('vm-jump01', 3389, third)).toBe(true)
  })
})
