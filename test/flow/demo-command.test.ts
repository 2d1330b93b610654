import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { freePort, isFree } from '../../demo/ports.ts'
import { until } from '../support/local-slack.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const binary = `local-slack-${process.platform}-${process.arch}`
const required = binary === 'local-slack-linux-x64'
const installed = (() => {
  try {
    return createRequire(import.meta.url).resolve(`${binary}/package.json`) !== ''
  } catch {
    return false
  }
})()

/** Makes Node answer as it does where the package is not installed. */
const withoutProvider = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({
    resolve(name, context, next) {
      if (name !== 'oidc-provider') return next(name, context)
      throw Object.assign(new Error("Cannot find package 'oidc-provider'"), { code: 'ERR_MODULE_NOT_FOUND' })
    },
  })`)}`

// Each starts a whole demo, which takes long where other tests run beside it.
const patient = { timeout: 120_000 }

describe.skipIf(!installed && !required)(`npm run demo (skipped where npm has no ${binary})`, patient, () => {
  let child: ChildProcess
  let written: string
  let ports: number[]

  async function starts(args: readonly string[]): Promise<void> {
    ports = [await freePort(), await freePort(), await freePort(), await freePort()]
    const names = ['DEMO_SLACK_PORT', 'DEMO_WEB_PORT', 'DEMO_AZURE_PORT', 'DEMO_SIGN_IN_PORT']
    const moved = Object.fromEntries(names.map((name, at) => [name, String(ports[at])]))
    written = ''
    child = spawn(process.execPath, [...args, main, 'demo'], { env: { ...process.env, ...moved } })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        written += String(chunk)
      })
  }
  afterEach(() => {
    if (child.exitCode === null) child.kill('SIGKILL')
  })

  /** Presses Ctrl-C; answers the exit code, and which ports are still taken. */
  async function ctrlC(): Promise<{ code: unknown; taken: number[] }> {
    const exit = once(child, 'exit')
    child.kill('SIGINT')
    const [code] = await exit
    const free = await Promise.all(ports.map(isFree))
    return { code, taken: ports.filter((_, at) => free[at] === false) }
  }

  const lines = () =>
    until('the last line', 60_000, async () => (/^3\. /m.test(written) ? written : undefined))

  test('without the package for the sign-in it starts without the page, and says so', async () => {
    await starts(['--import', withoutProvider])
    const [missing, ask] = (await lines()).split('\n')
    expect(missing).toMatch(/oidc-provider is not installed.*no page that reads your address/)
    expect(ask).toMatch(/^1\. .* \/jit rdp vm-jump01 1m from 81\.2\.69\.142$/)
    expect(await isFree(ports[3] ?? 0)).toBe(true)
    expect((await fetch(`http://localhost:${ports[1]}/readyz`)).status).toBe(200)
    expect((await fetch(`http://localhost:${ports[1]}/ip/token`)).headers.get('content-type')).toMatch(
      /plain/,
    )
    expect(await ctrlC()).toEqual({ code: 0, taken: [] })
  })

  test('Ctrl-C ends all of it, also while a page is open', async () => {
    await starts([])
    await lines()
    const held = await Promise.all(
      [ports[1], ports[3]].map((port) => fetch(`http://localhost:${port}/`, { keepalive: true })),
    )
    expect(held.map(({ status }) => status)).toEqual([404, 404])
    expect(await ctrlC()).toEqual({ code: 0, taken: [] })
  })

  test('Ctrl-C before it is ready ends what has started', async () => {
    await starts([])
    await until('the sign-in', 60_000, async () => ((await isFree(ports[3] ?? 0)) ? undefined : true))
    expect(await ctrlC()).toEqual({ code: 1, taken: [] })
    expect(written).toBe('The demo was stopped before it was ready.\n')
  })
})
