import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Changing, elsewhere, robins, withChanges } from '../support/changed-address.ts'
import { channels, type World } from '../support/world.ts'

const rules = (from: string) => `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 30m, maxDuration: 8h }
rules:
  - { name: from the office, source: { within: [81.2.69.0/24] }, approvers: { users: [U0AVERY] } }
  - { name: from elsewhere, ${from} }
`

describe('who approves another address', () => {
  let bench: Changing
  let world: World
  afterEach(() => world?.close())
  const begins = async (...options: Parameters<typeof withChanges>) => {
    bench = await withChanges(...options)
    world = bench.world
  }

  test('whoever is asked only now is called by name, and more people are when the time has come', async () => {
    await begins({
      policy: rules('approvers: { users: [U0ALEX] }, escalate: { after: 5m, approvers: { users: [U0LEE] } }'),
    })
    await world.asks('robin', `rdp vm-jump01 1h from ${robins}`)
    expect(await bench.changes(/^Approval needed: rdp to vm-jump01/)).toBeNull()
    expect(world.thread().at(-1)).toMatch(/Nobody had approved yet\.\s+@alex You are asked now\. Decide by /)
    expect(bench.told()).toMatch(/Nobody had approved yet; approvers see the new address\./)
    expect(bench.told()).not.toMatch(/are void/)
    await world.passes('5m')
    expect(world.thread().at(-1)).toMatch(/@lee You are asked as well/)
    await world.clicks('alex', 'approve')
    expect(bench.letIn()).toEqual([elsewhere])
  })

  test('where they read another channel, a request of its own is put before them there', async () => {
    await begins({ policy: rules('channel: C0ACCESS, approvers: { users: [U0ALEX] }') })
    await world.asks('robin', `rdp vm-jump01 1h from ${robins}`)
    const old = world.card()
    expect(await bench.changes(/^Approval needed: rdp to vm-jump01/)).toBeNull()
    expect(world.slack.visible(world.slack.now(old))).toMatch(
      /^Ended: rdp .*Its person comes from another address now, and request .* took the place of this one\. .*Nothing was opened\./s,
    )
    expect(bench.told()).toMatch(
      /Approval of this address is asked for in #access, so request (\w+) was made for it and took the place of request \w+, which has ended/,
    )
    const card = world.slack.messages(channels.access).at(-1)
    if (!card) throw new Error('There is no card.')
    expect(world.slack.visible(card)).toMatch(/^Approval needed: rdp to vm-jump01.*@alex/s)
    await world.clicks('alex', 'approve', card)
    expect(bench.letIn()).toEqual([elsewhere])
  })

  test('where it would not work from there, the one that waits still does, and its person hears so', async () => {
    await begins({ policy: rules('channel: C0ACCESS, approvers: { users: [U0ALEX] }') })
    await world.asks('robin', `rdp vm-jump01 1h from ${robins}`)
    await bench.wantsAnother(/^Approval needed: rdp to vm-jump01/)
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
    expect(bench.told()).toMatch(
      /would not work\..* No other request was made\. Request \w+ stays as it is, with the address 81\.2\.69\.142\./s,
    )
    expect(bench.told()).not.toMatch(/nobody was asked/)
    expect(world.cardText()).toMatch(/^Approval needed: rdp to vm-jump01/)
  })

  test('less that was left by a yes that is void is not left of the new address', async () => {
    await begins()
    await world.asks('robin', `ssh vm-web01 1h from ${robins}`)
    await world.people.avery.clicks(world.card(), 'less')
    const view = await world.slack.until(() => world.people.avery.modal())
    world.people.avery.fills(view, { time: '10m' })
    await world.people.avery.submits(view)
    await world.settle()
    expect(world.cardText()).toMatch(/1 of 2 approvals/)
    await bench.changes(/^Approval needed: ssh to vm-web01/)
    expect(world.cardText()).toMatch(/^Approval needed: ssh to vm-web01 for 1 h/)
    expect(world.cardText()).not.toMatch(/approved less/)
    expect(bench.told()).toMatch(/Approvals that were given are void; everybody is asked anew\./)
  })

  test('the card says when the access closed whose place it takes', async () => {
    await begins()
    await bench.opens()
    await bench.changes(/^Open: rdp to vm-jump01/)
    expect(world.cardText()).toMatch(/open from 81\.2\.69\.142, which is closed once this is open/)
    await world.clicks('avery', 'approve')
    await world.passes('1m')
    expect(world.cardText()).toMatch(/request \w+, from 81\.2\.69\.142, which closed 2026-11-23/)
    expect(world.cardText()).not.toMatch(/which is closed once this is open/)
  })

  test('what was learnt of the address before is not said of the new one', async () => {
    await begins()
    await world.asks('robin', `rdp vm-open01 1h from ${robins}`)
    await world.clicks('avery', 'approve')
    await world.clicks('robin', 'close', bench.message(/^Open: rdp/))
    await world.passes('1m')
    world.azure.fault({ kind: 'black-hole', path: 'Microsoft.ResourceGraph/resources', times: 1 })
    const slow: Promise<unknown>[] = [world.asks('robin', `ssh vm-jump01 1h from ${robins}`)]
    const settles = () => void slow.push(world.settle())
    await world.slack.until(() => /: ssh .*waits for approval/.test(world.ephemerals('robin').at(-1) ?? ''))
    const id = /Request (\w+):/.exec(world.ephemerals('robin').at(-1) ?? '')?.[1] ?? ''
    const request = async () => (await world.app.store.case(id))?.request
    await vi.waitFor(async () => expect((await request())?.context?.own?.address.mine).toBeTruthy())
    world.clock.to(world.clock.now() + 1_000)
    settles()
    await world.slack.until(
      () =>
        world.cardText().startsWith('Approval needed: ssh') &&
        world.dm('robin').some((text) => text.startsWith('Approval needed: ssh')),
    )
    await world.people.robin.clicks(bench.message(/^Approval needed: ssh/), 'address_changed')
    settles()
    await world.slack.until(() => world.dm('robin').some((text) => text.includes('Confirm your address')))
    expect(await bench.presses(elsewhere)).toBeNull()
    settles()
    await vi.waitFor(async () => expect((await request())?.source.address).toBe(elsewhere))
    world.clock.to(world.clock.now() + 10_000)
    settles()
    await Promise.all(slow)
    await world.passes('2m')
    expect(world.cardText()).toMatch(/Address\s+89\.160\.20\.112/)
    expect(world.cardText()).not.toMatch(/Came from this address before/)
  }, 40_000)
})
