import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

describe('approving', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())

  const lastTold = (name: Parameters<World['ephemerals']>[0]) => world.ephemerals(name).at(-1) ?? ''
  const grants = async () => (await world.app.store.grants(['opening', 'open', 'closing', 'closed'])).length

  describe('a request that needs one yes', () => {
    let before = 0
    beforeEach(async () => {
      await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
      before = await grants()
    })

    test('Robin cannot approve what Robin asked for', async () => {
      await world.clicks('robin', 'approve')
      expect(lastTold('robin')).toMatch(/Nobody decides on their own request/)
      expect(await grants()).toBe(before)
      expect(world.cardText()).toMatch(/^Approval needed/)
    })

    test('Mallory, whom the policy does not name, cannot approve and is told who can', async () => {
      await world.clicks('mallory', 'approve')
      expect(lastTold('mallory')).toMatch(/not an approver.*@avery/s)
      expect(await grants()).toBe(before)
    })

    test('Lee may, as a member of the group that the policy names, until leaving it', async () => {
      await world.clicks('lee', 'approve')
      expect(await grants()).toBe(before + 1)
      await world.clicks('robin', 'close')
    })

    test.each([
      ['a guest', { guest: true }, /guest/],
      ['deactivated', { deleted: true }, /deactivated/],
      ['a stranger', { stranger: true }, /another organisation/],
      ['from another team', { team: 'T0OTHER' }, /another organisation/],
      ['a bot', { bot: true }, /bot/],
    ])('Avery cannot approve any more after becoming %s', async (_name, change, why) => {
      await world.passes('2m')
      world.people.avery.becomes(change)
      await world.clicks('avery', 'approve')
      expect(await grants()).toBe(before)
      expect(world.slack.ephemerals('avery').at(-1)?.text ?? '').toMatch(why)
      world.people.avery.becomes({
        guest: false,
        deleted: false,
        stranger: false,
        team: 'T0TEAM',
        bot: false,
      })
    })

    test('when Slack cannot say who clicked, nothing opens, and a later click works', async () => {
      await world.passes('2m')
      world.slack.fault({ method: 'users.info', kind: '500', times: 2 })
      await world.clicks('avery', 'approve')
      expect(await grants()).toBe(before)
      expect(lastTold('avery')).toMatch(/could not tell who you are/)
      world.slack.heal()
      await world.clicks('avery', 'approve')
      expect(await grants()).toBe(before + 1)
      await world.clicks('robin', 'close')
    })

    test('one click that arrives five times has one effect', async () => {
      const card = world.card()
      await world.people.avery.clicks(card, 'approve', { times: 5, everyConnection: true })
      await world.settle()
      expect(await grants()).toBe(before + 1)
      expect(world.ourRules().length).toBe(2)
      await world.clicks('robin', 'close')
    })

    test('two approvers at the same instant make one grant, and the slower one is told', async () => {
      const card = world.card()
      await Promise.all([world.people.avery.clicks(card, 'approve'), world.people.alex.clicks(card, 'deny')])
      await world.settle()
      const late = [...world.ephemerals('avery'), ...world.ephemerals('alex')].join('\n')
      expect(late).toMatch(/Too late: this request was already (approved|denied)/)
      expect(await grants()).toBeLessThanOrEqual(before + 1)
      if (world.cardText().startsWith('Open')) await world.clicks('robin', 'close')
    })

    test('a late click on an old copy of the card is told what was decided, by whom and when', async () => {
      const old = world.card()
      await world.clicks('alex', 'deny')
      await world.people.avery.clicks(old, 'approve', { stale: true })
      await world.settle()
      expect(lastTold('avery')).toMatch(/already denied by @alex at .*UTC/)
      expect(await grants()).toBe(before)
    })

    test('a click with the id of another request decides nothing that the clicker may not decide', async () => {
      await world.people.mallory.clicks(world.card(), 'approve', { forgedValue: 'nosuchid00' })
      await world.settle()
      expect(lastTold('mallory')).toMatch(/no request nosuchid00/)
      expect(await grants()).toBe(before)
    })

    test('Robin cancels; the buttons go and Robin is told', async () => {
      const mirror = world.slack
        .dm('robin')
        .findLast((message) => world.slack.visible(message).includes('[Cancel]'))
      if (!mirror) throw new Error('There is no Cancel button in the direct messages.')
      await world.clicks('robin', 'cancel', mirror)
      expect(world.cardText()).toMatch(/^Canceled/)
      expect(world.cardText()).not.toContain('[Approve]')
      expect(await grants()).toBe(before)
    })

    test('at the deadline it lapses, and a click after it opens nothing', async () => {
      const old = world.card()
      await world.passes('31m')
      expect(world.cardText()).toMatch(/^Not approved in time/)
      expect(world.cardText()).not.toContain('[Approve]')
      await world.people.avery.clicks(old, 'approve', { stale: true })
      await world.settle()
      expect(lastTold('avery')).toMatch(/already lapsed/)
      expect(await grants()).toBe(before)
    })

    test('the policy at the click wins over the policy at the request', async () => {
      expect(await world.policy(worldPolicy.replace('maxDuration: 8h', 'maxDuration: 10m'))).toBeNull()
      await world.clicks('avery', 'approve')
      expect(lastTold('avery')).toMatch(/policy no longer allows/)
      expect(await grants()).toBe(before)
      expect(await world.policy(worldPolicy)).toBeNull()
    })

    test('a bad policy file is refused where it is wrong, and the old one stays in force', async () => {
      const wrong = await world.policy(worldPolicy.replace('approvals: 1', 'aprovals: 1'))
      expect(wrong).toMatch(/rules\[2\]\.aprovals: unknown key; allowed are .*approvals/)
      await world.clicks('avery', 'approve')
      expect(await grants()).toBe(before + 1)
      await world.clicks('robin', 'close')
      expect(await world.policy(worldPolicy)).toBeNull()
    })
  })

  test('production needs two different people', async () => {
    await world.asks('robin', 'rdp vm-db01 30m from 81.2.69.142')
    const before = await grants()
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/1 of 2 approvals/)
    expect(await grants()).toBe(before)
    await world.clicks('avery', 'approve')
    expect(lastTold('avery')).toMatch(/already counts/)
    expect(await grants()).toBe(before)
    await world.clicks('alex', 'approve')
    expect(world.cardText()).toMatch(/^Open/)
    expect(world.passesTo('vm-db01', 3389)).toBe(true)
    await world.clicks('avery', 'close')
    expect(world.passesTo('vm-db01', 3389)).toBe(false)
  })

  test('what no rule allows is denied, with the reason, and no card is posted', async () => {
    const cards = world.slack.messages('C0APPROVALS').length
    await world.asks('robin', '8080 vm-jump01 30m from 81.2.69.142')
    expect(lastTold('robin')).toMatch(/Denied by the policy.*no rule of the policy matches/s)
    expect(world.dm('robin').at(-1)).toMatch(/^Denied/)
    await world.asks('robin', 'rdp vm-jump01 9h from 81.2.69.142')
    expect(lastTold('robin')).toMatch(/9 h is more than the 8 h that the rule allows/)
    expect(world.slack.messages('C0APPROVALS').length).toBe(cards)
  })

  test('what the policy allows without asking anybody opens at once', async () => {
    await world.asks('robin', 'ssh vm-web01 15m from 81.2.69.142')
    const id = /Request (\w+)/.exec(world.cardText())?.[1]
    await world.asks('robin', `cancel ${id}`)
    expect(lastTold('robin')).toMatch(
      new RegExp(`^This request was approved at .*nothing to cancel\\. /jit close ${id} ends the access\\.$`),
    )
    expect(world.passesTo('vm-web01', 22)).toBe(true)
    expect(world.dm('robin').at(-1)).toMatch(/ssh/)
    await world.passes('16m')
    expect(world.passesTo('vm-web01', 22)).toBe(false)
  })
})
