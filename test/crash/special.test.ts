import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { query } from '../support/postgres.ts'
import { haltServer, stopServer } from './engines.ts'
import { gather } from './evidence.ts'
import { violations } from './invariants.ts'
import { Life } from './life.ts'
import { type Scene, setScene } from './scene.ts'

const minute = 60_000
const rulePath = 'securityRules/jit-'
const longestMs = 120_000

let scene: Scene | null = null
afterEach(async () => {
  await scene?.close()
  scene = null
})
afterAll(stopServer)

async function play(engine: 'embedded' | 'server'): Promise<{ scene: Scene; life: Life }> {
  scene = await setScene(engine)
  scene.begin()
  return { scene, life: new Life(scene, 'special') }
}

const called = (on: Scene, method: string) =>
  on.azure.calls().filter((call) => call.method === method && call.path.includes(rulePath))

const ourRules = (on: Scene) =>
  on.azure.history().filter((version) => version.to === null && version.rule.startsWith('jit-'))

const states = (on: Scene) => [...on.cases.values()].map(({ grant }) => grant?.state)

/** It has come to rest, everything is closed and every promise was kept. */
async function expectPeace(on: Scene): Promise<void> {
  expect(violations(await gather(on))).toEqual([])
  expect(ourRules(on)).toEqual([])
  expect(states(on)).toEqual(['closed'])
}

describe('while Azure is at work', () => {
  test(
    'killed while Azure works on one of two rules: only both together are open',
    async () => {
      const { scene: on, life } = await play('embedded')
      const path = `nsg-ops-subnet/${rulePath}`
      on.azure.fault({ kind: 'slow-operation', hold: true, method: 'PUT', path })
      await life.ask()
      await life.approve()
      await on.azureIs(() => called(on, 'PUT').some((call) => call.path.includes(path)), 'a write')
      await on.fall()
      on.rise()
      await on.untilHeld(({ next }) => {
        const [kase] = on.cases.values()
        return next['slack'] === undefined && kase?.grant?.rules.some(({ state }) => state === 'present')
      }, 'one rule of two')
      expect(on.said(/Open until/)).toBe(false)
      on.azure.clearFaults()
      on.azure.release()
      await life.opened()
      await life.toTheEnd()
      await expectPeace(on)
    },
    longestMs,
  )

  test(
    'a write that Azure finishes after the expiry and the restart is closed all the same',
    async () => {
      const { scene: on, life } = await play('server')
      on.azure.fault({ kind: 'slow-operation', hold: true, method: 'PUT', path: rulePath })
      await life.ask()
      await life.approve()
      await on.azureIs(() => called(on, 'PUT').length >= 1, 'a write')
      const { expiresAt } = await life.grant()
      await on.fall()
      on.jump(expiresAt + minute)
      on.rise()
      await on.azureIs(() => called(on, 'DELETE').length >= 1, 'a removal')
      expect(on.said(/no network rule of this request is left/)).toBe(false)
      on.azure.clearFaults()
      on.azure.release()
      await life.closed()
      await on.settled()
      expect(violations(await gather(on)).filter((line) => !line.endsWith('after its expiry'))).toEqual([])
      expect(ourRules(on)).toEqual([])
    },
    longestMs,
  )

  test.each(['embedded', 'server'] as const)(
    'killed between the removal and the read that confirms it (%s)',
    async (engine) => {
      const { scene: on, life } = await play(engine)
      await life.untilOpen()
      on.azure.fault({ kind: 'black-hole', method: 'GET', path: rulePath })
      await life.expire()
      await on.azureIs(
        () => called(on, 'DELETE').length >= 1 && called(on, 'GET').at(-1)?.status === null,
        'a read',
      )
      await on.fall()
      expect(on.said(/no network rule of this request is left/)).toBe(false)
      on.azure.clearFaults()
      on.rise()
      await life.closed()
      await on.settled()
      await expectPeace(on)
    },
    longestMs,
  )
})

describe('while Slack is away', () => {
  test(
    'killed while Slack swallows every message: the rules open and close, and it is told later',
    async () => {
      const { scene: on, life } = await play('server')
      await life.ask()
      await life.approve()
      for (const method of ['chat.postMessage', 'chat.update']) {
        on.slack.fault({ kind: 'black-hole', method, times: 1_000 })
      }
      await on.azureIs(() => ourRules(on).length === 2, 'two rules')
      const { expiresAt } = await life.grant()
      await on.fall()
      on.jump(expiresAt)
      on.rise()
      await on.azureIs(() => ourRules(on).length === 0, 'no rule')
      on.slack.heal()
      await life.closed()
      await on.settled()
      await expectPeace(on)
    },
    longestMs,
  )
})

describe('a restart', () => {
  test.each(['embedded', 'server'] as const)(
    'after the expiry closes at once (%s)',
    async (engine) => {
      const { scene: on, life } = await play(engine)
      await life.untilOpen()
      const { expiresAt } = await life.grant()
      await on.fall()
      on.jump(expiresAt + 20 * minute)
      on.rise()
      await life.closed()
      await on.settled()
      await expectPeace(on)
    },
    longestMs,
  )

  test.each(['embedded', 'server'] as const)(
    'leaves a pending card that works (%s)',
    async (engine) => {
      const { scene: on, life } = await play(engine)
      await life.ask()
      await on.fall()
      on.rise()
      await life.approveOwn()
      await life.approve()
      await life.opened()
      await life.warned()
      await life.toTheEnd()
      await expectPeace(on)
    },
    longestMs,
  )

  test(
    'that fails again and again at the close ends with a close',
    async () => {
      const { scene: on, life } = await play('server')
      await life.untilOpen()
      const { expiresAt } = await life.grant()
      await on.fall()
      on.jump(expiresAt)
      const deaths = ['store.jobs.claim(closes)', 'store.ruleWork', 'firewall.close(nsg-jump01-nic)']
      for (const marker of deaths) {
        const { deaths: before } = on
        on.rise({ marker, side: 'after', nth: 1 }, { thenStay: true })
        await on.until(() => on.deaths > before, `the death after ${marker}`)
      }
      on.rise()
      await life.closed()
      await on.settled()
      await expectPeace(on)
    },
    longestMs,
  )
})

test(
  'connections to the server that are cut again and again cost nothing but time',
  async () => {
    const { scene: on, life } = await play('server')
    const cut = async () => {
      const url = on.database.url ?? ''
      await query(
        url,
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'jitney'`,
      )
    }
    await life.ask()
    await cut()
    await life.approve()
    await cut()
    await life.opened()
    await cut()
    await life.warned()
    await life.expire()
    await cut()
    await life.closed()
    await on.settled()
    await expectPeace(on)
  },
  longestMs,
)

test(
  'a database server that is shut down in the middle of a close, and started again, costs nothing but time',
  async ({ skip }) => {
    const { scene: on, life } = await play('server')
    await life.untilOpen()
    on.azure.fault({ kind: 'slow-operation', hold: true, method: 'DELETE', path: rulePath })
    await life.expire()
    await on.azureIs(() => called(on, 'DELETE').length >= 2, 'two removals')
    const start = (await haltServer()) ?? skip('the server is not ours to shut down')
    on.azure.clearFaults()
    on.azure.release()
    await on.azureIs(() => ourRules(on).length === 0, 'no rule')
    await start()
    await life.closed()
    await on.settled()
    expect(on.deaths).toBe(0)
    await expectPeace(on)
  },
  longestMs,
)
