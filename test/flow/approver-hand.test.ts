import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

describe('what an approver can do beside a plain yes', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())
  beforeEach(async () => {
    await world.asks('robin', 'rdp,ssh vm-jump01 2h from 81.2.69.142 because the spooler hangs')
  })

  afterEach(async () => {
    for (let view = world.people.avery.modal(); view; view = world.people.avery.modal())
      await world.people.avery.closes(view, { all: true })
  })

  const fills = async (name: Name, values: Record<string, unknown>) => {
    const view = await world.slack.until(() => world.people[name].modal())
    world.people[name].fills(view, values)
    const seen = await world.people[name].submits(view)
    await world.settle()
    return seen
  }

  test('Deny counts at once, and a form asks why; the reason reaches the thread and the requester', async () => {
    await world.clicks('avery', 'deny')
    expect(world.cardText()).toMatch(/^Denied: /)
    await fills('avery', { reason: 'Use the print server instead.' })
    expect(world.thread().join('\n')).toMatch(
      /@avery says about rdp, ssh to vm-jump01.*Use the print server/s,
    )
    expect(world.dm('robin').join('\n')).toMatch(/@avery says.*Use the print server instead\./s)
    expect(world.auditLines().at(-1)).toMatch(/commented/)
  })

  test('Mallory’s Deny changes nothing and asks nothing', async () => {
    await world.clicks('mallory', 'deny')
    expect(world.cardText()).toMatch(/^Approval needed/)
    expect(world.people.mallory.modal()).toBeUndefined()
    await world.clicks('avery', 'deny')
  })

  test('Approve less: one port for half an hour, and nothing more is opened', async () => {
    await world.clicks('avery', 'less')
    await fills('avery', { time: '30m', ports: ['22/tcp'] })
    expect(world.cardText()).toMatch(/^Open: 22\/tcp to vm-jump01/)
    expect(world.cardText()).toMatch(/Asked for: rdp, ssh, 2 h\. @avery approved less\./)
    expect(world.ourRules().every(({ ports }) => ports === '22')).toBe(true)
    expect([world.passesTo('vm-jump01', 22), world.passesTo('vm-jump01', 3389)]).toEqual([true, false])
    await world.passes('31m')
    expect(world.cardText()).toMatch(/^Closed: /)
    expect(world.auditLines().some((line) => /approved less/.test(line))).toBe(true)
  })

  test.each([
    ['longer', '3h', /At most 2 h were asked for/],
    ['all of it', '2h', /This is all of it/],
    ['no duration', 'soon', /not a duration/],
  ])('the form says at its place what is wrong: %s', async (_, time, wrong) => {
    await world.clicks('avery', 'less')
    const seen = await fills('avery', { time })
    expect(JSON.stringify(seen)).toMatch(wrong)
    expect(world.cardText()).toMatch(/^Approval needed/)
    await world.clicks('avery', 'deny')
  })

  test('what an approver writes to the app in the thread reaches the requester', async () => {
    const card = world.card()
    await world.slack.event({
      type: 'app_mention',
      user: 'U0AVERY',
      text: '<@U0BOT> which printer is it?',
      channel: channels.approvals,
      ts: '1795700000.000100',
      thread_ts: card.ts,
      event_ts: '1795700000.000100',
    })
    await world.settle()
    expect(world.dm('robin').join('\n')).toMatch(/@avery says.*which printer is it\?/s)
    await world.clicks('avery', 'deny')
  })
})

describe('asking again', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())

  test('a request that is over can be changed and sent once more, and needs a new yes', async () => {
    await world.asks('robin', 'rdp,ssh vm-jump01 2h from 81.2.69.142 because the spooler hangs')
    await world.clicks('avery', 'deny')
    const own = world.slack.dm('robin').find((message) => world.slack.visible(message).startsWith('Denied'))
    if (!own) throw new Error('Robin has no message about it.')
    await world.clicks('robin', 'again', own)
    const view = await world.slack.until(() => world.people.robin.modal())
    expect(world.slack.visible(view)).toMatch(/rdp, ssh to vm-jump01 from 81\.2\.69\.142/)
    const wrong = await world.people.robin.submits(view, { time: 'soon' })
    expect(JSON.stringify(wrong)).toMatch(/not a duration/)
    await world.people.robin.submits(view, { time: '30m' })
    await world.settle()
    expect(world.cardText()).toMatch(/^Approval needed: rdp, ssh to vm-jump01 for 30 min/)
    expect(world.cardText()).toMatch(/Reason: the spooler hangs/)
  })
})
