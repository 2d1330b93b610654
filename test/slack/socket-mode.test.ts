import { afterEach, beforeEach, expect, it } from 'vitest'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Person } from '../support/fake-slack/person.ts'
import { slackHalf, socketMode } from './app-under-test.ts'

let fake: FakeSlack
let half: ReturnType<typeof slackHalf>
let alice: Person

beforeEach(async () => {
  fake = await startFakeSlack()
  alice = fake.person('alice')
  half = slackHalf(fake, socketMode(fake))
})

afterEach(async () => {
  await half.app.stop()
  await fake.stop()
})

const ask = () => alice.types('/jit', 'rdp vm-jump01 30m')

it('hears on a second connection while Slack renews the first one', async () => {
  await half.app.start()
  await fake.connected(2)
  fake.sockets.disconnect('refresh_requested', 1)
  expect((await ask()).acked).toBe(true)
  await fake.connected(2)
  expect((await ask()).acked).toBe(true)
  expect(half.stored).toHaveLength(2)
})

it('comes back when every connection is cut', async () => {
  await half.app.start()
  await fake.connected(2)
  fake.sockets.drop()
  await fake.until(() => fake.calls({ method: 'apps.connections.open' }).length >= 4)
  await fake.connected(2)
  expect((await ask()).acked).toBe(true)
  expect(half.app.connected()).toBe(true)
})

it('waits for a Slack that cannot be reached, says so, and starts when it is back', async () => {
  fake.fault({ method: 'apps.connections.open', kind: '500', times: 3 })
  fake.fault({ method: 'apps.connections.open', kind: 'drop', times: 2 })
  fake.fault({ method: 'apps.connections.open', kind: '429', times: 1 })
  const started = half.app.start()
  expect(half.app.connected()).toBe(false)
  await started
  expect(half.app.connected()).toBe(true)
  expect(half.log.lines.join()).toContain('Slack cannot be reached over Socket Mode; trying again')
  expect((await ask()).acked).toBe(true)
})

it('does not end the process when Slack is away at a renewal', async () => {
  await half.app.start()
  await fake.connected(2)
  fake.fault({ method: 'apps.connections.open', kind: 'drop', times: 2 })
  fake.sockets.disconnect('warning')
  await fake.until(() => fake.calls({ method: 'apps.connections.open' }).length >= 6)
  await fake.connected(2)
  expect((await ask()).acked).toBe(true)
})

it('stops while it still waits for Slack', async () => {
  fake.fault({ method: 'apps.connections.open', kind: '500', times: 1000 })
  const started = half.app.start()
  await fake.until(() => fake.calls({ method: 'apps.connections.open' }).length >= 2)
  await half.app.stop()
  await started
  expect(half.app.connected()).toBe(false)
})

it('does not say that nothing was stored when only the acknowledgement is lost', async () => {
  await half.app.start()
  await fake.connected(2)
  half.whileStoring(() => half.app.stop())
  expect((await ask()).acked).toBe(false)
  expect(half.stored).toHaveLength(1)
  expect(half.log.lines.join()).not.toContain('could not be stored')
  expect(half.log.lines.join()).toMatch(
    /A gesture from Slack could not be handled .*"incident":"[0-9a-f]{8}"/,
  )
})

it('leaves no connection behind', async () => {
  await half.app.start()
  await fake.connected(2)
  await half.app.stop()
  await fake.connected(0)
  expect(half.app.connected()).toBe(false)
})
