import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
  startTestSimulator,
  type WireAnswer,
} from '../support/simulator.ts'

let simulator: Simulator
let clock: number

beforeEach(async () => {
  clock = Date.now()
  simulator = await startTestSimulator({ now: () => clock })
})
afterEach(() => simulator.close())

function put(properties: object, path = rulePath, headers: Record<string, string> = {}): Promise<WireAnswer> {
  return armCall(simulator, 'PUT', path, { body: { properties }, headers })
}

function namesInGroup(): string[] {
  return Object.keys(simulator.rules('nsg-jump01-nic'))
}

describe('what Azure refuses in a rule', () => {
  const cases: [string, object, string][] = [
    ['priority 99', { priority: 99 }, 'SecurityRuleInvalidPriority'],
    ['priority 4097', { priority: 4097 }, 'SecurityRuleInvalidPriority'],
    ['priority 100.5', { priority: 100.5 }, 'SecurityRuleInvalidPriority'],
    ['no priority', { priority: undefined }, 'SecurityRuleInvalidPriority'],
    ['priority "200"', { priority: '200' }, 'InvalidRequestFormat'],
    ['no protocol', { protocol: undefined }, 'MissingJsonProperty'],
    ['no direction', { direction: '' }, 'MissingJsonProperty'],
    ['an unknown access', { access: 'Maybe' }, 'InvalidRequestFormat'],
    ['a long description', { description: 'x'.repeat(141) }, 'SecurityRuleDescriptionTooLong'],
    ['no source', { sourceAddressPrefix: undefined }, 'MissingJsonProperty'],
    ['a word as source', { sourceAddressPrefix: 'anywhere' }, 'SecurityRuleInvalidAddressPrefix'],
    ['host bits', { sourceAddressPrefix: '20.20.20.20/16' }, 'SecurityRuleInvalidAddressPrefix'],
    ['a short address', { sourceAddressPrefix: '20.20' }, 'SecurityRuleInvalidAddressPrefix'],
    ['an octal address', { sourceAddressPrefix: '010.1.1.1' }, 'SecurityRuleInvalidAddressPrefix'],
    ['IPv6 host bits', { sourceAddressPrefix: '2001:db8::1/64' }, 'SecurityRuleInvalidAddressPrefix'],
    ['33 bits', { sourceAddressPrefix: '1.2.3.4/33' }, 'SecurityRuleInvalidAddressPrefix'],
    [
      'a tag in a list',
      { sourceAddressPrefix: undefined, sourceAddressPrefixes: ['Internet'] },
      'SecurityRuleParameterContainsUnsupportedValue',
    ],
    [
      'a star in a list',
      { destinationAddressPrefix: undefined, destinationAddressPrefixes: ['*'] },
      'SecurityRuleParameterContainsUnsupportedValue',
    ],
    [
      'one source and a list',
      { sourceAddressPrefixes: ['1.1.1.1'] },
      'SecurityRuleParameterCombinationNotAllowed',
    ],
    ['no port', { destinationPortRange: undefined }, 'MissingJsonProperty'],
    ['port 65536', { destinationPortRange: '65536' }, 'SecurityRuleInvalidPortRange'],
    ['ports backwards', { destinationPortRange: '90-80' }, 'SecurityRuleInvalidPortRange'],
    ['a taken priority', { priority: 4000 }, 'SecurityRuleConflict'],
  ]
  test.each(cases)('%s', async (_, change, code) => {
    const answer = await put({ ...rdpRule, ...change })
    expect(answer).toMatchObject({ status: 400, body: { error: { code } } })
    expect(namesInGroup()).toEqual(['deny-rdp-internet'])
  })

  test.each(['-a', 'a-', 'a b', 'x'.repeat(81), 'ä'])('the name %j', async (name) => {
    const answer = await put(rdpRule, `${groupPath}/securityRules/${encodeURIComponent(name)}`)
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'InvalidResourceName' } } })
  })

  test('no properties, and no JSON', async () => {
    expect(await armCall(simulator, 'PUT', rulePath, { body: {} })).toMatchObject({
      status: 400,
      body: { error: { code: 'MissingJsonProperty' } },
    })
    expect(await armCall(simulator, 'PUT', rulePath, { body: '{"properties"' })).toMatchObject({
      status: 400,
      body: { error: { code: 'InvalidRequestContent' } },
    })
  })

  test('more than a thousand rules', async () => {
    const properties = { ...rdpRule, priority: 100 }
    for (let i = 0; i < 999; i++) {
      simulator.mutate({
        do: 'put-rule',
        nsg: groupPath,
        name: `r${i}`,
        properties: { ...properties, priority: 100 + i },
      })
    }
    expect(await put({ ...rdpRule, priority: 3000 })).toMatchObject({
      body: { error: { code: 'SecurityRuleCountLimitReached' } },
    })
    expect((await put({ ...rdpRule, priority: 100 }, `${groupPath}/securityRules/r0`)).status).toBe(200)
  })
})

describe('what Azure takes', () => {
  const cases: [string, object][] = [
    ['the limits of priority', { priority: 4096 }],
    ['a description of 140 characters', { description: 'x'.repeat(140) }],
    ['lists', { sourceAddressPrefix: undefined, sourceAddressPrefixes: ['1.1.1.1', '2.2.2.0/24'] }],
    ['IPv6', { sourceAddressPrefix: '2001:db8::/64', destinationAddressPrefix: 'fd00::1' }],
    ['a regional tag', { sourceAddressPrefix: 'Storage.WestEurope' }],
    ['a taken priority in the other direction', { priority: 4000, direction: 'Outbound' }],
    ['another spelling', { access: 'allow', protocol: 'TCP', direction: 'inbound' }],
  ]
  test.each(cases)('%s', async (_, change) => {
    const { status } = await put({ ...rdpRule, ...change })
    expect(status).toBe(201)
    expect(namesInGroup()).toContain('jit-a-1')
  })

  test('fields that it does not know are dropped', async () => {
    await put({ ...rdpRule, colour: 'red', provisioningState: 'Failed' })
    const { body } = await armCall(simulator, 'GET', rulePath)
    expect(body).toMatchObject({ properties: { provisioningState: 'Succeeded', sourceAddressPrefixes: [] } })
    expect(body).not.toHaveProperty('properties.colour')
  })
})

describe('one operation per security group at a time', () => {
  const other = `${groupPath}/securityRules/other`
  beforeEach(async () => {
    simulator.fault({ kind: 'slow-operation', hold: true, times: 1 })
    await put(rdpRule)
  })

  test('a second write is asked to come again', async () => {
    const answer = await put({ ...rdpRule, priority: 201 }, other)
    expect(answer).toMatchObject({
      status: 429,
      body: { error: { code: 'RetryableError', details: [{ code: 'RetryableErrorDueToAnotherOperation' }] } },
    })
    expect((await armCall(simulator, 'DELETE', rulePath)).status).toBe(429)
    simulator.release()
    expect((await put({ ...rdpRule, priority: 201 }, other)).status).toBe(201)
  })

  test('or is told of the operation that runs', async () => {
    simulator.sim.settings.whileBusy = 'conflict'
    const answer = await put({ ...rdpRule, priority: 201 }, other)
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'AnotherOperationInProgress' } } })
    expect(answer.body).toHaveProperty('error.message', expect.stringContaining('/operations/'))
  })

  test('or throws the first one out', async () => {
    simulator.sim.settings.whileBusy = 'supersede'
    expect((await put({ ...rdpRule, priority: 201 }, other)).status).toBe(201)
    expect(namesInGroup()).toEqual(['deny-rdp-internet', 'other'])
    expect((await armCall(simulator, 'GET', rulePath)).status).toBe(404)
  })

  test('another group is free', async () => {
    const free = groupPath.replace('nsg-jump01-nic', 'nsg-open01-nic')
    expect((await put(rdpRule, `${free}/securityRules/jit-b-1`)).status).toBe(201)
  })
})

describe('If-Match', () => {
  test('the ETag of now is taken, an older one is not', async () => {
    const { etag = '' } = await networkClient(simulator).networkSecurityGroups.get('rg-ops', 'nsg-jump01-nic')
    expect((await put(rdpRule, rulePath, { 'if-match': etag })).status).toBe(201)
    expect(await put(rdpRule, rulePath, { 'if-match': etag })).toMatchObject({
      status: 412,
      body: { error: { code: 'PreconditionFailed' } },
    })
    expect((await put(rdpRule, rulePath, { 'if-match': '*' })).status).toBe(200)
  })
})

describe('locks', () => {
  const group = `/subscriptions/${production}/resourceGroups/rg-ops`
  test('CanNotDelete lets a rule be changed and not deleted', async () => {
    await put(rdpRule)
    simulator.mutate({ do: 'lock', scope: group, level: 'CanNotDelete' })
    const answer = await armCall(simulator, 'DELETE', rulePath)
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'ScopeLocked' } } })
    expect(answer.body).toHaveProperty('error.message', expect.stringContaining(`'${group}'`))
    expect((await put({ ...rdpRule, access: 'Deny' })).status).toBe(200)
  })

  test('ReadOnly lets nothing be written, until it is gone', async () => {
    simulator.mutate({ do: 'lock', scope: groupPath, level: 'ReadOnly' })
    expect((await put(rdpRule)).status).toBe(409)
    expect((await armCall(simulator, 'GET', groupPath)).status).toBe(200)
    const listed = await armCall(simulator, 'GET', `${groupPath}/providers/Microsoft.Authorization/locks`)
    expect(listed.body).toMatchObject({ value: [{ properties: { level: 'ReadOnly' } }] })
    simulator.mutate({ do: 'unlock', scope: groupPath })
    expect((await put(rdpRule)).status).toBe(201)
  })

  test('a lock on another group is no matter', async () => {
    simulator.mutate({ do: 'lock', scope: group.slice(0, -1), level: 'ReadOnly' })
    expect((await put(rdpRule)).status).toBe(201)
  })
})

describe('token buckets', () => {
  test('200 writes at once, then ten a second', async () => {
    simulator.sim.settings.buckets = true
    for (let i = 0; i < 200; i++) simulator.sim.buckets.draw(production, 'writes', clock)
    const refused = await put(rdpRule)
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'SubscriptionRequestsThrottled' } } })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('x-ms-ratelimit-remaining-subscription-writes')).toBe('0')
    expect((await armCall(simulator, 'DELETE', rulePath)).status).toBe(204)
    clock += 1_000
    const taken = await put(rdpRule)
    expect(taken.headers.get('x-ms-ratelimit-remaining-subscription-writes')).toBe('9')
  })
})

describe('a whole security group', () => {
  test('a PUT replaces its rules, and leaves alone those that it repeats', async () => {
    const client = networkClient(simulator)
    await client.securityRules.createOrUpdate(...ruleAt, rdpRule)
    const group = await client.networkSecurityGroups.get('rg-ops', 'nsg-jump01-nic')
    const kept = (group.securityRules ?? []).filter((rule) => rule.name !== 'jit-a-1')
    const before = simulator.history('nsg-jump01-nic').filter((each) => each.rule === 'deny-rdp-internet')
    await client.networkSecurityGroups.createOrUpdate('rg-ops', 'nsg-jump01-nic', {
      ...(group.location !== undefined && { location: group.location }),
      securityRules: [...kept, { name: 'new', ...rdpRule, priority: 500 }],
    })
    expect(namesInGroup()).toEqual(['deny-rdp-internet', 'new'])
    const history = simulator.history('nsg-jump01-nic')
    expect(history.filter((each) => each.rule === 'deny-rdp-internet')).toEqual(before)
    expect(history.find((each) => each.rule === 'jit-a-1')).toMatchObject({
      by: 'arm',
      endedBy: 'group-put',
      to: clock,
    })
  })

  test('a PUT without rules wipes them', async () => {
    await armCall(simulator, 'PUT', groupPath, { body: { location: 'westeurope', properties: {} } })
    expect(namesInGroup()).toEqual([])
  })

  test('a new one is made and deleted; one in use stays', async () => {
    const { networkSecurityGroups } = networkClient(simulator)
    await networkSecurityGroups.createOrUpdate('rg-ops', 'nsg-new', { location: 'westeurope' })
    expect((await collected(networkSecurityGroups.list('rg-ops'))).map((each) => each.name)).toContain(
      'nsg-new',
    )
    await networkSecurityGroups.delete('rg-ops', 'nsg-new')
    await expect(networkSecurityGroups.get('rg-ops', 'nsg-new')).rejects.toMatchObject({
      code: 'ResourceNotFound',
    })
    await expect(networkSecurityGroups.delete('rg-ops', 'nsg-jump01-nic')).rejects.toMatchObject({
      code: 'InUseNetworkSecurityGroupCannotBeDeleted',
    })
  })

  test('flushConnection is refused unless the regions know it', async () => {
    const body = { location: 'westeurope', properties: { flushConnection: true } }
    expect(await armCall(simulator, 'PUT', groupPath, { body })).toMatchObject({
      status: 400,
      body: { error: { code: 'FlushingNetworkSecurityGroupConnectionIsNotEnabled' } },
    })
    simulator.sim.settings.flushConnection = true
    expect((await armCall(simulator, 'PUT', groupPath, { body })).status).toBe(200)
  })
})

test('settings make every operation slow', async () => {
  simulator.sim.settings.operationPolls = 2
  await put(rdpRule)
  expect((await armCall(simulator, 'GET', rulePath)).body).toHaveProperty(
    'properties.provisioningState',
    'Updating',
  )
  expect((await armCall(simulator, 'GET', rulePath)).body).toHaveProperty(
    'properties.provisioningState',
    'Succeeded',
  )
  Object.assign(simulator.sim.settings, { operationPolls: 0, operationMs: 1_000 })
  await armCall(simulator, 'DELETE', rulePath)
  expect(namesInGroup()).toContain('jit-a-1')
  clock += 1_000
  expect(namesInGroup()).not.toContain('jit-a-1')
})
