import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluate, type FlowPath, type Packet } from '../../src/simulator/flow.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import type { NamedRule, RuleProperties } from '../../src/simulator/world.ts'
import { networkClient, production, startTestSimulator, wireCall } from '../support/simulator.ts'

function rule(name: string, priority: number, more: Partial<RuleProperties>): NamedRule {
  return {
    name,
    properties: {
      access: 'Allow',
      direction: 'Inbound',
      protocol: '*',
      sourceAddressPrefix: '*',
      sourcePortRange: '*',
      destinationAddressPrefix: '*',
      destinationPortRange: '*',
      ...more,
      priority,
    },
  }
}

const packet: Packet = {
  direction: 'Inbound',
  protocol: 'TCP',
  source: '203.0.113.7',
  sourcePort: '50000',
  destination: '10.0.0.4',
  destinationPort: '3389',
}

function path(parts: { subnet?: NamedRule[]; nic?: NamedRule[] }): FlowPath {
  return {
    ...(parts.subnet && { subnet: { nsg: 'subnet-nsg', rules: parts.subnet } }),
    ...(parts.nic && { nic: { nsg: 'nic-nsg', rules: parts.nic } }),
    virtualNetwork: ['10.0.0.0/16', 'fd00::/48'],
    inGroup: (group, address) => group === 'asg-web' && address === '10.0.0.4',
  }
}

const allow = rule('allow', 200, {})
const deny = rule('deny', 200, { access: 'Deny' })

describe('which group decides', () => {
  const cases: [string, Packet, FlowPath, [string, string, string | null]][] = [
    ['no group: everything passes', packet, path({}), ['Allow', '', null]],
    [
      'an empty group denies the Internet',
      packet,
      path({ nic: [] }),
      ['Deny', 'defaultSecurityRules/DenyAllInBound', 'nic-nsg'],
    ],
    [
      'both allow',
      packet,
      path({ subnet: [allow], nic: [allow] }),
      ['Allow', 'securityRules/allow', 'nic-nsg'],
    ],
    [
      'the subnet denies first',
      packet,
      path({ subnet: [deny], nic: [allow] }),
      ['Deny', 'securityRules/deny', 'subnet-nsg'],
    ],
    [
      'the interface denies after the subnet',
      packet,
      path({ subnet: [allow], nic: [] }),
      ['Deny', 'defaultSecurityRules/DenyAllInBound', 'nic-nsg'],
    ],
    ['only the subnet', packet, path({ subnet: [allow] }), ['Allow', 'securityRules/allow', 'subnet-nsg']],
    [
      'outbound, the interface comes first',
      { ...packet, direction: 'Outbound', source: '10.0.0.4', destination: '203.0.113.7' },
      path({
        subnet: [rule('s', 200, { direction: 'Outbound', access: 'Deny' })],
        nic: [rule('n', 200, { direction: 'Outbound', access: 'Deny' })],
      }),
      ['Deny', 'securityRules/n', 'nic-nsg'],
    ],
    [
      'outbound to the Internet is free by default',
      { ...packet, direction: 'Outbound', source: '10.0.0.4', destination: '203.0.113.7' },
      path({ nic: [] }),
      ['Allow', 'defaultSecurityRules/AllowInternetOutBound', 'nic-nsg'],
    ],
    [
      'inside the network is free by default',
      { ...packet, source: '10.0.9.9' },
      path({ nic: [] }),
      ['Allow', 'defaultSecurityRules/AllowVnetInBound', 'nic-nsg'],
    ],
    [
      'IPv6 inside the network too',
      { ...packet, source: 'fd00::9', destination: 'fd00::4' },
      path({ nic: [] }),
      ['Allow', 'defaultSecurityRules/AllowVnetInBound', 'nic-nsg'],
    ],
    [
      'the load balancer’s probe passes, as a part of the network',
      { ...packet, source: '168.63.129.16' },
      path({ nic: [] }),
      ['Allow', 'defaultSecurityRules/AllowVnetInBound', 'nic-nsg'],
    ],
    [
      'the load balancer’s probe passes to an address outside the network too',
      { ...packet, source: '168.63.129.16', destination: '192.168.200.1' },
      path({ nic: [] }),
      ['Allow', 'defaultSecurityRules/AllowAzureLoadBalancerInBound', 'nic-nsg'],
    ],
    [
      'the lowest number wins',
      packet,
      path({ nic: [rule('late', 300, { access: 'Deny' }), rule('early', 200, {})] }),
      ['Allow', 'securityRules/early', 'nic-nsg'],
    ],
  ]
  test.each(cases)('%s', (_, given, way, [access, ruleName, nsg]) => {
    expect(evaluate(given, way)).toEqual({ access, ruleName, nsg })
  })
})

describe('what a rule matches', () => {
  const cases: [string, Partial<RuleProperties>, Partial<Packet>, boolean][] = [
    ['an address', { sourceAddressPrefix: '203.0.113.7' }, {}, true],
    ['a /32', { sourceAddressPrefix: '203.0.113.7/32' }, {}, true],
    ['another address', { sourceAddressPrefix: '203.0.113.8' }, {}, false],
    ['a network', { sourceAddressPrefix: '203.0.113.0/24' }, {}, true],
    [
      'a list, one of two',
      { sourceAddressPrefix: '', sourceAddressPrefixes: ['1.1.1.1', '203.0.113.7'] },
      {},
      true,
    ],
    ['a list, none', { sourceAddressPrefix: '', sourceAddressPrefixes: ['1.1.1.1', '2.2.2.2'] }, {}, false],
    ['the tag Internet', { sourceAddressPrefix: 'Internet' }, {}, true],
    ['the tag Internet, IPv6', { sourceAddressPrefix: 'Internet' }, { source: '2001:db8::7' }, true],
    ['the tag Internet from inside', { sourceAddressPrefix: 'Internet' }, { source: '10.0.9.9' }, false],
    [
      'the tag Internet from the platform',
      { sourceAddressPrefix: 'Internet' },
      { source: '168.63.129.16' },
      false,
    ],
    ['the tag VirtualNetwork', { sourceAddressPrefix: 'VirtualNetwork' }, { source: '10.0.9.9' }, true],
    ['a tag nobody knows the addresses of', { sourceAddressPrefix: 'Storage' }, {}, false],
    ['IPv6 in another form', { sourceAddressPrefix: '2001:db8:0::7' }, { source: '2001:DB8::7' }, true],
    ['an IPv6 network', { sourceAddressPrefix: '2001:db8::/64' }, { source: '2001:db8::7' }, true],
    ['an IPv4 network against IPv6', { sourceAddressPrefix: '0.0.0.0/0' }, { source: '2001:db8::7' }, false],
    ['a port', { destinationPortRange: '3389' }, {}, true],
    ['a range of ports, its end', { destinationPortRange: '3000-3389' }, {}, true],
    ['a range of ports, past it', { destinationPortRange: '3000-3388' }, {}, false],
    ['a list of ports', { destinationPortRange: '', destinationPortRanges: ['22', '3380-3390'] }, {}, true],
    ['an unknown source port, all ports', {}, { sourcePort: '*' }, true],
    ['an unknown source port, some ports', { sourcePortRange: '1024-65535' }, { sourcePort: '*' }, false],
    ['TCP', { protocol: 'Tcp' }, {}, true],
    ['UDP', { protocol: 'Udp' }, {}, false],
    ['outbound', { direction: 'Outbound' }, {}, false],
    ['the machine’s address', { destinationAddressPrefix: '10.0.0.4' }, {}, true],
    ['another machine', { destinationAddressPrefix: '10.0.0.5' }, {}, false],
    [
      'its application security group',
      { destinationAddressPrefix: '', destinationApplicationSecurityGroups: [{ id: 'asg-web' }] },
      {},
      true,
    ],
    [
      'another application security group',
      { destinationAddressPrefix: '', destinationApplicationSecurityGroups: [{ id: 'asg-db' }] },
      {},
      false,
    ],
  ]
  test.each(cases)('%s: %j', (_, properties, change, matched) => {
    const verdict = evaluate(
      { ...packet, ...change },
      path({ nic: [rule('it', 200, { access: 'Deny', ...properties })] }),
    )
    expect(verdict.ruleName === 'securityRules/it').toBe(matched)
  })
})

describe('in the demo’s world', () => {
  let simulator: Simulator
  beforeAll(async () => {
    simulator = await startTestSimulator()
  })
  afterAll(() => simulator.close())

  const cases: [string, string, number, object][] = [
    [
      'vm-jump01',
      '203.0.113.7',
      3389,
      {
        access: 'Deny',
        rule: 'securityRules/deny-rdp-internet',
        nsg: expect.stringMatching(/nsg-ops-subnet$/),
      },
    ],
    ['vm-jump01', '10.20.1.99', 3389, { access: 'Allow', rule: 'defaultSecurityRules/AllowVnetInBound' }],
    ['vm-jump01', '2001:db8::7', 3389, { access: 'Deny', rule: 'securityRules/deny-rdp-internet' }],
    ['vm-web01', '203.0.113.7', 443, { access: 'Allow', rule: 'securityRules/allow-https' }],
    ['vm-web01', '203.0.113.7', 22, { access: 'Deny', rule: 'defaultSecurityRules/DenyAllInBound' }],
    ['vm-web01', '2001:db8::7', 443, { access: 'Deny', rule: null, nsg: null }],
    ['vm-open01', '203.0.113.7', 3389, { access: 'Allow', rule: 'securityRules/rdp-for-everyone' }],
    ['vm-bare01', '203.0.113.7', 22, { access: 'Allow', rule: null, nsg: null }],
    [
      'vm-mdc01',
      '10.30.1.10',
      3389,
      { access: 'Deny', rule: expect.stringContaining('MicrosoftDefenderForCloud-JITRule_') },
    ],
    ['VM-DB01', '10.30.1.10', 1433, { access: 'Allow', rule: 'securityRules/allow-sql-from-web' }],
  ]
  test.each(cases)('%s from %s to %i', async (vm, source, port, expected) => {
    const { body } = await wireCall(simulator, 'GET', `/_sim/flow?vm=${vm}&source=${source}&port=${port}`)
    expect(body).toMatchObject(expected)
  })

  test('a name that two machines have, and one that none has, are refused', async () => {
    for (const vm of ['vm-app01', 'vm-nowhere']) {
      const answer = await wireCall(simulator, 'GET', `/_sim/flow?vm=${vm}&source=1.1.1.1&port=22`)
      expect(answer).toMatchObject({ status: 400 })
    }
  })
})

function machine(name: string): string {
  return `/subscriptions/${production}/resourceGroups/rg-ops/providers/Microsoft.Compute/virtualMachines/${name}`
}

describe('IP flow verify', () => {
  let simulator: Simulator
  beforeAll(async () => {
    simulator = await startTestSimulator()
  })
  afterAll(() => simulator.close())

  const question = {
    targetResourceId: machine('vm-open01'),
    direction: 'Inbound',
    protocol: 'TCP',
    localIPAddress: '10.20.2.11',
    localPort: '3389',
    remoteIPAddress: '203.0.113.7',
    remotePort: '*',
  }
  const verify = (change: object = {}) =>
    networkClient(simulator).networkWatchers.verifyIPFlow('NetworkWatcherRG', 'NetworkWatcher_westeurope', {
      ...question,
      ...change,
    })

  test('names the rule that decides', async () => {
    expect(await verify()).toMatchObject({ access: 'Allow', ruleName: 'securityRules/rdp-for-everyone' })
    expect(await verify({ localPort: '22' })).toMatchObject({
      access: 'Deny',
      ruleName: 'defaultSecurityRules/DenyAllInBound',
    })
    expect(await verify({ direction: 'Outbound' })).toMatchObject({ access: 'Allow' })
  })

  test('may take its time', async () => {
    simulator.fault({ kind: 'slow-operation', polls: 2, path: 'ipFlowVerify', times: 1 })
    const client = networkClient(simulator)
    const verdict = await client.networkWatchers.verifyIPFlow(
      'NetworkWatcherRG',
      'NetworkWatcher_westeurope',
      question,
      { updateIntervalInMs: 1 },
    )
    expect(verdict).toMatchObject({ access: 'Allow', ruleName: 'securityRules/rdp-for-everyone' })
    expect(simulator.calls().map((call) => call.action)).toContain(
      'Microsoft.Network/networkWatchers/ipFlowVerify/action',
    )
  })

  test.each([
    ['an IPv6 address', { remoteIPAddress: '2001:db8::7' }, 400],
    ['an address of another machine', { localIPAddress: '10.20.1.10' }, 400],
    ['a protocol of its own', { protocol: 'ICMP' }, 400],
    ['no port', { localPort: '' }, 400],
    ['a machine that is not there', { targetResourceId: machine('vm-none') }, 404],
    [
      'a machine elsewhere',
      {
        targetResourceId:
          '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-lab/providers/Microsoft.Compute/virtualMachines/vm-app01',
        localIPAddress: '10.40.1.40',
      },
      400,
    ],
  ])('refuses %s', async (_, change, statusCode) => {
    await expect(verify(change)).rejects.toMatchObject({ statusCode })
  })
})

test('an application security group is known by its members', async () => {
  const simulator = await startTestSimulator()
  const { sim } = simulator
  const id = `/subscriptions/${production}/resourceGroups/rg-ops/providers/Microsoft.Network/applicationSecurityGroups/asg-jump`
  const nic = sim.resources.get(
    `/subscriptions/${production}/resourceGroups/rg-ops/providers/Microsoft.Network/networkInterfaces/vm-open01-nic`,
  )
  const { sourceAddressPrefix: _, ...anywhere } = rule('x', 200, {}).properties
  const ask = () => simulator.flow({ vm: 'vm-open01', source: '10.20.2.11', port: 22 })
  simulator.mutate({
    do: 'put-rule',
    nsg: 'nsg-open01-nic',
    name: 'from-group',
    properties: { ...anywhere, access: 'Deny', sourceApplicationSecurityGroups: [{ id }] },
  })
  expect(ask().rule).toBe('defaultSecurityRules/AllowVnetInBound')
  if (nic) {
    const [first] = nic.properties.ipConfigurations ?? []
    const joined = first && {
      ...first,
      properties: { ...first.properties, applicationSecurityGroups: [{ id: id.toUpperCase() }] },
    }
    sim.resources.put({ ...nic, properties: { ...nic.properties, ipConfigurations: joined ? [joined] : [] } })
  }
  expect(ask().rule).toBe('securityRules/from-group')
  await simulator.close()
})
