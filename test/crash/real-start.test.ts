import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { machineEnvironment } from '../../src/config.ts'
import { channels } from '../support/world.ts'
import { gather } from './evidence.ts'
import { violations } from './invariants.ts'
import { readLedger } from './ledger.ts'
import { type Scene, setScene } from './scene.ts'

const main = join(import.meta.dirname, '../../src/main.ts')

let scene: Scene | null = null
let bot: ChildProcess | null = null
afterEach(async () => {
  await kill()
  await scene?.close()
})

async function kill(): Promise<void> {
  if (!bot || bot.signalCode !== null) return
  bot.kill('SIGKILL')
  await once(bot, 'exit')
}

/** The command that an operator runs, with nothing of a test in it. */
async function start(on: Scene): Promise<void> {
  const env = { ...machineEnvironment(), ...on.environment }
  bot = spawn(process.execPath, [main, 'start'], { env, stdio: 'ignore' })
  await on.until(() => on.slack.sockets.open > 0, 'the bot')
}

const card = (on: Scene) =>
  on.slack.messages(channels.approvals).find((message) => message.threadTs === undefined)

test('the bot as it is started by hand outlives kill -9 while Azure works on its rule', async () => {
  const on = await setScene('embedded')
  scene = on
  const { robin, avery } = on.people
  await start(on)
  const asked = await robin.types('/jit', 'rdp vm-jump01 30m from 81.2.69.142 because of a test', {
    channel: channels.access,
  })
  expect(asked.acked).toBe(true)
  on.azure.fault({ kind: 'slow-operation', hold: true, method: 'PUT' })
  const approved = await avery.clicks(await on.until(() => card(on), 'the card'), 'approve')
  expect(approved.acked).toBe(true)
  await on.azureIs(() => on.azure.calls().some((call) => call.method === 'PUT'), 'a write')
  await kill()
  expect(on.said(/Open until/)).toBe(false)

  on.azure.clearFaults()
  on.azure.release()
  await on.until(() => on.slack.sockets.open === 0, 'the end of the connections')
  await start(on)
  await on.until(() => on.said(/^\*Open until/), 'that it is open')
  expect(on.azure.flow({ vm: 'vm-jump01', source: '81.2.69.142', port: 3389 }).access).toBe('Allow')
  const shown = await on.until(() => card(on), 'the card')
  expect((await avery.clicks(shown, 'close')).acked).toBe(true)
  await on.until(() => on.said(/#\d+ · \*closed\*/), 'that it is closed, in the audit channel')
  expect(on.azure.flow({ vm: 'vm-jump01', source: '81.2.69.142', port: 3389 }).access).toBe('Deny')

  await kill()
  const store = await on.database.open()
  const ledger = await readLedger(store, 0)
  await store.close()
  // The job that told it may have died before it could end; it would do nothing any more.
  expect(violations({ ...(await gather(on, ledger)), undone: [] })).toEqual([])
}, 120_000)
