import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startChores } from '../../src/chores.ts'
import { plant } from '../support/planted-rule.ts'
import { memoryStore } from '../support/stores.ts'
import { TestClock } from '../support/test-clock.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const second = 1_000
const minute = 60 * second

const pauses = (at: readonly number[]) => at.slice(1).map((one, index) => one - (at[index] ?? 0))

describe('after a fault', () => {
  let world: World
  beforeEach(async () => {
    world = await createWorld({ policy: `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n` })
  })
  afterEach(() => world.close())

  const approves = async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
  }
  const pages = () => world.slack.messages('C0PAGES').map((message) => world.slack.visible(message))
  const plants = (name: string) => plant(world.azure, 'nsg-web-subnet', name)
  const stray = 'jit-zzzzzzzzzz-1999999999'
  const names = () => world.ourRules().map(({ name }) => name)

  /** When each removal was sent, counted from the end of the access. */
  const tries = (end: number) =>
    world.azure
      .calls()
      .filter(({ method, path }) => method === 'DELETE' && path.includes('nsg-jump01-nic/securityRules/jit-'))
      .map(({ time }) => time - end)
  const ends = () => Number(/-(\d+)$/.exec(names()[0] ?? '')?.[1]) * second

  describe('what went wrong meanwhile is looked for at once, and not only at the next minute', () => {
    test('when a close succeeds at last', async () => {
      await world.reconciles()
      await approves()
      plants(stray)
      world.azure.fault({ kind: 'server-error', method: 'DELETE', path: 'securityRules/jit-', times: 2 })
      await world.clicks('robin', 'close')
      expect(names()).toContain(stray)
      await world.passes({ seconds: 30 })
      expect(world.cardText()).toMatch(/^Closed/)
      expect(names()).toEqual([])
    })

    test('when an open succeeds at last', async () => {
      await world.reconciles()
      plants(stray)
      world.azure.fault({ kind: 'server-error', method: 'PUT', path: 'securityRules/jit-', times: 2 })
      await approves()
      await world.passes({ seconds: 30 })
      expect(world.cardText()).toMatch(/^Open/)
      expect(names()).not.toContain(stray)
    })

    test('when Azure can be read again', async () => {
      await world.reconciles()
      // By now the job has run so often that pauses which double with each run would be at their longest.
      await world.passes('15m')
      plants(stray)
      world.azure.fault({ kind: 'server-error', path: 'networkSecurityGroups$' })
      await world.passes('1m')
      expect(names()).toEqual([stray])
      world.azure.clearFaults()
      await world.passes({ seconds: 6 })
      expect(names()).toEqual([])
    })
  })

  // Hours go by in each of them.
  describe('a close', { timeout: 90_000 }, () => {
    test.each([
      ['forbids it', { kind: 'forbidden' } as const, /does not have authorization/],
      [
        'wants to be left alone for an hour',
        { kind: 'throttle', retryAfterSeconds: 3_600 } as const,
        /RequestsThrottled/,
      ],
    ])('goes on for ever while Azure %s, and closes when Azure lets it', async (_, fault, met) => {
      await approves()
      const end = ends()
      world.azure.fault({ ...fault, method: 'DELETE', path: 'securityRules/jit-' })
      await world.passes('30m')
      await world.passes('10m')
      const near = tries(end)
      expect(near[0]).toBeLessThan(2 * second)
      expect(Math.max(...pauses(near))).toBeLessThanOrEqual(minute)
      await world.passes('3h')
      const all = tries(end)
      expect(Math.max(...pauses(all))).toBeLessThanOrEqual(5 * minute)
      expect(all.at(-1)).toBeGreaterThan(3 * 60 * minute)
      const told = /In nsg-jump01-nic, after (\d+) tries\. The last try met: (.*)/.exec(pages().at(-1) ?? '')
      expect(Math.abs(Number(told?.[1]) - all.length)).toBeLessThan(10)
      expect(told?.[2]).toMatch(met)
      world.azure.clearFaults()
      await world.passes('5m')
      expect(names()).toEqual([])
      expect(world.thread().at(-1)).toMatch(/^Closed/)
    })
  })

  test('a stray that a lock keeps is turned into one that denies, until it can be removed', async () => {
    plants(stray)
    const scope = world.azure.history().find(({ rule }) => rule === stray)?.nsg ?? ''
    world.azure.mutate({ do: 'lock', scope, level: 'CanNotDelete' })
    const others = () =>
      Object.entries(world.azure.rules('nsg-web-subnet')).filter(([name]) => name !== stray)
    const before = others()
    await world.reconciles()
    expect(world.azure.rules('nsg-web-subnet')[stray]).toMatchObject({ access: 'Deny', priority: 3400 })
    expect(others()).toEqual(before)
    await world.passes('2m')
    expect(pages().at(-1)).toMatch(/@alex Not removed: .*it was turned into one that denies/)
    world.azure.mutate({ do: 'unlock', scope })
    await world.passes('5m')
    expect(names()).toEqual([])
  })

  test('a stray that Azure keeps for an hour pages people after a minute too', async () => {
    plants(stray)
    world.azure.fault({ kind: 'throttle', retryAfterSeconds: 3_600, method: 'DELETE' })
    await world.reconciles()
    await world.passes('2m')
    expect(pages().at(-1)).toMatch(/@alex Not removed: jit-zzzzzzzzzz-1999999999 in nsg-web-subnet/)
    expect(world.dm('alex').at(-1)).toMatch(/az network nsg rule delete --subscription .* --name jit-zzz/)
    const told = pages().length
    await world.passes('6m')
    expect(pages().length).toBeGreaterThan(told)
  })
})

const chores = async (but: { anchor?: () => Promise<void>; reaped?: number }) => {
  const { store } = await memoryStore()
  const clock = new TestClock()
  const known = new Map<string, () => Promise<unknown>>()
  const jobs = { ...store.jobs, reap: () => Promise.resolve(but.reaped ?? 0) }
  await startChores(
    {
      every: (_, name, chore) => void known.set(name, chore),
      until: (_, chore) => chore().then(() => undefined),
      stop: () => Promise.resolve(),
    },
    {
      store: { ...store, jobs },
      clock,
      anchor: but.anchor ?? (() => Promise.resolve()),
      inventory: { open: () => Promise.resolve(), freshen: () => Promise.resolve() },
      clockTrouble: () => null,
      catchUpPolicy: () => Promise.resolve(),
      planDigest: () => Promise.resolve(),
    },
  )
  return {
    run: (name: string) => known.get(name)?.(),
    /** Whether a comparison of everything is due. */
    compares: async () => (await store.jobs.nextRunAts()).get('surveys') === clock.now(),
    close: () => store.close(),
  }
}

describe('a replica', () => {
  test('has everything compared when it takes over the work of a dead one', async () => {
    const calm = await chores({ reaped: 0 })
    await calm.run('freeing the jobs of dead replicas')
    expect(await calm.compares()).toBe(false)
    await calm.close()
    const after = await chores({ reaped: 2 })
    await after.run('freeing the jobs of dead replicas')
    expect(await after.compares()).toBe(true)
    await after.close()
  })

  test('has everything compared when its database is back', async () => {
    let away = false
    const one = await chores({
      anchor: () => (away ? Promise.reject(new Error('the database is away')) : Promise.resolve()),
    })
    const reads = () => one.run('reading the database’s clock')
    await reads()
    expect(await one.compares()).toBe(false)
    away = true
    await expect(reads()).rejects.toThrow('the database is away')
    expect(await one.compares()).toBe(false)
    away = false
    await reads()
    expect(await one.compares()).toBe(true)
    await one.close()
  })
})
