import { sql } from 'kysely'
import { afterEach, describe, expect, test } from 'vitest'
import type { KeptLink } from '../../src/core/kept-link.ts'
import type { Store } from '../../src/ports.ts'
import { type AddressBench, addressBench, elsewhere, policyWith, robins } from '../support/address-bench.ts'
import { memoryStore } from '../support/stores.ts'
import { channels, type World } from '../support/world.ts'

let bench: AddressBench
let world: World
const begin = async (options: Parameters<typeof addressBench>[0] = {}) => {
  bench = await addressBench(options)
  world = bench.world
}
afterEach(() => world?.close())

const window = 'address: { confirmed: 2h }'
const never = 'address: { confirmed: 2h, never: [81.2.69.0/24] }'

describe('/jit ip', () => {
  test('offers nothing to confirm ahead where each request asks anew', async () => {
    await begin({ address: window })
    await world.asks('robin', 'ip')
    const before = world.slack.ephemerals('robin').at(-1)!
    await world.policy(policyWith())
    await world.people.robin.clicks(before, 'confirm_address')
    await world.settle()
    expect(bench.answer()).toMatch(
      /wants an address confirmed for each request, so there is nothing to confirm/,
    )
    expect(world.dm('robin')).toEqual([])
    await world.asks('robin', 'ip')
    expect(bench.answer()).toMatch(/so there is nothing to confirm ahead/)
    expect(bench.answer()).not.toMatch(/\[Confirm my address\]/)
  })

  test('says what is used, what is kept, and what the policy turns away; and forgets it', async () => {
    await begin({ address: window })
    await bench.ip('confirm_address')
    expect(bench.answer()).toMatch(/what you ask for without one takes it for 2 h/)
    await bench.confirms('robin')
    await world.asks('robin', 'rdp vm-jump01 30m from 89.160.20.112')
    await world.asks('robin', 'ip')
    expect(bench.answer()).toMatch(/81\.2\.69\.142, confirmed in the browser .* Used until/)
    expect(bench.answer()).toMatch(/89\.160\.20\.112, typed .* and not confirmed\. It is kept for the record/)
    expect(bench.answer()).toMatch(/\[Forget them\]/)
    await world.policy(policyWith(never))
    await world.asks('robin', 'ip')
    expect(bench.answer()).toMatch(/81\.2\.69\.142, .*\. The policy does not let it in any more\./)
    expect(bench.answer()).not.toMatch(/Used until/)
    await world.asks('robin', 'ip forget')
    expect(bench.answer()).toMatch(/Your address is forgotten/)
    await world.asks('robin', 'ip')
    expect(bench.answer()).toMatch(/No address of yours is remembered/)
  })
})

describe('a forgotten address', () => {
  test('is not taken up by a change that Azure held up', async () => {
    await begin()
    await world.asks('robin', 'rdp vm-jump01 1h from 81.2.69.142')
    await bench.presses(/^Approval needed: rdp to vm-jump01/)
    world.azure.fault({ kind: 'server-error', status: 503, path: 'networkInterfaces', method: 'GET' })
    await bench.confirms('robin', elsewhere)
    await bench.ip('forget_address')
    expect(bench.answer()).toMatch(/Your address is forgotten/)
    world.azure.clearFaults()
    await world.passes('2m')
    expect(world.cardText()).toMatch(/Address\s+81\.2\.69\.142/)
    expect(world.dm('robin').join('\n')).toMatch(
      /An address was confirmed .* and forgotten since\.\s+You had the address forgotten before it could go on, so nothing came of it\./,
    )
  })

  test('is not taken up by what was just going on with it', async () => {
    const { store } = await memoryStore()
    // Whoever reads the link in this moment has seen it as it was before.
    let before: KeptLink | null = null
    let stale = 2
    const meanwhile: Store = {
      ...store,
      links: {
        ...store.links,
        async one(id) {
          const link = await store.links.one(id)
          if (link?.state !== 'confirmed' || stale === 0) return link
          stale -= 1
          before ??= link
          await store.transact((tx) => tx.forgetLinks(link.person, 'It was forgotten.'))
          return before
        },
      },
    }
    await begin({ store: meanwhile })
    await world.asks('robin', 'rdp vm-jump01 30m')
    await bench.confirms('robin')
    await world.passes('2m')
    expect(stale).toBe(0)
    expect(world.slack.messages(channels.approvals)).toEqual([])
  })

  test('is nowhere among what is kept of links', async () => {
    const { store, database } = await memoryStore()
    await begin({ store, address: window })
    await bench.ip('confirm_address')
    await bench.confirms('robin')
    await bench.ip('forget_address')
    const { rows } = await sql`select * from address_links`.execute(database.kysely)
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(robins)
  })
})

describe('a link that leads nowhere any more', () => {
  test('keeps nothing of what was typed', async () => {
    const { store, database } = await memoryStore()
    await begin({ store })
    await world.asks('robin', 'rdp vm-jump01 30m because of the merger with Contoso')
    await world.passes('11m')
    expect(bench.told()).toMatch(/The request lapsed/)
    const { rows } = await sql`select * from address_links`.execute(database.kysely)
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toMatch(/contoso/i)
  })

  test('says nothing of a newer message that Slack has not taken', async () => {
    await begin()
    await world.asks('robin', 'rdp vm-jump01 30m')
    world.slack.fault({ method: 'chat.postMessage', kind: '500', times: 50 })
    await world.asks('robin', 'rdp vm-jump01 30m')
    expect(world.dm('robin')).toEqual([expect.stringMatching(/^This link no longer works/)])
  })

  test('gives way to the one by which an open address changes', async () => {
    await begin()
    await world.asks('robin', 'rdp vm-jump01 1h from 81.2.69.142')
    await world.clicks('avery', 'approve')
    for (const minutes of [11, 12, 13, 14, 15]) await world.asks('robin', `ssh vm-jump01 ${minutes}m`)
    await bench.presses(/^Open: rdp to vm-jump01/)
    expect(bench.told()).toMatch(
      /Your address changed for rdp to vm-jump01 until 2026-11-23 10:00 UTC, request/,
    )
    expect(await bench.confirms('robin', elsewhere)).toBeNull()
  })
})

describe('a change of address that nobody confirms', () => {
  test.each([
    ['denied', 'deny'],
    ['closed', 'approve'],
  ] as const)('says nothing of a request as it was that was %s', async (how, action) => {
    await begin()
    await world.asks('robin', 'rdp vm-jump01 1h from 81.2.69.142')
    await bench.presses(/^Approval needed: rdp to vm-jump01/)
    await world.clicks('avery', action)
    if (how === 'closed') {
      await world.people.robin.clicks(bench.message(/^Open: rdp to vm-jump01/), 'close')
      await world.settle()
    }
    await world.passes('11m')
    const told = world.dm('robin').join('\n')
    expect(told).toMatch(/The change lapsed .*\s+Nothing changed by this, and the request is over\./)
    expect(told).not.toMatch(/as it was|makes a new link/)
  })

  test('says how to go on while the request waits', async () => {
    await begin()
    await world.asks('robin', 'rdp vm-jump01 1h from 81.2.69.142')
    await bench.presses(/^Approval needed: rdp to vm-jump01/)
    await world.passes('11m')
    expect(world.dm('robin').join('\n')).toMatch(
      /“My address changed” on the message of the request makes a new/,
    )
  })
})

describe('an address that the policy turns away between the yes and what waited', () => {
  test('is told of as what it was for: nothing, a request, or a change', async () => {
    await begin({ address: window })
    const turnsAway = async () => {
      expect(await bench.confirm('robin')).toBeNull()
      await world.policy(policyWith(never))
      await world.settle()
      const told = world.dm('robin').filter((text) => /Address confirmed: 81/.test(text))
      await world.policy(policyWith(window))
      return told.at(-1)
    }
    await bench.ip('confirm_address')
    expect(await turnsAway()).toMatch(/never lets in.* So no request takes it\./)
    await world.asks('robin', 'ip forget')
    await world.asks('robin', 'ssh vm-jump01 30m')
    expect(await turnsAway()).toMatch(/never lets in.* So your request was not made\./)
    await world.asks('robin', 'rdp vm-jump01 30m from 89.160.20.112')
    await bench.presses(/^Approval needed: rdp to vm-jump01/)
    expect(await turnsAway()).toMatch(/never lets in.* So nothing changed for request /)
  })
})
