import type { SecurityCenter } from '@azure/arm-security'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Simulator, SimulatorOptions } from '../../src/simulator/server.ts'
import {
  guarded,
  guardedGroup,
  jitAllows,
  policyAt,
  policyPath,
  securityClient,
} from '../support/defender.ts'
import { armCall, collected, startTestSimulator } from '../support/simulator.ts'

const minute = 60_000
let now = 0
let azure: Simulator
let client: SecurityCenter

async function begin(options: SimulatorOptions = {}) {
  now = Date.UTC(2026, 10, 23, 9)
  azure = await startTestSimulator({ now: () => now, ...options })
  client = securityClient(azure)
  onTestFinished(() => azure.close())
}
beforeEach(() => begin())

const order = (port: object = {}, number = 3389) => ({
  justification: 'request 1',
  virtualMachines: [
    {
      id: guarded,
      ports: [
        {
          number,
          allowedSourceAddressPrefix: '81.2.69.142',
          endTimeUtc: new Date(now + 30 * minute),
          ...port,
        },
      ],
    },
  ],
})
const initiate = (port: object = {}, number = 3389) =>
  client.jitNetworkAccessPolicies.initiate(...policyAt, order(port, number))
const post = (body: object, path = policyPath) => armCall(azure, 'POST', `${path}/initiate`, { body })
const portStates = async () =>
  ((await client.jitNetworkAccessPolicies.get(...policyAt)).requests ?? []).map((request) => {
    const port = request.virtualMachines[0]?.ports[0]
    return `${port?.status} ${port?.statusReason}`
  })
const passes = (port = 3389, source = '81.2.69.142') =>
  azure.flow({ vm: 'vm-mdc01', source, port }).access === 'Allow'

describe('policies', () => {
  test('are listed by subscription, by resource group and by region, and read one by one', async () => {
    const { jitNetworkAccessPolicies: policies } = client
    const lists = await Promise.all([
      collected(policies.list()),
      collected(policies.listByResourceGroup('rg-shop')),
      collected(policies.listByRegion('westeurope')),
      collected(policies.listByResourceGroupAndRegion('rg-shop', 'westeurope')),
    ])
    expect(lists.map((list) => list.map(({ name }) => name))).toEqual(lists.map(() => ['default']))
    expect(await collected(policies.listByRegion('northeurope'))).toEqual([])
    expect(await policies.get(...policyAt)).toMatchObject({
      kind: 'Basic',
      virtualMachines: [{ id: guarded, ports: [{ number: 22 }, { number: 3389 }] }],
      requests: [],
    })
  })

  test('are replaced as a whole by a PUT: a machine that is left out loses its rules, a new one gets one', async () => {
    const web = guarded.replace('vm-mdc01', 'vm-web01')
    const terms = { protocol: 'TCP', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT2H' }
    const changed = await client.jitNetworkAccessPolicies.createOrUpdate(...policyAt, {
      kind: 'Basic',
      virtualMachines: [{ id: web, ports: [{ number: 22, ...terms }] }],
    })
    expect(changed.virtualMachines.map(({ id }) => id)).toEqual([web])
    expect(azure.rules(guardedGroup)).toEqual({})
    const [name, rule] = Object.entries(azure.rules('nsg-web-subnet')).at(-1) ?? []
    expect(name).toMatch(/^MicrosoftDefenderForCloud-JITRule_4096_[0-9A-F]+$/)
    expect(rule).toMatchObject({
      access: 'Deny',
      priority: 4096,
      destinationAddressPrefix: '10.30.1.10',
      destinationPortRange: '22',
      description: "MDC JIT Network Access rule for policy 'default' of VM 'vm-web01'.",
    })
    await client.jitNetworkAccessPolicies.delete(...policyAt)
    expect(Object.keys(azure.rules('nsg-web-subnet'))).toEqual(['allow-https', 'allow-http'])
    await expect(client.jitNetworkAccessPolicies.get(...policyAt)).rejects.toMatchObject({ statusCode: 404 })
  })

  test('ask for a maximum from five minutes to a day', async () => {
    const terms = { protocol: '*', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'P2D' }
    await expect(
      client.jitNetworkAccessPolicies.createOrUpdate(...policyAt, {
        virtualMachines: [{ id: guarded, ports: [{ number: 22, ...terms }] }],
      }),
    ).rejects.toMatchObject({ code: 'InvalidPolicyInput' })
  })
})

describe('a request', () => {
  test('is accepted with 202, opens some time later and closes at its end', async () => {
    const answer = await initiate()
    expect(answer).toMatchObject({ justification: 'request 1', startTimeUtc: new Date(now) })
    expect(answer.virtualMachines[0]?.ports[0]).toMatchObject({
      number: 3389,
      allowedSourceAddressPrefix: '81.2.69.142',
      status: 'Initiating',
      statusReason: 'UserRequested',
    })
    expect(passes()).toBe(false)
    expect(await portStates()).toEqual(['Initiating UserRequested'])
    now += 5_000
    expect(passes()).toBe(true)
    expect(passes(3389, '81.2.69.143')).toBe(false)
    expect(await portStates()).toEqual(['Initiated UserRequested'])
    now += 30 * minute
    expect(passes()).toBe(false)
    expect(await portStates()).toEqual(['Revoked Expired'])
    const [version] = azure.history(guardedGroup).filter(({ by }) => by === 'defender')
    expect(version).toMatchObject({ endedBy: 'defender', from: now - 30 * minute, to: now - 3_000 })
  })

  test('writes rules with Defender’s own names, to the private address, from 100 to 110', async () => {
    await initiate()
    await initiate({}, 22)
    now += minute
    expect(jitAllows(azure)).toEqual([
      expect.objectContaining({
        name: expect.stringMatching(/^MicrosoftDefenderForCloud-JITRule-\d+-[0-9A-F]{32}$/),
        priority: 100,
        sourceAddressPrefix: '81.2.69.142',
        destinationAddressPrefix: '10.30.2.10',
        destinationPortRange: '3389',
        description:
          "MDC JIT Network Access rule created by an initiation request for policy 'default' of VM 'vm-mdc01'.",
      }),
      expect.objectContaining({ priority: 101, destinationPortRange: '22' }),
    ])
  })

  test('without a source is taken to be for the caller’s own address', async () => {
    const answer = await initiate({ allowedSourceAddressPrefix: undefined })
    expect(answer.virtualMachines[0]?.ports[0]?.allowedSourceAddressPrefix).toBe('20.50.0.1')
  })

  test('may have a length instead of an end, and several sources, as the portal sends them', async () => {
    const port = {
      number: 3389,
      duration: 'PT1H',
      allowedSourceAddressPrefixes: ['81.2.69.142', '81.2.69.150'],
    }
    const body = { virtualMachines: [{ id: guarded, ports: [port] }] }
    expect((await post(body)).status).toBe(202)
    now += minute
    expect(jitAllows(azure)).toEqual([
      expect.objectContaining({ sourceAddressPrefixes: ['81.2.69.142', '81.2.69.150'] }),
    ])
  })

  test('replaces an earlier one for the same machine and port, and leaves other ports alone', async () => {
    await initiate()
    await initiate({}, 22)
    now += minute
    await initiate({ allowedSourceAddressPrefix: '81.2.69.150' })
    now += minute
    expect(await portStates()).toEqual([
      'Revoked NewerRequestInitiated',
      'Initiated UserRequested',
      'Initiated UserRequested',
    ])
    expect([passes(), passes(22), passes(3389, '81.2.69.150')]).toEqual([false, true, true])
  })

  test('moves rules of others out of its way when it needs room', async () => {
    for (let priority = 100; priority <= 110; priority += 1) {
      const properties = { access: 'Allow', direction: 'Inbound', protocol: 'Tcp', priority }
      const more = { sourceAddressPrefix: '10.9.9.9', destinationPortRange: String(priority) }
      azure.mutate({
        do: 'put-rule',
        nsg: guardedGroup,
        name: `own-${priority}`,
        properties: { ...properties, ...more },
      })
    }
    await initiate()
    now += minute
    expect(jitAllows(azure)).toEqual([expect.objectContaining({ priority: 100 })])
    expect(azure.rules(guardedGroup)['own-100']).toMatchObject({ priority: 111 })
  })

  test.each([
    ['a port that the policy does not name', {}, 5985],
    ['more time than the policy allows', { endTimeUtc: new Date(Date.UTC(2026, 10, 23, 13)) }, 3389],
    ['an end that has passed', { endTimeUtc: new Date(Date.UTC(2026, 10, 23, 8)) }, 3389],
  ])('for %s is refused as no subset of the policy', async (_name, port, number) => {
    await expect(initiate(port, number)).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringMatching(/is not a subset of policy 'default'/),
    })
  })

  test('from an address outside of the policy’s is refused, one inside of its range is not', async () => {
    const terms = {
      protocol: '*',
      allowedSourceAddressPrefixes: ['81.2.69.0/24'],
      maxRequestAccessDuration: 'PT3H',
    }
    await client.jitNetworkAccessPolicies.createOrUpdate(...policyAt, {
      virtualMachines: [{ id: guarded, ports: [{ number: 3389, ...terms }] }],
    })
    await expect(initiate({ allowedSourceAddressPrefix: '81.2.70.1' })).rejects.toMatchObject({
      message: expect.stringMatching(/not a subset/),
    })
    await expect(initiate()).resolves.toBeDefined()
  })

  test.each([
    ['neither', {}],
    ['both', { duration: 'PT1H', endTimeUtc: '2026-11-23T09:30:00Z' }],
  ])('with %s of end and length is refused', async (_name, times) => {
    const ports = [{ number: 3389, allowedSourceAddressPrefix: '81.2.69.142', ...times }]
    expect(await post({ virtualMachines: [{ id: guarded, ports }] })).toMatchObject({
      status: 400,
      body: {
        error: {
          code: 'InvalidInitiateInput',
          message: "Only one of fields 'EndTimeUtc' and 'Duration' can be set.",
        },
      },
    })
  })

  test('by an unknown policy, from an IPv6 address or without Plan 2 is refused', async () => {
    expect(await post(order(), policyPath.replace('default', 'other'))).toMatchObject({
      status: 404,
      body: { error: { code: 'PolicyNotFound' } },
    })
    await expect(initiate({ allowedSourceAddressPrefix: '2001:db8::1' })).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringMatching(/IPv6 format, which is unsupported/),
    })
    azure.sim.resources.delete(
      `/subscriptions/${guarded.split('/')[2]}/providers/Microsoft.Security/pricings/VirtualMachines`,
    )
    await expect(initiate()).rejects.toMatchObject({ statusCode: 403 })
  })
})

describe('faults of Defender', () => {
  test('a late opening, and one that never happens', async () => {
    azure.fault({ kind: 'late-opening', ms: 4 * minute, times: 1 })
    azure.fault({ kind: 'no-opening', after: 1 })
    await initiate()
    await initiate({}, 22)
    now += 4 * minute
    expect(passes()).toBe(false)
    now += 5_000
    expect([passes(), passes(22)]).toEqual([true, false])
    expect((await portStates())[1]).toBe('Initiating UserRequested')
    now += 40 * minute
    expect(azure.history(guardedGroup).filter(({ by }) => by === 'defender')).toHaveLength(1)
  })

  test('a late expiry, and one that never happens', async () => {
    azure.fault({ kind: 'late-expiry', ms: 7 * minute, times: 1 })
    azure.fault({ kind: 'no-expiry', after: 1 })
    await initiate()
    await initiate({}, 22)
    now += 36 * minute
    expect([passes(), passes(22)]).toEqual([true, true])
    now += 2 * minute
    expect([passes(), passes(22)]).toEqual([false, true])
    now += 24 * 60 * minute
    expect(passes(22)).toBe(true)
  })

  test('200 where 202 is documented, which the SDK throws', async () => {
    azure.fault({ kind: 'accepted-as-200' })
    await expect(initiate()).rejects.toMatchObject({ statusCode: 200 })
    now += minute
    expect(passes()).toBe(true)
  })

  test('a renumbering of rules that are not its own', async () => {
    const properties = { access: 'Allow', direction: 'Inbound', protocol: 'Tcp', priority: 3000 }
    azure.mutate({ do: 'put-rule', nsg: guardedGroup, name: 'own', properties })
    azure.fault({ kind: 'renumbering', by: 7 })
    await initiate()
    now += minute
    expect(azure.rules(guardedGroup)['own']).toMatchObject({ priority: 3007 })
  })
})

describe('what Azure leaves open', () => {
  test('one rule for several ports, into the subnet’s group alone, replaced only by the same address', async () => {
    await begin({ jitRulePerPort: false, jitGroups: 'subnet', jitSupersedes: 'source' })
    const web = guarded.replace('vm-mdc01', 'vm-web01')
    const terms = { protocol: 'TCP', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT2H' }
    await client.jitNetworkAccessPolicies.createOrUpdate(...policyAt, {
      virtualMachines: [{ id: web, ports: [22, 443].map((number) => ({ number, ...terms })) }],
    })
    const endTimeUtc = new Date(now + 30 * minute)
    const ask = (allowedSourceAddressPrefix: string) =>
      client.jitNetworkAccessPolicies.initiate(...policyAt, {
        virtualMachines: [
          { id: web, ports: [22, 443].map((number) => ({ number, endTimeUtc, allowedSourceAddressPrefix })) },
        ],
      })
    await ask('81.2.69.142')
    await ask('81.2.69.150')
    await ask('81.2.69.142')
    now += minute
    expect(jitAllows(azure, 'nsg-web-subnet')).toEqual([
      expect.objectContaining({ destinationPortRanges: ['22', '443'], sourceAddressPrefix: '81.2.69.150' }),
      expect.objectContaining({ destinationPortRanges: ['22', '443'], sourceAddressPrefix: '81.2.69.142' }),
    ])
  })
})
