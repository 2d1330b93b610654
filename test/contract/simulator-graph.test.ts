import type { ResourceGraphClient } from '@azure/arm-resourcegraph'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bigWorld } from '../../src/simulator/big-world.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { armCall, graphClient, production, staging, startTestSimulator } from '../support/simulator.ts'

const inventory = `resources
| where type in~ ('microsoft.compute/virtualmachines','microsoft.network/networkinterfaces','microsoft.network/publicipaddresses','microsoft.network/virtualnetworks','microsoft.network/networksecuritygroups')
| extend p = properties
| project id=tolower(id), type, name, tenantId, subscriptionId, resourceGroup, location, tags,
  osType=tostring(p.storageProfile.osDisk.osType), power=tostring(p.extended.instanceView.powerState.code),
  nics=p.networkProfile.networkInterfaces, vmId=tolower(tostring(p.virtualMachine.id)), nicNsg=tolower(tostring(p.networkSecurityGroup.id)),
  ipConfigs=p.ipConfigurations, ip=tostring(p.ipAddress), subnets=p.subnets,
  rules=iff(type =~ 'microsoft.network/networksecuritygroups', p.securityRules, dynamic(null))
| order by id asc`

type Row = Record<string, unknown>

function rowsOf({ data }: { data: unknown }): Row[] {
  return Array.isArray(data) ? data : []
}

let simulator: Simulator
let graph: ResourceGraphClient

beforeAll(async () => {
  simulator = await startTestSimulator()
  graph = graphClient(simulator)
})
afterAll(() => simulator.close())

async function ask(query: string, subscriptions?: string[]): Promise<Row[]> {
  const answer = await graph.resources({ query, ...(subscriptions && { subscriptions }) })
  return rowsOf(answer)
}

describe('the inventory query', () => {
  test('gives machines, interfaces, addresses, networks and groups, ordered by id', async () => {
    const rows = await ask(inventory)
    expect(Object.groupBy(rows, (row) => String(row['type']))).toMatchObject({
      'microsoft.compute/virtualmachines': { length: 9 },
      'microsoft.network/networkinterfaces': { length: 9 },
      'microsoft.network/publicipaddresses': { length: 9 },
      'microsoft.network/virtualnetworks': { length: 3 },
      'microsoft.network/networksecuritygroups': { length: 8 },
    })
    const ids = rows.map((row) => String(row['id']))
    expect(ids).toEqual(ids.toSorted())
    expect(ids).toHaveLength(38)
  })

  test('gives of each what the bot needs', async () => {
    const rows = await ask(inventory)
    const named = (name: string) => rows.find((row) => row['name'] === name)
    expect(named('vm-stopped01')).toMatchObject({
      osType: 'Linux',
      power: 'PowerState/deallocated',
      subscriptionId: staging,
      resourceGroup: 'rg-lab',
      tags: { env: 'staging' },
      ip: '',
      rules: null,
    })
    expect(named('vm-jump01-nic')).toMatchObject({
      vmId: named('vm-jump01')?.['id'],
      nicNsg: named('nsg-jump01-nic')?.['id'],
      ipConfigs: [{ properties: { privateIPAddress: '10.20.1.10' } }, {}],
    })
    expect(named('vm-jump01-ip')).toMatchObject({
      ip: '52.166.10.10',
      type: 'microsoft.network/publicipaddresses',
    })
    expect(named('nsg-jump01-nic')).toMatchObject({
      rules: [{ name: 'deny-rdp-internet', properties: { priority: 4000, access: 'Deny' } }],
    })
    expect(named('vnet-ops')).toHaveProperty('subnets.0.properties.networkSecurityGroup.id')
  })

  test('keeps to the subscriptions that are asked for', async () => {
    const rows = await ask(inventory, [staging.toUpperCase()])
    expect(new Set(rows.map((row) => row['subscriptionId']))).toEqual(new Set([staging]))
    expect(await ask(inventory, ['00000000-0000-0000-0000-000000000000'])).toEqual([])
  })
})

describe('the language', () => {
  const names = '| project name | order by name asc'
  const cases: [string, string, string[]][] = [
    [
      'type, whatever its case',
      `Resources | where type =~ 'Microsoft.Network/NetworkWatchers' ${names}`,
      ['NetworkWatcher_northeurope', 'NetworkWatcher_westeurope'],
    ],
    ['== minds the case', `resources | where name == 'VM-jump01' ${names}`, []],
    [
      '!=, and, or, brackets',
      `resources | where (name == 'vm-jump01' or name == 'vm-web01') and location != 'x' and not(name =~ 'VM-WEB01') ${names}`,
      ['vm-jump01'],
    ],
    [
      'startswith and contains',
      `resources | where name startswith 'vm-app' and name !contains '-n' and name !contains '-i' | project id, name | order by name`,
      ['vm-app01', 'vm-app01'],
    ],
    [
      'a tag',
      `resources | where tags.env == 'prod' and type has 'virtualmachines' ${names}`,
      ['vm-app01', 'vm-db01'],
    ],
    [
      'a tag by index',
      `resources | where tags['env'] =~ 'PROD' and isnotempty(properties.storageProfile) ${names}`,
      ['vm-app01', 'vm-db01'],
    ],
    [
      '!in~',
      `resources | where type =~ 'microsoft.network/networkwatchers' and name !in~ ('networkwatcher_WESTEUROPE') ${names}`,
      ['NetworkWatcher_northeurope'],
    ],
    [
      'an element of a list',
      `resources | where properties.ipConfigurations[0].properties.privateIPAddress == "10.20.1.10" ${names}`,
      ['vm-jump01-nic'],
    ],
    [
      'downwards by default, limited',
      `resources | where type =~ 'microsoft.network/virtualnetworks' | order by name | limit 2 | project name`,
      ['vnet-shop', 'vnet-ops'],
    ],
    [
      'several orders',
      `resources | where name == 'vm-app01' | order by name asc, location asc | project name=location`,
      ['northeurope', 'westeurope'],
    ],
    [
      'functions',
      `resources | where name == 'vm-jump01' | project name=strcat(toupper(name), '/', coalesce(tags.nothing, 'x'))`,
      ['VM-JUMP01/x'],
    ],
    ['a comment', `resources // all\n| where name == 'vm-jump01' | project name`, ['vm-jump01']],
  ]
  test.each(cases)('%s', async (_, query, expected) => {
    expect((await ask(query)).map((row) => row['name'])).toEqual(expected)
  })

  test('in minds the case, in~ does not', async () => {
    expect(await ask("resources | where name in ('VM-jump01', 'x')")).toHaveLength(0)
    expect(await ask("resources | where name in~ ('VM-jump01', 'x')")).toHaveLength(1)
  })

  test('count, extend and project-away', async () => {
    expect(await ask("resources | where type =~ 'microsoft.network/virtualnetworks' | count")).toEqual([
      { Count: 3 },
    ])
    const [row] = await ask(
      "resources | where name == 'vm-jump01' | extend os = properties.storageProfile.osDisk.osType | project-away properties, tags",
    )
    expect(row).toMatchObject({ os: 'Windows', resourceGroup: 'rg-ops' })
    expect(row).not.toHaveProperty('properties')
  })

  test('Defender policies are in no table', async () => {
    expect(await ask("resources | where type contains 'jit'")).toEqual([])
  })

  const unknown = [
    'advisorresources | limit 1',
    'resources | join kind=inner (resources) on id',
    'resources | summarize count() by type',
    'resources | where nothing == 1',
    "resources | where name matches regex 'x'",
    'resources | project properties.x',
    "resources | where name == 'x",
    'resources | where tolower(name, id) == 1',
    'resources where',
    '',
  ]
  test.each(unknown)('%j is refused in Azure’s shape', async (query) => {
    await expect(ask(query)).rejects.toMatchObject({
      statusCode: 400,
      code: 'BadRequest',
      details: { error: { details: [{ code: 'InvalidQuery' }, { code: 'ParserFailure' }] } },
    })
  })
})

describe('pages', () => {
  test('of a thousand rows lead through a big world without a gap or a double', async () => {
    const big = await startTestSimulator({ world: bigWorld({ vms: 1_200, nsgs: 10 }) })
    const client = graphClient(big)
    const query = 'resources | project id=tolower(id), name | order by id asc'
    const ids: unknown[] = []
    const sizes: number[] = []
    let skipToken: string | undefined
    do {
      const page = await client.resources({ query, options: skipToken === undefined ? {} : { skipToken } })
      sizes.push(page.count)
      expect(page).toMatchObject({ totalRecords: 2_412, resultTruncated: 'false' })
      ids.push(...rowsOf(page).map((row) => row['id']))
      skipToken = page.skipToken
    } while (skipToken !== undefined)
    expect(sizes).toEqual([1_000, 1_000, 412])
    expect(new Set(ids).size).toBe(2_412)
    await big.close()
  })

  test('are as small as asked for', async () => {
    const query =
      "resources | where type =~ 'microsoft.network/virtualnetworks' | project name | order by name asc"
    const first = await graph.resources({ query, options: { top: 2 } })
    expect(first.data).toEqual([{ name: 'vnet-lab' }, { name: 'vnet-ops' }])
    const second = await graph.resources({ query, options: { top: 2, skipToken: first.skipToken ?? '' } })
    expect([second.data, second.skipToken]).toEqual([[{ name: 'vnet-shop' }], undefined])
    const skipped = await graph.resources({ query, options: { skip: 1 } })
    expect(skipped.data).toHaveLength(2)
  })

  test('that nobody opened are refused', async () => {
    await expect(
      graph.resources({ query: 'resources', options: { skipToken: 'x.5' } }),
    ).rejects.toMatchObject({
      statusCode: 400,
    })
  })
})

test('15 queries in five seconds, then Azure asks to wait', async () => {
  let clock = 1_000_000_000_000
  const limited = await startTestSimulator({ buckets: true, now: () => clock })
  const client = graphClient(limited)
  const query = { query: 'resources | count' }
  for (let i = 0; i < 15; i++) await client.resources(query)
  await expect(client.resources(query)).rejects.toMatchObject({ statusCode: 429, code: 'RateLimiting' })
  clock += 5_000
  const path = '/providers/Microsoft.ResourceGraph/resources'
  const { headers } = await armCall(limited, 'POST', path, {
    body: { ...query, subscriptions: [production] },
  })
  expect(headers.get('x-ms-user-quota-remaining')).toBe('14')
  expect(headers.get('x-ms-user-quota-resets-after')).toBe('00:00:05')
  await limited.close()
})
