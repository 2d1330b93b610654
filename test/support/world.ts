import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type App, startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { parseSpan } from '../../src/core/duration.ts'
import { surveyJob } from '../../src/engine/job-of.ts'
import type { Store } from '../../src/ports.ts'
import type { Simulator, SimulatorOptions } from '../../src/simulator/server.ts'
import { findMachine } from '../../src/simulator/topology.ts'
import { openStore } from '../../src/store/store.ts'
import { type FakeSlack, startFakeSlack } from './fake-slack/fake-slack.ts'
import { signingIn, simulatorCredential, startTestSimulator } from './simulator.ts'
import { memoryStore, snapshot } from './stores.ts'
import { TestClock } from './test-clock.ts'

export const channels = {
  access: 'C0ACCESS',
  approvals: 'C0APPROVALS',
  audit: 'C0AUDIT',
  pages: 'C0PAGES',
} as const
const robinsAddress = '81.2.69.142'

export const worldPolicy = `
version: 1
audit: { channel: C0AUDIT }
address: { remember: 12h }
card: { showTags: [env, owner] }
services: { postgres: [5432/tcp] }
defaults: { channel: C0APPROVALS, deadline: 30m }
rules:
  - name: two people agree to let somebody into production
    vm: { tags: { env: prod } }
    maxDuration: 1h
    approvals: 2
    approvers: { users: [U0AVERY, U0ALEX], groups: [S0LEADS] }
  - name: nobody needs to agree to look at a web server
    vm: { name: vm-web* }
    services: [ssh]
    maxDuration: 15m
    approvals: 0
  - name: a colleague agrees to let somebody into any other VM
    services: [rdp, ssh, winrm, postgres]
    maxDuration: 8h
    approvals: 1
    approvers: { users: [U0AVERY, U0ALEX], groups: [S0LEADS] }
`

export interface WorldOptions {
  readonly policy?: string
  readonly simulator?: SimulatorOptions
  readonly store?: Store
  /** Keeps the database in a directory, so that it survives a restart of the bot. */
  readonly durable?: boolean
  /** Asks the simulated token endpoint for each token, instead of being handed them past all faults. */
  readonly signsIn?: boolean
  /** Asks the simulated Entra who people are. */
  readonly entra?: boolean
  /** HTTP mode instead of Socket Mode. */
  readonly http?: boolean
  /** More of the bot's environment. */
  readonly environment?: Readonly<Record<string, string>>
}

/** Test time runs ahead of the SDK’s clock, so its tokens must last. */
const lifetimeSeconds = 10 * 365 * 86_400

type Seen = Awaited<ReturnType<ReturnType<FakeSlack['person']>['types']>>

const quiet = pino({ level: process.env['TEST_LOG'] ?? 'silent' })

function workspace(slack: FakeSlack) {
  const people = {
    robin: slack.person('robin', { id: 'U0ROBIN', tz: 'Europe/Berlin' }),
    avery: slack.person('avery', { id: 'U0AVERY', tz: 'Europe/Berlin' }),
    alex: slack.person('alex', { id: 'U0ALEX', tz: 'America/New_York' }),
    lee: slack.person('lee', { id: 'U0LEE' }),
    mallory: slack.person('mallory', { id: 'U0MALLORY' }),
  }
  slack.group('S0LEADS', 'leads', ['lee'])
  for (const [name, id] of Object.entries(channels)) slack.channel(id, { name, members: Object.keys(people) })
  return people
}

export type Name = keyof ReturnType<typeof workspace>

function msOf(length: string): number {
  const parsed = parseSpan(length)
  if (!parsed.ok || parsed.span.kind !== 'length') throw new Error(`${length} is no length of time`)
  return parsed.span.ms
}

/** The whole bot between a strict fake Slack and a simulated Azure, on a clock that is set by hand. */
export class World {
  readonly slack: FakeSlack
  readonly azure: Simulator
  readonly clock: TestClock
  readonly people: ReturnType<typeof workspace>
  readonly policyFile: string
  app: App
  readonly #start: () => Promise<App>
  readonly #folder: string

  constructor(parts: {
    slack: FakeSlack
    azure: Simulator
    clock: TestClock
    people: ReturnType<typeof workspace>
    app: App
    start: () => Promise<App>
    folder: string
  }) {
    this.slack = parts.slack
    this.azure = parts.azure
    this.clock = parts.clock
    this.people = parts.people
    this.app = parts.app
    this.#start = parts.start
    this.#folder = parts.folder
    this.policyFile = join(parts.folder, 'policy.yml')
  }

  /** Lets everything that is due happen, and what comes of it. */
  async settle(): Promise<void> {
    await this.app.engine.worker.settle()
  }

  /** `robin` types `/jit <text>`; answers what Slack shows at once, after everything else has happened. */
  async asks(name: Name, text: string): Promise<Seen> {
    const seen = await this.people[name].types('/jit', text, { channel: channels.access })
    await this.settle()
    return seen
  }

  /** Presses a button of the newest card in the approvers' channel. */
  async clicks(name: Name, button: string, message = this.card()): Promise<Seen> {
    const seen = await this.people[name].clicks(message, button)
    await this.settle()
    return seen
  }

  /** Time goes by, and every job runs at its own moment. */
  async passes(length: string | { readonly seconds: number }): Promise<void> {
    const end = this.clock.now() + (typeof length === 'string' ? msOf(length) : length.seconds * 1000)
    for (;;) {
      await this.settle()
      const times = [...(await this.app.store.jobs.nextRunAts()).values()].filter((at) => at <= end)
      if (times.length === 0) break
      this.clock.to(Math.min(...times))
    }
    this.clock.to(end)
    await this.settle()
  }

  /** Has every subscription compared with the grants, and what comes of it. */
  async reconciles(): Promise<void> {
    const { store } = this.app
    const now = this.clock.now()
    await store.transact((tx) => tx.putJobs([surveyJob(now)], now))
    await this.settle()
  }

  card() {
    const card = this.slack.messages(channels.approvals).at(-1)
    if (!card) throw new Error('There is no card in the approvers’ channel.')
    return card
  }

  /** What a person reads on the newest card. */
  cardText(): string {
    return this.slack.visible(this.card())
  }

  thread(): string[] {
    return this.slack.thread(this.card()).map((message) => this.slack.visible(message))
  }

  dm(name: Name): string[] {
    return this.slack.dm(name).map((message) => this.slack.visible(message))
  }

  ephemerals(name: Name): string[] {
    return this.slack.ephemerals(name).map((message) => this.slack.visible(message))
  }

  auditLines(): string[] {
    return this.slack.messages(channels.audit).map((message) => this.slack.visible(message))
  }

  /** The rules of ours in every security group. */
  ourRules(): { nsg: string; name: string; source: string | undefined; ports: string }[] {
    return this.azure
      .history()
      .filter((version) => version.to === null && version.rule.startsWith('jit-'))
      .map((version) => ({
        nsg: version.nsg.split('/').at(-1) ?? '',
        name: version.rule,
        source: version.properties.sourceAddressPrefix,
        ports: String(version.properties.destinationPortRange ?? version.properties.destinationPortRanges),
      }))
  }

  /** Whether a packet would pass, by the simulated Azure's own evaluation. */
  passesTo(vm: string, port: number, source = robinsAddress): boolean {
    return this.azure.flow({ vm, source, port }).access === 'Allow'
  }

  /** Writes another policy and has the bot read it; answers what is wrong with it. */
  async policy(text: string): Promise<string | null> {
    await writeFile(this.policyFile, text)
    return this.app.reloadPolicy()
  }

  /** Gives a VM other tags, of which the bot’s list of VMs does not know yet. */
  tags(vm: string, tags: Record<string, string>): void {
    const { sim } = this.azure
    const machine = findMachine(sim, vm)
    if (!machine) throw new Error(`There is no VM ${vm}.`)
    sim.resources.put({ ...machine, tags })
  }

  /** Stops the bot and starts it again on the same database. */
  async restarts(): Promise<void> {
    await this.app.stop()
    this.app = await this.#start()
    await this.app.ready
  }

  async close(): Promise<void> {
    await this.app.stop()
    await this.slack.stop()
    await this.azure.close()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const clock = new TestClock()
  const folder = await mkdtemp(join(tmpdir(), 'jitney-world-'))
  const policyFile = join(folder, 'policy.yml')
  await writeFile(policyFile, options.policy ?? worldPolicy)
  const slack = await startFakeSlack({ now: () => clock.now() })
  const people = workspace(slack)
  const azure = await startTestSimulator({
    now: () => clock.now(),
    tokenLifetimeSeconds: lifetimeSeconds,
    ...options.simulator,
  })
  const config = readConfig({
    SLACK_BOT_TOKEN: slack.botToken,
    ...(options.http ? { SLACK_SIGNING_SECRET: slack.signingSecret } : { SLACK_APP_TOKEN: slack.appToken }),
    SLACK_API_URL: slack.apiUrl,
    POLICY_FILE: policyFile,
    DATA_DIR: join(folder, 'data'),
    AZURE_RESOURCE_MANAGER_URL: azure.url,
    ...(options.entra && { ENTRA_LOOKUP: 'on', GRAPH_URL: azure.url }),
    PORT: '0',
    ...options.environment,
  })
  const start = async () => {
    const store =
      options.store ??
      (options.durable
        ? await openStore({ dataDir: join(folder, 'data'), snapshot: await snapshot() })
        : (await memoryStore()).store)
    return startApp(config, {
      clock,
      log: quiet,
      credential: options.signsIn ? signingIn(azure) : simulatorCredential(azure, lifetimeSeconds),
      store,
    })
  }
  const app = await start()
  await app.ready
  if (options.http) slack.postsTo(`http://127.0.0.1:${app.webPort}/slack/events`)
  return new World({ slack, azure, clock, people, app, start, folder })
}
