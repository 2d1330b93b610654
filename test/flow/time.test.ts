import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 40m, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - name: a colleague agrees, or a lead when the colleague is away
    escalate: { after: 30m, approvers: { users: [U0ALEX], groups: [S0LEADS] } }
`

describe('time', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())

  test('half-way the approvers are reminded, later others are asked, and at the deadline it is over', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.passes('19m')
    expect(world.thread()).toEqual([])
    await world.passes('1m')
    expect(world.thread().at(-1)).toMatch(/^@avery Still waiting for a decision: rdp to vm-jump01 for @robin/)
    await world.clicks('alex', 'approve')
    expect(world.ephemerals('alex').at(-1)).toMatch(/not an approver/)
    await world.passes('10m')
    expect(world.thread().at(-1)).toMatch(/^@alex @leads You are asked as well/)
    expect(world.cardText()).toMatch(/Approvers: @avery, @alex and @leads/)
    expect(world.auditLines().at(-1)).toMatch(/more people are asked/)
    await world.passes('10m')
    expect(world.cardText()).toMatch(/^Not approved in time/)
    await expect(world.clicks('alex', 'approve')).rejects.toThrow(/no "approve" to click/)
  })

  test('who was asked as well may say yes', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.passes('31m')
    await world.clicks('lee', 'approve')
    expect(world.cardText()).toMatch(/^Open: rdp to vm-jump01/)
    await world.clicks('robin', 'close')
  })

  test('nobody is reminded of what was decided', async () => {
    await world.asks('robin', 'rdp vm-jump01 5m from 81.2.69.142')
    await world.clicks('avery', 'deny')
    const before = world.thread().length
    await world.passes('1h')
    expect(world.thread().length).toBe(before)
  })
})

describe('a start that is named', () => {
  let world: World
  const now = () => new Date(world.clock.now())
  /** In Robin’s zone, which is an hour ahead in winter. */
  const inMinutes = (minutes: number) => {
    const at = new Date(now().getTime() + (minutes + 60) * 60_000)
    return `${at.getUTCHours()}:${String(at.getUTCMinutes()).padStart(2, '0')}`
  }
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())

  test('opens then and not before, for as long as was asked', async () => {
    await world.asks('robin', `rdp vm-jump01 30m at ${inMinutes(90)} from 81.2.69.142`)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Approved, opens later: rdp to vm-jump01/)
    expect(world.ourRules()).toEqual([])
    await world.passes('88m')
    expect(world.ourRules()).toEqual([])
    await world.passes('3m')
    expect(world.cardText()).toMatch(/^Open: /)
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.passes('30m')
    expect(world.cardText()).toMatch(/^Closed: /)
    expect(world.ourRules()).toEqual([])
  })

  test('a yes that comes after the start shortens the access', async () => {
    await world.asks('robin', `rdp vm-jump01 30m at ${inMinutes(10)} from 81.2.69.142`)
    await world.passes('25m')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open: /)
    await world.passes('16m')
    expect(world.cardText()).toMatch(/^Closed: /)
  })

  test('a start that the bot slept through until after its end is never opened', async () => {
    await world.asks('robin', `rdp vm-jump01 30m at ${inMinutes(60)} from 81.2.69.142`)
    await world.clicks('avery', 'approve')
    const before = world.azure.history().filter(({ rule }) => rule.startsWith('jit-')).length
    world.clock.to(world.clock.now() + 100 * 60_000)
    await world.settle()
    expect(world.cardText()).toMatch(/^Never opened: /)
    expect(world.azure.history().filter(({ rule }) => rule.startsWith('jit-')).length).toBe(before)
  })

  test('what the policy no longer allows at the start is not opened', async () => {
    await world.asks('robin', `rdp vm-jump01 30m at ${inMinutes(60)} from 81.2.69.142`)
    await world.clicks('avery', 'approve')
    await world.policy(`${policy}deny:\n  - { name: a freeze is on, vm: { name: vm-jump* } }\n`)
    await world.passes('61m')
    expect(world.cardText()).toMatch(/^Never opened: /)
    expect(world.cardText()).toMatch(/no longer allowed: access is refused if a freeze is on/)
    expect(world.ourRules()).toEqual([])
  })

  test('a place in a quota that was taken at the approval does not count against the start', async () => {
    await world.policy(
      policy
        .replace(
          'rules:',
          'rules:\n  - { name: once a day, approvals: 0, quota: { perPerson: 1 }, vm: { name: vm-web* } }',
        )
        .replace(/  - name: a colleague[^]*$/, ''),
    )
    await world.asks('robin', `ssh vm-web01 30m at ${inMinutes(60)} from 81.2.69.142`)
    await world.passes('61m')
    expect(world.cardText()).toMatch(/^Open: ssh to vm-web01/)
    await world.passes('30m')
  })

  test('hours that the access lies in are enough, although the yes comes late', async () => {
    const open = new Date(now().getTime() + 3_600_000)
    const at = (minutes: number) => new Date(open.getTime() + minutes * 60_000).toISOString().slice(11, 16)
    await world.policy(
      policy.replace(
        '    escalate:',
        `    time: { hours: "${at(-30)}-${at(40)}", zone: Europe/Berlin }\n    escalate:`,
      ),
    )
    await world.asks('robin', `rdp vm-jump01 30m at ${inMinutes(10)} from 81.2.69.142`)
    await world.passes('25m')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open: rdp to vm-jump01/)
  })
})
