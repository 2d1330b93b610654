import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Changing, elsewhere, robins, third, withChanges } from '../support/changed-address.ts'
import { channels, type World } from '../support/world.ts'

const rulePath = 'securityRules/jit-'

describe('one address at a time', () => {
  let bench: Changing
  let world: World
  beforeEach(async () => {
    bench = await withChanges()
    world = bench.world
  })
  afterEach(() => world?.close())

  const slowly = () =>
    world.azure.fault({ kind: 'throttle', path: rulePath, method: 'PUT', retryAfterSeconds: 30 })
  const unreadable = () =>
    world.azure.fault({ kind: 'server-error', status: 503, path: 'networkInterfaces', method: 'GET' })

  test('a second change while the first one is opening waits for it, and then takes its place', async () => {
    await bench.opens()
    await bench.changes(/^Open: rdp to vm-jump01/)
    slowly()
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Approved, opening:/)
    expect(await bench.changes(/^Open: rdp to vm-jump01/, third)).toBeNull()
    world.azure.clearFaults()
    await world.passes('3m')
    expect(bench.letIn()).toEqual([elsewhere])
    expect(world.cardText()).toMatch(/Takes the place of\s+request .* 89\.160\.20\.112/)
    await bench.approvesAll()
    expect(bench.letIn()).toEqual([third])
    expect(world.passesTo('vm-jump01', 3389, third)).toBe(true)
  })

  test('of two changes that go on at the same moment one is made', async () => {
    await bench.opens()
    await bench.wantsAnother(/^Open: rdp to vm-jump01/)
    unreadable()
    await bench.confirms(elsewhere)
    await world.passes({ seconds: 1 })
    world.azure.clearFaults()
    await bench.wantsAnother(/^Open: rdp to vm-jump01/)
    expect(await bench.presses(third)).toBeNull()
    world.clock.to(world.clock.now() + 120_000)
    await world.settle()
    await world.passes('3m')
    await bench.approvesAll()
    expect(bench.letIn()).toEqual([third])
  })

  test.each(['waits', 'is open'])(
    'an older confirmation that was held up gives way while it %s',
    async (how) => {
      await world.asks('robin', `rdp vm-jump01 1h from ${robins}`)
      await bench.wantsAnother(/^Approval needed: rdp to vm-jump01/)
      unreadable()
      await bench.confirms(elsewhere)
      await world.passes({ seconds: 1 })
      world.azure.clearFaults()
      expect(await bench.changes(/^Approval needed: rdp to vm-jump01/, third)).toBeNull()
      expect(world.cardText()).toMatch(/Address\s+85\.214\.132\.117/)
      if (how === 'is open') await world.clicks('avery', 'approve')
      const cards = world.slack.messages(channels.approvals).length
      await world.passes('2m')
      expect(world.cardText()).toMatch(/Address\s+85\.214\.132\.117/)
      expect(world.slack.messages(channels.approvals)).toHaveLength(cards)
      expect(bench.told()).toMatch(
        /Address confirmed: 89\.160\.20\.112.*has the address 85\.214\.132\.117, which you confirmed later than this one, so this one was not used/s,
      )
    },
  )

  test('one that had to wait for ten minutes is not used any more, and its person hears what to press', async () => {
    await bench.opens('rdp vm-jump01 8h')
    await bench.changes(/^Open: rdp to vm-jump01/)
    slowly()
    await world.clicks('avery', 'approve')
    await bench.changes(/^Open: rdp to vm-jump01/, third)
    await world.passes('9m')
    expect(bench.told()).toMatch(/Address confirmed: 85\.214\.132\.117.*this goes on now/s)
    await world.passes('2m')
    expect(bench.told()).toMatch(
      /Address confirmed: 85\.214\.132\.117.*It took too long before this address could be used, because request (\w+) was still opening for 89\.160\.20\.112\. So this one was not used\. Press “My address changed” on its message again once it is open\./s,
    )
    world.azure.clearFaults()
    await world.passes('5m')
    expect(world.cardText()).toMatch(/^Open: a new address .*Address\s+89\.160\.20\.112/s)
    expect(bench.letIn()).toEqual([elsewhere])
  })

  test('one that is confirmed while the request is opening is asked for once it is open', async () => {
    await world.asks('robin', `rdp vm-jump01 1h from ${robins}`)
    await bench.wantsAnother(/^Approval needed: rdp to vm-jump01/)
    slowly()
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Approved, opening:/)
    expect(await bench.confirms(elsewhere)).toBeNull()
    world.azure.clearFaults()
    await world.passes('2m')
    expect(world.cardText()).toMatch(/^Approval needed: a new address for rdp to vm-jump01/)
    expect(world.cardText()).toMatch(/Address\s+89\.160\.20\.112/)
    expect(bench.told()).not.toMatch(/neither waits nor is open any more/)
  })

  test('what is approved to begin later keeps its address, and says what to do', async () => {
    await world.asks('robin', `ssh vm-jump01 1h at 15:00 from ${robins}`)
    await bench.wantsAnother(/^Approval needed: ssh to vm-jump01/)
    await world.clicks('avery', 'approve')
    await bench.confirms(elsewhere)
    expect(bench.told()).toMatch(
      /is approved and opens at .* for 81\.2\.69\.142, so it keeps that address and nothing changed\. Call it off on its message and ask again/,
    )
  })

  test('a request that is not made is named nowhere', async () => {
    await bench.opens()
    const old = world.card()
    await bench.wantsAnother(/^Open: rdp to vm-jump01/)
    world.azure.mutate({
      do: 'put-rule',
      nsg: 'nsg-jump01-nic',
      name: 'deny-elsewhere',
      properties: {
        priority: 100,
        direction: 'Inbound',
        access: 'Deny',
        protocol: '*',
        sourceAddressPrefix: '89.160.20.0/24',
        sourcePortRange: '*',
        destinationAddressPrefix: '*',
        destinationPortRange: '*',
      },
    })
    await bench.confirms(elsewhere)
    expect(bench.told()).toMatch(/would not work.*what is open stays open until its own end/s)
    await world.passes('10m')
    expect(world.slack.visible(world.slack.now(old))).not.toMatch(/Another address was asked for/)
    expect(bench.letIn()).toEqual([robins])
  })
})

describe('a change that cannot be made just now', () => {
  let bench: Changing
  let world: World
  afterEach(() => world?.close())
  const begins = async (...options: Parameters<typeof withChanges>) => {
    bench = await withChanges(...options)
    world = bench.world
  }
  const forbidden = () => world.azure.fault({ kind: 'forbidden', path: 'networkInterfaces', method: 'GET' })

  test('ends where Azure refuses to be read, and says what stays', async () => {
    await begins()
    const id = await bench.opens()
    await bench.wantsAnother(/^Open: rdp to vm-jump01/)
    forbidden()
    await bench.confirms(elsewhere)
    await world.passes('10m')
    expect(bench.told()).not.toMatch(/this goes on now/)
    expect(bench.told()).toMatch(
      new RegExp(
        `Azure could not be read: .*Request ${id} stays as it is, with the address 81\\.2\\.69\\.142`,
      ),
    )
  })

  test('and whoever presses the button hears of it', async () => {
    await begins()
    const id = await bench.opens()
    forbidden()
    await bench.wantsAnother(/^Open: rdp to vm-jump01/)
    await world.passes('10m')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      new RegExp(`Azure could not be read: .*No link was made, and request ${id} stays as it is`),
    )
  })

  test('waits while Slack names nobody, and blames no policy', async () => {
    await begins({
      policy: `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 30m, maxDuration: 8h, approvers: { users: [U0AVERY] } }
rules:
  - { name: leads, requester: { groups: [S0LEADS] } }
`,
    })
    await world.asks('lee', `rdp vm-jump01 1h from ${robins}`)
    await bench.wantsAnother(/^Approval needed/, 'lee')
    world.slack.fault({ method: 'users.info', kind: '500', times: 200 })
    world.slack.fault({ method: 'usergroups.users.list', kind: '500', times: 200 })
    await bench.confirms(elsewhere, 'lee')
    expect(world.cardText()).toMatch(/Address\s+81\.2\.69\.142/)
    world.slack.heal()
    await world.passes('5m')
    expect(world.dm('lee').join('\n')).not.toMatch(/The policy does not allow it/)
    expect(world.cardText()).toMatch(/Address\s+89\.160\.20\.112/)
  })
})
