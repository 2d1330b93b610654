import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type Name, type World, type WorldOptions } from '../support/world.ts'

const page = {
  PUBLIC_URL: 'https://jit.example/',
  SLACK_CLIENT_ID: '1.2',
  SLACK_CLIENT_SECRET: 'secret',
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
      /I send you a message with the button “Confirm my address”\. It works until .* you need not type it again/,
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
      new RegExp(`Address confirmed: 81\\.2\\.69\\.142, .*\\.\\s+Your request ${id} went on with it `, 's'),
    )
    expect(JSON.stringify(world.slack.dm('robin')[0]?.blocks)).not.toMatch(/jit\.example/)
    await world.clicks('avery', 'approve')
    expect(world.passesTo('vm-jump01', 3389, robins)).toBe(true)
    expect(world.auditLines().join('\n')).toMatch(
      /@robin was sent a link to confirm their address.*@robin confirmed their address in the browser/s,
    )
  })
})
