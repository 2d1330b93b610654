import { setTimeout as pause } from 'node:timers/promises'
import { laneSizes } from '../../src/engine/worker.ts'
import { type PostgresServer, startPostgres } from '../../test/support/postgres.ts'
import type { Family } from '../family.ts'
import { cpuMs, median, quantile } from '../figures.ts'
import { seedGrants } from '../grants.ts'
import type { PartProcess } from '../part-process.ts'
import type { AzurePart } from '../parts/azure.ts'
import type { BareDeletesPart } from '../parts/bare-deletes.ts'
import type { DueBotPart } from '../parts/due-bot.ts'
import type { SlackPart } from '../parts/slack.ts'
import type { Site } from '../site.ts'
import { atMost, type Goal, type Row, row } from '../table.ts'

const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS }
rules:
  - name: nobody needs to agree
    services: [ssh]
    maxDuration: 8h
    approvals: 0
`

const latencyMs = 20
const operationMs = 300
/** How long before the moment the clocks are set: the bot finds out by itself that it has come nearer. */
const leadMs = 2_000
const lookEveryMs = 250

type Engine = 'embedded' | 'PostgreSQL'

interface Measured {
  readonly p50: number[]
  readonly p99: number[]
  readonly max: number[]
  readonly cpu: number[]
}

interface Scene {
  readonly site: Site
  readonly count: number
  readonly azure: PartProcess<AzurePart>
  readonly slack: PartProcess<SlackPart>
  readonly postgres: PostgresServer | null
}

/** How late the first DELETE of each rule came in. */
async function note(azure: Scene['azure'], dueAt: number, count: number, into: Measured): Promise<void> {
  const first = new Map<string, number>()
  for (const { path, time } of await azure.ask('calls', 'DELETE')) {
    if (!first.has(path)) first.set(path, time - dueAt)
  }
  if (first.size !== count) throw new Error(`${first.size} rules of ${count} were deleted`)
  const late = [...first.values()]
  into.p50.push(quantile(late, 0.5))
  into.p99.push(quantile(late, 0.99))
  into.max.push(Math.max(...late))
}

const oneEach = (count: number) => ({ subscriptions: 1, groups: count })

const stand = (azure: Scene['azure'], count: number, expiresAt: number) =>
  azure.ask('stand', { from: 0, count, layout: oneEach(count), firstEnd: expiresAt, apartMs: 0 })

async function databaseOf({ site, postgres }: Scene): Promise<Record<string, string>> {
  return postgres
    ? { DATABASE_URL: await postgres.createDatabase() }
    : { DATA_DIR: await site.dataDirectory() }
}

async function closeOurs(scene: Scene, into: Measured): Promise<void> {
  const { site, count, azure, slack } = scene
  const expiresAt = Math.ceil((Date.now() + 3_600_000) / 1000) * 1000
  await stand(azure, count, expiresAt)
  const bot = await site.start<DueBotPart>('due-bot', null, {
    ...slack.facts.environment,
    ...azure.facts.environment,
    ...(await databaseOf(scene)),
    POLICY_FILE: await site.file('policy.yml', policy),
    PORT: '0',
    LOG_LEVEL: 'warn',
  })
  await bot.ask('begin', { expiresAt, written: await slack.ask('written', count) })
  await azure.ask('forget')
  const ahead = expiresAt - leadMs - Date.now()
  await azure.ask('shift', ahead)
  const before = cpuMs(bot.pid)
  await bot.ask('shift', ahead)
  while ((await bot.ask('closed')) < count) await pause(lookEveryMs)
  into.cpu.push((cpuMs(bot.pid) - before) / count)
  await note(azure, expiresAt, count, into)
  await azure.ask('shift', 0)
  await bot.stop()
}

async function closeBare({ site, count, azure }: Scene, into: Measured): Promise<void> {
  const expiresAt = Date.now() + 3_600_000
  const targets = seedGrants({ count }, () => expiresAt, oneEach(count))
  await stand(azure, count, expiresAt)
  const environment = { ...azure.facts.environment, SLACK_BOT_TOKEN: 'xoxb-', SLACK_SIGNING_SECRET: 'none' }
  const bare = await site.start<BareDeletesPart>('bare-deletes', { atOnce: laneSizes.closes }, environment)
  await azure.ask('forget')
  const before = cpuMs(bare.pid)
  const dueAt = await bare.ask('remove', targets)
  into.cpu.push((cpuMs(bare.pid) - before) / count)
  await note(azure, dueAt, count, into)
  await bare.stop()
}

const nothing = (): Measured => ({ p50: [], p99: [], max: [], cpu: [] })

const expiry = (count: number, engine: Engine, rounds: number, extra: boolean): Family => {
  const name = `DELETE after expiry, ${count} due at one moment, ${engine}`
  const run = async (site: Site): Promise<readonly Row[]> => {
    const caFile = site.path('ca.pem')
    const postgres = engine === 'PostgreSQL' ? await startPostgres() : null
    if (postgres) site.later(() => postgres.stop())
    const [azure, slack] = await Promise.all([
      site.start<AzurePart>('azure', { vms: count, latencyMs, operationMs, caFile }),
      site.start<SlackPart>('slack', null),
    ])
    const scene = { site, count, azure, slack, postgres }
    const [ours, bare] = [nothing(), nothing()]
    for (let round = 0; round < rounds; round += 1) {
      await closeOurs(scene, ours)
      await closeBare(scene, bare)
    }
    const compare = (title: string, of: keyof Measured, goal?: Goal) =>
      row(title, 'ms', median(ours[of]), { name: 'bare loop', figure: median(bare[of]) }, goal)
    return [
      compare(`${name}, p50`, 'p50'),
      compare(`${name}, p99`, 'p99', atMost(1000, 'ms')),
      compare(`${name}, max`, 'max'),
      compare(`processor time of a close, ${count} due at one moment, ${engine}`, 'cpu'),
    ]
  }
  return { name, extra, run }
}

export const expiries: readonly Family[] = [
  expiry(1_000, 'embedded', 2, false),
  expiry(1_000, 'PostgreSQL', 2, false),
  expiry(100, 'embedded', 3, false),
  expiry(100, 'PostgreSQL', 3, false),
  expiry(10_000, 'embedded', 1, false),
  expiry(10_000, 'PostgreSQL', 1, false),
]
