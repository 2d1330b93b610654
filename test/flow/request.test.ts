import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

describe('asking for access', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())

  /** Everything that Robin was told in private since the last look, the ack first. */
  const told = async (text: string): Promise<string> => {
    const before = world.ephemerals('robin').length
    await world.asks('robin', text)
    return world.ephemerals('robin').slice(before).join('\n')
  }
  const nothingStored = async () => {
    expect(await world.app.store.grants(['opening', 'open', 'closing', 'closed'])).toEqual([])
    expect(world.auditLines().filter((line) => !line.includes('a policy came into force'))).toEqual([])
    expect(world.dm('robin')).toEqual([])
    expect(world.ourRules()).toEqual([])
  }

  const nothingStoredFor = async (vm: string) => {
    const cases = await world.app.store.grants(['opening', 'open', 'closing', 'closed'])
    expect(cases.filter(({ request }) => request.vm.name === vm)).toEqual([])
    expect(world.auditLines().filter((line) => line.includes(vm))).toEqual([])
  }

  test.each([
    ['nothing at all', ''],
    ['help', 'help'],
  ])('%s answers how to ask', async (_name, text) => {
    const answer = await told(text)
    expect(answer).toContain('/jit rdp vm-jump01 30m')
    await nothingStored()
  })

  test.each([
    ['a service that does not exist', 'rpd vm-jump01 30m', /rpd.*rdp/s],
    ['no VM', 'rdp', /VM/],
    ['no duration', 'rdp vm-jump01', /how long|duration/i],
    ['a duration of zero', 'rdp vm-jump01 0m', /zero/],
    ['a negative duration', 'rdp vm-jump01 -5m', /negative|forward/],
    ['a duration without a unit', 'rdp vm-jump01 30', /30m/],
    ['an overflowing duration', 'rdp vm-jump01 99999999999999999999h', /longer than a year/],
    ['a port that does not exist', '99999 vm-jump01 30m', /99999/],
    ['a time of day that does not exist', 'rdp vm-jump01 until 25:00', /time of day/],
    ['a verb that is not there yet', 'audit', /not possible yet/],
  ])('%s is answered with what is wrong and an example, and stores nothing', async (_name, text, what) => {
    const answer = await told(text)
    expect(answer).toMatch(what)
    expect(answer).toContain('/jit ')
    await nothingStored()
  })

  test.each([
    ['private', '10.1.2.3', /private/],
    ['loopback', '127.0.0.1', /loopback/],
    ['a list', '81.2.69.142,81.2.69.143', /list/],
    ['a service tag', 'Internet', /not an IP address/],
    ['octal', '0121.2.69.142', /leading zeros|four decimal numbers/],
    ['IPv4-mapped', '::ffff:81.2.69.142', /81\.2\.69\.142/],
    ['everybody', '0.0.0.0/0', /range/],
    ['a documentation address', '203.0.113.9', /reserved|documentation/],
  ])('an address that is %s is refused with the reason', async (_name, address, what) => {
    expect(await told(`rdp vm-jump01 30m from ${address}`)).toMatch(what)
    await nothingStored()
  })

  test('without an address, and none known, Robin is asked for it', async () => {
    expect(await told('rdp vm-jump01 30m')).toMatch(/Which address will you connect from\?.*as in from 81/s)
    await nothingStored()
  })

  test('an unknown VM is answered with the nearest names', async () => {
    const answer = await told('rdp vm-jmup01 30m from 81.2.69.142')
    expect(answer).toMatch(/There is no VM named vm-jmup01.*nearest name is vm-jump01/s)
    await nothingStored()
  })

  test('a name that two subscriptions share is asked back, and the longer name is understood', async () => {
    const answer = await told('rdp vm-app01 30m from 81.2.69.142')
    expect(answer).toMatch(/more than one VM named vm-app01/)
    const [name] = /Say which: (\S+\/vm-app01)/.exec(answer)?.slice(1) ?? []
    expect(name).toBeDefined()
    await nothingStored()
    expect(await told(`rdp ${name} 30m from 81.2.69.142`)).toMatch(/It waits for approval/)
    await world.clicks('avery', 'deny')
  })

  test('a VM without a security group is refused, because it is open already', async () => {
    const answer = await told('rdp vm-bare01 30m from 81.2.69.142')
    expect(answer).toMatch(/no security group.*already/s)
    await nothingStoredFor('vm-bare01')
  })

  test('tcp and udp in one request are refused with what to do', async () => {
    expect(await told('rdp,53/udp vm-jump01 30m from 81.2.69.142')).toMatch(/Ask for the two separately/)
  })

  test.each([
    ['several ports, spaces and capitals', 'RDP, 5432/TCP VM-JUMP01 1 Hour from 81.2.69.142', 'rdp'],
    ['bold and code marks', '*rdp* `vm-jump01` _30m_ from `81.2.69.142`', 'rdp (3389/tcp)'],
    ['a bare port', '3389 vm-jump01 90 min from 81.2.69.142', '3389/tcp'],
    ['an hour and a half', 'ssh vm-jump01 1h30m from 81.2.69.142', '1 h 30 min'],
    ['an IPv4 VM asked with filler words', 'rdp to vm-jump01 for 2h from 81.2.69.142', '2 h'],
  ])('%s make a card', async (_name, text, shown) => {
    expect(await told(text)).toMatch(/It waits for approval/)
    expect(world.cardText()).toContain(shown)
    await world.clicks('avery', 'deny')
    expect(world.cardText()).toMatch(/^Denied/)
  })

  test('“until 18:00” means Robin’s own evening, in Berlin', async () => {
    // It is 10:00 in Berlin and 09:00 UTC.
    await told('rdp vm-jump01 until 16:30 from 81.2.69.142')
    expect(world.cardText()).toContain('2026-11-23 15:30 UTC')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/Open until 2026-11-23 15:30 UTC/)
    await world.clicks('robin', 'close')
    expect(world.cardText()).toMatch(/^Closed/)
  })

  test('a start that has passed today is tomorrow’s, and the first answers say so', async () => {
    const seen = await world.asks('robin', 'rdp vm-jump01 30m at 09:00 from 81.2.69.142')
    expect(JSON.stringify(seen)).toMatch(/beginning at 9:00, or tomorrow if that time has passed/)
    expect(world.ephemerals('robin').at(-1)).toMatch(/beginning tomorrow, at 2026-11-24 08:00 UTC/)
    await world.clicks('avery', 'deny')
    expect(await told('rdp vm-jump01 30m at 21:00 from 81.2.69.142')).toMatch(
      /beginning at 2026-11-23 20:00 UTC/,
    )
    await world.clicks('avery', 'deny')
  })

  test('the next request does not need the address again, and the card says where it is from', async () => {
    expect(await told('rdp vm-jump01 30m')).toMatch(/from 81\.2\.69\.142/)
    expect(world.cardText()).toMatch(/81\.2\.69\.142 \(typed earlier, .*, not confirmed\)/)
    await world.clicks('avery', 'deny')
  })

  test('a day later the address must be given again', async () => {
    await world.passes('13h')
    expect(await told('rdp vm-jump01 30m')).toMatch(/Which address/)
  })

  test('two requests are two cards, and one gesture delivered twice is one request', async () => {
    const before = world.slack.messages('C0APPROVALS').length
    const seen = await world.people.robin.types('/jit', 'rdp vm-jump01 30m from 81.2.69.142', {
      channel: 'C0ACCESS',
      times: 2,
      everyConnection: true,
    })
    await world.settle()
    expect(seen.acked).toBe(true)
    expect(world.slack.messages('C0APPROVALS').length).toBe(before + 1)
  })
})
