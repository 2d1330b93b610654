import { setTimeout as pause } from 'node:timers/promises'
import { type PostgresServer, startPostgres } from '../../test/support/postgres.ts'
import type { Family } from '../family.ts'
import { cpuMs, quantile } from '../figures.ts'
import { atRate, inTurn, type Target } from '../load.ts'
import type { PartProcess } from '../part-process.ts'
import type { AzurePart } from '../parts/azure.ts'
import type { BotPart } from '../parts/bot.ts'
import type { SlackPart } from '../parts/slack.ts'
import type { Site } from '../site.ts'
import { type Due, databaseWith, stand, world } from '../standing.ts'
import { atMostTimes, type Row, row } from '../table.ts'

/** One approver is needed, so an ask ends as a pending request with its card and its message. */
const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 30m }
rules:
  - name: a colleague agrees
    services: [ssh]
    maxDuration: 1h
    approvals: 1
    approvers: { users: [U0AVERY] }
`

const latencyMs = 20
const operationMs = 300
/** Until the first grant is due: the bot must be there by then, and have compared everything once. */
const leadMs = { 10: 15_000, 1_000: 15_000, 100_000: 60_000 } as const
type Size = keyof typeof leadMs
const due = { count: 100, apartMs: 250 } as const
/** How long after the last end everything that comes of it is over. */
const afterMs = 4_000
const asks = { text: 'ssh vm-00007 30m from 81.2.69.142', warmUps: 20, count: 100, perSecond: 10 } as const
/** A minute holds one comparison of everything with Azure. */
const minuteMs = 60_000

interface Cost {
  readonly acks: readonly number[]
  readonly askCpu: number
  readonly closes: readonly number[]
  readonly closeCpu: number
  readonly minuteCpu: number | null
}

interface Scene {
  readonly azure: PartProcess<AzurePart>
  readonly slack: PartProcess<SlackPart>
  readonly bot: PartProcess<BotPart>
  readonly firstEnd: number
}

async function setScene(site: Site, postgres: PostgresServer | null, open: Size): Promise<Scene> {
  const caFile = site.path('ca.pem')
  const azure = await site.start<AzurePart>('azure', { ...world, latencyMs, operationMs, caFile })
  const slack = await site.start<SlackPart>('slack', null)
  // The set of open grants is made once; whether that is now must not make the lead too short.
  await databaseWith(site, postgres, open, { ...due, count: 0, firstEnd: 0 })
  const firstEnd = Date.now() + leadMs[open]
  const ends: Due = { ...due, firstEnd }
  await stand(azure, open, ends)
  const environment = {
    ...slack.facts.environment,
    ...azure.facts.environment,
    ...(await databaseWith(site, postgres, open, ends)),
    POLICY_FILE: await site.file('policy.yml', policy),
    PORT: '0',
    LOG_LEVEL: 'fatal',
  }
  const bot = await site.start<BotPart>('bot', { resting: false }, environment)
  if (Date.now() > firstEnd) throw new Error(`with ${open} open grants the bot was not ready in time`)
  return { azure, slack, bot, firstEnd }
}

async function close({ azure, bot, firstEnd }: Scene): Promise<Pick<Cost, 'closes' | 'closeCpu'>> {
  await azure.ask('forget')
  await pause(firstEnd - Date.now())
  const before = cpuMs(bot.pid)
  await pause(due.count * due.apartMs + afterMs)
  const closeCpu = (cpuMs(bot.pid) - before) / due.count
  const sent = new Map<string, number>()
  for (const { path, time } of await azure.ask('calls', 'DELETE')) {
    const number = /jit-g9(\d{8})-/.exec(path)?.[1]
    if (number !== undefined && !sent.has(path)) {
      sent.set(path, time - firstEnd - Number(number) * due.apartMs)
    }
  }
  if (sent.size !== due.count) throw new Error(`${sent.size} rules of ${due.count} were closed in time`)
  return { closes: [...sent.values()], closeCpu }
}

async function ask({ slack, bot }: Scene): Promise<Pick<Cost, 'acks' | 'askCpu'>> {
  const target: Target = { port: bot.facts.port, signingSecret: slack.facts.signingSecret }
  const { text, warmUps, count, perSecond } = asks
  await inTurn(target, await slack.ask('commands', { text, count: warmUps }), 1)
  await slack.ask('shown', warmUps)
  const bodies = await slack.ask('commands', { text, count })
  const before = cpuMs(bot.pid)
  const acks = await atRate(target, bodies, perSecond)
  await slack.ask('shown', warmUps + count)
  return { acks, askCpu: (cpuMs(bot.pid) - before) / count }
}

async function minute({ bot }: Scene): Promise<number> {
  const before = cpuMs(bot.pid)
  await pause(minuteMs)
  return cpuMs(bot.pid) - before
}

async function costAt(site: Site, postgres: PostgresServer | null, open: Size, idle: boolean): Promise<Cost> {
  const scene = await setScene(site, postgres, open)
  const closed = await close(scene)
  const asked = await ask(scene)
  const minuteCpu = idle ? await minute(scene) : null
  await scene.bot.stop()
  await scene.azure.stop()
  await scene.slack.stop()
  return { ...closed, ...asked, minuteCpu }
}

const flat = atMostTimes(1.5)

const against = (figure: number) => ({ name: 'with 10', figure })

function rowsOf(open: Size, cost: Cost, base: Cost): Row[] {
  const at = (what: string) => `${what} with ${open} open grants`
  const spread = (what: string, of: 'acks' | 'closes') =>
    [0.5, 0.99].map((share) =>
      row(
        `${at(what)}, p${share * 100}`,
        'ms',
        quantile(cost[of], share),
        against(quantile(base[of], share)),
        flat,
      ),
    )
  return [
    ...spread('ack of an ask', 'acks'),
    row(at('processor time of an ask, until its card stands'), 'ms', cost.askCpu, against(base.askCpu), flat),
    ...spread('DELETE after expiry, 4 a second,', 'closes'),
    row(at('processor time of a close'), 'ms', cost.closeCpu, against(base.closeCpu), flat),
    ...(cost.minuteCpu === null || base.minuteCpu === null
      ? []
      : [
          row(
            at('processor time of a minute with nothing due'),
            'ms',
            cost.minuteCpu,
            against(base.minuteCpu),
          ),
        ]),
  ]
}

const family = (sizes: readonly Size[], engine: 'embedded' | 'PostgreSQL', extra: boolean): Family => {
  const name = `cost of an ack and a close at 10, ${sizes.join(', ')} open grants, ${engine}`
  const run = async (site: Site): Promise<readonly Row[]> => {
    const postgres = engine === 'PostgreSQL' ? await startPostgres() : null
    if (postgres) site.later(() => postgres.stop())
    const base = await costAt(site, postgres, 10, true)
    const rows: Row[] = []
    for (const size of sizes) {
      const cost = await costAt(site, postgres, size, size === sizes.at(-1))
      rows.push(...rowsOf(size, cost, base))
    }
    return rows
  }
  return { name, extra, run }
}

export const costs: readonly Family[] = [
  family([1_000, 100_000], 'embedded', false),
  family([1_000, 100_000], 'PostgreSQL', true),
  family([1_000], 'embedded', true),
]
