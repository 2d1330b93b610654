import { afterEach, describe, expect, test } from 'vitest'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = (rule: string) => `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ALEX] }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY, U0LEE] } }
rules:
  - ${rule}
`

describe('a yes and a stop', () => {
  let world: World
  afterEach(() => world?.close())

  const form = async (name: Name, text: string) => {
    await world.people[name].types('/jit', `panic ${text}`, { channel: channels.access })
    return world.slack.until(() => world.people[name].modal())
  }
  const does = async (name: Name, text: string) => {
    await world.people[name].submits(await form(name, text))
    await world.passes('1m')
  }
  const begins = async (rule: string, text: string) => {
    world = await createWorld({ policy: policy(rule) })
    await world.asks('robin', text)
    await world.clicks('avery', 'approve')
  }

  test('what somebody said before they were stopped counts for nothing while that holds', async () => {
    await begins('{ name: two agree, approvals: 2 }', 'ssh vm-jump01 1h from 81.2.69.142')
    await does('alex', 'person <@U0AVERY|avery> because the laptop is stolen')
    await world.clicks('lee', 'approve')
    expect(world.cardText()).toMatch(/^Approval needed/)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })

  test('a start that was named does not open on the yes of somebody who is stopped by then', async () => {
    await begins('{ name: a colleague agrees }', 'ssh vm-jump01 1h at 23:00 from 81.2.69.142')
    await does('alex', 'person <@U0AVERY|avery> because the laptop is stolen')
    await world.passes('15h')
    expect(world.cardText()).toMatch(/^Never opened: .*somebody who approved it may not do so any more/s)
  })

  test('nor on that of somebody who has left', async () => {
    await begins('{ name: a colleague agrees }', 'ssh vm-jump01 1h at 23:00 from 81.2.69.142')
    world.people.avery.becomes({ deleted: true })
    await world.passes('15h')
    expect(world.cardText()).toMatch(/^Never opened: .*0 of the 1 approvals/s)
  })

  test('where enough others have agreed, it opens all the same', async () => {
    world = await createWorld({ policy: policy('{ name: two agree, approvals: 2 }') })
    await world.asks('robin', 'ssh vm-jump01 2h at 18:00 from 81.2.69.142')
    await world.clicks('avery', 'approve')
    await world.clicks('lee', 'approve')
    expect(world.cardText()).toMatch(/Opens/)
    await world.policy(policy('{ name: two agree, approvals: 1 }'))
    world.people.avery.becomes({ deleted: true })
    await world.passes('10h')
    expect(world.cardText()).toMatch(/^Closed: .*Its time is over/s)
  })

  test('what was asked for to follow on from stopped access ends with it', async () => {
    await begins('{ name: a colleague agrees }', 'ssh vm-jump01 1h from 81.2.69.142')
    const id = /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
    await world.asks('robin', `extend ${id} 30m`)
    const waiting = world.card()
    await does('alex', 'vm vm-jump01 because of an intrusion')
    await does('alex', 'lift because all is clean')
    expect(world.slack.visible(world.slack.now(waiting))).toMatch(/^Canceled: /)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })

  test.each(['500', '429'] as const)('a stop is not lost when Slack answers %s once', async (kind) => {
    world = await createWorld({ policy: policy('{ name: open, approvals: 0 }') })
    await world.asks('robin', 'ssh vm-jump01 1h from 81.2.69.142')
    const view = await form('alex', 'all because of an intrusion')
    world.slack.fault({ method: 'users.info', kind, times: 1 })
    await world.people.alex.submits(view)
    await world.passes('2m')
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
    expect(world.cardText()).toMatch(/^Closed: /)
  })
})
