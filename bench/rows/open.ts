import { setTimeout as pause } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { NetworkManagementClient, type SecurityRule } from '@azure/arm-network'
import type { Family } from '../family.ts'
import { median } from '../figures.ts'
import type { PartProcess } from '../part-process.ts'
import type { AzurePart } from '../parts/azure.ts'
import type { BotPart } from '../parts/bot.ts'
import type { SlackPart } from '../parts/slack.ts'
import type { Site } from '../site.ts'
import { atMostTimes, type Goal, type Row, row } from '../table.ts'

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

const subscription = '33333333-3333-4333-8333-333333333333'
const group = 'rg-load'
const apiVersion = '2024-07-01'
const latencyMs = 20
const operationMs = 300
const rounds = 10
/** The first one of each way loads code and opens connections. */
const warmUps = 1
const everyMs = 50

const ruleName = 'bench-rule'
const rule: SecurityRule = {
  access: 'Allow',
  direction: 'Inbound',
  protocol: 'Tcp',
  priority: 3000,
  sourceAddressPrefix: '81.2.69.142',
  sourcePortRange: '*',
  destinationAddressPrefix: '10.0.0.10',
  destinationPortRange: '22',
}

const numbered = (word: string, index: number) => `${word}-${String(index).padStart(5, '0')}`

/** The addresses of so few VMs are all in one subnet. */
const addressOf = (index: number) => `10.0.0.${10 + index}`

const packetTo = (machine: string, address: string) => ({
  targetResourceId: machine,
  direction: 'Inbound',
  protocol: 'TCP',
  localIPAddress: address,
  localPort: '22',
  remoteIPAddress: '81.2.69.142',
  remotePort: '*',
})

type Azure = PartProcess<AzurePart>

/** Opens one rule in the security group of this number, and answers when it began to. */
type Way = (index: number) => Promise<number>

/** The least that there is: one PUT, then asking how far it is, and one question whether traffic passes. */
async function rawWay(azure: Azure): Promise<Way> {
  const headers = {
    authorization: `Bearer ${await azure.ask('token')}`,
    'content-type': 'application/json',
  }
  const { url } = azure.facts
  const operation = async (at: string): Promise<string> => {
    const answer: unknown = await (await fetch(at, { headers })).json()
    return typeof answer === 'object' && answer !== null && 'status' in answer ? String(answer.status) : ''
  }
  return async (index) => {
    const nsg = numbered('nsg', index)
    const path = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Network/networkSecurityGroups/${nsg}/securityRules/${ruleName}`
    const begunAt = Date.now()
    const put = await fetch(`${url}${path}?api-version=${apiVersion}`, {
      method: 'PUT',
      headers,
      body: JSON.stringify({ properties: rule }),
    })
    await put.arrayBuffer()
    const at = put.headers.get('azure-asyncoperation')
    if (put.status !== 201 || at === null) throw new Error(`the PUT was answered with ${put.status}`)
    do await pause(everyMs)
    while ((await operation(at)) !== 'Succeeded')
    const watcher = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Network/networkWatchers/NetworkWatcher_westeurope`
    const machine = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Compute/virtualMachines`
    const asked = await fetch(`${url}${watcher}/ipFlowVerify?api-version=${apiVersion}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(packetTo(`${machine}/${numbered('vm', index)}`, addressOf(index))),
    })
    await asked.arrayBuffer()
    if (asked.status !== 200) throw new Error(`the question was answered with ${asked.status}`)
    return begunAt
  }
}

/** The SDK as its manual shows it. */
function sdkWay(azure: Azure): Way {
  const credential = {
    getToken: async () => ({
      token: await azure.ask('token'),
      expiresOnTimestamp: Date.now() + 3_600_000,
    }),
  }
  const client = new NetworkManagementClient(credential, subscription, { endpoint: azure.facts.url })
  return async (index) => {
    const begunAt = Date.now()
    await client.securityRules.createOrUpdate(group, numbered('nsg', index), ruleName, rule)
    return begunAt
  }
}

/** A request is pending, and an approver clicks. */
async function ourWay(site: Site, azure: Azure): Promise<Way> {
  const slack = await site.start<SlackPart>('slack', null)
  const bot = await site.start<BotPart>(
    'bot',
    { resting: false },
    {
      ...slack.facts.environment,
      ...azure.facts.environment,
      DATA_DIR: await site.dataDirectory(),
      POLICY_FILE: await site.file('policy.yml', policy),
      PORT: '0',
      LOG_LEVEL: 'warn',
    },
  )
  await slack.ask('postsTo', `http://127.0.0.1:${bot.facts.port}/slack/events`)
  return (index) => slack.ask('approved', `ssh ${numbered('vm', index)} 30m from 81.2.69.142`)
}

interface Measured {
  readonly ms: number[]
  readonly calls: number[]
  /** The same until it was asked whether traffic passes, for the ways that ask. */
  readonly verifiedMs: number[]
  readonly verifiedCalls: number[]
}

const measured = (): Measured => ({ ms: [], calls: [], verifiedMs: [], verifiedCalls: [] })

const isOfFlow = ({ path }: { readonly path: string }) => path.includes('/networkWatchers')

/** The bot asks after it has said that it is open, so that is waited for. */
async function callsUntilAsked(azure: Azure, begunAt: number) {
  for (let tries = 0; ; tries += 1) {
    const calls = (await azure.ask('calls', '')).filter(({ time }) => time >= begunAt)
    if (calls.some(isOfFlow) || tries >= 100) return calls
    await pause(everyMs)
  }
}

/** Until the last call that the way needed came in; what the bot calls before the click is not counted. */
async function measure(
  azure: Azure,
  { way, verifies }: Contender,
  index: number,
  into: Measured,
): Promise<void> {
  await azure.ask('forget')
  const begunAt = await way(index)
  const calls = verifies
    ? await callsUntilAsked(azure, begunAt)
    : (await azure.ask('calls', '')).filter(({ time }) => time >= begunAt)
  const opening = calls.filter((call) => !isOfFlow(call))
  into.ms.push((opening.at(-1)?.time ?? Number.NaN) - begunAt)
  into.calls.push(opening.length)
  into.verifiedMs.push((calls.findLast(isOfFlow)?.time ?? Number.NaN) - begunAt)
  into.verifiedCalls.push(calls.length)
}

interface Contender {
  readonly way: Way
  readonly verifies: boolean
  readonly measured: Measured
}

export const open: Family = {
  name: 'click to open',
  run: async (site) => {
    const vms = 3 * (rounds + warmUps)
    const caFile = site.path('ca.pem')
    const azure = await site.start<AzurePart>('azure', { vms, latencyMs, operationMs, caFile })
    setDefaultCACertificates([...getCACertificates('default'), azure.facts.caPem])
    const ways: readonly Contender[] = [
      { way: await ourWay(site, azure), verifies: true, measured: measured() },
      { way: await rawWay(azure), verifies: true, measured: measured() },
      { way: sdkWay(azure), verifies: false, measured: measured() },
    ]
    for (let round = 0; round < warmUps + rounds; round += 1) {
      for (const [at, contender] of ways.entries()) {
        const into = round < warmUps ? measured() : contender.measured
        await measure(azure, contender, round * ways.length + at, into)
      }
    }
    const [ours, raw, sdk] = ways.map((contender) => contender.measured)
    if (!ours || !raw || !sdk) throw new Error('there are three ways')
    const compare = (what: keyof Measured, name: string, unit: Row['unit'], than: Measured, goal?: Goal) =>
      row(
        name,
        unit,
        median(ours[what]),
        {
          name:
            than !== raw ? 'SDK waiter' : what.startsWith('verified') ? 'raw PUT and question' : 'raw PUT',
          figure: median(than[what]),
        },
        goal,
      )
    return [
      compare('ms', 'click to open, p50', 'ms', raw, atMostTimes(1.5)),
      compare('ms', 'click to open, p50', 'ms', sdk, atMostTimes(1)),
      compare('calls', 'calls to Azure from click to open', 'calls', raw),
      compare('calls', 'calls to Azure from click to open', 'calls', sdk),
      compare(
        'verifiedMs',
        'click to open and asked whether traffic passes, p50',
        'ms',
        raw,
        atMostTimes(1.5),
      ),
      compare('verifiedCalls', 'calls to Azure from click to open and that question', 'calls', raw),
    ]
  },
}
