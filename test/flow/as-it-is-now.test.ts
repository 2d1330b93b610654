import { afterEach, describe, expect, test } from 'vitest'
import { demoWorld } from '../../src/simulator/demo-world.ts'
import { channels, createWorld, type World } from '../support/world.ts'

const head = `
version: 1
audit: { channel: C0AUDIT }
operators: { users: [U0ALEX] }
defaults: { channel: C0APPROVALS, maxDuration: 2h, approvers: { users: [U0AVERY] } }
`

describe('what is judged later is judged as it is then', () => {
  let world: World
  afterEach(() => world?.close())

  const idOn = () => /Request ([a-z0-9]+)/.exec(world.cardText())?.[1] ?? ''
  const opens = async (policy: string) => {
    world = await createWorld({ policy })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open: /)
    return idOn()
  }

  const named = (who: string) => `${head}rules:\n  - { name: people agree, approvers: ${who} }\n`

  test.each([
    ['by name', '{ users: [U0MALLORY] }'],
    ['as an owner', '{ ownerTag: owner }'],
  ])(
    'whoever the policy names now %s may close and comment, and so may whoever it named then',
    async (_, now) => {
      await opens(named('{ users: [U0AVERY] }'))
      expect(await world.policy(named(now))).toBeNull()
      world.tags('vm-jump01', { owner: 'U0MALLORY' })
      const card = world.card()
      const says = (user: string, text: string) => {
        const ts = `1795700000.${user.length}${text.length}00`
        const place = { channel: channels.approvals, ts, event_ts: ts, thread_ts: card.ts }
        return world.slack.event({ type: 'app_mention', user, text: `<@U0BOT> ${text}`, ...place })
      }
      await says('U0MALLORY', 'use the print server')
      await says('U0AVERY', 'and nothing else')
      await says('U0LEE', 'hello')
      await world.settle()
      expect(world.dm('robin').join('\n')).toMatch(/> use the print server.*> and nothing else/s)
      expect(world.dm('lee').at(-1)).toMatch(/was not passed on/)
      await world.clicks('lee', 'close')
      expect(world.ephemerals('lee').at(-1)).toMatch(/may close/)
      await world.clicks('mallory', 'close')
      expect(world.cardText()).toMatch(/^Closed: .*@mallory closed it early/s)
      expect(world.passesTo('vm-jump01', 22)).toBe(false)
    },
  )

  const frozen = `${head}deny:\n  - { name: the VM is frozen, vm: { tags: { freeze: "yes" } } }\nrules:\n  - { name: a colleague agrees }\n`

  test('a tag that was set after the card was posted counts at the click', async () => {
    world = await createWorld({ policy: frozen })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    world.tags('vm-jump01', { freeze: 'yes' })
    await world.clicks('avery', 'approve')
    expect(world.ephemerals('avery').at(-1)).toMatch(
      /no longer allows.*access is refused if the VM is frozen/,
    )
    expect(world.cardText()).toMatch(/^Approval needed/)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })

  test('a tag that was set just before the ask counts, and is what the card shows', async () => {
    world = await createWorld({})
    world.tags('vm-jump01', { env: 'prod' })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    expect(world.cardText()).toMatch(/env=prod/)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/1 of 2 approvals/)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })

  const unread = { method: 'GET', path: 'virtualmachines/vm-jump01$' } as const

  test('a yes is judged by the tags that Azure says in the end, when it was busy at first', async () => {
    world = await createWorld({ policy: frozen })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    world.tags('vm-jump01', { freeze: 'yes' })
    world.azure.fault({ kind: 'throttle', ...unread, times: 1, retryAfterSeconds: 5 })
    await world.clicks('avery', 'approve')
    await world.passes('1m')
    expect(world.ephemerals('avery').at(-1)).toMatch(/access is refused if the VM is frozen/)
    expect(world.cardText()).toMatch(/^Approval needed/)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })

  test('a yes does not count while Azure does not say the tags, and a no does', async () => {
    world = await createWorld({ policy: frozen })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    world.azure.fault({ kind: 'server-error', ...unread })
    await world.clicks('avery', 'approve')
    await world.passes('1m')
    expect(world.ephemerals('avery').at(-1)).toMatch(
      /Azure could not be read: .* your yes does not count and nothing changed\. Press the button again/,
    )
    expect(world.cardText()).toMatch(/^Approval needed/)
    await world.clicks('avery', 'deny')
    expect(world.cardText()).toMatch(/^Denied/)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })

  test('a start that was named waits until Azure says the tags', async () => {
    world = await createWorld({ policy: frozen })
    await world.asks('robin', 'ssh vm-jump01 30m at 10:30 from 81.2.69.142')
    await world.clicks('avery', 'approve')
    world.tags('vm-jump01', { freeze: 'yes' })
    world.azure.fault({ kind: 'server-error', ...unread })
    await world.passes('31m')
    expect(world.thread().join('\n')).toMatch(
      /Not opened yet.*Azure did not answer when it was to be looked at/s,
    )
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
    world.azure.clearFaults()
    await world.passes('5m')
    expect(world.cardText()).toMatch(/the VM is frozen/)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })

  test('a tag that was set meanwhile counts when more time is asked for', async () => {
    const id = await opens(frozen)
    world.tags('vm-jump01', { freeze: 'yes' })
    await world.asks('robin', `extend ${id} 30m`)
    expect(world.ephemerals('robin').at(-1)).toMatch(/Denied by the policy.*the VM is frozen/s)
  })

  test('a tag that was set meanwhile counts at a start that was named', async () => {
    world = await createWorld({ policy: frozen })
    await world.asks('robin', 'ssh vm-jump01 30m at 23:00 from 81.2.69.142')
    await world.clicks('avery', 'approve')
    world.tags('vm-jump01', { freeze: 'yes' })
    await world.passes('16h')
    expect(world.cardText()).toMatch(/^Never opened: .*the VM is frozen/s)
    expect(world.azure.history().filter(({ rule }) => rule.startsWith('jit-'))).toEqual([])
  })

  test('also in a subscription whose name has a slash', async () => {
    const slashed = demoWorld()
    for (const one of slashed.subscriptions)
      if (one.displayName === 'Production') one.displayName = 'Pay-As-You-Go Dev/Test'
    world = await createWorld({ policy: frozen, simulator: { world: slashed } })
    await world.asks('robin', 'ssh vm-jump01 30m from 81.2.69.142')
    expect(world.cardText()).toContain('Pay-As-You-Go Dev/Test')
    world.tags('vm-jump01', { freeze: 'yes' })
    await world.clicks('avery', 'approve')
    expect(world.ephemerals('avery').at(-1)).toMatch(/access is refused if the VM is frozen/)
    expect(world.passesTo('vm-jump01', 22)).toBe(false)
  })

  test('another rule’s quota that is used up still counts at a start that was named', async () => {
    const auto = '  - { name: once a day by itself, approvals: 0, quota: { perPerson: 1 } }\n'
    const asked = '  - { name: a colleague agrees }\n'
    world = await createWorld({ policy: `${head}rules:\n${auto}${asked}` })
    await world.asks('robin', 'ssh vm-web01 15m from 81.2.69.142')
    expect(world.cardText()).toMatch(/^Open: /)
    await world.asks('robin', 'ssh vm-jump01 30m at 23:00 from 81.2.69.142')
    await world.clicks('avery', 'approve')
    expect(await world.policy(`${head}rules:\n${auto}`)).toBeNull()
    await world.passes('16h')
    expect(world.cardText()).toMatch(/^Never opened: .*no rule of the policy matches/s)
  })

  const later = async (before: string, after: string) => {
    world = await createWorld({ policy: `${head}rules:\n  - { name: people agree, ${before} }\n` })
    await world.asks('robin', 'ssh vm-jump01 30m at 23:00 from 81.2.69.142')
    if (!before.includes('approvals: 0')) await world.clicks('avery', 'approve')
    expect(await world.policy(`${head}rules:\n  - { name: people agree, ${after} }\n`)).toBeNull()
    let opened = false
    for (let hour = 0; hour < 16 && !opened; hour += 1) {
      await world.passes('15m')
      opened = world.passesTo('vm-jump01', 22)
      await world.passes('15m')
      opened ||= world.passesTo('vm-jump01', 22)
      await world.passes('15m')
      opened ||= world.passesTo('vm-jump01', 22)
      await world.passes('15m')
      opened ||= world.passesTo('vm-jump01', 22)
    }
    return opened
  }

  test.each([
    [
      'asked nobody, and asks two people now',
      'approvals: 0',
      'approvals: 2, approvers: { users: [U0AVERY, U0ALEX] }',
    ],
    ['asked Avery, and asks Alex now', 'approvals: 1', 'approvers: { users: [U0ALEX] }'],
    [
      'asked for one yes, and asks for two now',
      'approvals: 1',
      'approvals: 2, approvers: { users: [U0AVERY, U0ALEX] }',
    ],
  ])('a rule that %s does not open at the start on less', async (_, before, after) => {
    expect(await later(before, after)).toBe(false)
    expect(world.cardText()).toMatch(/^Never opened: .*asks for other approvals now than it did/s)
    expect(world.dm('robin').join('\n')).toMatch(/asks for other approvals now/)
  })

  test.each([
    ['asks the same', 'approvals: 1', 'approvals: 1, deadline: 20m'],
    ['asks nobody now', 'approvals: 1', 'approvals: 0'],
    ['asks somebody else as well', 'approvals: 1', 'approvers: { users: [U0ALEX, U0AVERY] }'],
  ])('a rule that %s opens at the start', async (_, before, after) => {
    expect(await later(before, after)).toBe(true)
  })

  const glass = (extend: string) =>
    `${head}rules:\n  - { name: a colleague agrees, extend: ${extend}, breakGlass: { maxDuration: 15m, reviewers: { users: [U0ALEX] } } }\n`
  const breaks = async (policy: string) => {
    world = await createWorld({ policy })
    const text = 'break-glass ssh vm-jump01 15m from 81.2.69.142 because the shop is down'
    await world.people.robin.types('/jit', text, { channel: channels.access })
    await world.people.robin.submits(await world.slack.until(() => world.people.robin.modal()))
    await world.settle()
    expect(world.cardText()).toMatch(/^Open: /)
    return idOn()
  }

  test.each(['none', '{ freeOnce: 1h }'])(
    'whoever broke the glass needs a yes to stay, though the rule says extend: %s',
    async (extend) => {
      const id = await breaks(glass(extend))
      await world.asks('robin', `extend ${id} 45m`)
      expect(world.cardText()).toMatch(/^Approval needed/)
      await world.clicks('avery', 'approve')
      const second = idOn()
      await world.asks('robin', `extend ${second} 15m`)
      expect(world.cardText()).toMatch(/^Approval needed/)
    },
  )

  test('an emergency that was marked as not justified is not made longer', async () => {
    const id = await breaks(glass('same'))
    await world.clicks('alex', 'unjustified')
    await world.asks('robin', `extend ${id} 15m`)
    expect(world.ephemerals('robin').at(-1)).toMatch(/marked as not justified.*ends at its own time/)
    expect(world.cardText()).toMatch(/^Open: /)
  })

  test('one command to stay longer is one request, and free once, however often Azure fails meanwhile', async () => {
    const id = await opens(`${head}rules:\n  - { name: a colleague agrees, extend: { freeOnce: 15m } }\n`)
    world.azure.fault({ kind: 'server-error', path: 'virtualMachines/vm-jump01', method: 'GET', times: 3 })
    await world.asks('robin', `extend ${id} 15m`)
    await world.passes('3m')
    expect(world.auditLines().filter((line) => /asks for more time/.test(line))).toHaveLength(1)
    expect(world.cardText()).toMatch(/^Open: .*which ends/s)
  })

  test('and a command that failed for good uses nothing up', async () => {
    const id = await opens(`${head}rules:\n  - { name: a colleague agrees, extend: { freeOnce: 15m } }\n`)
    world.azure.fault({ kind: 'forbidden', path: 'virtualMachines/vm-jump01', method: 'GET', times: 100 })
    await world.asks('robin', `extend ${id} 15m`)
    await world.passes('5m')
    expect(world.ephemerals('robin').at(-1)).toMatch(
      /Azure could not be read.*what is open ends at its own time/,
    )
    world.azure.clearFaults()
    await world.asks('robin', `extend ${id} 15m`)
    expect(world.cardText()).toMatch(/^Open: .*which ends/s)
  })
})
