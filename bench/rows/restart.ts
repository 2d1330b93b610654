import type { Family } from '../family.ts'
import { median, quantile } from '../figures.ts'
import type { PartProcess } from '../part-process.ts'
import type { AzurePart } from '../parts/azure.ts'
import type { BotPart } from '../parts/bot.ts'
import type { SlackPart } from '../parts/slack.ts'
import { probe } from '../prober.ts'
import { freePort, type Site } from '../site.ts'
import { type Due, databaseWith, stand, world } from '../standing.ts'
import { atMost, row } from '../table.ts'

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
const few = 10

interface Restarted {
  /** Milliseconds from the start of the process. */
  readonly firstClose: number[]
  readonly ready: number[]
  readonly livez: number[]
}

async function firstDelete(azure: PartProcess<AzurePart>): Promise<number> {
  const [first] = await azure.ask('calls', 'DELETE')
  if (!first) throw new Error('nothing was closed before the bot was ready')
  return first.time
}

async function restart(
  site: Site,
  slack: PartProcess<SlackPart>,
  open: number,
  into: Restarted,
): Promise<void> {
  const caFile = site.path('ca.pem')
  const azure = await site.start<AzurePart>('azure', { ...world, latencyMs, operationMs, caFile })
  const due: Due = { count: 1, firstEnd: Math.floor(Date.now() / 1000) * 1000 - 60_000, apartMs: 0 }
  await stand(azure, open, due)
  const database = await databaseWith(site, null, open, due)
  const port = await freePort()
  const environment = {
    ...slack.facts.environment,
    ...azure.facts.environment,
    ...database,
    POLICY_FILE: await site.file('policy.yml', policy),
    PORT: String(port),
    LOG_LEVEL: 'fatal',
  }
  const begunAt = Date.now()
  const starting = site.start<BotPart>('bot', { resting: false }, environment)
  const livez = probe(port, '/livez')
  const bot = await starting
  into.ready.push(Date.now() - begunAt)
  into.firstClose.push((await firstDelete(azure)) - begunAt)
  into.livez.push(quantile((await livez()).latencies, 0.99))
  await bot.stop()
  await azure.stop()
}

const nothing = (): Restarted => ({ firstClose: [], ready: [], livez: [] })

const family = (many: number, rounds: number, extra: boolean): Family => {
  const name = `restart with ${many} open grants`
  const run: Family['run'] = async (site) => {
    const slack = await site.start<SlackPart>('slack', null)
    const [ofFew, ofMany] = [nothing(), nothing()]
    // The first start compiles.
    await restart(site, slack, few, nothing())
    for (let round = 0; round < rounds; round += 1) {
      await restart(site, slack, few, ofFew)
      await restart(site, slack, many, ofMany)
    }
    const against = (of: keyof Restarted) => ({ name: `with ${few}`, figure: median(ofFew[of]) })
    const figure = (of: keyof Restarted) => median(ofMany[of])
    return [
      row(
        `${name}, first close sent`,
        'ms',
        figure('firstClose'),
        against('firstClose'),
        atMost(30_000, 'ms'),
      ),
      row(`${name}, ready`, 'ms', figure('ready'), against('ready')),
      row(`${name}, /livez until ready, p99`, 'ms', figure('livez'), against('livez')),
    ]
  }
  return { name, extra, run }
}

export const restarts: readonly Family[] = [family(100_000, 2, false), family(2_000, 1, true)]
