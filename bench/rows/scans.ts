import { randomBytes } from 'node:crypto'
import type { Family } from '../family.ts'
import { median, quantile, residentMb } from '../figures.ts'
import { type Answered, atRate, paced, read, type Target } from '../load.ts'
import type { AzurePart } from '../parts/azure.ts'
import type { BotPart } from '../parts/bot.ts'
import type { SlackPart } from '../parts/slack.ts'
import { freePort, type Site } from '../site.ts'
import { atMost, atMostTimes, type Row, row } from '../table.ts'

/** One approver is needed, so an ask ends as a pending request with its card and its message. */
const policy = `
version: 1
audit: { channel: C0AUDIT }
defaults: { channel: C0APPROVALS, deadline: 30m }
rules:
  - name: a colleague agrees
    services: [rdp]
    maxDuration: 1h
    approvals: 1
    approvers: { users: [U0AVERY] }
`

const [perSecond, seconds, rounds] = [200, 20, 3]
const asks = { text: 'rdp vm-jump01 30m from 81.2.69.142', perSecond: 2, count: seconds * 2 } as const
/** More addresses than the page's limit for one of them needs. */
const scanners = 1_000
/** A link's own limit is 60 a minute; the rest looks for links that are not there. */
const shareOfTheLink = 0.1
/** Slack waits no longer for an ack. */
const ackLimitMs = 3_000
const good = new Set([200, 404, 429])

type Scan = Parameters<typeof read>[1]

/** What link previews and mail scanners send, and somebody who guesses at links. */
function scansOf(link: string, count: number): readonly Scan[] {
  return Array.from({ length: count }, (_, index): Scan => {
    const known = index % (1 / shareOfTheLink) === 0
    const one = index % scanners
    return {
      path: known ? link : `/ip/${randomBytes(16).toString('base64url')}`,
      from: `81.2.${one >> 8}.${one % 256}`,
      method: index % 3 === 0 ? 'HEAD' : 'GET',
    }
  })
}

interface Scene {
  readonly slack: SlackProcess
  readonly bot: Target & { readonly pid: number }
  readonly link: string
}

type SlackProcess = Awaited<ReturnType<typeof startSlack>>

const startSlack = (site: Site) => site.start<SlackPart>('slack', null)

async function setScene(site: Site): Promise<Scene> {
  const slack = await startSlack(site)
  const azure = await site.start<AzurePart>('azure', {
    vms: null,
    latencyMs: 20,
    operationMs: 300,
    caFile: site.path('ca.pem'),
  })
  const port = await freePort()
  const environment = {
    ...slack.facts.environment,
    ...azure.facts.environment,
    DATA_DIR: await site.dataDirectory(),
    POLICY_FILE: await site.file('policy.yml', policy),
    PORT: String(port),
    PUBLIC_URL: `http://localhost:${port}`,
    TRUSTED_PROXIES: '127.0.0.1/32',
    SLACK_CLIENT_ID: 'bench',
    SLACK_CLIENT_SECRET: 'bench',
    LOG_LEVEL: 'warn',
  }
  const bot = await site.start<BotPart>('bot', { resting: false }, environment)
  await slack.ask('postsTo', `http://127.0.0.1:${port}/slack/events`)
  const link = new URL(await slack.ask('linked', 'rdp vm-jump01 30m')).pathname
  return { slack, bot: { port, signingSecret: slack.facts.signingSecret, pid: bot.pid }, link }
}

interface Round {
  readonly acks: readonly number[]
  readonly pages: readonly Answered[]
  readonly memoryMb: number
}

async function round({ slack, bot, link }: Scene, path: string | null): Promise<Round> {
  const count = perSecond * seconds
  const bodies = await slack.ask('commands', { text: asks.text, count: asks.count })
  const scans = scansOf(link, count).map((scan) => (path === null ? scan : { ...scan, path }))
  const [acks, pages] = await Promise.all([
    atRate(bot, bodies, asks.perSecond),
    paced(scans, perSecond, (scan) => read(bot, scan)),
  ])
  const wrong = pages.find(({ status }) => !good.has(status))
  if (wrong) throw new Error(`a scanner was answered with ${wrong.status}`)
  return { acks, pages, memoryMb: residentMb(bot.pid) }
}

/** The acks alone, without anybody who reads a page. */
async function quiet({ slack, bot }: Scene): Promise<readonly number[]> {
  const bodies = await slack.ask('commands', { text: asks.text, count: asks.count })
  return atRate(bot, bodies, asks.perSecond)
}

const waits = (pages: readonly Answered[]) => pages.map(({ ms }) => ms)

async function measure(site: Site): Promise<readonly Row[]> {
  const scene = await setScene(site)
  // The first ones load code and open connections.
  await quiet(scene)
  const alone = await quiet(scene)
  const probes = await round(scene, '/livez')
  const all: Round[] = []
  for (let one = 0; one < rounds; one += 1) all.push(await round(scene, null))
  const over = (share: number) => ({
    page: median(all.map(({ pages }) => quantile(waits(pages), share))),
    probe: { name: '/livez', figure: quantile(waits(probes.pages), share) },
    ack: median(all.map(({ acks }) => quantile(acks, share))),
    alone: { name: 'no scanners', figure: quantile(alone, share) },
  })
  const [half, most, whole] = [over(0.5), over(0.99), over(1)]
  const pages = `the address page, ${perSecond} scans a second`
  const acks = `ack of an ask, ${asks.perSecond} a second beside them`
  const [first, last] = [all[0]?.memoryMb ?? Number.NaN, all.at(-1)?.memoryMb ?? Number.NaN]
  return [
    row(`${pages}, p50`, 'ms', half.page, half.probe),
    row(`${pages}, p99`, 'ms', most.page, most.probe),
    row(`${acks}, p50`, 'ms', half.ack, half.alone),
    row(`${acks}, the longest`, 'ms', whole.ack, whole.alone, atMost(ackLimitMs, 'ms')),
    row(
      'memory after the last round of scans',
      'MB',
      last,
      { name: 'the first', figure: first },
      atMostTimes(1.1),
    ),
  ]
}

export const scans: Family = { name: 'the address page under scanners', run: measure }
