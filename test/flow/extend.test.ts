import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { channels, createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY] } }
rules:
  - { name: web servers may be kept for a moment, vm: { name: vm-web* }, extend: { freeOnce: 15m } }
  - { name: a colleague agrees }
`

describe('staying longer', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())

  const opens = async (vm: string) => {
    await world.asks('robin', `ssh ${vm} 30m from 81.2.69.142`)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open: /)
    return /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
  }
  const cards = () => world.slack.messages(channels.approvals).map((card) => world.slack.visible(card))

  test('needs the same yes as before, and access goes on without a gap', async () => {
    const id = await opens('vm-jump01')
    const first = world.card()
    await world.passes('20m')
    await world.asks('robin', `extend ${id} 30m`)
    const next = /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
    expect(world.slack.visible(world.slack.now(first))).toMatch(
      new RegExp(`More time was asked for: see request ${next}\\.`),
    )
    expect(world.cardText()).toMatch(/^Approval needed: more time for ssh to vm-jump01, 30 min longer/)
    expect(world.cardText()).toMatch(/More time for ssh to vm-jump01: 30 min longer, until /)
    expect(world.cardText()).toMatch(/How long\s+30 min longer, until /)
    expect(world.dm('robin').at(-1)).toMatch(/Nothing more is open yet\./)
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /more time for ssh to vm-jump01, 30 min longer, until .*It waits for approval/,
    )
    expect(world.cardText()).toMatch(new RegExp(`Follows\\s+request ${id}`))
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open: more time for ssh to vm-jump01/)
    for (let minutes = 0; minutes < 38; minutes += 2) {
      expect(world.passesTo('vm-jump01', 22)).toBe(true)
      await world.passes('2m')
    }
    await world.passes('4m')
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
    expect(
      cards()
        .slice(-2)
        .every((card) => card.startsWith('Closed: ')),
    ).toBe(true)
    expect(world.dm('robin').join('\n')).toMatch(/This part is over: .*Access goes on until .*by request /s)
  })

  test('hears no word of an end that is none, and at that end how it goes on', async () => {
    const id = await opens('vm-jump01')
    const first = world.card()
    const before = world.dm('robin').length
    await world.passes('10m')
    await world.asks('robin', `extend ${id} 30m`)
    await world.clicks('avery', 'approve')
    const longer = /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
    await world.passes('21m')
    const told = () => world.dm('robin').slice(before).join('\n')
    expect(world.passesTo('vm-jump01', 22)).toBe(true)
    expect(told()).not.toMatch(/minutes? left|Closed:|sign out\./)
    expect(told()).toMatch(
      new RegExp(
        `This part is over: .*no network rule of this request is left.*by request ${longer}\\.`,
        's',
      ),
    )
    expect(told()).not.toMatch(/More time was asked for while it was open/)
    expect(world.slack.visible(world.slack.now(first))).toMatch(/sign out, unless the request for more time/)
    await world.passes('25m')
    expect(told()).toMatch(/minutes left: ssh to vm-jump01 closes/)
    await world.passes('6m')
    expect(told()).toMatch(/Closed: ssh to vm-jump01.*sign out\./s)
  })

  test('is free once where the rule says so, for a short time', async () => {
    const id = await opens('vm-web01')
    await world.asks('robin', `extend ${id} 16m`)
    expect(world.cardText()).toMatch(/^Approval needed/)
    await world.clicks('avery', 'deny')
    await world.people.avery.closes(await world.slack.until(() => world.people.avery.modal()), { all: true })
    const second = await opens('vm-web01')
    await world.asks('robin', `extend ${second} 15m`)
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.cardText()).toMatch(/Approved by the policy/)
    await world.asks('robin', `extend ${second} 15m`)
    expect(world.cardText()).toMatch(/^Approval needed/)
  })

  test('ends with the access that it follows, when somebody closes that early', async () => {
    const id = await opens('vm-jump01')
    const first = world.card()
    await world.asks('robin', `extend ${id} 30m`)
    const waits = world.card()
    await world.clicks('avery', 'close', first)
    expect(world.slack.visible(world.slack.now(waits))).toMatch(
      /^Canceled: .*@avery closed the access that this was to follow/s,
    )
    expect(world.dm('robin').join('\n')).toMatch(
      /Canceled .*@avery closed the access that this was to follow, so it ended too\. Nothing more was opened/,
    )
    await expect(world.clicks('avery', 'approve', waits)).rejects.toThrow(/no "approve" to click/)

    const own = await opens('vm-jump01')
    const ours = world.card()
    await world.asks('robin', `extend ${own} 30m`)
    const before = world.dm('robin').length
    await world.clicks('robin', 'close', ours)
    expect(world.cardText()).toMatch(/^Canceled: .*@robin closed the access that this was to follow/s)
    const told = world.dm('robin').slice(before).join('\n')
    expect(told).toMatch(/Canceled .*You closed the access that this was to follow, so it ended too/)
    expect(told).not.toMatch(/Canceled by you/)
    expect(world.dm('robin').join('\n')).not.toMatch(/You canceled this request/)

    const second = await opens('vm-jump01')
    const open = world.card()
    await world.asks('robin', `extend ${second} 30m`)
    await world.clicks('avery', 'approve')
    await world.clicks('robin', 'close', open)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
    expect(world.ourRules().filter(({ nsg }) => nsg.includes('jump01'))).toEqual([])
    expect(world.cardText()).toMatch(/^Closed: .*@robin closed it early/s)
  })

  test('is nobody else’s to ask for, and nothing can be made longer that is over', async () => {
    const id = await opens('vm-jump01')
    await world.asks('alex', `extend ${id} 15m`)
    expect(world.ephemerals('alex').at(-1)).toMatch(/Only the person who asked/)
    await world.passes('31m')
    await world.asks('robin', `extend ${id} 15m`)
    expect(world.ephemerals('robin').at(-1)).toMatch(/not open, so it cannot be made longer/)
  })

  test('never reaches further than the rule allows at once', async () => {
    const id = await opens('vm-jump01')
    await world.asks('robin', `extend ${id} 3h`)
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /Denied by the policy.*more than the 2 h.*what is open stays open until its own end/s,
    )
  })

  test('may be granted in part: an approver leaves some of the extra time, never less than there was', async () => {
    const id = await opens('vm-jump01')
    const first = world.card()
    await world.passes('10m')
    await world.asks('robin', `extend ${id} 30m`)
    await world.clicks('avery', 'less')
    const view = await world.slack.until(() => world.people.avery.modal())
    expect(world.slack.visible(view)).toMatch(/more time for ssh to vm-jump01, asked for 30 min longer/)
    expect(world.slack.visible(view)).toMatch(/How much longer/)
    const seen = await world.people.avery.submits(view, { time: '40m' })
    expect(JSON.stringify(seen)).toMatch(/At most 30 min more were asked for/)
    await world.people.avery.submits(view, { time: '10m' })
    await world.settle()
    expect(world.cardText()).toMatch(/^Open: more time for ssh to vm-jump01/)
    expect(world.cardText()).toMatch(/More time for ssh to vm-jump01: 10 min longer, until /)
    expect(world.cardText()).toMatch(/Asked for: ssh, 30 min longer\. @avery approved less\./)
    expect(world.thread()[0]).toMatch(/Open until .*ssh to vm-jump01/)
    await world.passes('22m')
    expect(world.slack.visible(world.slack.now(first))).toMatch(/^Closed: /)
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.passesTo('vm-jump01', 22)).toBe(true)
    await world.passes('9m')
    expect(world.cardText()).toMatch(/^Closed: more time for ssh to vm-jump01/)
    expect(world.cardText()).toMatch(/it was to be 10 min longer, until /)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })
})
