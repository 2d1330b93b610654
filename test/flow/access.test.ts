import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

describe('opening and closing', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world?.close())
  afterEach(async () => {
    world.azure.clearFaults()
    world.azure.release()
    world.slack.heal()
    await world.passes('8h')
    expect(world.ourRules()).toEqual([])
  })

  const rulePath = 'securityRules/jit-'
  const asks = (text = 'rdp vm-jump01 30m from 81.2.69.142') => world.asks('robin', text)
  const opens = async (text?: string) => {
    await asks(text)
    await world.clicks('avery', 'approve')
  }

  test('both security groups on the way get the rule, and only Robin’s address gets in', async () => {
    await opens()
    expect(world.ourRules().map(({ nsg, source, ports }) => ({ nsg, source, ports }))).toEqual(
      expect.arrayContaining([
        { nsg: 'nsg-jump01-nic', source: '81.2.69.142', ports: '3389' },
        { nsg: 'nsg-ops-subnet', source: '81.2.69.142', ports: '3389' },
      ]),
    )
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    expect(world.passesTo('vm-jump01', 3389, '81.2.69.143')).toBe(false)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
    expect(world.cardText()).toMatch(/^Open: rdp to vm-jump01/)
  })

  test('the thread and Robin hear: open and how to connect, five minutes left, closed', async () => {
    await opens('rdp,ssh vm-jump01 30m from 81.2.69.142')
    expect(world.thread()).toHaveLength(1)
    expect(world.thread()[0]).toMatch(
      /^Open until 2026-11-2\d \d\d:\d\d UTC: rdp, ssh to vm-jump01 from 81\.2\.69\.142/,
    )
    expect(world.dm('robin').at(-1)).toMatch(/mstsc \/v:52\.166\.10\.10/)
    await world.passes('26m')
    expect(world.thread()).toHaveLength(2)
    expect(world.thread()[1]).toMatch(/^About 5 minutes left.*\[Close now\]/s)
    await world.passes('4m')
    expect(world.thread()).toHaveLength(3)
    expect(world.thread()[2]).toMatch(
      /^Closed.*s after its end.*Sessions that are already open stay open until they disconnect/s,
    )
    expect(world.dm('robin').at(-1)).toMatch(/^Closed/)
  })

  test('nothing is announced as open before Azure’s own reading says so', async () => {
    world.azure.fault({ kind: 'slow-operation', path: rulePath, method: 'PUT', hold: true, times: 1 })
    await asks()
    const clicked = world.clicks('avery', 'approve')
    await world.slack.until(() => world.cardText().startsWith('Approved, opening'))
    expect(world.thread()).toEqual([])
    expect(world.cardText()).not.toMatch(/^Open:/)
    world.azure.clearFaults()
    world.azure.release()
    await clicked
    await world.passes('2m')
    expect(world.cardText()).toMatch(/^Open:/)
    expect(world.thread()[0]).toMatch(/^Open until/)
  })

  test.each([
    ['429 with a wish to wait', { kind: 'throttle', retryAfterSeconds: 7 }],
    ['429 that asks for an hour', { kind: 'throttle', retryAfterSeconds: 3600 }],
    ['429 without a wish', { kind: 'throttle' }],
    ['409, another operation in progress', { kind: 'busy', status: 409 }],
    ['429, retryable because of another operation', { kind: 'busy', status: 429 }],
    ['412', { kind: 'precondition-failed' }],
    ['500 before the write took effect', { kind: 'server-error', when: 'before' }],
    ['500 after the write took effect', { kind: 'server-error', when: 'after' }],
    ['a dropped connection before the effect', { kind: 'drop', when: 'before' }],
    ['a dropped connection after the effect', { kind: 'drop', when: 'after' }],
    ['an operation that was canceled and superseded', { kind: 'operation-canceled', effect: false }],
    ['a canceled operation that took effect all the same', { kind: 'operation-canceled', effect: true }],
    ['reads that lag behind', { kind: 'stale-reads', reads: 2 }],
    ['an operation whose address is lost', { kind: 'lost-operation' }],
  ] as const)('Azure answers %s: it opens all the same, and closes all the same', async (_name, fault) => {
    const strike = { ...fault, path: fault.kind === 'lost-operation' ? '/operations/' : rulePath, times: 2 }
    world.azure.fault(strike)
    await opens()
    await world.passes('2m')
    expect(world.cardText()).toMatch(/^Open:/)
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    world.azure.clearFaults()
    world.azure.fault(strike)
    await world.passes('27m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.passes('4m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    expect(world.cardText()).toMatch(/^Closed/)
    expect(world.ourRules()).toEqual([])
  })

  test('a priority that somebody else takes in between costs another try and nothing else', async () => {
    await asks()
    world.azure.fault({ kind: 'late-conflict', path: rulePath, method: 'PUT', times: 1 })
    await world.clicks('avery', 'approve')
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Open:/)
  })

  test('when Azure forbids the rule, the card says so and nothing is left behind', async () => {
    world.azure.fault({ kind: 'forbidden', path: rulePath, method: 'PUT', code: 'RequestDisallowedByPolicy' })
    await opens()
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Could not open|^Not opened/)
    expect(world.cardText()).not.toMatch(/^Open:/)
    expect(world.thread().join('\n')).not.toMatch(/Open until/)
    expect(world.ourRules()).toEqual([])
  })

  test('Azure refuses to delete for ten minutes: the bot never gives up, and tells the lateness', async () => {
    await opens()
    world.azure.fault({ kind: 'server-error', path: rulePath, method: 'DELETE' })
    await world.passes('31m')
    expect(world.cardText()).toMatch(/^Closing/)
    expect(world.thread().join('\n')).not.toMatch(/^Closed/m)
    await world.passes('10m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    world.azure.clearFaults()
    await world.passes('5m')
    expect(world.cardText()).toMatch(/^Closed/)
    expect(world.thread().at(-1)).toMatch(/\d+ (s|min|minutes?).* after its end/)
    expect(world.thread().at(-1)).not.toMatch(/ 0(\.0)? s after/)
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
  })

  test('Robin closes early, and says so in the thread', async () => {
    await opens()
    await world.clicks('robin', 'close')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    expect(world.thread().at(-1)).toMatch(/^Closed.*@robin/s)
    expect(world.cardText()).not.toContain('[Close now]')
  })

  test('an approver may close early, Mallory may not', async () => {
    await opens()
    await world.clicks('mallory', 'close')
    expect(world.ephemerals('mallory').at(-1)).toMatch(
      /Only the person who asked, an approver or an operator/,
    )
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.clicks('avery', 'close')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
  })

  test('two grants on one VM do not close one another', async () => {
    await opens('rdp vm-jump01 30m from 81.2.69.142')
    await opens('rdp vm-jump01 2h from 81.2.69.142')
    await world.passes('31m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.passes('2h')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
  })

  test('rules that are not ours stay as they were', async () => {
    const foreign = () =>
      world.azure
        .history()
        .filter(({ rule }) => !rule.startsWith('jit-'))
        .map(({ to, ...version }) => ({ ...version, to }))
    const before = JSON.stringify(foreign())
    await opens()
    await world.passes('1h')
    expect(JSON.stringify(foreign())).toBe(before)
  })

  test('while Slack takes nothing for an hour, the close is in time and the notices follow in order', async () => {
    await opens()
    for (const method of ['chat.postMessage', 'chat.update']) {
      world.slack.fault({ method, kind: '429', retryAfter: 3600, times: 100_000 })
    }
    await world.passes('31m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    expect(world.cardText()).toMatch(/^Open:/)
    world.slack.heal()
    await world.passes('1h')
    expect(world.cardText()).toMatch(/^Closed/)
    const thread = world.thread().map((text) => text.split(/[ :]/)[0])
    expect(thread).toEqual(['Open', 'Closed'])
    // A line whose answer was lost may stand there twice, and then says so.
    const lines = world.auditLines().filter((line) => line.startsWith('#') && !line.includes('(may repeat)'))
    const numbers = lines.map((line) => Number(/^#(\d+)/.exec(line)?.[1]))
    expect(numbers).toEqual(numbers.map((_number, index) => index + 1))
  })

  test('an audit line for each thing that happened, numbered without a gap', async () => {
    const lines = world.auditLines().length
    await opens()
    await world.passes('1h')
    const said = world
      .auditLines()
      .slice(lines)
      .map((line) => line.split(' · ')[1])
    expect(said).toEqual([
      '@robin asked for access',
      '@avery approved',
      'opening',
      'open, confirmed by Azure',
      'open, verified by IP flow verify',
      'closing',
      'closed',
      'closed, verified by IP flow verify',
    ])
  })

  test('anybody may ask how things stand, and hears the lateness of the closes', async () => {
    await opens()
    await world.passes('31m')
    await world.asks('robin', 'status')
    const status = world.ephemerals('robin').at(-1)
    expect(status).toMatch(/^Open: 0, opening: 0, closing: 0\./)
    expect(status).toMatch(/Nothing is open past its time\./)
    expect(status).toMatch(/Closing after the end: half within \d/)
    expect(status).toMatch(/Azure’s VMs were read at/)
  })
})
