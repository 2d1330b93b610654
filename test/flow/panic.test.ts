import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { channels, createWorld, type Name, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { users: [U0ALEX] }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY] } }
rules:
  - { name: web servers are open to all, vm: { name: vm-web* }, approvals: 0 }
  - { name: a colleague agrees }
`

describe('a panic', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())

  const stops = async (name: Name, text: string) => {
    await world.people[name].types('/jit', `panic ${text}`, { channel: channels.access })
    const view = await world.slack.until(() => world.people[name].modal())
    await world.people[name].submits(view)
    await world.settle()
    return view
  }
  const pages = () => world.slack.messages(channels.pages).map((message) => world.slack.visible(message))
  const opens = async (vm: string) => {
    await world.asks('robin', `ssh ${vm} 1h from 81.2.69.142`)
    if (!vm.startsWith('vm-web')) await world.clicks('avery', 'approve')
    expect(world.passesTo(vm, 22)).toBe(true)
  }

  test('closes one VM and lets the others be, until it is lifted', async () => {
    await opens('vm-jump01')
    await opens('vm-web01')
    await stops('alex', 'vm vm-jump01 because the jump host is compromised')
    expect([world.passesTo('vm-jump01', 22), world.passesTo('vm-web01', 22)]).toEqual([false, true])
    expect(world.dm('robin').join('\n')).toMatch(
      /@alex stopped all such access: the jump host is compromised/,
    )
    await world.passes('1m')
    expect(pages().at(-1)).toMatch(/Closed: 1 access\. Nothing there is still closing/)
    expect(world.auditLines().some((line) => /@alex stopped all access to the VM vm-jump01/.test(line))).toBe(
      true,
    )

    await world.asks('robin', 'ssh vm-jump01 1h from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /Stopped: @alex stopped all such access.*Nothing was opened/,
    )
    await stops('alex', 'lift because it was cleaned')
    expect(world.dm('alex').at(-1)).toMatch(/The stop is lifted/)
    expect(world.auditLines().at(-1)).toMatch(/@alex lifted the stop of all access to the VM vm-jump01/)
    await opens('vm-jump01')
  })

  test('is told to whoever asks why, or how things stand', async () => {
    await stops('alex', 'vm vm-jump01 because the jump host is compromised')
    await world.asks('robin', 'why ssh vm-jump01 1h from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /^@alex stopped all access to the VM vm-jump01 .*: the jump host is compromised\. Nothing there is opened until an operator lifts that\. Apart from that, the policy says:\nWhy: ssh to vm-jump01.*Needs approval/s,
    )
    await world.asks('robin', 'why ssh vm-web01 1h from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(/^Why: ssh to vm-web01/)
    await world.asks('avery', 'status')
    expect(world.ephemerals('avery').at(-1)).toMatch(
      /^Stopped: @alex stopped all access to the VM vm-jump01 at .*: the jump host is compromised\.\n/,
    )
    await stops('alex', 'person <@U0MALLORY|mallory> because the laptop is lost')
    await world.asks('avery', 'status')
    expect(world.ephemerals('avery').at(-1)).toMatch(
      /Stopped: @alex stopped all access of @mallory at .*: the laptop is lost\.\n/,
    )
    await stops('alex', 'lift because it was cleaned')
    await world.asks('robin', 'why ssh vm-jump01 1h from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(/^Why: ssh to vm-jump01/)
    await world.asks('avery', 'status')
    expect(world.ephemerals('avery').at(-1)).not.toMatch(/stopped/i)
  })

  test.each([
    [
      'vm vm-jump0 because x',
      /I know no VM named vm-jump0\. The nearest name is vm-jump01\. Nothing was stopped/,
    ],
    ['subscription Nowhere because x', /I know no subscription named Nowhere\. Nothing was stopped/],
  ])('of what nobody knows is refused before the form: %s', async (text, wrong) => {
    const seen = await world.asks('alex', `panic ${text}`)
    expect(JSON.stringify(seen)).toMatch(wrong)
    expect(world.people.alex.modal()).toBeUndefined()
  })

  test.each([
    ['all', /^# Stop all access\n.*Nobody gets new access until/s],
    ['vm vm-jump01', /^# Stop access to one VM\n.*Nobody gets new access there until/s],
    [
      'person <@U0ROBIN|robin>',
      /^# Stop one person\n.*They get no new access, and approve and sign nothing, until/s,
    ],
  ])('says in its form what it stops: %s', async (what, form) => {
    await world.people.alex.types('/jit', `panic ${what} because x`, { channel: channels.access })
    const view = await world.slack.until(() => world.people.alex.modal())
    expect(world.slack.visible(view)).toMatch(form)
    await world.people.alex.closes(view, { all: true })
  })

  test('a yes that comes during it opens nothing', async () => {
    await world.asks('robin', 'ssh vm-db01 30m from 81.2.69.142')
    const card = world.card()
    await stops('alex', 'all because somebody is inside')
    await world.clicks('avery', 'approve', card)
    expect(world.ephemerals('avery').at(-1)).toMatch(/@alex stopped all such access/)
    expect(world.ourRules()).toEqual([])
    await stops('alex', 'lift because they are out')
    await world.clicks('avery', 'approve', card)
    expect(world.passesTo('vm-db01', 22)).toBe(true)
  })

  test('stops one person', async () => {
    await stops('alex', 'person <@U0ROBIN|robin> because the laptop is lost')
    expect(world.ourRules()).toEqual([])
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(/the laptop is lost/)
    await stops('alex', 'lift because it was found')
  })

  test('closes although Slack takes no message, and tells it later', async () => {
    await opens('vm-web01')
    await world.people.alex.types('/jit', 'panic all because Slack is slow', { channel: channels.access })
    const view = await world.slack.until(() => world.people.alex.modal())
    const before = pages().length
    world.slack.fault({ method: 'chat.postMessage', kind: '500', times: 1000 })
    await world.people.alex.submits(view)
    await world.settle()
    expect(world.ourRules()).toEqual([])
    expect(pages().length).toBe(before)
    world.slack.heal()
    await world.passes('2m')
    expect(pages().at(-1)).toMatch(/Closed: 1 access/)
    await stops('alex', 'lift because it was a drill')
  })

  test('says so when its form does not open, and then nothing has happened', async () => {
    await opens('vm-web01')
    world.slack.fault({ method: 'views.open', kind: '500', times: 10 })
    await world.people.alex.types('/jit', 'panic all because of a drill', { channel: channels.access })
    await world.slack.until(() =>
      world.ephemerals('alex').some((text) => /form could not be opened/.test(text)),
    )
    expect(world.passesTo('vm-web01', 22)).toBe(true)
    world.slack.heal()
  })

  test('is the operators’ alone, and anybody else is told so at once, without their names', async () => {
    await opens('vm-web01')
    const seen = await world.people.mallory.types('/jit', 'panic all because I can', {
      channel: channels.access,
    })
    expect(JSON.stringify(seen)).toMatch(
      /Only operators may do this, and you are none, so nothing changed\. Ask one of them\./,
    )
    expect(JSON.stringify(seen)).not.toContain('U0ALEX')
    expect(world.people.mallory.modal()).toBeUndefined()
  })

  test('is decided when the form comes back, and not when it was opened', async () => {
    await opens('vm-web01')
    await world.people.alex.types('/jit', 'panic all because I could', { channel: channels.access })
    const view = await world.slack.until(() => world.people.alex.modal())
    await world.policy(policy.replace('operators: { users: [U0ALEX] }', 'operators: { users: [U0LEE] }'))
    await world.people.alex.submits(view)
    await world.settle()
    expect(world.dm('alex').at(-1)).toMatch(/Only the operators/)
    expect(world.passesTo('vm-web01', 22)).toBe(true)
    await world.policy(policy)
  })

  test('finds a VM whose name stands in marks, as an ask does', async () => {
    await opens('vm-web01')
    await stops('alex', 'vm `vm-web01` because x')
    expect(world.passesTo('vm-web01', 22)).toBe(false)
    await stops('alex', 'lift because of a drill')
  })

  test('says what was not understood, and how it is written', async () => {
    const seen = await world.people.alex.types('/jit', 'panic everything', { channel: channels.access })
    expect(JSON.stringify(seen)).toMatch(/Say what to stop, and why after/)
  })
})
