import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createWorld, type Name, type World } from '../support/world.ts'

const head = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY] } }
`

describe('a user group of Slack that is disabled', () => {
  let world: World
  const policy = `${head}
deny:
  - name: contractors are kept out of the jump host
    vm: { name: vm-jump* }
    requester: { groups: [S0CONTR] }
rules:
  - name: the jump host is free
    vm: { name: vm-jump* }
    approvals: 0
  - name: databases are free to whoever is no contractor
    vm: { name: vm-db* }
    requester: { not: { groups: [S0CONTR] } }
    approvals: 0
  - name: contractors need a contractor
    vm: { name: vm-web* }
    requester: { groups: [S0CONTR] }
    approvers: { groups: [S0CONTR] }
`
  beforeEach(async () => {
    world = await createWorld({ policy })
  })
  afterEach(() => world?.close())

  const told = (name: Name) => world.ephemerals(name).at(-1) ?? ''
  const opensFor = async (name: Name, vm: string) => {
    await world.asks(name, `ssh ${vm} 30m from 81.2.69.142`)
    return /The policy allows it/.test(told(name))
  }

  test('still refuses, to everybody, and the reasons say that it could not be read', async () => {
    const contractors = world.slack.group('S0CONTR', 'contractors', ['mallory'])
    expect(await opensFor('mallory', 'vm-jump01')).toBe(false)
    expect(await opensFor('robin', 'vm-jump01')).toBe(true)
    contractors.disable()
    await world.passes('2m')
    for (const vm of ['vm-jump01', 'vm-db01', 'vm-web01']) {
      expect(await opensFor('mallory', vm)).toBe(false)
      expect(await opensFor('robin', vm)).toBe(false)
    }
    await world.asks('robin', 'why ssh vm-jump01 30m')
    expect(told('robin')).toMatch(
      /Denied: access is refused if contractors are kept out of the jump host.*yes – the requester: the group .* could not be read in Slack, so whether they are in it is not known/s,
    )
  })

  test('makes nobody an approver', async () => {
    const contractors = world.slack.group('S0CONTR', 'contractors', ['mallory', 'lee'])
    await world.asks('mallory', 'ssh vm-web01 30m from 81.2.69.142')
    expect(told('mallory')).toMatch(/It waits for approval/)
    contractors.disable()
    await world.passes('2m')
    await world.clicks('lee', 'approve')
    expect(told('lee')).toMatch(/You are not an approver/)
    expect(world.ourRules()).toEqual([])
  })

  test('that Slack cannot read at all leaves open who asks, so they are asked to try again', async () => {
    world.slack.group('S0CONTR', 'contractors', ['mallory'])
    world.slack.fault({ method: 'usergroups.users.list', kind: '500' })
    expect(await opensFor('robin', 'vm-jump01')).toBe(false)
    expect(told('robin')).toMatch(/You cannot ask for access: Slack could not tell who you are just now/)
    expect(await opensFor('robin', 'vm-jump01')).toBe(true)
  })
})

describe('a guest of the workspace', () => {
  let world: World
  let id: string
  beforeAll(async () => {
    world = await createWorld({ policy: `${head}rules:\n  - { name: a colleague agrees }\n` })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    id = /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
    world.people.mallory.becomes({ guest: true })
  })
  afterAll(() => world?.close())

  const asks = async (text: string) => {
    await world.asks('mallory', text)
    return world.ephemerals('mallory').at(-1) ?? ''
  }

  test('learns nothing from any command', async () => {
    expect(await asks('status')).toBe('You cannot see how things stand: this is the account of a guest.')
    expect(await asks('why ssh vm-jump01 30m')).toMatch(/: this is the account of a guest\. Nothing was/)
    for (const one of [id, 'nosuchrequest']) {
      expect(await asks(`extend ${one} 30m`)).toMatch(/^Nothing changed: this is the account of a guest\./)
    }
  })

  test('learns from no button, nor by an id, who decided a request', async () => {
    await world.clicks('avery', 'deny')
    for (const verb of ['cancel', 'close']) {
      const answer = await asks(`${verb} ${id}`)
      expect(answer).not.toMatch(/avery/i)
      expect(answer).toMatch(/this is the account of a guest/)
    }
    await world.asks('robin', `cancel ${id}`)
    expect(world.ephemerals('robin').at(-1)).toMatch(/already denied by @avery/)
  })
})
