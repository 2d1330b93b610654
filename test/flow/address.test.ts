import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { channels, createWorld, type Name, type World, type WorldOptions } from '../support/world.ts'

const page = {
  PUBLIC_URL: 'https://jit.example/',
  SLACK_CLIENT_ID: '1.2',
  SLACK_CLIENT_SECRET: 'secret',
  TRUSTED_PROXIES: '127.0.0.1/32',
}

const policy = (address = '') => `
version: 1
audit: { channel: C0AUDIT }
${address}
defaults: { channel: C0APPROVALS, deadline: 30m, maxDuration: 8h, approvers: { users: [U0AVERY, U0ALEX] } }
rules:
  - { name: two agree for the web servers, vm: { name: vm-web* }, approvals: 2 }
  - { name: a colleague agrees }
`

const robins = '81.2.69.142'

const hash = (of: string) => createHash('sha256').update(of).digest('hex')

async function withPage(options: WorldOptions & { readonly address?: string } = {}) {
  const world = await createWorld({ policy: policy(options.address), environment: page, ...options })
  const teamId = 'T0TEAM'
  const links = () => {
    if (!world.app.links) throw new Error('There is no page.')
    return world.app.links
  }
  /** The token in the newest button of a person's private messages. */
  const token = (name: Name): string => {
    const urls = world.slack
      .dm(name)
      .flatMap(
        (message) =>
          /https:\/\/jit\.example\/ip\/[\w-]+/.exec(JSON.stringify(message.blocks ?? []))?.[0] ?? [],
      )
    const url = urls.at(-1)
    if (url === undefined) throw new Error(`${name} has no button that leads to the page.`)
    return url.slice('https://jit.example/ip/'.length)
  }
  const as = (name: Name) => ({ userId: world.people[name].id, teamId })
  /** Opens the link in the browser, signs in, and presses the one button. */
  const confirms = async (name: Name, address = robins, of = token(name)) => {
    const said = await links().confirm(hash(of), as(name), address)
    await world.settle()
    return said
  }
  return { world, links, token, as, confirms }
}

describe('confirming an address in the browser', () => {
  let bench: Awaited<ReturnType<typeof withPage>>
  let world: World
  beforeAll(async () => {
    bench = await withPage()
    world = bench.world
  })
  afterAll(() => world?.close())

  test('an ask without an address waits for it, and then goes on without being typed again', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m because the disk is full')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /Look for my message: it has the button “Confirm my address”, which works until .* you need not type it again/,
    )
    expect(world.slack.messages('C0APPROVALS')).toEqual([])
    expect(world.dm('robin')).toHaveLength(1)
    expect(world.dm('robin')[0]).toMatch(
      /Confirm your address\..*rdp to vm-jump01 for 30 min.*It works until .* once, and for you alone/s,
    )
    expect(await bench.confirms('robin')).toBeNull()
    expect(world.cardText()).toMatch(/^Approval needed: rdp to vm-jump01/)
    expect(world.cardText()).toMatch(/Address\s+81\.2\.69\.142 \(confirmed in the browser /)
    expect(world.cardText()).toMatch(/Reason: the disk is full/)
    const id = /Request ([a-z0-9]+)/.exec(world.cardText())?.[1]
    expect(world.dm('robin')[0]).toMatch(
      new RegExp(`Address confirmed: 81\\.2\\.69\\.142, .*\\.\\s+Your request ${id} was made at `, 's'),
    )
    expect(JSON.stringify(world.slack.dm('robin')[0]?.blocks)).not.toMatch(/jit\.example/)
    await world.clicks('avery', 'approve')
    expect(world.passesTo('vm-jump01', 3389, robins)).toBe(true)
    expect(world.auditLines().join('\n')).toMatch(
      /@robin was sent a link to confirm their address.* VM vm-jump01 · asked: rdp .*@robin confirmed their address in the browser/s,
    )
  })
})

describe('an address that nobody confirms', () => {
  let bench: Awaited<ReturnType<typeof withPage>>
  let world: World
  beforeAll(async () => {
    bench = await withPage()
    world = bench.world
  })
  afterAll(() => world?.close())

  test('after ten minutes the request lapses, and says so', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m')
    const before = bench.token('robin')
    await world.passes({ seconds: 599 })
    expect(world.dm('robin').at(-1)).toMatch(/Confirm your address/)
    await world.passes({ seconds: 1 })
    expect(world.dm('robin').at(-1)).toMatch(
      /The request lapsed .* \(rdp to vm-jump01 for 30 min\): no address was confirmed in time\.\s+Nobody was asked, nothing was opened, and no address was stored\./,
    )
    expect(JSON.stringify(world.slack.dm('robin').at(-1)?.blocks)).not.toMatch(/jit\.example/)
    expect(await bench.links().find(hash(before))).toBeNull()
    expect(await bench.confirms('robin', robins, before)).toBe('gone')
    expect(world.slack.messages(channels.approvals)).toEqual([])
    expect(world.auditLines().at(-1)).toMatch(/no address was confirmed in time/)
  })

  test('somebody else who opens the link gets nothing, and its person hears of it once', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m')
    const token = bench.token('robin')
    await bench.links().openedByOther(hash(token), bench.as('mallory'))
    await bench.links().openedByOther(hash(token), bench.as('mallory'))
    await bench.links().openedByOther(hash(token), bench.as('robin'))
    await world.settle()
    const told = () => world.dm('robin').filter((message) => message.includes('opened your link'))
    expect(told()).toEqual([
      expect.stringMatching(
        /^Somebody else \(@mallory\) opened your link and signed in; nothing happened: .* still works for you alone\./,
      ),
    ])
    expect(await bench.confirms('mallory', '89.160.20.112', token)).toBe('gone')
    expect(await bench.links().confirm(hash(token), { userId: 'U0ROBIN', teamId: 'T0OTHER' }, robins)).toBe(
      'gone',
    )
    expect(world.slack.messages(channels.approvals)).toEqual([])
    await bench.links().openedByOther(hash(token), bench.as('alex'))
    await world.settle()
    expect(told()).toHaveLength(2)
    expect(world.auditLines().filter((line) => /opened somebody else’s link/.test(line))).toHaveLength(2)
    expect(await bench.confirms('robin')).toBeNull()
    expect(world.cardText()).toMatch(/81\.2\.69\.142 \(confirmed in the browser/)
  })

  test('asked for again, the older link gives way to the newer one', async () => {
    const cards = world.slack.messages(channels.approvals).length
    await world.asks('robin', 'ssh vm-jump01 30m')
    const older = bench.token('robin')
    await world.asks('robin', 'ssh  vm-jump01 30m')
    expect(bench.token('robin')).not.toBe(older)
    expect(world.dm('robin').at(-2)).toMatch(
      /This link no longer works \(ssh to vm-jump01 for 30 min\)\.\s+A newer one was made for the same thing\./,
    )
    expect(await bench.confirms('robin', robins, older)).toBe('gone')
    expect(await bench.confirms('robin')).toBeNull()
    expect(world.slack.messages(channels.approvals)).toHaveLength(cards + 1)
  })

  test('nobody has more than a few links waiting', async () => {
    for (const minutes of [11, 12, 13, 14, 15, 16]) {
      await world.asks('lee', `rdp vm-jump01 ${minutes}m`)
      await world.passes({ seconds: 1 })
    }
    const waiting = () => world.dm('lee').filter((text) => text.startsWith('Confirm your address'))
    expect(waiting()).toHaveLength(5)
    expect(world.dm('lee')[0]).toMatch(
      /This link no longer works \(rdp to vm-jump01 for 11 min\)\.\s+No more than 5 links of yours wait at once, and this was the oldest of them\.\s+Nobody was asked/,
    )
    expect(world.dm('lee').at(-1)).toMatch(/Confirm your address.*for 16 min/s)
  })

  test('an address that may not come in is told so, and the link waits on', async () => {
    await world.asks('alex', 'rdp vm-jump01 30m')
    expect(await bench.confirms('alex', '10.0.0.1')).toEqual({ why: expect.stringMatching(/is private/) })
    expect(await bench.links().find(hash(bench.token('alex')))).toMatchObject({ state: 'waiting' })
    expect(await bench.confirms('alex', '89.160.20.112')).toBeNull()
  })

  test('nobody is sent to the page for a VM that is not there', async () => {
    const before = world.dm('robin').length
    await world.asks('robin', 'rdp vm-jmup01 30m')
    expect(world.ephemerals('robin').at(-1)).toMatch(/There is no VM named vm-jmup01/)
    expect(world.dm('robin')).toHaveLength(before)
  })

  test('the token is nowhere but in the message', async () => {
    await world.asks('robin', 'rdp vm-jump01 45m')
    const token = bench.token('robin')
    expect(token).toMatch(/^[\w-]{22}$/)
    expect(world.auditLines().join()).not.toContain(token)
    expect(JSON.stringify(await world.app.store.auditAfter(0, 1_000))).not.toContain(token)
    expect(JSON.stringify(await bench.links().find(hash(token)))).not.toContain(token)
  })
})

describe('one confirmation, once', () => {
  let bench: Awaited<ReturnType<typeof withPage>>
  let world: World
  beforeAll(async () => {
    bench = await withPage({ durable: true })
    world = bench.world
  })
  afterAll(() => world?.close())

  test('of two at the same moment one counts', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m')
    const token = hash(bench.token('robin'))
    const said = await Promise.all(
      [robins, '89.160.20.112'].map((address) => bench.links().confirm(token, bench.as('robin'), address)),
    )
    expect(said).toEqual(expect.arrayContaining(['gone', null]))
    await world.settle()
    expect(world.slack.messages(channels.approvals)).toHaveLength(1)
  })

  test('a crash between the confirmation and going on loses nothing', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m')
    expect(await bench.links().confirm(hash(bench.token('robin')), bench.as('robin'), robins)).toBeNull()
    await world.restarts()
    await world.settle()
    expect(world.slack.messages(channels.approvals)).toHaveLength(2)
    expect(world.cardText()).toMatch(/^Approval needed: ssh to vm-jump01/)
    expect(
      world.dm('robin').some((message) => /Address confirmed: .*Your request .* was made/s.test(message)),
    ).toBe(true)
  })

  test('a message that Slack did not take is sent again, with a token of its own', async () => {
    world.slack.fault({ method: 'chat.postMessage', kind: 'lost-reply', times: 2 })
    await world.asks('alex', 'rdp vm-jump01 30m')
    const first = bench.token('alex')
    await world.passes('1m')
    const messages = world.dm('alex')
    expect(messages).toHaveLength(2)
    expect(messages[1]).toMatch(/If you have two of these messages, only the newer button works\./)
    expect(await bench.confirms('alex', '89.160.20.112', first)).toBe('gone')
    expect(await bench.confirms('alex', '89.160.20.112')).toBeNull()
    expect(world.cardText()).toMatch(/89\.160\.20\.112/)
  })
})

describe('what is remembered of an address', () => {
  let bench: Awaited<ReturnType<typeof withPage>>
  let world: World
  beforeAll(async () => {
    bench = await withPage({ address: 'address: { confirmed: 2h }' })
    world = bench.world
  })
  afterAll(() => world?.close())

  test('one that was confirmed is taken for as long as the policy says, and the card says when', async () => {
    await world.asks('robin', 'ip')
    expect(world.ephemerals('robin').at(-1)).toMatch(/No address of yours is remembered\./)
    await world.people.robin.clicks(world.slack.ephemerals('robin').at(-1)!, 'confirm_address')
    await world.settle()
    expect(world.ephemerals('robin').at(-1)).toMatch(/Look for my message: it has the button/)
    expect(world.dm('robin').at(-1)).toMatch(
      /This is for the address that I remember of you; nothing else waits/,
    )
    expect(await bench.confirms('robin')).toBeNull()
    expect(world.dm('robin').at(-1)).toMatch(
      /Address confirmed: 81\.2\.69\.142.*For 2 h you need not confirm it again/s,
    )
    const confirmed = '2026-11-23 09:00 UTC'
    await world.passes('1h')
    await world.asks('robin', 'rdp vm-jump01 30m')
    expect(world.cardText()).toContain(`81.2.69.142 (confirmed in the browser ${confirmed})`)
    await world.asks('robin', 'ip')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /81\.2\.69\.142, confirmed in the browser .*Used until 2026-11-23 11:00 UTC for what you ask for without an address/,
    )
  })

  test('a typed address never counts as a confirmed one', async () => {
    await world.asks('alex', 'rdp vm-jump01 30m from 89.160.20.112')
    await world.asks('alex', 'ssh vm-jump01 30m')
    expect(world.dm('alex').at(-1)).toMatch(/Confirm your address/)
    await world.asks('alex', 'ip')
    expect(world.ephemerals('alex').at(-1)).toMatch(
      /89\.160\.20\.112, typed .* and not confirmed\. It is kept for the record; each request asks again/,
    )
  })

  test('it is forgotten on request, and at its end', async () => {
    await world.asks('robin', 'ip')
    await world.people.robin.clicks(world.slack.ephemerals('robin').at(-1)!, 'forget_address')
    await world.settle()
    expect(world.ephemerals('robin').at(-1)).toMatch(/Your address is forgotten/)
    expect(world.auditLines().at(-1)).toMatch(/@robin had their address forgotten/)
    await world.asks('robin', 'ssh vm-jump01 10m')
    expect(world.dm('robin').at(-1)).toMatch(/Confirm your address/)
    expect(await bench.confirms('robin')).toBeNull()
    await world.passes('2h')
    await world.asks('robin', 'ssh vm-jump01 11m')
    expect(world.cardText()).toMatch(/^Approval needed: ssh to vm-jump01/)
    await world.passes({ seconds: 1 })
    await world.asks('robin', 'ssh vm-jump01 12m')
    expect(world.dm('robin').at(-1)).toMatch(/Confirm your address/)
  })
})

describe('without the page', () => {
  test('the answer says which ways are possible', async () => {
    const world = await createWorld({ policy: policy('address: { ranges: { office: 81.2.69.142 } }') })
    await world.asks('robin', 'rdp vm-jump01 30m')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /Which address will you connect from\? Type `?from`? and your public IP address, .*or use `?from office`?\. Nothing was stored\./,
    )
    await world.asks('robin', 'ip')
    expect(world.ephemerals('robin').at(-1)).toMatch(/No address of yours is remembered\.[^]*from office/)
    expect(world.app.links).toBeNull()
    await world.close()
  })
})

describe('my address changed', () => {
  let bench: Awaited<ReturnType<typeof withPage>>
  let world: World
  const elsewhere = '89.160.20.112'
  beforeAll(async () => {
    bench = await withPage()
    world = bench.world
  })
  afterAll(() => world?.close())

  const mirror = (about: RegExp) => {
    const found = world.slack.dm('robin').filter((message) => about.test(world.slack.visible(message)))
    const last = found.at(-1)
    if (!last) throw new Error('There is no such message.')
    return last
  }
  const changes = async (about: RegExp, address = elsewhere) => {
    await world.people.robin.clicks(mirror(about), 'address_changed')
    await world.settle()
    return bench.confirms('robin', address)
  }

  test('before the approval the request gets the new address, and approvals begin anew', async () => {
    await world.asks('robin', 'ssh vm-web01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/1 of 2 approvals/)
    expect(await changes(/^Approval needed: ssh to vm-web01/)).toBeNull()
    expect(world.cardText()).toMatch(/Nobody has approved yet, and 2 approvals are needed/)
    expect(world.cardText()).toMatch(
      /Address changed .*: it was 81\.2\.69\.142\. Approvals began anew: the yes of @avery was to the address before\./,
    )
    expect(world.cardText()).toMatch(/Address\s+89\.160\.20\.112 \(confirmed in the browser/)
    expect(world.thread().at(-1)).toMatch(
      /@avery\s+Address changed .*was asked for from 81\.2\.69\.142, and is now from 89\.160\.20\.112/,
    )
    expect(world.dm('robin').join('\n')).toMatch(
      /Request .* has this address now instead of 81\.2\.69\.142\./,
    )
    expect(world.auditLines().join('\n')).toMatch(/@robin comes from another address, approvals begin anew/)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/1 of 2 approvals/)
    // Somebody clicks on a card that was drawn before the change.
    const person = { enterpriseId: null, ...bench.as('alex') }
    const requestId = /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
    const gesture = { kind: 'click', person, action: 'approve', requestId, responseUrl: null } as const
    await world.app.store.receive({ key: 'stale', receivedAt: world.clock.now(), gesture })
    await world.settle()
    expect(world.cardText()).toMatch(/1 of 2 approvals/)
    await world.clicks('alex', 'approve')
    expect(world.passesTo('vm-web01', 22, elsewhere)).toBe(true)
    expect(world.passesTo('vm-web01', 22, robins)).toBe(false)
  })

  test('while it is open it is asked for anew: the new rule first, and then the old one is closed', async () => {
    await world.asks('robin', 'rdp vm-jump01 1h from 81.2.69.142')
    const old = world.card()
    await world.clicks('avery', 'approve')
    await world.passes('20m')
    expect(await changes(/^Open: rdp to vm-jump01/)).toBeNull()
    expect(world.cardText()).toMatch(/^Approval needed: a new address for rdp to vm-jump01/)
    expect(world.cardText()).toMatch(
      /Takes the place of\s+request .*, open from 81\.2\.69\.142, which is closed once this is open/,
    )
    expect(world.cardText()).toMatch(/How long\s+until 2026-11-23 10:00 UTC/)
    expect(world.slack.visible(world.slack.now(old))).toMatch(
      /Another address was asked for: see request \S+\./,
    )
    expect(world.passesTo('vm-jump01', 3389, robins)).toBe(true)
    expect(world.passesTo('vm-jump01', 3389, elsewhere)).toBe(false)
    await world.clicks('avery', 'approve')
    expect(world.passesTo('vm-jump01', 3389, elsewhere)).toBe(true)
    expect(world.passesTo('vm-jump01', 3389, robins)).toBe(false)
    expect(world.slack.visible(world.slack.now(old))).toMatch(
      /^Closed: .*Its person comes from another address now, and request .* took its place\./s,
    )
    await world.passes('41m')
    expect(world.passesTo('vm-jump01', 3389, elsewhere)).toBe(false)
  })

  test('is nobody else’s to say, and says nothing where nothing is open any more', async () => {
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    await world.people.robin.clicks(mirror(/^Approval needed: ssh to vm-jump01/), 'address_changed')
    await world.settle()
    await world.clicks('avery', 'deny')
    expect(await bench.confirms('robin', elsewhere)).toBeNull()
    expect(world.dm('robin').join('\n')).toMatch(
      /Request .* neither waits nor is open any more, so nothing changed\./,
    )
  })
})
