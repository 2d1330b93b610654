import { VmIndex } from '../../src/core/vm-index.ts'
import type { Family } from '../family.ts'
import { quantile } from '../figures.ts'
import type { AzurePart } from '../parts/azure.ts'
import type { InventoryPart } from '../parts/inventory.ts'
import type { Site } from '../site.ts'
import { atMost, atMostTimes, type Row, row } from '../table.ts'

const vms = 100_000
const nsgs = 1_000
const latencyMs = 20
const operationMs = 300
/** Resource Graph's quota. */
const quota = { queries: 15, windowMs: 5_000 } as const
const pageRows = 1_000

async function azureOf(site: Site, buckets: boolean) {
  const caFile = site.path('ca.pem')
  const azure = await site.start<AzurePart>('azure', { vms, nsgs, buckets, latencyMs, operationMs, caFile })
  const { facts } = azure
  const environment = {
    ...facts.environment,
    SLACK_BOT_TOKEN: 'xoxb-bench',
    SLACK_APP_TOKEN: 'xapp-bench',
  }
  const reader = (dataDir: string) => site.start<InventoryPart>('inventory', { dataDir }, environment)
  return { azure, reader }
}

const against = (figure: number) => ({ name: 'bare pages', figure })

async function reading(site: Site): Promise<readonly Row[]> {
  const { azure, reader } = await azureOf(site, false)
  const bare = await reader(await site.dataDirectory())
  const pages = await bare.ask('barePages')
  await bare.stop()
  await azure.ask('tally')
  const dataDir = await site.dataDirectory()
  const first = await reader(dataDir)
  const took = await first.ask('open')
  const { calls } = await azure.ask('tally')
  const again = await first.ask('refresh')
  await first.stop()
  const second = await reader(dataDir)
  const restarted = await second.ask('open')
  await second.stop()
  await azure.stop()
  const name = `inventory of ${vms.toLocaleString('en')} VMs`
  const rows = Math.ceil((2 * vms) / pageRows)
  return [
    row(`${name}, calls`, 'calls', calls, { name: 'rows of VMs and interfaces', figure: rows }),
    row(`${name}, read, indexed and kept`, 's', took.ms / 1000, against(pages.ms / 1000)),
    row(`${name}, peak memory`, 'MB', took.peakMb, against(pages.peakMb)),
    row(`${name}, peak memory of the next reading`, 'MB', again.peakMb, against(pages.peakMb)),
    row(`${name}, longest hold of everything else`, 'ms', again.heldMs, against(pages.heldMs)),
    row(`${name}, back from the database after a restart`, 's', restarted.ms / 1000, {
      name: 'read from Azure',
      figure: took.ms / 1000,
    }),
  ]
}

async function underQuota(site: Site): Promise<readonly Row[]> {
  const { azure, reader } = await azureOf(site, true)
  const bot = await reader(await site.dataDirectory())
  await azure.ask('tally')
  const took = await bot.ask('open')
  const { calls, refused } = await azure.ask('tally')
  await bot.stop()
  await azure.stop()
  const windows = Math.floor((calls - 1) / quota.queries)
  const name = `inventory of ${vms.toLocaleString('en')} VMs under Azure’s quota`
  const least = { name: 'what the quota allows', figure: (windows * quota.windowMs) / 1000 }
  return [
    row(name, 's', took.ms / 1000, least, atMostTimes(1.25)),
    row(`${name}, refused calls`, 'calls', refused, { name: 'all calls', figure: calls }, atMost(0, 'calls')),
  ]
}

const lookUps = 5_000
const shown = 3
const words = [
  'prod',
  'test',
  'web',
  'db',
  'app',
  'api',
  'jump',
  'cache',
  'weu',
  'neu',
  'sql',
  'batch',
  'auth',
]

/** The same numbers each time. */
function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const numbered = (): string[] =>
  Array.from({ length: vms }, (_, index) => `vm-${String(index).padStart(5, '0')}`)

/** Names that share no beginning, as companies give them. */
function spoken(): string[] {
  const pick = chance(1)
  const word = () => words[pick(words.length)]
  return [
    ...new Set(Array.from({ length: vms * 2 }, () => `${word()}-${word()}-${word()}-${pick(1_000)}`)),
  ].slice(0, vms)
}

/** What people type: a name, its beginning, a part of it, one or two slips, and something that is not there. */
function typed(names: readonly string[]): readonly string[] {
  const pick = chance(2)
  return Array.from({ length: lookUps }, (_, index) => {
    const name = names[pick(names.length)] ?? ''
    const at = 1 + pick(name.length - 2)
    const slip = `${name.slice(0, at)}q${name.slice(at + 1)}`
    const kinds = [
      name,
      name.slice(0, at + 1),
      name.slice(1, -1),
      slip,
      `q${slip.slice(1)}`,
      `nothing-like-${index}`,
    ]
    return kinds[index % kinds.length] ?? name
  })
}

function times(texts: readonly string[], act: (text: string) => unknown): number[] {
  for (const text of texts.slice(0, 500)) act(text)
  // Processor time, so that others on the same core do not count.
  return texts.map((text) => {
    const begun = process.cpuUsage()
    act(text)
    const { user, system } = process.cpuUsage(begun)
    return (user + system) / 1_000
  })
}

/** Finds beginnings and nothing else. */
function plainPrefix(sorted: readonly string[]) {
  return (text: string): readonly string[] => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle] ?? '') < text) low = middle + 1
      else high = middle
    }
    return sorted.slice(low, low + shown).filter((name) => name.startsWith(text))
  }
}

function searching(what: string, names: readonly string[]): readonly Row[] {
  const vm = {
    resourceGroup: 'rg',
    subscriptionId: 's',
    subscriptionName: 'S',
    location: 'w',
    os: null,
    tags: {},
  }
  const index = VmIndex.of(
    names.map((name) => ({ vm: { ...vm, id: `/${name}`, name }, interfaces: [], power: null, jit: null })),
  )
  const prefix = plainPrefix(names.toSorted())
  const texts = typed(names)
  const found = times(texts, (text) => [index.find(text), index.nearest(text, shown)])
  const bare = times(texts, prefix)
  return [0.5, 0.99].map((share) =>
    row(
      `search of ${vms.toLocaleString('en')} names, ${what}, p${share * 100}`,
      'ms',
      quantile(found, share),
      { name: 'plain prefix array', figure: quantile(bare, share) },
      share === 0.99 ? atMost(10, 'ms') : undefined,
    ),
  )
}

export const inventories: readonly Family[] = [
  {
    name: 'inventory of 100,000 VMs',
    run: reading,
  },
  { name: 'inventory under Azure’s quota, 100,000 VMs', run: underQuota },
  {
    name: 'inventory search of 100,000 names',
    run: async () => [...searching('vm-00000', numbered()), ...searching('of words', spoken())],
  },
]
