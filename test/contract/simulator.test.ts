import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bigWorld } from '../../src/simulator/big-world.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import {
  armCall,
  collected,
  groupPath,
  networkClient,
  production,
  rdpRule,
  ruleAt,
  rulePath,
  simulatorCredential,
  staging,
  startTestSimulator,
  wireCall,
} from '../support/simulator.ts'

let simulator: Simulator
let clock: number

beforeEach(async () => {
  clock = Date.now()
  simulator = await startTestSimulator({ now: () => clock })
})
afterEach(() => simulator.close())

describe('tokens', () => {
  test('a call without, with a forged or with an old token is refused in Azure’s words', async () => {
    const path = `${rulePath}?api-version=2026-01-01`
    const { token } = simulator.sim.tokens.issue('https://management.azure.com', 60, clock)
    const forged = `${token.slice(0, -4)}AAAA`
    const answers = {
      none: await wireCall(simulator, 'GET', path),
      forged: await wireCall(simulator, 'GET', path, { headers: { authorization: `Bearer ${forged}` } }),
      good: await wireCall(simulator, 'GET', path, { headers: { authorization: `Bearer ${token}` } }),
    }
    clock += 61_000
    const old = await wireCall(simulator, 'GET', path, { headers: { authorization: `Bearer ${token}` } })
    expect(answers.none.status).toBe(401)
    expect(answers.none.headers.get('www-authenticate')).toContain('Bearer authorization_uri=')
    expect(answers.none.body).toMatchObject({ error: { code: 'AuthenticationFailed' } })
    expect(answers.forged.body).toMatchObject({ error: { code: 'InvalidAuthenticationToken' } })
    expect(answers.good.status).toBe(404)
    expect(old.status).toBe(401)
    expect(old.body).toMatchObject({ error: { code: 'ExpiredAuthenticationToken' } })
  })
})

describe('a rule', () => {
  test('lives: written, read, listed, changed, deleted, deleted again', async () => {
    const { securityRules } = networkClient(simulator)
    const written = await securityRules.createOrUpdate(...ruleAt, { ...rdpRule, description: 'jitney' })
    expect(written).toMatchObject({ name: 'jit-a-1', ...rdpRule, provisioningState: 'Succeeded' })
    expect(
      (await collected(securityRules.list('rg-ops', 'nsg-jump01-nic'))).map((rule) => rule.name),
    ).toEqual(['deny-rdp-internet', 'jit-a-1'])
    await securityRules.createOrUpdate(...ruleAt, { ...rdpRule, access: 'Deny' })
    expect(await securityRules.get(...ruleAt)).toMatchObject({ access: 'Deny', priority: 200 })
    await securityRules.delete(...ruleAt)
    await expect(securityRules.get(...ruleAt)).rejects.toMatchObject({ statusCode: 404, code: 'NotFound' })
    await securityRules.delete(...ruleAt)
    expect(simulator.calls().at(-1)).toMatchObject({ method: 'DELETE', status: 204 })
  })

  test('is found whatever the case of its id', async () => {
    await networkClient(simulator).securityRules.createOrUpdate(...ruleAt, rdpRule)
    const { status } = await armCall(
      simulator,
      'GET',
      rulePath.toUpperCase().replace('/SUBSCRIPTIONS', '/subscriptions'),
    )
    expect(status).toBe(200)
  })

  test('answers with Azure’s statuses and headers', async () => {
    const body = { properties: rdpRule }
    const created = await armCall(simulator, 'PUT', rulePath, { body })
    const changed = await armCall(simulator, 'PUT', rulePath, { body })
    const deleted = await armCall(simulator, 'DELETE', rulePath)
    const absent = await armCall(simulator, 'GET', rulePath)
    expect(absent.headers.get('x-ms-ratelimit-remaining-subscription-reads')).toBe('249')
    expect([created.status, changed.status, deleted.status]).toEqual([201, 200, 202])
    expect(created.body).toMatchObject({ id: rulePath, properties: { provisioningState: 'Updating' } })
    expect(created.headers.get('azure-asyncoperation')).toContain(
      `/subscriptions/${production}/providers/Microsoft.Network/locations/westeurope/operations/`,
    )
    expect(deleted.headers.get('location')).toContain('/operationResults/')
    expect(created.headers.get('x-ms-ratelimit-remaining-subscription-writes')).toBe('199')
    expect(deleted.headers.get('x-ms-ratelimit-remaining-subscription-deletes')).toBe('199')
    expect(created.headers.get('x-ms-correlation-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(Date.parse(created.headers.get('date') ?? '')).toBe(Math.floor(clock / 1000) * 1000)
  })
})

async function names(items: AsyncIterable<{ name?: string }>): Promise<unknown[]> {
  return (await collected(items)).map((each) => each.name)
}

describe('reads', () => {
  test('a network interface leads to its subnet and both security groups', async () => {
    const client = networkClient(simulator)
    const nic = await client.networkInterfaces.get('rg-ops', 'vm-jump01-nic')
    expect(nic.ipConfigurations?.map((each) => each.privateIPAddress)).toEqual([
      '10.20.1.10',
      'fd00:20:0:1::10',
    ])
    expect(nic.networkSecurityGroup?.id).toBe(groupPath)
    const subnet = await client.subnets.get('rg-ops', 'vnet-ops', 'snet-jump')
    expect(subnet.networkSecurityGroup?.id).toMatch(/nsg-ops-subnet$/)
    const address = await client.publicIPAddresses.get('rg-ops', 'vm-jump01-ip')
    expect(address.ipAddress).toBe('52.166.10.10')
    const networks = await collected(client.virtualNetworks.list('rg-ops'))
    expect(networks[0]?.subnets?.map((each) => each.name)).toEqual(['snet-jump', 'snet-open'])
  })

  test('a security group shows its rules, the default rules and what hangs on it', async () => {
    const group = await networkClient(simulator).networkSecurityGroups.get('rg-ops', 'nsg-ops-subnet')
    expect(group.securityRules?.map((rule) => rule.name)).toEqual(['deny-rdp-internet', 'allow-monitoring'])
    expect(group.defaultSecurityRules?.map((rule) => rule.priority)).toEqual([
      65000, 65001, 65500, 65000, 65001, 65500,
    ])
    expect(group.subnets?.map((each) => each.id?.split('/').at(-1))).toEqual(['snet-jump'])
  })

  test('lists go by group and by subscription', async () => {
    const client = networkClient(simulator)
    expect(await names(client.networkSecurityGroups.list('rg-ops'))).toEqual([
      'nsg-jump01-nic',
      'nsg-open01-nic',
      'nsg-ops-subnet',
    ])
    expect(await names(client.networkSecurityGroups.listAll())).toHaveLength(7)
    expect(await names(client.networkWatchers.listAll())).toEqual(['NetworkWatcher_westeurope'])
    const elsewhere = networkClient(simulator, { subscription: staging })
    expect(await names(elsewhere.networkInterfaces.listAll())).toEqual(['vm-app01-nic', 'vm-stopped01-nic'])
  })

  test('long lists come in pages', async () => {
    const big = await startTestSimulator({ world: bigWorld({ vms: 0, nsgs: 1_100 }) })
    const client = networkClient(big, { subscription: '33333333-3333-4333-8333-333333333333' })
    const all = await names(client.networkSecurityGroups.listAll())
    expect([all.length, new Set(all).size]).toEqual([1_100, 1_100])
    expect(big.calls()).toHaveLength(3)
    await big.close()
  })

  test('subnets, default rules and one subscription', async () => {
    const client = networkClient(simulator)
    expect(await names(client.subnets.list('rg-shop', 'vnet-shop'))).toEqual(['snet-web', 'snet-data'])
    const defaults = client.defaultSecurityRules.list('rg-ops', 'nsg-jump01-nic')
    expect((await names(defaults)).slice(0, 3)).toEqual([
      'AllowVnetInBound',
      'AllowAzureLoadBalancerInBound',
      'DenyAllInBound',
    ])
    const { body } = await armCall(simulator, 'GET', `/subscriptions/${staging}`)
    expect(body).toMatchObject({ subscriptionId: staging, displayName: 'Staging' })
  })

  test('a machine shows its power when asked', async () => {
    const path = `/subscriptions/${staging}/resourceGroups/rg-lab/providers/Microsoft.Compute/virtualMachines/vm-stopped01`
    const plain = await armCall(simulator, 'GET', path)
    const expanded = await armCall(simulator, 'GET', `${path}?$expand=instanceView`)
    const view = await armCall(simulator, 'GET', `${path}/instanceView`)
    expect(plain.body).not.toHaveProperty('properties.instanceView')
    expect(expanded.body).toHaveProperty('properties.instanceView.statuses.1.code', 'PowerState/deallocated')
    expect(view.body).toHaveProperty('statuses.1.displayStatus', 'VM deallocated')
  })

  test('subscriptions, resource groups, Defender policies and permissions', async () => {
    const subscriptions = await armCall(simulator, 'GET', '/subscriptions')
    const groups = await armCall(simulator, 'GET', `/subscriptions/${production}/resourcegroups`)
    const base = `/subscriptions/${production}`
    const policies = await armCall(
      simulator,
      'GET',
      `${base}/providers/Microsoft.Security/jitNetworkAccessPolicies`,
    )
    const one = await armCall(
      simulator,
      'GET',
      `${base}/resourceGroups/rg-shop/providers/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default`,
    )
    const permissions = await armCall(
      simulator,
      'GET',
      `${groupPath}/providers/Microsoft.Authorization/permissions`,
    )
    expect(subscriptions.body).toMatchObject({
      value: [{ subscriptionId: production, state: 'Enabled' }, { subscriptionId: staging }],
    })
    expect(groups.body).toMatchObject({
      value: [{ name: 'rg-ops' }, { name: 'rg-shop' }, { name: 'NetworkWatcherRG' }],
    })
    expect(policies.body).toMatchObject({ value: [one.body] })
    expect(one.body).toHaveProperty('properties.virtualMachines.0.ports.1.number', 3389)
    const region = `${networkOf('rg-shop').replace('Network', 'Security')}/locations`
    const here = await armCall(simulator, 'GET', `${region}/westeurope/jitNetworkAccessPolicies`)
    const there = await armCall(simulator, 'GET', `${region}/northeurope/jitNetworkAccessPolicies`)
    expect([here.body, there.body]).toEqual([{ value: [one.body] }, { value: [] }])
    expect(permissions.body).toMatchObject({ value: [{ actions: ['*'] }] })
  })
})

function networkOf(group: string): string {
  return `/subscriptions/${production}/resourceGroups/${group}/providers/Microsoft.Network`
}

describe('what is not there', () => {
  const cases: [string, string, string, number][] = [
    [
      'subscription',
      '/subscriptions/0/resourceGroups/x/providers/Microsoft.Network/networkInterfaces/y',
      'SubscriptionNotFound',
      404,
    ],
    ['resource group', `${networkOf('nowhere')}/networkInterfaces/y`, 'ResourceGroupNotFound', 404],
    ['resource', `${networkOf('rg-ops')}/networkInterfaces/y`, 'ResourceNotFound', 404],
    ['rule', `${groupPath}/securityRules/y`, 'NotFound', 404],
    ['parent of a rule', `${groupPath}x/securityRules/y`, 'ParentResourceNotFound', 404],
    ['subnet', `${networkOf('rg-ops')}/virtualNetworks/vnet-ops/subnets/y`, 'NotFound', 404],
    ['resource type', `${networkOf('rg-ops')}/loadBalancers/y`, 'InvalidResourceType', 404],
  ]
  test.each(cases)('%s', async (_, path, code, status) => {
    const answer = await armCall(simulator, 'GET', path)
    expect(answer).toMatchObject({
      status,
      body: { error: { code, message: expect.any(String), details: [] } },
    })
  })

  test('an api-version', async () => {
    const { token } = simulator.sim.tokens.issue('https://management.azure.com', 60, clock)
    const answer = await wireCall(simulator, 'GET', groupPath, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'MissingApiVersionParameter' } } })
  })
})

test('a restarted simulator goes on with the world of the old one, and old tokens stay good', async () => {
  const credential = simulatorCredential(simulator)
  await networkClient(simulator).securityRules.createOrUpdate(...ruleAt, rdpRule)
  const { token } = (await credential.getToken('')) ?? { token: '' }
  await simulator.close()
  simulator = await startTestSimulator({ world: simulator.world(), port: simulator.port, now: () => clock })
  const headers = { authorization: `Bearer ${token}` }
  const answer = await wireCall(simulator, 'GET', `${rulePath}?api-version=2026-01-01`, { headers })
  expect(answer).toMatchObject({ status: 200, body: { properties: rdpRule } })
})
