import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { machineEnvironment } from './config.ts'
import { startSimulator } from './simulator/server.ts'

export interface DemoPorts {
  readonly slack: number
  readonly web: number
  readonly azure: number
}

export interface Demo {
  readonly slackUrl: string
  readonly webUrl: string
  readonly azureUrl: string
  readonly caFile: string
  /** Everything that the bot and the workspace wrote to their output. */
  readonly logFile: string
  /** Resolves with what happened when a part stops by itself. */
  readonly failed: Promise<string>
  close(): Promise<void>
}

/** What went wrong, in words for a newcomer. */
export class DemoError extends Error {}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const readyWithinMs = 60_000

function slackBinary(): string {
  const name = `local-slack-${process.platform}-${process.arch}`
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
    return join(folder, 'bin', process.platform === 'win32' ? 'local-slack.exe' : 'local-slack')
  } catch {
    throw new DemoError(
      `The demo needs the npm package ${name}, which holds a local Slack workspace for this platform, and it is not installed. Try: npm install --no-save ${name}@0.1.8. If there is none for your platform, the tests (npm test) show the same path without it.`,
    )
  }
}

async function answers(url: string, child: ChildProcess, what: string): Promise<void> {
  const until = performance.now() + readyWithinMs
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new DemoError(`${what} stopped with exit code ${child.exitCode}.`)
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (ok) return
    await wait(100)
  }
  throw new DemoError(`${what} did not answer at ${url} within a minute.`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const forced = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(forced)
}

const stopped = (child: ChildProcess, what: string) =>
  new Promise<string>((resolve) =>
    child.once('exit', (code) => resolve(`${what} stopped (exit code ${code ?? 'none'}).`)),
  )

/** The bot's whole configuration: the demo hands it nothing but this. */
const botEnvironment = (ports: DemoPorts, folder: string, caFile: string, identity: string) => ({
  SLACK_BOT_TOKEN: 'xoxb-demo',
  SLACK_APP_TOKEN: 'xapp-demo',
  SLACK_API_URL: `http://localhost:${ports.slack}/api/`,
  POLICY_FILE: join(root, 'demo', 'policy.yml'),
  DATA_DIR: join(folder, 'data'),
  AZURE_RESOURCE_MANAGER_URL: `https://localhost:${ports.azure}`,
  IDENTITY_ENDPOINT: identity,
  IDENTITY_HEADER: 'demo',
  NODE_EXTRA_CA_CERTS: caFile,
  PORT: String(ports.web),
})

/** Starts a local Slack workspace, a simulated Azure and the bot, and resolves when a request can be made. */
export async function startDemo(ports: DemoPorts): Promise<Demo> {
  const binary = slackBinary()
  const folder = await mkdtemp(join(tmpdir(), 'jitney-demo-'))
  const logFile = join(folder, 'demo.log')
  const log = createWriteStream(logFile)
  const children: ChildProcess[] = []
  const launch = (file: string, args: readonly string[], environment: Record<string, string>) => {
    const child = spawn(file, args, {
      env: { ...machineEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout?.pipe(log, { end: false })
    child.stderr?.pipe(log, { end: false })
    children.push(child)
    return child
  }
  const simulator = await startSimulator({ port: ports.azure })
  const close = async () => {
    await Promise.all(children.toReversed().map(stop))
    await simulator.close()
    log.end()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const slack = launch(
      binary,
      ['--config', join(root, 'demo', 'slack.yml'), '--port', String(ports.slack)],
      {},
    )
    const slackUrl = `http://localhost:${ports.slack}`
    await answers(`${slackUrl}/_control/state`, slack, 'The local Slack workspace')
    const identity = `https://localhost:${simulator.port}/msi/token`
    const environment = botEnvironment(
      { ...ports, azure: simulator.port },
      folder,
      simulator.caFile,
      identity,
    )
    const bot = launch(process.execPath, [join(root, 'src', 'main.ts'), 'start'], environment)
    const webUrl = `http://localhost:${ports.web}`
    await answers(`${webUrl}/readyz`, bot, 'The bot')
    const failed = Promise.race([stopped(slack, 'The local Slack workspace'), stopped(bot, 'The bot')])
    return { slackUrl, webUrl, azureUrl: simulator.url, caFile: simulator.caFile, logFile, failed, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Three lines that tell a newcomer what to click and type. */
export const demoLines = (demo: Demo): string =>
  [
    `1. Open ${demo.slackUrl}, act as "requester" and type in #general:  /jit rdp vm-jump01 1m from 81.2.69.142`,
    '2. Act as "approver1", open #approvals and press Approve on the card; its thread says when the access is open.',
    `3. A minute later the thread says that it is closed. Ask the simulated Azure: curl -k "${demo.azureUrl}/_sim/flow?vm=vm-jump01&source=81.2.69.142&port=3389"`,
  ].join('\n')
