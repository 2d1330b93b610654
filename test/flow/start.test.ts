import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type App, startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { type FakeSlack, startFakeSlack } from '../support/fake-slack/fake-slack.ts'
import { plant } from '../support/planted-rule.ts'
import { simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { memoryStore } from '../support/stores.ts'
import { worldPolicy } from '../support/world.ts'

describe('starting', () => {
  let folder: string
  let app: App | undefined
  const closing: (() => Promise<void>)[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jitney-start-'))
    await writeFile(join(folder, 'policy.yml'), worldPolicy)
  })
  afterEach(async () => {
    await app?.stop()
    app = undefined
    for (const close of closing.splice(0)) await close()
    await rm(folder, { recursive: true, force: true })
  })

  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${app?.webPort}/readyz`)
    return { status: response.status, text: await response.text() }
  }
  /** Starts the bot after `prepare` has made something unreachable; answers what it logs. */
  const start = async (prepare: (slack: FakeSlack, azure: Simulator) => void = () => {}) => {
    const slack = await startFakeSlack()
    const azure = await startTestSimulator()
    closing.push(
      () => slack.stop(),
      () => azure.close(),
    )
    prepare(slack, azure)
    const config = readConfig({
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      POLICY_FILE: join(folder, 'policy.yml'),
      AZURE_RESOURCE_MANAGER_URL: azure.url,
      PORT: '0',
    })
    const lines: string[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
    const { store } = await memoryStore()
    app = await startApp(config, { log, credential: simulatorCredential(azure), store })
    return { app, slack, azure, said: () => lines.join('') }
  }

  test('with Azure out of reach it says so, is not ready, and is once Azure answers', async () => {
    const started = await start((_slack, azure) => azure.fault({ kind: 'server-error' }))
    expect(await ready()).toEqual({
      status: 503,
      text: expect.stringMatching(/Azure’s inventory has not been read/),
    })
    await vi.waitFor(
      () => expect(started.said()).toMatch(/Reading Azure’s inventory failed; trying again/),
      20_000,
    )
    started.azure.clearFaults()
    await started.app.ready
    expect(await ready()).toEqual({ status: 200, text: 'ok\n' })
  })

  test('with Slack out of reach it says so, is not ready, and is once Slack answers', async () => {
    const started = await start((slack) =>
      slack.fault({ method: 'apps.connections.open', kind: '500', times: 100 }),
    )
    expect(await ready()).toEqual({ status: 503, text: expect.stringMatching(/Slack is not connected/) })
    await vi.waitFor(() => expect(started.said()).toMatch(/Slack/))
    started.slack.heal()
    await started.app.ready
    expect((await ready()).status).toBe(200)
  })

  test('compares Azure with the grants at once: what was left over is removed without a minute’s wait', async () => {
    const name = 'jit-zzzzzzzzzz-1500000000'
    const { azure } = await start((_slack, before) => plant(before, 'nsg-web-subnet', name))
    await vi.waitFor(() => expect(Object.keys(azure.rules('nsg-web-subnet'))).not.toContain(name), 20_000)
  })

  test('a policy that is wrong stops the start and names every problem with its place', async () => {
    await writeFile(join(folder, 'policy.yml'), worldPolicy.replace('approvals: 2', 'aprovals: 2'))
    await expect(start()).rejects.toThrow(
      /policy\.yml:\d+:\d+: rules\[0\]\.aprovals: unknown key; allowed are/,
    )
  })
})
