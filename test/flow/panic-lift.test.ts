import { afterEach, describe, expect, test } from 'vitest'
import type { Store, Tx } from '../../src/ports.ts'
import { peopledWorld } from '../support/access.ts'
import { memoryStore } from '../support/stores.ts'
import { channels, createWorld, type Name, type World, type WorldOptions } from '../support/world.ts'

let world: World
afterEach(() => world?.close())

const policy = (operators: string, rule = '{ name: open, approvals: 0 }') => `
version: 1
audit: { channel: C0AUDIT }
pages: { channel: C0PAGES }
operators: { ${operators} }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY] } }
rules:
  - ${rule}
`
const two = 'users: [U0ALEX, U0LEE]'
const begin = async (given: WorldOptions) => {
  world = await createWorld(given)
}

const types = (name: Name, text: string) =>
  world.people[name].types('/jit', `panic ${text}`, { channel: channels.access })
const form = async (name: Name, text: string) => {
  await types(name, text)
  return world.slack.until(() => world.people[name].modal())
}
const submits = async (name: Name, view: Awaited<ReturnType<typeof form>>) => {
  await world.people[name].submits(view)
  await world.settle()
}
const does = async (name: Name, text: string) => submits(name, await form(name, text))
const pages = () => world.slack.messages(channels.pages).map((message) => world.slack.visible(message))

const endIntake: Tx['endIntake'] = async () => {
  throw new Error('connection lost')
}

describe('a lift', () => {
  test('shows what it lifts, lifts no other stop, and is told to whoever began one', async () => {
    await begin({ policy: policy(two) })
    await does('alex', 'vm vm-web01 because the web server is compromised')
    await does('lee', 'person <@U0MALLORY|mallory> because the laptop is lost')
    await world.passes('1m')
    const view = await form('lee', 'lift because all is clean')
    const shown = world.slack.visible(view)
    expect(shown).toMatch(/@alex stopped all access to the VM vm-web01.*the web server is compromised/)
    expect(shown).toMatch(/@lee stopped all access of @mallory.*the laptop is lost/)
    await does('alex', 'vm vm-jump01 because of the next one')
    await world.passes('1m')
    const before = world.dm('alex').length
    await submits('lee', view)
    expect(world.dm('lee').at(-1)).toMatch(/The 2 stops are lifted.*1 other stop still holds/)
    expect(world.dm('alex').slice(before)).toHaveLength(1)
    expect(world.dm('alex').at(-1)).toMatch(/vm-web01[^]*It is lifted by @lee .*all is clean/)
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    expect(world.passesTo('vm-web01', 22)).toBe(true)
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    expect(world.ephemerals('robin').at(-1)).toMatch(/of the next one/)
  })

  test('is refused to whoever is stopped, also under another account of theirs', async () => {
    await begin({
      policy: policy('users: [U0ALEX, U0LEE, U0MALLORY]'),
      entra: true,
      simulator: { world: peopledWorld() },
    })
    world.people.mallory.becomes({ email: 'Alex@example.com' })
    await world.asks('alex', 'ssh vm-web01 30m from 81.2.69.142')
    await does('lee', 'person <@U0ALEX|alex> because the laptop of alex is stolen')
    expect(world.passesTo('vm-web01', 22)).toBe(false)
    for (const name of ['alex', 'mallory'] as const) {
      await does(name, 'lift because all is well')
      expect(world.dm(name).at(-1)).toMatch(/You are stopped: @lee .*the laptop of alex is stolen/)
    }
    await world.asks('alex', 'ssh vm-web01 30m from 81.2.69.142')
    expect(world.passesTo('vm-web01', 22)).toBe(false)
    await does('lee', 'lift because it was found')
    await world.asks('alex', 'ssh vm-web01 30m from 81.2.69.142')
    expect(world.passesTo('vm-web01', 22)).toBe(true)
  })

  test('says so at once when nothing is stopped', async () => {
    await begin({ policy: policy(two) })
    await types('alex', 'lift because all is well')
    await world.slack.until(() => world.ephemerals('alex').some((text) => /Nothing is stopped/.test(text)))
    expect(world.people.alex.modal()).toBeUndefined()
  })

  test('that fails half-way leaves a newer stop alone when it runs again', async () => {
    const { store } = await memoryStore()
    let failing = false
    const transact: Store['transact'] = (work) =>
      store.transact((tx) => work(failing ? { ...tx, endIntake } : tx))
    await begin({ policy: policy(two), store: { ...store, transact } })
    await does('alex', 'vm vm-web01 because one')
    failing = true
    await does('alex', 'lift because it is clean')
    expect(await store.panics()).toHaveLength(1)
    failing = false
    await does('lee', 'all because two')
    await world.passes('1m')
    expect((await store.panics()).map(({ reason }) => reason)).toEqual(['two'])
    const lines = world.auditLines().filter((line) => /lifted the stop/.test(line))
    expect(lines).toHaveLength(1)
  })
})

describe('a stop of a person', () => {
  test('closes what they opened under another account, and refuses what they ask for there', async () => {
    await begin({ policy: policy(two), entra: true, simulator: { world: peopledWorld() } })
    world.people.mallory.becomes({ email: 'Robin@example.com' })
    await world.asks('mallory', 'ssh vm-jump01 30m from 81.2.69.142')
    await does('alex', 'person <@U0ROBIN|robin> because the laptop is lost')
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
    await world.asks('mallory', 'ssh vm-web01 30m from 81.2.69.142')
    expect(world.ephemerals('mallory').at(-1)).toMatch(/the laptop is lost/)
    expect(world.passesTo('vm-web01', 22)).toBe(false)
  })

  test('keeps them from approving; their no counts, and so does somebody else’s yes', async () => {
    const rule = '{ name: a colleague agrees, approvers: { users: [U0AVERY, U0LEE] } }'
    await begin({ policy: policy(two, rule) })
    await does(
      'alex',
      'person <@U0AVERY|avery> because the laptop is stolen <!subteam^S0LEADS> &lt;@U0LEE&gt;',
    )
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
    const told = world.slack.ephemerals('avery').at(-1)
    expect(JSON.stringify(told)).toMatch(/You are stopped: <@U0ALEX> .*the laptop is stolen/)
    expect(JSON.stringify(told)).not.toMatch(/<!subteam|<@U0LEE>/)
    await world.clicks('lee', 'approve')
    expect(world.passesTo('vm-jump01', 22)).toBe(true)
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    await world.clicks('avery', 'deny')
    expect(world.cardText()).toMatch(/Denied/)
  })
})

describe('the news of a stop', () => {
  test('names what is still closing although something else ended it', async () => {
    await begin({ policy: policy(two) })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    world.azure.fault({ kind: 'forbidden', path: 'securityRules/jit-', method: 'DELETE' })
    await world.passes('31m')
    await does('alex', 'all because somebody is inside')
    await world.passes('1m')
    const news = pages().filter((text) => /stopped all access/.test(text))
    expect(world.passesTo('vm-jump01', 22)).toBe(true)
    expect(news.at(-1)).toMatch(/Closed: 0 accesses\. Still closing: 1\..*vm-jump01/)
    world.azure.clearFaults()
    await world.passes('30m')
    expect(
      pages()
        .filter((text) => /stopped all access/.test(text))
        .at(-1),
    ).toMatch(/Closed: 0 accesses\. Nothing there is still closing/)
  })
})

describe('who may stop', () => {
  test('is read from the groups of the policy, and left open while Slack does not say', async () => {
    await begin({ policy: policy('groups: [S0LEADS]') })
    const seen = await types('mallory', 'all because I can')
    expect(JSON.stringify(seen)).toMatch(/Only operators may do this, and you are none/)
    expect(await form('lee', 'all because of a drill')).toBeDefined()
    await world.passes('2m')
    world.slack.fault({ method: 'usergroups.users.list', kind: '500', times: 1000 })
    expect(await form('mallory', 'all because I can')).toBeDefined()
  })

  test('break-glass says at once that no rule allows it', async () => {
    await begin({ policy: policy(two) })
    const seen = await world.asks('robin', 'break-glass ssh vm-jump01 15m because the shop is down')
    expect(JSON.stringify(seen)).toMatch(/No rule of the policy lets anybody break the glass/)
    expect(world.people.robin.modal()).toBeUndefined()
  })
})
