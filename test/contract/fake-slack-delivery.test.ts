import type { App } from '@slack/bolt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startHttpApp, startSocketApp } from '../support/fake-slack/bolt-app.ts'
import { caller } from '../support/fake-slack/client.ts'
import { byHand } from '../support/fake-slack/deadlines.ts'
import type { Forgery } from '../support/fake-slack/delivery.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import type { Person } from '../support/fake-slack/person.ts'

let fake: FakeSlack
let alice: Person
const apps: App[] = []
const heard: string[] = []

beforeEach(async () => {
  heard.length = 0
  fake = await startFakeSlack({ schedule: byHand })
  alice = fake.person('alice')
})

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop()))
  await fake.stop()
})

async function startApp(name: string, start = startSocketApp): Promise<void> {
  apps.push(
    await start(fake, (app) =>
      app.command('/jit', async ({ ack, command }) => {
        heard.push(`${name} ${command.text}`.trim())
        await ack(name)
      }),
    ),
  )
}

describe('Socket Mode', () => {
  test('each envelope goes to one of the open connections, in turn', async () => {
    await startApp('one')
    await startApp('two')
    await fake.connected(2)
    for (const text of ['a', 'b', 'c']) await alice.types('/jit', text)
    expect(heard).toEqual(['one a', 'two b', 'one c'])
  })

  test('the test may choose the connection', async () => {
    await fake.stop()
    fake = await startFakeSlack({ schedule: byHand, pick: (open) => open - 1 })
    alice = fake.person('alice')
    await startApp('one')
    await startApp('two')
    await alice.types('/jit', 'a')
    await alice.types('/jit', 'b')
    expect(heard).toEqual(['two a', 'two b'])
  })

  test('a careless Slack may deliver to every connection', async () => {
    await startApp('one')
    await startApp('two')
    const seen = await alice.types('/jit', 'a', { everyConnection: true })
    expect(heard.toSorted()).toEqual(['one a', 'two a'])
    expect(seen.acks).toHaveLength(2)
  })

  test('with no connection open the person sees the failure', async () => {
    expect(await alice.types('/jit')).toMatchObject({ acked: false, error: 'dispatch_failed' })
  })

  test('an app that stops leaves, and the others go on', async () => {
    await startApp('one')
    await startApp('two')
    await apps.shift()?.stop()
    await fake.connected(1)
    await alice.types('/jit', 'a')
    expect(heard).toEqual(['two a'])
  })

  test('an app that loses its connection before the ack leaves the person with a failure', async () => {
    const app = await startSocketApp(fake, (bolt) => bolt.command('/jit', async () => fake.sockets.drop()))
    apps.push(app)
    expect(await alice.types('/jit')).toMatchObject({ acked: false, error: 'operation_timeout' })
  })

  test('a lost ack is a failure to the person, though the app has done its work', async () => {
    await startApp('one')
    fake.sockets.loseAcks()
    const typing = alice.types('/jit', 'a')
    await fake.until(() => heard.length > 0 && fake.pendingAcks === 1)
    fake.expireAcks()
    expect(await typing).toMatchObject({ acked: false, error: 'operation_timeout' })
    expect((await alice.types('/jit', 'b')).acked).toBe(true)
  })

  test('after a disconnect frame the client leaves, and nothing is delivered meanwhile', async () => {
    await startApp('one')
    fake.sockets.disconnect('refresh_requested')
    expect(await alice.types('/jit', 'a')).toMatchObject({ error: 'dispatch_failed' })
    expect(heard).toEqual([])
  })

  test('only some connections may be refreshed', async () => {
    await startApp('one')
    await startApp('two')
    fake.sockets.disconnect('refresh_requested', 1)
    await alice.types('/jit', 'a')
    await alice.types('/jit', 'b')
    expect(heard).toEqual(['two a', 'two b'])
  })

  test('a connection URL is good for one connection', async () => {
    const opened = await caller(fake, fake.appToken)('apps.connections.open')
    const url = String(opened['url'])
    const first = new WebSocket(url)
    const hello = await new Promise<string>((resolve) =>
      first.once('message', (data: Buffer) => resolve(data.toString())),
    )
    expect(JSON.parse(hello)).toMatchObject({ type: 'hello', num_connections: 1 })
    const second = new WebSocket(url)
    const error = await new Promise<Error>((resolve) => second.once('error', resolve))
    expect(error.message).toContain('401')
    first.close()
  })

  test('an eleventh connection is sent away', async () => {
    const frames: string[] = []
    for (let count = 1; count <= 11; count += 1) {
      const opened = await caller(fake, fake.appToken)('apps.connections.open')
      const socket = new WebSocket(String(opened['url']))
      frames.push(
        await new Promise<string>((resolve) =>
          socket.once('message', (data: Buffer) => resolve(data.toString())),
        ),
      )
    }
    expect(fake.sockets.open).toBe(10)
    expect(JSON.parse(frames.at(-1) ?? '')).toMatchObject({
      type: 'disconnect',
      reason: 'too_many_websockets',
    })
  })
})

describe('The three seconds', () => {
  test('are asked of the schedule, and their end is a timeout', async () => {
    const asked: [number, () => void][] = []
    await fake.stop()
    fake = await startFakeSlack({
      schedule: (ms, fire) => {
        asked.push([ms, fire])
        return () => {}
      },
    })
    alice = fake.person('alice')
    apps.push(await startSocketApp(fake, (app) => app.command('/jit', async () => {})))
    const typing = alice.types('/jit')
    expect(asked.map(([ms]) => ms)).toEqual([3_000])
    asked[0]?.[1]()
    expect(await typing).toMatchObject({ acked: false, error: 'operation_timeout' })
  })

  test('an ack that comes too late changes nothing', async () => {
    let ackLate: (() => Promise<void>) | undefined
    apps.push(
      await startSocketApp(fake, (app) =>
        app.command('/jit', async ({ ack }) => {
          ackLate = () => ack('too late')
          fake.workspace.record.changed()
        }),
      ),
    )
    const typing = alice.types('/jit')
    await fake.until(() => ackLate)
    fake.expireAcks()
    expect((await typing).acked).toBe(false)
    await ackLate?.()
    await startApp('two')
    await alice.types('/jit')
    expect(fake.ephemerals('alice').map((each) => each.text)).not.toContain('too late')
  })
})

describe('HTTP', () => {
  test.each<[Forgery, number]>([
    ['unsigned', 401],
    ['wrong-secret', 401],
    ['stale', 401],
    ['altered', 401],
  ])('Bolt turns away a request that is %s', async (forged, status) => {
    await startApp('http', startHttpApp)
    expect(await alice.types('/jit', 'a', { forged })).toMatchObject({
      acked: false,
      error: 'dispatch_failed',
      status,
    })
    expect(heard).toEqual([])
  })

  test('Bolt takes a request signed in the future, and every replay of a good one', async () => {
    await startApp('http', startHttpApp)
    expect((await alice.types('/jit', 'a', { forged: 'future' })).acked).toBe(true)
    expect((await alice.types('/jit', 'b', { times: 2 })).acks.every((ack) => ack.acked)).toBe(true)
    expect(heard).toEqual(['http a', 'http b', 'http b'])
  })

  test('an app that fails before its ack is a failure to the person', async () => {
    const failing = await startHttpApp(fake, (app) =>
      app.command('/jit', async () => {
        throw new Error('broken')
      }),
    )
    failing.error(async (error) => {
      throw error
    })
    apps.push(failing)
    expect(await alice.types('/jit')).toMatchObject({ acked: false, error: 'dispatch_failed', status: 500 })
  })

  test('an app that is down is a failure to the person', async () => {
    await startApp('http', startHttpApp)
    await apps.pop()?.stop()
    expect(await alice.types('/jit')).toMatchObject({ acked: false, error: 'dispatch_failed' })
  })

  test('events are retried with their number', async () => {
    const bodies: string[] = []
    apps.push(
      await startHttpApp(fake, (app) =>
        app.event('user_change', async ({ body, context }) => {
          bodies.push(`${context.retryNum ?? 'first'} ${body.event_id === '' ? 'no id' : 'id'}`)
        }),
      ),
    )
    await fake.event({ type: 'user_change', user: { id: alice.id } })
    const [ack] = await fake.event({ type: 'user_change', user: { id: alice.id } }, { retry: 2 })
    expect(ack?.acked).toBe(true)
    expect(bodies).toEqual(['first id', '2 id'])
  })
})
