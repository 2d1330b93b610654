import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, isFree } from '../demo/ports.ts'
import { pretendedAddress } from '../demo/pretended.ts'
import { openIdParts, startSignIn } from '../demo/sign-in.ts'
import { serveSlackPage } from '../demo/slack-page.ts'
import { serveWebFront } from '../demo/web-front.ts'
import { machineEnvironment } from './config.ts'
import { startSimulator } from './simulator/server.ts'

export interface DemoPorts {
  readonly slack: number
  readonly web: number
  readonly azure: number
  readonly signIn: number
}

export interface Demo {
  readonly slackUrl: string
  readonly webUrl: string
  /** What stands in for “Sign in with Slack”; null where the package for it is not installed. */
  readonly signInUrl: string | null
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
  const variables = { slack: 'SLACK', web: 'WEB', azure: 'AZURE', signIn: 'SIGN_IN' } as const
  for (const name of ['slack', 'web', 'azure', 'signIn'] as const) {
    const port = ports[name]
    if (!(await isFree(port))) taken.push(`port ${port} (move it with DEMO_${variables[name]}_PORT)`)
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

/** The parts that run in this process, and where the others are going to listen. */
async function serveAround(ports: DemoPorts, folder: string) {
  const openId = await openIdParts()
  const caFile = join(folder, 'azure-ca.pem')
  const [workspacePort, botPort] = [await freePort(), await freePort()]
  const webUrl = `http://localhost:${ports.web}`
  const simulator = await startSimulator({ port: ports.azure, caFile })
  const page = await serveSlackPage(ports.slack, workspacePort)
  const front = await serveWebFront(ports.web, botPort)
  const signIn = openId && (await startSignIn(openId, ports.signIn, webUrl))
  return {
    caFile,
    workspacePort,
    botPort,
    webUrl,
    signIn,
    simulator,
    close: () => Promise.all([signIn?.close(), front.close(), page.close(), simulator.close()]),
  }
}

type Around = Awaited<ReturnType<typeof serveAround>>

/** The bot's whole configuration: the demo hands it nothing but this. */
const botEnvironment = ({ workspacePort, botPort, simulator, caFile, signIn }: Around, folder: string) => ({
  SLACK_BOT_TOKEN: 'xoxb-demo',
  SLACK_APP_TOKEN: 'xapp-demo',
  // The bot speaks with the workspace itself: its answers must come from the address that it asks.
  SLACK_API_URL: `http://localhost:${workspacePort}/api/`,
  POLICY_FILE: join(root, 'demo', 'policy.yml'),
  DATA_DIR: join(folder, 'data'),
  AZURE_RESOURCE_MANAGER_URL: `https://localhost:${simulator.port}`,
  IDENTITY_ENDPOINT: `https://localhost:${simulator.port}/msi/token`,
  IDENTITY_HEADER: 'demo',
  NODE_EXTRA_CA_CERTS: caFile,
  PORT: String(botPort),
  ...signIn?.environment,
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
  const asked = stopSignal()
  const folder = await mkdtemp(join(tmpdir(), 'jitney-demo-'))
  const logFile = join(folder, 'demo.log')
  const parts = launcher(folder, logFile)
  const around = await serveAround(ports, folder)
  process.on('SIGHUP', hangUp)
  const stopAll = async () => {
    process.off('SIGHUP', hangUp)
    await parts.stop()
    await around.close()
  }
  try {
    const config = join(root, 'demo', 'slack.yml')
    const slack = parts.launch(binary, ['--config', config, '--port', String(around.workspacePort)], {})
    const slackUrl = `http://localhost:${ports.slack}`
    await answers({
      url: `${slackUrl}/_control/state`,
      child: slack,
      what: 'The local Slack workspace',
      stop: asked.signal,
    })
    const environment = botEnvironment(around, folder)
    const bot = parts.launch(process.execPath, [join(root, 'src', 'main.ts'), 'start'], environment)
    const { webUrl, caFile } = around
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
    const [signInUrl, azureUrl] = [around.signIn?.issuer ?? null, around.simulator.url]
    return { slackUrl, webUrl, signInUrl, azureUrl, caFile, logFile, failed, close }
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

function firstLines({ slackUrl, signInUrl }: Demo): string[] {
  const ask = `1. Ask: open ${slackUrl} (you act as "requester" in #general) and type:  /jit rdp vm-jump01 1m`
  const approve =
    'at the top right choose "Act as approver1", open #approvals and press Approve. The thread under the card says when access is open.'
  if (signInUrl === null)
    return [
      'The npm package oidc-provider is not installed, so this demo has no page that reads your address: it is typed, after from.',
      `${ask} from ${pretendedAddress}`,
      `2. Approve: ${approve}`,
    ]
  return [
    `${ask} because I try it out`,
    `2. Confirm and approve: open the message from jitney ("requester" under Direct messages), press "Confirm my address", sign in as requester and say yes (the demo pretends that you come from ${pretendedAddress}). Then ${approve}`,
  ]
}

/** Three lines that tell a newcomer what to click and type; before them, what is missing here. */
export const demoLines = (demo: Demo): string =>
  [
    ...firstLines(demo),
    `3. Wait a minute: the thread says that it is closed. See for yourself, before and after:  curl -k "${demo.azureUrl}/_sim/flow?vm=vm-jump01&source=${pretendedAddress}&port=3389"   (Ctrl-C stops the demo)`,
  ].join('\n')
