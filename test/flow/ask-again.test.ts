import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
address: { remember: 1h }
defaults: { channel: C0APPROVALS, maxDuration: 1d, approvers: { users: [U0AVERY] } }
rules:
  - { name: databases want a typed address, vm: { name: vm-db* }, source: { kind: [typed] } }
  - name: a colleague agrees, or the house is on fire
    vm: { name: [vm-jump*, vm-web*] }
    breakGlass: { maxDuration: 30m, reviewers: { users: [U0ALEX] } }
`

describe('asking again', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())

  /** The form behind the button of the newest of Robin's messages that has one. */
  const form = async () => {
    const own = world.slack.dm('robin').findLast((message) => JSON.stringify(message).includes('"again"'))
    if (!own) throw new Error('Robin has no message about a request that is over.')
    await world.clicks('robin', 'again', own)
    const view = await world.slack.until(() => world.people.robin.modal())
    return { view, text: world.slack.visible(view) }
  }
  const sends = async (view: Awaited<ReturnType<typeof form>>['view'], values: Record<string, string>) => {
    const seen = await world.people.robin.submits(view, values)
    await world.settle()
    return JSON.stringify(seen)
  }
  const denies = async () => {
    await world.clicks('avery', 'deny')
    await world.people.avery.closes(await world.slack.until(() => world.people.avery.modal()), { all: true })
  }

  test('says that its start has to be said anew, and asks for a later one', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m tomorrow 9:00 from 81.2.69.142')
    await denies()
    const { view, text } = await form()
    expect(text).toMatch(/its start has to be said anew/)
    expect(text).toMatch(/The request before was to begin /)
    expect(text).toMatch(/Start/)
    expect(text).toMatch(/at 18:00 or tomorrow 9:00; empty means now/)
    expect(await sends(view, { start: 'soon' })).toMatch(/Write the start as in at 18:00/)
    await sends(view, { start: 'tomorrow 10:00' })
    expect(world.cardText()).toMatch(/How long\s+30 min, from /)
    await denies()
    const again = await form()
    await sends(again.view, {})
    expect(world.cardText()).toMatch(/How long\s+30 min from the approval/)
    await denies()
  })

  test('leaves the end to be said where one was named', async () => {
    await world.asks('robin', 'ssh vm-jump01 until 22:00 from 81.2.69.142')
    await denies()
    const { view, text } = await form()
    expect(text).toMatch(/The request before was to end /)
    expect(await sends(view, {})).toMatch(/viewErrors":\{"time/)
    await sends(view, { time: 'until 22:30' })
    expect(world.cardText()).toMatch(/How long\s+until /)
    await denies()
  })

  test('after breaking the glass says that it is an ordinary request', async () => {
    await world.asks('robin', 'break-glass ssh vm-jump01 20m from 81.2.69.142 because the shop is down')
    await world.people.robin.submits(await world.slack.until(() => world.people.robin.modal()))
    await world.settle()
    await world.clicks('robin', 'close')
    const { view, text } = await form()
    expect(text).toMatch(/An ordinary request, not a break-glass: it waits for a yes/)
    await sends(view, {})
    expect(world.cardText()).toMatch(/^Approval needed: ssh to vm-jump01 for 20 min/)
    await denies()
  })

  test('after more time says that it is a request of its own, as long as the extra time', async () => {
    await world.asks('robin', 'ssh vm-jump01 8h from 81.2.69.142')
    await world.clicks('avery', 'approve')
    const open = world.card()
    const id = /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
    await world.asks('robin', `extend ${id} 30m`)
    await denies()
    const { view, text } = await form()
    expect(text).toMatch(/A new request of its own, not more time/)
    await sends(view, {})
    expect(world.cardText()).toMatch(/^Approval needed: ssh to vm-jump01 for 30 min/)
    await denies()
    await world.clicks('robin', 'close', open)
  })

  test('never makes a remembered address a typed one', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    await denies()
    await world.passes('10m')
    await world.asks('robin', 'ssh vm-jump01 30m')
    expect(world.cardText()).toMatch(/Address\s+81\.2\.69\.142 \(typed earlier, .*, not confirmed\)/)
    await denies()
    const { view, text } = await form()
    expect(text).toMatch(/ from 81\.2\.69\.142, which you gave before and which is still remembered/)
    await sends(view, {})
    expect(world.cardText()).toMatch(/Address\s+81\.2\.69\.142 \(typed earlier, .*, not confirmed\)/)
    await denies()

    const stale = await form()
    await world.passes('55m')
    expect(await sends(stale.view, {})).toMatch(/Your remembered address has changed since this form/)
    await world.people.robin.closes(stale.view, { all: true })
    const { view: late, text: lateText } = await form()
    expect(lateText).toMatch(/is not remembered any more, so you will be asked for it/)
    await sends(late, {})
    expect(world.ephemerals('robin').at(-1)).toMatch(/Which address will you connect from\?/)
  })
})
