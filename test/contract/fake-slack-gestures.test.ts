import { App, LogLevel } from '@slack/bolt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'

let fake: FakeSlack
const apps: App[] = []

beforeEach(async () => {
  fake = await startFakeSlack()
})

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop()))
  await fake.stop()
})

async function startBot(listen: (app: App) => void): Promise<App> {
  const app = new App({
    token: fake.botToken,
    appToken: fake.appToken,
    socketMode: true,
    logLevel: LogLevel.ERROR,
    convoStore: false,
    clientOptions: { slackApiUrl: fake.apiUrl, retryConfig: { retries: 0 } },
  })
  listen(app)
  await app.start()
  apps.push(app)
  return app
}

describe('Slash commands', () => {
  test('a person sees the words of the ack', async () => {
    await startBot((app) => app.command('/jit', async ({ ack, command }) => ack(`You typed ${command.text}`)))
    const alice = fake.person('alice')
    const seen = await alice.types('/jit', 'rdp vm-jump01 30m')
    expect(seen.acked).toBe(true)
    expect(seen.ephemeral?.text).toBe('You typed rdp vm-jump01 30m')
  })
})
