import { setTimeout as pause } from 'node:timers/promises'
import type { Family } from '../family.ts'
import { quantile } from '../figures.ts'
import { seedGrants } from '../grants.ts'
import type { PartProcess } from '../part-process.ts'
import type { AzurePart } from '../parts/azure.ts'
import type { BotPart } from '../parts/bot.ts'
import type { SlackPart } from '../parts/slack.ts'
import { prepare } from '../prepare.ts'
import { type Probed, probe } from '../prober.ts'
import { seed } from '../seed.ts'
import { freePort, type Site } from '../site.ts'
import { atMost, atMostTimes, type Row, row } from '../table.ts'

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
const dayMs = 24 * 3_600_000
const idleMs = 5_000
const lookEveryMs = 1_000
/** So many times the pace of the buckets, and the run is given up. */
const mostTimes = 6

/** Azure's own limit on deletes in one subscription: so many at once, then so many a second. */
const bucket = { size: 200, perSecond: 10 }
const paceMs = (count: number) => (Math.max(0, count - bucket.size) / bucket.perSecond) * 1000

/** One DELETE, and two reads that miss the rule. */
const leastCalls = 3

interface Scene {
  readonly site: Site
  readonly count: number
  readonly subscriptions: number
  readonly azure: PartProcess<AzurePart>
  readonly slack: PartProcess<SlackPart>
  readonly start: (dataDir: string) => Promise<Running>
}

interface Running {
  readonly bot: Promise<PartProcess<BotPart>>
  readonly port: number
  /** Ends the probes that began with the process. */
  readonly probed: () => Promise<Record<'livez' | 'readyz', Probed>>
}

function probes(port: number): Running['probed'] {
  const [livez, readyz] = [probe(port, '/livez'), probe(port, '/readyz')]
  return async () => ({ livez: await livez(), readyz: await readyz() })
}

async function setScene(site: Site, count: number, subscriptions: number): Promise<Scene> {
  const world = { vms: 1, nsgs: Math.ceil(count / subscriptions), subscriptions, buckets: true }
  const caFile = site.path('ca.pem')
  const [azure, slack] = await Promise.all([
    site.start<AzurePart>('azure', { ...world, latencyMs, operationMs, caFile }),
    site.start<SlackPart>('slack', null),
  ])
  const policyFile = await site.file('policy.yml', policy)
  const start = async (dataDir: string): Promise<Running> => {
    const port = await freePort()
    const environment = {
      ...slack.facts.environment,
      ...azure.facts.environment,
      DATA_DIR: dataDir,
      POLICY_FILE: policyFile,
      PORT: String(port),
      LOG_LEVEL: 'fatal',
    }
    const bot = site.start<BotPart>('bot', { resting: false }, environment)
    return { bot, port, probed: probes(port) }
  }
  return { site, count, subscriptions, azure, slack, start }
}

/** How fast a bot answers that has nothing to do. */
async function idle({ site, start }: Scene): Promise<Record<'livez' | 'readyz', Probed>> {
  const { bot, port, probed: started } = await start(await site.dataDirectory())
  const running = await bot
  await started()
  const probed = probes(port)
  await pause(idleMs)
  const answers = await probed()
  await running.stop()
  return answers
}

interface CaughtUp {
  /** Milliseconds after the start at which each rule was gone, in the order of their ends. */
  readonly goneAfter: readonly number[]
  readonly calls: number
  readonly refused: number
  readonly answers: Record<'livez' | 'readyz', Probed>
}

/** A day in which the bot was down and one grant after the other came to its end. */
async function seedDay({ site, count, subscriptions, azure, slack }: Scene): Promise<string> {
  const layout = { subscriptions, groups: Math.ceil(count / subscriptions) }
  const apartMs = Math.floor(dayMs / count / 1000) * 1000
  const firstEnd = Math.floor((Date.now() - dayMs) / 1000) * 1000
  await azure.ask('stand', { from: 0, count, layout, firstEnd, apartMs })
  const dataDir = await site.dataDirectory()
  const written = await slack.ask('written', count)
  await prepare({ dataDir }, (opened) =>
    seed(
      opened,
      seedGrants({ count }, (index) => firstEnd + index * apartMs, layout),
      firstEnd - 3_600_000,
      written,
    ),
  )
  return dataDir
}

async function catchUp(scene: Scene): Promise<CaughtUp> {
  const { azure, count, subscriptions, start } = scene
  const dataDir = await seedDay(scene)
  await azure.ask('tally')
  const begunAt = Date.now()
  const limit = begunAt + 60_000 + mostTimes * paceMs(count / subscriptions)
  const { bot, probed } = await start(dataDir)
  const total = { calls: 0, refused: 0 }
  let gone = await azure.ask('gone')
  while (gone.length < count) {
    if (Date.now() > limit) throw new Error(`only ${gone.length} of ${count} rules were closed`)
    await pause(lookEveryMs)
    const { calls, refused } = await azure.ask('tally')
    total.calls += calls
    total.refused += refused
    gone = await azure.ask('gone')
  }
  const answers = await probed()
  await (await bot).stop()
  // The grant's number comes first in a rule's name, and grants end in the order of their numbers.
  const inOrder = gone.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return { goneAfter: inOrder.map(({ at }) => at - begunAt), ...total, answers }
}

const answerRows = (name: string, busy: CaughtUp['answers'], free: CaughtUp['answers']): Row[] =>
  (['livez', 'readyz'] as const).flatMap((path) => {
    const p99 = { name: 'when idle', figure: quantile(free[path].latencies, 0.99) }
    const asked = busy[path].latencies.length + busy[path].unanswered
    return [
      row(
        `${name}, /${path} meanwhile, p99`,
        'ms',
        quantile(busy[path].latencies, 0.99),
        p99,
        atMost(100, 'ms'),
      ),
      row(
        `${name}, /${path} meanwhile, unanswered`,
        'times',
        busy[path].unanswered,
        { name: 'times asked', figure: asked },
        atMost(0, 'times'),
      ),
    ]
  })

const seconds = (until: readonly number[]) => Math.max(...until) / 1000

function rowsOf(name: string, { count, subscriptions }: Scene, caught: CaughtUp): Row[] {
  const { goneAfter, calls, refused } = caught
  const [each, half] = [count / subscriptions, Math.floor(count / 2)]
  const pace = (share: number) => ({ name: 'pace of the buckets', figure: paceMs(each * share) / 1000 })
  return [
    row(`${name}, until all are closed`, 's', seconds(goneAfter), pace(1), atMostTimes(1.5)),
    row(
      `${name}, until the half that ended first is closed`,
      's',
      seconds(goneAfter.slice(0, half)),
      pace(half / count),
    ),
    row(
      `${name}, calls for each rule`,
      'calls',
      calls / count,
      {
        name: 'DELETE and two reads',
        figure: leastCalls,
      },
      atMostTimes(2),
    ),
    row(`${name}, calls refused with 429 for each rule`, 'calls', refused / count, {
      name: 'all calls',
      figure: calls / count,
    }),
  ]
}

const family = (count: number, subscriptions: number, extra: boolean): Family => {
  const name = `catch-up after a day, ${count} overdue in ${subscriptions} subscriptions`
  const run = async (site: Site): Promise<readonly Row[]> => {
    const scene = await setScene(site, count, subscriptions)
    const free = await idle(scene)
    const caught = await catchUp(scene)
    return [...rowsOf(name, scene, caught), ...answerRows(name, caught.answers, free)]
  }
  return { name, extra, run }
}

export const catchUps: readonly Family[] = [family(10_000, 8, false), family(1_000, 2, true)]
