import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, isFree } from '../demo/ports.ts'
import { serveSlackPage } from '../demo/slack-page.ts'
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
  /** Everything that the bot and the workspace wrote to their output; `close` removes it. */
  readonly logFile: string
  /** Resolves with what happened when a part stops by itself; the other parts are stopped then. */
  readonly failed: Promise<string>
  close(): Promise<void>
}

/** What went wrong, in words for a newcomer. */
export class DemoError extends Error {}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const readyWithinMs = 60_000
/** What the demo keeps is thrown away anyway, so nobody has to wait long for a part that does not end. */
const patienceMs = 2_000
/** A Ctrl-C reaches every part at once, so a part may be gone before the signal is heard here. */
const graceMs = 500

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

async function expectFree(ports: DemoPorts): Promise<void> {
  const taken: string[] = []
  for (const [name, port] of Object.entries(ports)) {
    if (!(await isFree(port))) taken.push(`port ${port} (move it with DEMO_${name.toUpperCase()}_PORT)`)
  }
  if (taken.length > 0) throw new DemoError(`Something else listens on ${taken.join(' and ')}.`)
}

const isGone = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/** Aborted when somebody asks the process to stop; `forget` leaves its signals to others again. */
function stopSignal(): { signal: AbortSignal; forget: () => void } {
  const asked = new AbortController()
  const abort = () => asked.abort()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, abort)
  return {
    signal: asked.signal,
    forget: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, abort)
    },
  }
}

interface Expected {
  readonly url: string
  readonly child: ChildProcess
  readonly what: string
  readonly stop: AbortSignal
}

async function answers({ url, child, what, stop: asked }: Expected): Promise<void> {
  const until = performance.now() + readyWithinMs
  while (performance.now() < until) {
    if (asked.aborted) throw new DemoError('The demo was stopped before it was ready.')
    if (isGone(child)) throw new DemoError(`${what} stopped (${child.exitCode ?? child.signalCode}).`)
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
  if (isGone(child)) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const forced = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await gone
  clearTimeout(forced)
}

const stopped = (child: ChildProcess, what: string) =>
  new Promise<string>((resolve) =>
    child.once('exit', (code, signal) => resolve(`${what} stopped (${code ?? signal}).`)),
  )

interface Where {
  readonly slackApi: string
  readonly azure: number
  readonly web: number
  readonly folder: string
  readonly caFile: string
}

/** The bot's whole configuration: the demo hands it nothing but this. */
const botEnvironment = ({ slackApi, azure, web, folder, caFile }: Where) => ({
  SLACK_BOT_TOKEN: 'xoxb-demo',
  SLACK_APP_TOKEN: 'xapp-demo',
  SLACK_API_URL: slackApi,
  POLICY_FILE: join(root, 'demo', 'policy.yml'),
  DATA_DIR: join(folder, 'data'),
  AZURE_RESOURCE_MANAGER_URL: `https://localhost:${azure}`,
  IDENTITY_ENDPOINT: `https://localhost:${azure}/msi/token`,
  IDENTITY_HEADER: 'demo',
  NODE_EXTRA_CA_CERTS: caFile,
  PORT: String(web),
})

/** The parts that are processes of their own, and where they write. */
function launcher(folder: string, logFile: string) {
  const log = createWriteStream(logFile)
  const children: ChildProcess[] = []
  return {
    launch: (file: string, args: readonly string[], environment: Record<string, string>) => {
      const child = spawn(file, args, {
        // What a part leaves behind goes where the demo tidies up.
        env: { ...machineEnvironment(), TMPDIR: folder, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      child.stdout?.pipe(log, { end: false })
      child.stderr?.pipe(log, { end: false })
      children.push(child)
      return child
    },
    stop: async () => {
      // The bot first: it says goodbye to the workspace.
      for (const child of children.toReversed()) await stop(child)
      const ended = Promise.withResolvers<void>()
      log.end(() => ended.resolve())
      await ended.promise
    },
  }
}

/** The end of the log, for when it is about to be removed. */
async function lastLines(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '')
  const lines = text.trimEnd().split('\n').slice(-15)
  return lines.join('\n') === '' ? '' : `\nThe last that its parts wrote:\n${lines.join('\n')}`
}

/** A closed terminal ends the demo; without this the bot would only read its policy again and live on. */
const hangUp = () => process.kill(process.pid, 'SIGTERM')

/** Starts a local Slack workspace, a simulated Azure and the bot, and resolves when a request can be made. */
export async function startDemo(ports: DemoPorts): Promise<Demo> {
  const binary = slackBinary()
  await expectFree(ports)
  const folder = await mkdtemp(join(tmpdir(), 'jitney-demo-'))
  const logFile = join(folder, 'demo.log')
  const parts = launcher(folder, logFile)
  const caFile = join(folder, 'azure-ca.pem')
  const simulator = await startSimulator({ port: ports.azure, caFile })
  const workspacePort = await freePort()
  const page = await serveSlackPage(ports.slack, workspacePort)
  process.on('SIGHUP', hangUp)
  const asked = stopSignal()
  const stopAll = async () => {
    process.off('SIGHUP', hangUp)
    await parts.stop()
    await Promise.all([page.close(), simulator.close()])
  }
  try {
    const config = join(root, 'demo', 'slack.yml')
    const slack = parts.launch(binary, ['--config', config, '--port', String(workspacePort)], {})
    const slackUrl = `http://localhost:${ports.slack}`
    await answers({
      url: `${slackUrl}/_control/state`,
      child: slack,
      what: 'The local Slack workspace',
      stop: asked.signal,
    })
    // The bot speaks with the workspace itself: its answers must come from the address that it asks.
    const slackApi = `http://localhost:${workspacePort}/api/`
    const where = { slackApi, azure: simulator.port, web: ports.web, folder, caFile }
    const bot = parts.launch(process.execPath, [join(root, 'src', 'main.ts'), 'start'], botEnvironment(where))
    const webUrl = `http://localhost:${ports.web}`
    await answers({ url: `${webUrl}/readyz`, child: bot, what: 'The bot', stop: asked.signal })
    let closing = false
    const failed = Promise.race([stopped(slack, 'The local Slack workspace'), stopped(bot, 'The bot')]).then(
      async (what) => {
        await wait(graceMs, undefined, { ref: false })
        if (!closing) await stopAll()
        return what
      },
    )
    const close = async () => {
      closing = true
      await stopAll()
      await rm(folder, { recursive: true, force: true })
    }
    return { slackUrl, webUrl, azureUrl: simulator.url, caFile, logFile, failed, close }
  } catch (error) {
    await stopAll()
    const tail = asked.signal.aborted ? '' : await lastLines(logFile)
    await rm(folder, { recursive: true, force: true })
    if (error instanceof DemoError) throw new DemoError(`${error.message}${tail}`, { cause: error })
    throw error
  } finally {
    asked.forget()
  }
}

/** Three lines that tell a newcomer what to click and type. */
export const demoLines = (demo: Demo): string =>
  [
    `1. Ask: open ${demo.slackUrl} (you act as "requester" in #general) and type:  /jit rdp vm-jump01 1m from 81.2.69.142`,
    '2. Approve: at the top right choose "Act as approver1", open #approvals and press Approve. The thread under the card says when access is open.',
    `3. Wait a minute: the thread says that it is closed. See for yourself, before and after:  curl -k "${demo.azureUrl}/_sim/flow?vm=vm-jump01&source=81.2.69.142&port=3389"   (Ctrl-C stops the demo)`,
  ].join('\n')
