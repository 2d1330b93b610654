import type { Family } from '../family.ts'
import { cpuMs, median, quantile } from '../figures.ts'
import { atRate, inTurn, type Target } from '../load.ts'
import type { PartProcess } from '../part-process.ts'
import type { AzurePart } from '../parts/azure.ts'
import type { BareBoltPart } from '../parts/bare-bolt.ts'
import type { BotPart } from '../parts/bot.ts'
import type { SlackPart } from '../parts/slack.ts'
import type { Site } from '../site.ts'
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

const texts = { help: 'help', ask: 'rdp vm-jump01 30m from 81.2.69.142' } as const
/** What is sent, how many of it a second, and how many in one round. */
const loads = [
  { kind: 'help', perSecond: 50, count: 50 },
  { kind: 'help', perSecond: 100, count: 100 },
  { kind: 'ask', perSecond: 20, count: 20 },
  { kind: 'ask', perSecond: 100, count: 60 },
] as const
const rounds = 3
const warmUps = 300
const cpuRequests = { help: 1000, ask: 40 } as const
const atOnce = 4

const names = { help: '/jit help', ask: 'an ask' } as const

interface Scene {
  readonly slack: PartProcess<SlackPart>
  readonly bolt: Target & { readonly pid: number }
  readonly bot: (resting: boolean) => Promise<Target & { readonly pid: number }>
}

async function setScene(site: Site): Promise<Scene> {
  const slack = await site.start<SlackPart>('slack', null)
  const azure = await site.start<AzurePart>('azure', {
    vms: null,
    latencyMs: 20,
    operationMs: 300,
    caFile: site.path('ca.pem'),
  })
  const { signingSecret } = slack.facts
  const bolt = await site.start<BareBoltPart>('bare-bolt', { signingSecret })
  const policyFile = await site.file('policy.yml', policy)
  return {
    slack,
    bolt: { ...bolt.facts, signingSecret, pid: bolt.pid },
    bot: async (resting) => {
      const environment = {
        ...slack.facts.environment,
        ...azure.facts.environment,
        DATA_DIR: await site.dataDirectory(),
        POLICY_FILE: policyFile,
        PORT: '0',
        LOG_LEVEL: 'warn',
      }
      const bot = await site.start<BotPart>('bot', { resting }, environment)
      return { ...bot.facts, signingSecret, pid: bot.pid }
    },
  }
}

interface Sides {
  readonly ours: number[]
  readonly bare: number[]
}

const sides = (): Sides => ({ ours: [], bare: [] })

const pair = (
  name: string,
  { ours, bare }: { ours: readonly number[]; bare: readonly number[] },
  goal?: Parameters<typeof row>[4],
): Row => row(name, 'ms', median(ours), { name: 'bare Bolt', figure: median(bare) }, goal)

/** How long people wait for the first answer, at a modest rate; and what an ask costs until all has come of it. */
async function latencyRows({ slack, bolt, bot }: Scene, whole: number[]): Promise<Row[]> {
  const ours = await bot(false)
  for (const target of [ours, bolt]) {
    await inTurn(target, await slack.ask('commands', { text: texts.help, count: warmUps }), atOnce)
  }
  let asked = 0
  const rows: Row[] = []
  for (const { kind, perSecond, count } of loads) {
    const [p50, p99] = [sides(), sides()]
    for (let round = 0; round < rounds; round += 1) {
      const bodies = await slack.ask('commands', { text: texts[kind], count })
      for (const side of ['ours', 'bare'] as const) {
        const target = side === 'ours' ? ours : bolt
        const before = cpuMs(target.pid)
        const acks = await atRate(target, bodies, perSecond)
        p50[side].push(quantile(acks, 0.5))
        p99[side].push(quantile(acks, 0.99))
        if (kind === 'ask' && side === 'ours') {
          // What comes of the asks must not weigh on what is measured next.
          asked += count
          await slack.ask('shown', asked)
          whole.push((cpuMs(target.pid) - before) / count)
        }
      }
    }
    const name = `ack of ${names[kind]}, ${perSecond} a second`
    rows.push(pair(`${name}, p50`, p50))
    rows.push(pair(`${name}, p99`, p99, perSecond === 100 ? atMost(150, 'ms') : undefined))
  }
  return rows
}

/** What a request costs until its ack; the worker rests, so that nothing else is counted. */
async function cpuRows({ slack, bolt, bot }: Scene, whole: readonly number[]): Promise<Row[]> {
  const ours = await bot(true)
  const used = { help: sides(), ask: sides() }
  for (const target of [ours, bolt]) {
    await inTurn(target, await slack.ask('commands', { text: texts.help, count: warmUps }), atOnce)
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of ['help', 'ask'] as const) {
      for (const side of ['ours', 'bare'] as const) {
        // Bare Bolt does the same whatever the text is, and many requests make its small figure a sure one.
        const count = side === 'bare' ? cpuRequests.help : cpuRequests[kind]
        const bodies = await slack.ask('commands', { text: texts[kind], count })
        const target = side === 'ours' ? ours : bolt
        const before = cpuMs(target.pid)
        await inTurn(target, bodies, atOnce)
        used[kind][side].push((cpuMs(target.pid) - before) / count)
      }
    }
  }
  return [
    pair(`processor time of ${names.help}`, used.help, atMostTimes(2)),
    pair(`processor time of ${names.ask}, until its ack`, used.ask),
    pair(`processor time of ${names.ask}, until its card stands`, { ours: whole, bare: used.ask.bare }),
  ]
}

export const ack: Family = {
  name: 'ack of /jit beside bare Bolt',
  run: async (site) => {
    const scene = await setScene(site)
    const whole: number[] = []
    return [...(await latencyRows(scene, whole)), ...(await cpuRows(scene, whole))]
  },
}
