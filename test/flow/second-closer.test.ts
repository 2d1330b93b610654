import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { runSweep } from '../../src/run-sweep.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { startTestSimulator } from '../support/simulator.ts'
import { createWorld, type World, worldPolicy } from '../support/world.ts'

const minute = 60_000

async function sweeps(azure: Simulator) {
  for (const [name, value] of Object.entries(azure.environment)) process.env[name] = value
  const said: string[] = []
  const code = await runSweep(
    {
      AZURE_RESOURCE_MANAGER_URL: azure.url,
      AZURE_CLOUD: 'public',
      IDENTITY_ENDPOINT: azure.environment['IDENTITY_ENDPOINT'],
    },
    {
      once: true,
      dryRun: false,
      stop: new AbortController().signal,
      say: (text) => said.push(text),
      complain: (text) => said.push(`! ${text}`),
    },
  )
  return { code, said: said.join('\n') }
}

describe('the sweeper beside a running bot', () => {
  let world: World
  afterEach(() => world.close())

  const opens = async () => {
    world = await createWorld({ policy: `${worldPolicy}pages: { channel: C0PAGES, users: [U0ALEX] }\n` })
    await world.reconciles()
    await world.asks('robin', 'rdp vm-jump01 30m from 81.2.69.142')
    await world.clicks('avery', 'approve')
  }
  /** Time goes by while the bot does nothing. */
  const sleeps = (ms: number) => world.clock.to(world.clock.now() + ms)
  const pages = () => world.slack.messages('C0PAGES')

  test('leaves what is open and wanted alone, to the last second', async () => {
    await opens()
    sleeps(30 * minute - 1_000)
    expect(await sweeps(world.azure)).toEqual({ code: 0, said: 'Nothing is past its end.' })
    expect(world.ourRules()).toHaveLength(2)
  })

  test('closes first what the bot is late with, and the bot closes the grant without a word of alarm', async () => {
    await opens()
    sleeps(30 * minute + 1_000)
    expect((await sweeps(world.azure)).code).toBe(0)
    expect(world.ourRules()).toEqual([])
    await world.passes('3m')
    expect(world.cardText()).toMatch(/^Closed/)
    expect(world.thread().at(-1)).toMatch(/Its time is over.*no network rule of this request is left/s)
    expect(world.thread().join('\n')).not.toMatch(/changed outside|was back/)
    expect(pages()).toEqual([])
  })

  test('at the same moment as the bot, both come to the same end', async () => {
    await opens()
    sleeps(30 * minute + 1_000)
    const [swept] = await Promise.all([sweeps(world.azure), world.settle()])
    await world.passes('3m')
    expect(swept.said).not.toMatch(/could not be/)
    expect(world.ourRules()).toEqual([])
    expect(world.cardText()).toMatch(/^Closed/)
    expect(world.thread().join('\n')).not.toMatch(/changed outside|was back/)
    expect(pages()).toEqual([])
  })
})

describe('the sweep command', () => {
  let azure: Simulator
  let folder: string
  afterEach(async () => {
    await azure.close()
    await rm(folder, { recursive: true, force: true })
  })

  const expired = {
    description: 'jitney request r1 for U1',
    priority: 3000,
    direction: 'Inbound',
    access: 'Allow',
    protocol: 'Tcp',
    sourceAddressPrefix: '81.2.69.142',
    sourcePortRange: '*',
    destinationAddressPrefix: '10.0.0.4',
    destinationPortRange: '3389',
  } as const

  test('runs from an empty folder with the Azure variables alone: no Slack, no policy, no database', async () => {
    azure = await startTestSimulator()
    folder = await mkdtemp(join(tmpdir(), 'jitney-sweep-'))
    await writeFile(join(folder, 'ca.pem'), azure.caPem)
    const name = `jit-aaa111-${Math.floor(Date.now() / 1000) - 60}`
    azure.mutate({ do: 'put-rule', nsg: 'nsg-web-subnet', name, properties: expired })
    const main = join(import.meta.dirname, '../../src/main.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [main, 'sweep', '--once'], {
      cwd: folder,
      env: {
        ...azure.environment,
        NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
        AZURE_RESOURCE_MANAGER_URL: azure.url,
      },
    })
    expect(stdout).toContain(`closed: ${name}`)
    expect(azure.rules('nsg-web-subnet')[name]).toBeUndefined()
    const actions = new Set(azure.calls().flatMap(({ action }) => (action === '' ? [] : [action])))
    expect([...actions].map((action) => action.toLowerCase()).toSorted()).toEqual([
      'microsoft.network/networksecuritygroups/read',
      'microsoft.network/networksecuritygroups/securityrules/delete',
      'microsoft.network/networksecuritygroups/securityrules/read',
      'microsoft.resources/subscriptions/read',
    ])
  })
})
