import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { guarded, guardedGroup, jitAllows, jitPorts, policyAt, securityClient } from '../support/defender.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const policy = `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n`
const ask = 'rdp vm-mdc01 30m from 81.2.69.142'
const robin = '81.2.69.142'

let world: World
beforeAll(async () => {
  world = await createWorld({ policy })
})
afterAll(() => world?.close())
afterEach(async () => {
  world.azure.clearFaults()
  await world.policy(policy)
  await world.passes('35m')
  expect(jitAllows(world.azure)).toEqual([])
  expect(world.ourRules()).toEqual([])
  expect(await world.app.store.grants(['opening', 'open', 'closing'])).toEqual([])
})

const isOpen = (source = robin, port = 3389) => world.passesTo('vm-mdc01', port, source)
const pages = () => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))
let pagesBefore = 0
beforeEach(() => {
  pagesBefore = pages().length
})
/** What the operators were told in this test. */
const lately = () => pages().slice(pagesBefore)
const told = () => world.thread().at(-1) ?? ''
const audited = () => world.auditLines().map((line) => line.split(' · ')[1])
const initiated = () =>
  world.azure.calls().filter(({ method, path }) => method === 'POST' && path.endsWith('/initiate'))

const approved = async (text = ask) => {
  await world.asks('robin', text)
  await world.clicks('avery', 'approve')
}
const opens = async (text = ask) => {
  await approved(text)
  await world.passes({ seconds: 10 })
  expect(world.cardText()).toMatch(/^Open:/)
}

function policyNames(protocol: string) {
  for (const port of jitPorts(world.azure)) {
    const before = port.protocol
    port.protocol = protocol
    onTestFinished(() => {
      port.protocol = before
    })
  }
}

describe('Defender opens and closes', () => {
  test('and nothing is said before Azure shows it', async () => {
    await world.asks('robin', ask)
    expect(world.cardText()).toMatch(/Way.*by Defender for Cloud, under its policy default/s)
    await world.clicks('avery', 'approve')
    expect(isOpen()).toBe(false)
    expect(world.cardText()).toMatch(
      /^Approved, opening.*Defender for Cloud was asked .*Azure does not show its network rule yet/s,
    )
    expect(world.thread()).toEqual([])
    await world.passes({ seconds: 10 })
    expect([isOpen(), isOpen('81.2.69.143')]).toEqual([true, false])
    expect(world.cardText()).toMatch(
      /^Open:.*Defender for Cloud opened it\. Azure confirmed the network rule/s,
    )
    expect(told()).toMatch(/^Open until .*Defender for Cloud opened it\./)
    expect(world.ourRules()).toEqual([])
    await world.passes('31m')
    expect(isOpen()).toBe(false)
    expect(told()).toMatch(/^Closed: .*after its end\. Defender for Cloud closed it\. Azure confirms/s)
    expect(world.cardText()).toMatch(/^Closed/)
    expect(lately()).toEqual([])
    expect(audited().slice(-8)).toEqual([
      expect.stringMatching(/approved/),
      'opening',
      'asked Defender for Cloud to open',
      'open, confirmed by Azure',
      'open, verified by IP flow verify',
      'closing',
      'closed',
      'closed, verified by IP flow verify',
    ])
  })

  test('and is told who asked, who agreed, from where and until when', async () => {
    await opens(`${ask} because the nightly job hangs`)
    const end = world.clock.now() - 10_000 + 30 * 60_000
    const id = /Request (\w+)/.exec(world.cardText())?.[1]
    expect(initiated().at(-1)?.body).toEqual({
      justification: `Jitney request ${id} for U0ROBIN, approved by U0AVERY. Reason: the nightly job hangs`,
      virtualMachines: [
        {
          id: guarded.toLowerCase(),
          ports: [
            { number: 3389, allowedSourceAddressPrefix: robin, endTimeUtc: new Date(end).toISOString() },
          ],
        },
      ],
    })
    const [grant] = (await world.app.store.grants(['open'])).map((one) => one.grant)
    expect(grant?.rules).toMatchObject([
      { name: jitAllows(world.azure)[0]?.name, priority: 100, state: 'present' },
    ])
  })

  test('and lets in UDP too where its policy names no protocol: whoever agrees and whoever asks is told', async () => {
    policyNames('*')
    await world.asks('robin', ask)
    expect(world.cardText()).toMatch(
      /Way.*under its policy default, which also lets in 3389\/udp, because it names no protocol/s,
    )
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /Note: the policy of Defender for Cloud also lets in 3389\/udp, because it names no protocol\./,
    )
    await world.clicks('avery', 'approve')
    await world.passes({ seconds: 10 })
    expect(world.cardText()).toMatch(/^Open:.*Way.*also lets in 3389\/udp/s)
    await world.clicks('robin', 'close')
  })

  test('and does not open where its policy came to let in more than approvers were told', async () => {
    policyNames('TCP')
    await world.asks('robin', ask)
    expect(world.cardText()).not.toMatch(/udp/)
    policyNames('*')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(
      /^Could not open.*also lets in 3389\/udp, because it names no protocol, which nobody was told/s,
    )
    expect(isOpen()).toBe(false)
  })

  test('a port that its policy does not name is opened by a rule of our own', async () => {
    await approved('winrm vm-mdc01 30m from 81.2.69.142')
    expect(world.cardText()).toMatch(/^Open:/)
    expect(world.ourRules()).toHaveLength(1)
  })

  test('two ports at once, whether each has a rule of its own or not', async () => {
    for (const jitRulePerPort of [true, false]) {
      world.azure.sim.settings.jitRulePerPort = jitRulePerPort
      await opens('ssh,rdp vm-mdc01 30m from 81.2.69.142')
      expect(jitAllows(world.azure)).toHaveLength(jitRulePerPort ? 2 : 1)
      expect([isOpen(), isOpen(robin, 22)]).toEqual([true, true])
      await world.passes('31m')
      expect(told()).toMatch(/Defender for Cloud closed it/)
    }
    world.azure.sim.settings.jitRulePerPort = true
  })
})

const refused = async (text: string, why: RegExp) => {
  const cards = world.slack.messages('C0APPROVALS').length
  await world.asks('robin', text)
  expect(world.ephemerals('robin').at(-1)).toMatch(why)
  expect(world.slack.messages('C0APPROVALS')).toHaveLength(cards)
}

describe('at the request', () => {
  test('more time than Defender’s policy allows is refused before a card is posted', async () => {
    await refused(
      'rdp vm-mdc01 4h from 81.2.69.142',
      /vm-mdc01 cannot be opened like this: the policy default of Defender for Cloud opens port 3389 for at most 3 h: ask for less time\. Nothing was stored\./,
    )
  })

  test('so is an address that its policy does not let in, and ports of which it names only some', async () => {
    const client = securityClient(world.azure)
    const before = await client.jitNetworkAccessPolicies.get(...policyAt)
    const terms = {
      protocol: 'TCP',
      allowedSourceAddressPrefix: '81.2.70.0/24',
      maxRequestAccessDuration: 'PT3H',
    }
    await client.jitNetworkAccessPolicies.createOrUpdate(...policyAt, {
      virtualMachines: [{ id: guarded, ports: [{ number: 3389, ...terms }] }],
    })
    await refused(ask, /lets nobody in on port 3389 from 81\.2\.69\.142, only from 81\.2\.70\.0\/24/)
    await refused(
      'rdp,ssh vm-mdc01 30m from 81.2.70.5',
      /does not name 22\/tcp: ask for that port separately/,
    )
    await client.jitNetworkAccessPolicies.createOrUpdate(...policyAt, before)
  })

  test('an IPv6 address is refused, or opened by a rule of our own where the policy file says so', async () => {
    const { sim } = world.azure
    const nic = sim.resources.get(
      guarded.replace('Compute/virtualMachines/vm-mdc01', 'Network/networkInterfaces/vm-mdc01-nic'),
    )
    const [first] = nic?.properties.ipConfigurations ?? []
    if (!nic || !first) throw new Error('The machine has no address.')
    const six = { ...first.properties, privateIPAddress: 'fd00:30::10', privateIPAddressVersion: 'IPv6' }
    sim.resources.put({
      ...nic,
      properties: {
        ...nic.properties,
        ipConfigurations: [first, { name: 'six', properties: { ...six, primary: false } }],
      },
    })
    await refused(
      'rdp vm-mdc01 30m from 2a02:8109::1',
      /which lets no IPv6 address in: ask with an IPv4 address/,
    )
    await world.policy(policy.replace('deadline: 30m }', 'deadline: 30m, way: { otherwise: nsg } }'))
    await approved('rdp vm-mdc01 30m from 2a02:8109::1')
    expect(world.cardText()).toMatch(/^Open:/)
    expect(world.ourRules()).toEqual([expect.objectContaining({ source: '2a02:8109::1' })])
    sim.resources.put(nic)
  })

  test('without Plan 2 it is refused, or opened by a rule of our own where the policy file says so', async () => {
    const { resources } = world.azure.sim
    const id = `/subscriptions/${guarded.split('/')[2]}/providers/Microsoft.Security/pricings/VirtualMachines`
    const plan = resources.get(id)
    if (!plan) throw new Error('There is no plan.')
    resources.put({ ...plan, properties: { ...plan.properties, subPlan: 'P1' } })
    await refused(ask, /lacks Defender for Servers Plan 2: ask whoever looks after the subscription/)
    await world.policy(policy.replace('deadline: 30m }', 'deadline: 30m, way: { otherwise: nsg } }'))
    await approved()
    expect(world.ourRules()).toHaveLength(1)
    resources.put(plan)
  })

  test('the policy file may prefer rules of our own', async () => {
    await world.policy(policy.replace('deadline: 30m }', 'deadline: 30m, way: { prefer: nsg } }'))
    const before = initiated().length
    await approved('rdp vm-mdc01 4h from 81.2.69.142')
    expect(world.cardText()).toMatch(/^Open:/)
    expect(world.ourRules()).toHaveLength(1)
    expect(initiated()).toHaveLength(before)
    await world.clicks('robin', 'close')
  })

  test('who may not read Defender’s policies opens by rules of our own', async () => {
    world.azure.fault({ kind: 'forbidden', path: 'jitNetworkAccessPolicies' })
    await approved()
    expect(world.ourRules()).toHaveLength(1)
  })
})

describe('at the opening', () => {
  test('late: it is said that it takes long, and it opens when it opens, until its own end', async () => {
    world.azure.fault({ kind: 'late-opening', ms: 5 * 60_000 })
    await approved()
    await world.passes('3m')
    expect(told()).toMatch(
      /^Not opened yet: .*Defender for Cloud took the request and has not opened it so far/s,
    )
    expect(world.thread()).toHaveLength(1)
    await world.passes('3m')
    expect(isOpen()).toBe(true)
    expect(told()).toMatch(/^Open until/)
    await world.passes('25m')
    expect(isOpen()).toBe(false)
    expect(told()).toMatch(/Defender for Cloud closed it/)
  })

  test('never: nothing is ever called open, and it ends at its end', async () => {
    world.azure.fault({ kind: 'no-opening' })
    await approved()
    await world.passes('31m')
    expect(world.cardText()).toMatch(/^Never opened/)
    expect(told()).toMatch(/Ended without opening.*Azure never confirmed that it was open/s)
    expect(told()).not.toMatch(/Defender for Cloud (opened|closed) it/)
    expect(lately()).toEqual([])
  })

  test('taken with 200 where 202 is documented', async () => {
    world.azure.fault({ kind: 'accepted-as-200' })
    const before = initiated().length
    await opens()
    expect(initiated()).toHaveLength(before + 1)
  })

  test('refused: the reason is told', async () => {
    await world.asks('robin', ask)
    world.azure.fault({ kind: 'forbidden', path: '/initiate$' })
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Could not open/)
    expect(told()).toMatch(
      /It could not be opened: Defender for Cloud refuses: .*does not have authorization/s,
    )
  })

  test.each(['before', 'after'] as const)(
    'the answer is lost, %s Azure did anything: it is asked until it is known to have been taken',
    async (when) => {
      await world.asks('robin', ask)
      world.azure.fault({ kind: 'drop', when, path: '/initiate$', times: 1 })
      const before = initiated().length
      await world.clicks('avery', 'approve')
      await world.passes({ seconds: 20 })
      expect(isOpen()).toBe(true)
      expect(world.cardText()).toMatch(/^Open:/)
      expect(initiated()).toHaveLength(before + (when === 'before' ? 2 : 1))
      expect(jitAllows(world.azure)).toHaveLength(1)
    },
  )
})

describe('at the end', () => {
  test('late by more than a minute: the bot closes, calls the operators and says so', async () => {
    await opens()
    world.azure.fault({ kind: 'late-expiry', ms: 60 * 60_000 })
    await world.passes('30m')
    expect(isOpen()).toBe(true)
    expect(world.cardText()).toMatch(/^Closing: .*Defender for Cloud is to close it since/s)
    await world.passes({ seconds: 30 })
    expect(lately()).toEqual([])
    await world.passes({ seconds: 40 })
    expect(isOpen()).toBe(false)
    expect(lately()).toEqual([
      expect.stringMatching(
        /@alex Defender for Cloud is late: it had not removed its rule MicrosoftDefenderForCloud-JITRule-.* in nsg-mdc01-nic, for vm-mdc01/,
      ),
    ])
    expect(world.thread().slice(-2)).toEqual([
      expect.stringMatching(/^Late: .*Jitney removes it instead/),
      expect.stringMatching(
        /Defender for Cloud had not closed it in time, so Jitney removed its network rule\. Azure confirms/,
      ),
    ])
    expect(audited()).toContain('Defender for Cloud had not closed in time')
    const gone = world.azure.history(guardedGroup).findLast(({ rule }) => rule.includes('JITRule-'))
    expect(gone).toMatchObject({ by: 'defender', endedBy: 'arm' })
  })

  test('late by less: it is left to Defender', async () => {
    await opens()
    world.azure.fault({ kind: 'late-expiry', ms: 40_000 })
    await world.passes('32m')
    expect(told()).toMatch(/Defender for Cloud closed it/)
    expect(lately()).toEqual([])
  })

  test('Azure refuses the removal too: it pages with the command, and closes once that is mended', async () => {
    await opens()
    world.azure.fault({ kind: 'no-expiry' })
    world.azure.fault({ kind: 'forbidden', method: 'DELETE', path: 'JITRule' })
    await world.passes('33m')
    expect(pages().at(-1)).toMatch(
      /Not closed: rdp to vm-mdc01 .*az network nsg rule delete .*--name MicrosoftDefenderForCloud-JITRule-/s,
    )
    world.azure.clearFaults()
    await world.passes('2m')
    expect(isOpen()).toBe(false)
    expect(world.cardText()).toMatch(/^Closed/)
  })

  test('a rule that somebody widened is not Defender’s any more, and is left alone', async () => {
    await opens()
    const [rule] = jitAllows(world.azure)
    if (!rule) throw new Error('There is no rule.')
    const { name, ...properties } = rule
    world.azure.mutate({
      do: 'put-rule',
      nsg: guardedGroup,
      name,
      properties: { ...properties, sourceAddressPrefix: '*' },
    })
    await world.passes('2m')
    expect(world.thread().join('\n')).toMatch(
      /changed outside Jitney: .*source was 81\.2\.69\.142 and is now \*/,
    )
    expect(world.cardText()).toMatch(/^Closing/)
    expect(jitAllows(world.azure)).toHaveLength(1)
    expect(pages().at(-1)).toMatch(/is not as Defender for Cloud wrote it, so it is left alone/)
    await world.passes('30m')
    expect(world.cardText()).toMatch(/^Closed/)
  })
})

describe('before the end', () => {
  test('Close now: Defender knows no early close, so its rule is removed at once', async () => {
    await opens()
    await world.clicks('robin', 'close')
    expect(isOpen()).toBe(false)
    expect(told()).toMatch(
      /@robin closed it early.*Jitney removed the network rule that Defender for Cloud had written/s,
    )
    expect(lately()).toEqual([])
  })

  test('Close now before it has opened: the rule is removed as soon as it appears', async () => {
    await approved()
    await world.clicks('robin', 'close')
    expect(world.cardText()).toMatch(
      /^Closing: .*cannot be told not to\. As soon as its network rule appears, I remove it/s,
    )
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Never opened/)
    const born = world.azure.history(guardedGroup).findLast(({ rule }) => rule.includes('JITRule-'))
    expect(born).toMatchObject({ by: 'defender', endedBy: 'arm' })
    expect((born?.to ?? Infinity) - (born?.from ?? 0)).toBeLessThan(30_000)
  })

  test('somebody removes the rule: it is told, and nothing is brought back', async () => {
    await opens()
    await world.passes('1m')
    const [rule] = jitAllows(world.azure)
    world.azure.mutate({ do: 'delete-rule', nsg: guardedGroup, name: rule?.name ?? '' })
    await world.passes('2m')
    expect(told()).toMatch(/changed outside Jitney: its rule in nsg-mdc01-nic was removed by somebody else/)
  })

  test('a newer request replaces it: the older one says so, the newer one stays open', async () => {
    await opens()
    const older = world.card()
    await world.passes('1m')
    await world.asks('lee', 'rdp vm-mdc01 30m from 198.51.101.7')
    await world.clicks('avery', 'approve')
    await world.passes('2m')
    expect([isOpen(), isOpen('198.51.101.7')]).toEqual([false, true])
    expect(world.cardText()).toMatch(/^Open:/)
    const thread = world.slack.thread(older).map((message) => world.slack.visible(message))
    expect(thread.at(-1)).toMatch(
      /^Closed: .*Defender for Cloud replaced it by a newer request for the same VM and port: by its policy default/s,
    )
    const now = world.slack.messages('C0APPROVALS').find(({ ts }) => ts === older.ts)
    expect(now && world.slack.visible(now)).toMatch(/^Closed/)
    await world.passes('31m')
    expect(isOpen('198.51.101.7')).toBe(false)
    expect(told()).toMatch(/Defender for Cloud closed it/)
  })

  test('more time is asked for: the newer rule takes over, and both ends are told', async () => {
    await opens()
    const id = /Request (\w+)/.exec(world.cardText())?.[1] ?? ''
    await world.asks('robin', `extend ${id} 15m`)
    await world.clicks('avery', 'approve')
    await world.passes('2m')
    expect(isOpen()).toBe(true)
    await world.passes('32m')
    expect(isOpen()).toBe(true)
    await world.passes('15m')
    expect(isOpen()).toBe(false)
    expect(lately()).toEqual([])
  })
})
