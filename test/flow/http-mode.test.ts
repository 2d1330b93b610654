import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../support/world.ts'

describe('HTTP mode', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ http: true })
  })
  afterAll(() => world?.close())

  const events = () => `http://127.0.0.1:${world.app.webPort}/slack/events`

  test('a whole request goes the same way as by Socket Mode', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
    expect(world.passesTo('vm-jump01', 3389)).toBe(true)
    await world.passes('31m')
    expect(world.passesTo('vm-jump01', 3389)).toBe(false)
    expect(world.thread().at(-1)).toMatch(/^Closed/)
  })

  test.each(['unsigned', 'wrong-secret', 'stale', 'future', 'altered'] as const)(
    'a click that is %s is turned away and opens nothing',
    async (forged) => {
      await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
      const seen = await world.people.avery.clicks(world.card(), 'approve', { forged })
      await world.settle()
      expect(seen.acked).toBe(false)
      expect(world.cardText()).toMatch(/^Approval needed/)
      expect(world.ourRules()).toEqual([])
    },
  )

  test('an unsigned click that calls itself a certificate check is turned away too', async () => {
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    const seen = await world.people.avery.clicks(world.card(), 'approve', { forged: 'unsigned' })
    const payload = encodeURIComponent(JSON.stringify(seen.payload))
    await fetch(events(), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `ssl_check=1&payload=${payload}`,
    })
    await world.settle()
    expect(world.cardText()).toMatch(/^Approval needed/)
    expect(world.ourRules()).toEqual([])
  })

  test('the probes answer, and the metrics name no person, VM or address', async () => {
    const base = `http://127.0.0.1:${world.app.webPort}`
    expect((await fetch(`${base}/livez`)).status).toBe(200)
    expect((await fetch(`${base}/readyz`)).status).toBe(200)
    const metrics = await (await fetch(`${base}/metrics`)).text()
    expect(metrics).toMatch(/^jit_transitions_total\{type="grant.closed"\} 1$/m)
    expect(metrics).toMatch(/^jit_overdue_grants 0$/m)
    expect(metrics).toMatch(/^jit_stuck_grants 0$/m)
    expect(metrics).toMatch(/^jit_revoke_lateness_seconds_count 1$/m)
    expect(metrics).not.toMatch(/vm-jump01|U0ROBIN|81\.2\.69/)
    expect((await fetch(`${base}/nothing`)).status).toBe(404)
  })
})
