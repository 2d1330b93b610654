import { afterEach, describe, expect, test } from 'vitest'
import type { Store } from '../../src/ports.ts'
import { type AddressBench, addressBench, policyWith } from '../support/address-bench.ts'
import { memoryStore } from '../support/stores.ts'
import { channels, type World } from '../support/world.ts'

let bench: AddressBench
let world: World
const begin = async (options: Parameters<typeof addressBench>[0] = {}) => {
  bench = await addressBench(options)
  world = bench.world
}
afterEach(() => world?.close())

const office = `- { name: from the office, source: { within: [81.2.69.0/24] }, maxDuration: 24h }
  - { name: a colleague agrees }`

const operated = policyWith('operators: { users: [U0AVERY] }')
const stopsAll = async () => {
  await world.people.avery.types('/jit', 'panic all because the jump host is compromised', {
    channel: channels.access,
  })
  await world.people.avery.submits(await world.slack.until(() => world.people.avery.modal()))
  await world.settle()
}

describe('an ask without an address', () => {
  test('is denied at once, without a link, where no address would help', async () => {
    await begin()
    await world.asks('robin', 'rdp vm-jump01 24h')
    expect(bench.answer()).toMatch(
      /Denied by the policy, whichever address you come from: rdp to vm-jump01 for 1 d\. Why: .*1 d is more than the 8 h that the rule allows; ask for at most 8 h\. Nobody was asked, and nothing was stored or opened\./,
    )
    expect(world.dm('robin')).toEqual([])
  })

  test('waits for the page where a rule for some addresses takes it', async () => {
    await begin({ policy: policyWith('', office) })
    await world.asks('robin', 'rdp vm-jump01 24h')
    expect(bench.told()).toMatch(/Confirm your address/)
    await world.asks('robin', 'rdp vm-jump01 48h')
    expect(bench.answer()).toMatch(/Denied by the policy, whichever address/)
    expect(world.dm('robin')).toHaveLength(1)
  })

  test('is denied while an operator has stopped everything', async () => {
    await begin({ policy: operated })
    await stopsAll()
    await world.asks('robin', 'rdp vm-jump01 30m')
    expect(bench.answer()).toMatch(/Stopped: @avery stopped all such access/)
    expect(world.dm('robin').join()).not.toMatch(/Confirm your address/)
  })

  test('that is turned away at last says so, though the bot stops the moment after', async () => {
    const { store } = await memoryStore()
    let [isConfirmed, isGone] = [false, false]
    const transact: Store['transact'] = async (work) => {
      let ends = false
      const result = await store.transact((tx) =>
        work({
          ...tx,
          endIntake: async (key, now) => {
            ends = isConfirmed
            await tx.endIntake(key, now)
          },
          settleLink: async (id, outcome) => {
            if (isGone) throw new Error('the bot is gone')
            return tx.settleLink(id, outcome)
          },
        }),
      )
      isGone ||= ends
      return result
    }
    await begin({ policy: operated, store: { ...store, transact } })
    await world.asks('robin', 'rdp vm-jump01 30m')
    await stopsAll()
    isConfirmed = true
    await bench.confirms('robin')
    await world.passes('2m')
    expect(isGone).toBe(true)
    expect(bench.told()).toMatch(
      /Address confirmed: 81\.2\.69\.142.*Stopped: @avery stopped all such access/s,
    )
    expect(bench.told()).not.toMatch(/goes on now/)
  })

  test('says when it is to begin', async () => {
    await begin()
    await world.asks('robin', 'rdp vm-jump01 30m at 23:30')
    expect(bench.told()).toMatch(/You asked for rdp to vm-jump01 for 30 min from 23:30\./)
    expect((await bench.link('robin'))?.about?.howLong).toBe('30 min from 23:30')
    await world.asks('robin', 'rdp vm-jump01 until 12:00 tomorrow 6:15')
    expect(bench.told()).toMatch(/for the time from tomorrow 6:15 until 12:00\./)
  })
})

describe('/jit why without an address', () => {
  test('says what the policy answers from any address', async () => {
    await begin({ address: 'address: { typed: false }' })
    await world.asks('robin', 'why rdp vm-jump01 30m')
    expect(bench.answer()).toMatch(
      /rdp to vm-jump01 for 30 min, from any single address that may come in: the rule “a colleague agrees” asks for 1 approval\. Nobody was asked/,
    )
    await world.asks('robin', 'why rdp vm-jump01 24h')
    expect(bench.answer()).toMatch(/Denied by the policy, whichever address you come from/)
    expect(world.dm('robin')).toEqual([])
  })

  test('says that it turns on the address where it does', async () => {
    await begin({ policy: policyWith('', office) })
    await world.asks('robin', 'why rdp vm-jump01 30m')
    expect(bench.answer()).toMatch(
      /The policy looks at the address you come from; add `?from`? and your address/,
    )
    await world.policy(policyWith('address: { typed: false }', office))
    await world.asks('robin', 'why rdp vm-jump01 30m')
    expect(bench.answer()).toMatch(/takes none that is typed, so only a request shows what it says/)
  })
})

const glass = policyWith(
  '',
  '- { name: the house is on fire, breakGlass: { maxDuration: 30m, reviewers: { users: [U0ALEX] } } }',
)

const breaks = async (text: string) => {
  await world.people.robin.types('/jit', `break-glass ${text}`, { channel: channels.access })
  const view = await world.slack.until(() => world.people.robin.modal())
  const said = world.slack.visible(view)
  await world.people.robin.submits(view)
  await world.settle()
  return said
}

describe('the glass broken without an address', () => {
  test('says that the page comes first, and that its yes opens at once', async () => {
    await begin({ policy: glass })
    const form = await breaks('ssh vm-jump01 20m because the shop is down')
    expect(form).toMatch(/a page where you confirm it, and nothing opens before/)
    expect(form).toMatch(/told as soon as it opens/)
    expect(bench.told()).toMatch(
      /You are breaking the glass: once you have confirmed, access opens at once and those passed over are told\./,
    )
    for (const said of [bench.told(), bench.answer()]) expect(said).not.toMatch(/nobody is asked/)
    expect((await bench.link('robin'))?.about).toMatchObject({ emergency: true })
    expect(await bench.confirms('robin')).toBeNull()
    expect(world.passesTo('vm-jump01', 22, '81.2.69.142')).toBe(true)
  })
})

describe('an address that was confirmed before', () => {
  const confirmed = 'address: { confirmed: 2h }'

  test('and that the policy turns away since leads to the page again', async () => {
    await begin({ address: confirmed })
    await world.asks('robin', 'rdp vm-jump01 30m')
    await bench.confirms('robin')
    await world.policy(policyWith('address: { confirmed: 2h, never: [81.2.69.0/24] }'))
    const before = world.dm('robin').length
    await world.asks('robin', 'ssh vm-jump01 30m')
    expect(bench.answer()).toMatch(/“Confirm my address”/)
    expect(world.dm('robin').length).toBe(before + 1)
    expect(await bench.confirms('robin', '89.160.20.112')).toBeNull()
    expect(world.cardText()).toMatch(/^Approval needed: ssh to vm-jump01/)
  })

  test('and by which a VM is not reached leads to the page again', async () => {
    await begin({ address: confirmed })
    await bench.ip('confirm_address')
    expect(await bench.confirms('robin', '2a00:1450:4001:80b::200e')).toBeNull()
    for (const vm of ['vm-db01', 'vm-jump01']) {
      await world.asks('robin', `rdp ${vm} 30m`)
      expect(bench.told()).toMatch(new RegExp(`Confirm your address.*rdp to ${vm}`, 's'))
      expect((await bench.link('robin'))?.family).toBe('IPv4')
    }
  })

  test('is taken by no other kind than the one that has a public address', async () => {
    await begin()
    await world.asks('robin', 'rdp vm-jump01 30m')
    expect(await bench.confirms('robin', '2a00:1450:4001:80b::200e')).toEqual({
      why: expect.stringMatching(/vm-jump01 is reached by IPv4/),
    })
  })
})
