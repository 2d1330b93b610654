import { WebClient } from '@slack/web-api'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Store } from '../../src/ports.ts'
import { memoryStore } from '../support/stores.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const policy = `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n`
const rulePath = 'securityRules/jit-'
const minute = 60_000
const patience = { timeout: 20_000 }

const opens = async (world: World, text = 'rdp vm-jump01 30m from 81.2.69.142') => {
  await world.asks('robin', text)
  await world.clicks('avery', 'approve')
  expect(world.cardText()).toMatch(/^Open:/)
}
const pages = (world: World) => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))
const firstWords = (world: World) => world.thread().map((text) => text.split(/[ :]/)[0])
/** What follows one another as often as it likes, taken once: a line whose answer was lost may stand there twice. */
const numbers = (world: World) =>
  world
    .auditLines()
    .map((line) => Number(/^#(\d+)/.exec(line)?.[1]))
    .filter((number, index, all) => number !== all[index - 1])
const inOrder = (found: readonly number[]) => expect(found).toEqual(found.map((_number, index) => index + 1))

describe('Azure', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())
  afterEach(async () => {
    world.azure.clearFaults()
    await world.passes('8h')
    expect(world.ourRules()).toEqual([])
  })

  test.each([
    ['401', { kind: 'unauthorized' }],
    ['403', { kind: 'forbidden' }],
  ] as const)(
    'answers %s to every removal: it pages within a minute and closes by itself once that is mended',
    async (_name, fault) => {
      await opens(world)
      const before = pages(world).length
      world.azure.fault({ ...fault, path: rulePath, method: 'DELETE' })
      await world.passes('31m')
      expect(world.cardText()).toMatch(/^Closing/)
      expect(pages(world).slice(before)).toEqual([expect.stringMatching(/Not closed: rdp to vm-jump01/)])
      expect(pages(world).at(-1)).toContain('az network nsg rule delete --subscription')
      await world.passes('20m')
      expect(world.passesTo('vm-jump01', 3389)).toBe(true)
      world.azure.clearFaults()
      await world.passes('5m')
      expect(world.passesTo('vm-jump01', 3389)).toBe(false)
      expect(world.cardText()).toMatch(/^Closed/)
    },
  )

  test.each([
    ['1', { retryAfterSeconds: 1 }],
    ['60', { retryAfterSeconds: 60 }],
    ['3600', { retryAfterSeconds: 3600 }],
    ['a date an hour ahead', { retryAfterDate: 3600 }],
    ['nothing', {}],
  ] as const)(
    'throttles one group and asks to wait for %s: the others close in time, and this one within a minute after',
    async (_name, wish) => {
      await opens(world)
      await opens(world, 'ssh vm-open01 30m from 81.2.69.142')
      const throttled = `nsg-jump01-nic/${rulePath}`
      world.azure.fault({ kind: 'throttle', path: throttled, method: 'DELETE', ...wish })
      await world.passes('30m')
      expect(world.ourRules().map(({ nsg }) => nsg)).toEqual(['nsg-jump01-nic'])
      world.azure.clearFaults()
      await world.passes('1m')
      expect(world.ourRules()).toEqual([])
    },
  )

  test('throttles everything and asks for an hour: what opens meanwhile elsewhere is not held up for longer than our own pace', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    world.azure.fault({ kind: 'throttle', path: rulePath, retryAfterSeconds: 3600 })
    await world.clicks('avery', 'approve')
    expect(world.ourRules()).toEqual([])
    world.azure.clearFaults()
    await world.passes('1m')
    expect(world.cardText()).toMatch(/^Open:/)
  })
})

describe('the token endpoint', () => {
  test('is down when the access ends: it pages, and closes by itself once that is back', async () => {
    const world = await createWorld({ policy, signsIn: true, simulator: { tokenLifetimeSeconds: 86_400 } })
    await opens(world)
    world.azure.fault({ kind: 'token-endpoint-down' })
    await world.passes('31m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    expect(world.cardText()).toMatch(/^Closing/)
    expect(pages(world).at(-1)).toMatch(/Not closed: rdp to vm-jump01.*no Azure token/s)
    world.azure.clearFaults()
    await world.passes('1m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    expect(world.cardText()).toMatch(/^Closed/)
    await world.close()
  })
})

describe('Slack', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ policy })
  })
  afterAll(() => world?.close())
  afterEach(() => world.slack.heal())

  test('answers nothing for an hour: the close is in time, and the notices follow in order', async () => {
    await opens(world)
    world.slack.fault({ kind: 'black-hole', times: 100_000 })
    const hanging = () => world.slack.calls().filter(({ fault }) => fault === 'black-hole').length
    world.clock.to(world.clock.now() + 25 * minute)
    const warning = world.settle()
    await vi.waitFor(() => expect(hanging()).toBeGreaterThan(0), patience)
    world.clock.to(world.clock.now() + 5 * minute)
    // Settling waits for the calls that hang, so it is started anew for what comes of all the others.
    const ending: Promise<void>[] = []
    await vi.waitFor(async () => {
      ending.push(world.settle())
      expect(await world.app.store.grants(['closed'])).toHaveLength(1)
    }, patience)
    expect(world.ourRules()).toEqual([])
    world.clock.to(world.clock.now() + 60 * minute)
    expect(world.cardText()).toMatch(/^Open:/)
    expect(firstWords(world)).toEqual(['Open'])
    world.slack.heal()
    await Promise.all([warning, ...ending])
    await world.passes('5m')
    expect(world.cardText()).toMatch(/^Closed/)
    expect(firstWords(world)).toEqual(['Open', 'Closed'])
    expect(world.thread().at(-1)).toMatch(/It closed 2026-11-23 09:30 UTC/)
    expect(world.dm('robin').map((text) => text.split(/[ :]/)[0])).toEqual(['Closed', 'Open', 'Closed'])
    inOrder(numbers(world))
  })
})

test('lateness is counted for an early close that did not come in time, and the gauges tell of it meanwhile', async () => {
  const world = await createWorld({ policy })
  const value = async (metric: string) => {
    const body = await (await fetch(`http://127.0.0.1:${world.app.webPort}/metrics`)).text()
    return body
      .split('\n')
      .find((line) => line.startsWith(`${metric} `))
      ?.split(' ')[1]
  }
  expect(await value('jit_grant_expiry_timestamp_seconds')).toBe('0')
  await opens(world)
  expect(await value('jit_time_to_open_seconds_count')).toBe('1')
  const end = world.clock.now() / 1000 + 30 * 60
  expect(await value('jit_grant_expiry_timestamp_seconds')).toBe(String(end))
  world.azure.fault({ kind: 'forbidden', path: rulePath, method: 'DELETE' })
  await world.clicks('robin', 'close')
  await world.passes('2m')
  expect([await value('jit_overdue_grants'), await value('jit_stuck_grants')]).toEqual(['0', '1'])
  await world.passes('35m')
  expect([await value('jit_overdue_grants'), await value('jit_stuck_grants')]).toEqual(['1', '1'])
  // It ended half an hour after it was opened, and 37 minutes have passed.
  expect(Number(await value('jit_longest_overdue_seconds'))).toBe(world.clock.now() / 1000 - end)
  await world.asks('robin', 'status')
  expect(world.ephemerals('robin').at(-1)).toMatch(/Past its time: 1\. Closing for more than a minute: 1\./)
  world.azure.clearFaults()
  await world.passes('5m')
  expect([await value('jit_overdue_grants'), await value('jit_stuck_grants')]).toEqual(['0', '0'])
  expect(await value('jit_revoke_lateness_seconds_count')).toBe('1')
  expect(Number(await value('jit_revoke_lateness_seconds_sum'))).toBeGreaterThan(7 * 60)
  await world.asks('robin', 'status')
  expect(world.ephemerals('robin').at(-1)).toMatch(
    /Closing after the end: half within .* \(1 in the last 7 days\)/,
  )
  await world.close()
})

test('the metrics tell when each subscription was last compared with the grants', async () => {
  const world = await createWorld({ policy })
  const compared = async () => {
    const body = await (await fetch(`http://127.0.0.1:${world.app.webPort}/metrics`)).text()
    const lines = body.matchAll(
      /^jit_reconcile_last_success_timestamp_seconds\{subscription="(\w+)-.*"\} (\d+)/gm,
    )
    return new Map([...lines].map(([, id, at]) => [id, Number(at)]))
  }
  await world.reconciles()
  const before = await compared()
  expect([...before.keys()]).toEqual(['11111111', '22222222'])
  world.azure.fault({
    kind: 'forbidden',
    path: '^/subscriptions/22222222-[^/]*/providers/Microsoft.Network/networkSecurityGroups',
  })
  await world.passes('10m')
  const after = await compared()
  expect(after.get('22222222')).toBe(before.get('22222222'))
  expect(after.get('11111111')).toBeGreaterThan((before.get('11111111') ?? 0) + 8 * 60)
  await world.close()
})

test('a close before the end counts as no lateness', async () => {
  const world = await createWorld({ policy })
  await opens(world)
  await world.clicks('robin', 'close')
  const body = await (await fetch(`http://127.0.0.1:${world.app.webPort}/metrics`)).text()
  expect(body).toMatch(/^jit_revoke_lateness_seconds_count 0$/m)
  await world.close()
})

describe('two processes that post the card of one request at the same time', () => {
  test('agree on one of the two cards, and that one is kept up to date', async () => {
    const { store } = await memoryStore()
    let slack: World['slack'] | null = null
    let posted = false
    const place: Store['place'] = async (requestId, which, ours, before) => {
      if (which === 'card' && !posted && slack) {
        posted = true
        const message = { channel: ours.channel, text: 'The same card, from the other process' }
        const other = new WebClient(slack.botToken, { slackApiUrl: slack.apiUrl })
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that rule is about browser windows
        const { ts = '' } = await other.chat.postMessage(message)
        await store.place(requestId, which, { channel: ours.channel, ts }, null)
      }
      return store.place(requestId, which, ours, before)
    }
    const world = await createWorld({ policy, store: { ...store, place } })
    slack = world.slack
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    expect(world.slack.messages('C0APPROVALS')).toHaveLength(2)
    expect(world.cardText()).toMatch(/^Approval needed/)
    await world.clicks('avery', 'approve')
    expect(world.cardText()).toMatch(/^Open:/)
    await world.close()
  })
})
