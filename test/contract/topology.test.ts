import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectArm } from '../../src/azure/arm.ts'
import { armTopology } from '../../src/azure/topology.ts'
import type { Family } from '../../src/core/source.ts'
import type { Vm } from '../../src/core/vm.ts'
import type { Topology } from '../../src/ports.ts'
import { type Simulator } from '../../src/simulator/server.ts'
import type { ArmResource, IpConfiguration, World } from '../../src/simulator/world.ts'
import {
  type Place,
  resource,
  resourceId,
  securityGroup,
  virtualNetwork,
} from '../../src/simulator/world-builder.ts'
import { simulatorCredential, startTestSimulator } from '../support/simulator.ts'
import { readyClock } from './firewall.contract.ts'

const place: Place = {
  subscriptionId: '33333333-3333-4333-8333-333333333333',
  resourceGroup: 'RG-Net',
  location: 'westeurope',
}
const network = 'Microsoft.Network'
const nicType = `${network}/networkInterfaces`
const ipType = `${network}/publicIPAddresses`
const nsgId = (name: string) => resourceId(place, `${network}/networkSecurityGroups`, name)
const subnetId = (name: string) =>
  `${resourceId(place, `${network}/virtualNetworks`, 'vnet')}/subnets/${name}`

interface Address {
  readonly ip: string
  readonly public?: string
  readonly subnet?: string
}

interface Nic {
  readonly nsg?: string
  readonly primary?: boolean
  readonly addresses: readonly Address[]
}

const configuration = (address: Address, index: number): IpConfiguration => ({
  name: `ipconfig${index}`,
  properties: {
    privateIPAddress: address.ip,
    ...(address.ip.includes(':') && { privateIPAddressVersion: 'IPv6' }),
    subnet: { id: subnetId(address.subnet ?? 'guarded') },
    ...(address.public !== undefined && {
      publicIPAddress: { id: resourceId(place, ipType, address.public) },
    }),
  },
})

function machine(name: string, nics: readonly Nic[]): ArmResource[] {
  const cards = nics.map((nic, index) =>
    resource(place, nicType, `${name}-nic${index}`, {
      ipConfigurations: nic.addresses.map(configuration),
      ...(nic.nsg !== undefined && { networkSecurityGroup: { id: nsgId(nic.nsg) } }),
    }),
  )
  const networkInterfaces = nics.map((nic, index) => ({
    id: resourceId(place, nicType, `${name}-nic${index}`),
    ...(nic.primary !== undefined && { properties: { primary: nic.primary } }),
  }))
  return [
    {
      ...resource(place, 'Microsoft.Compute/virtualMachines', name, {
        networkProfile: { networkInterfaces },
      }),
      ...(name === 'tagged' && { tags: { env: 'prod', Owner: 'U0AVERY' } }),
    },
    ...cards,
  ]
}

const publicIp = (name: string, ipAddress?: string) =>
  resource(place, ipType, name, ipAddress === undefined ? {} : { ipAddress })

const world: World = {
  tenantId: '99999999-9999-4999-8999-999999999999',
  subscriptions: [{ subscriptionId: place.subscriptionId, displayName: 'Net' }],
  resourceGroups: [
    { subscriptionId: place.subscriptionId, name: place.resourceGroup, location: place.location },
  ],
  locks: [],
  resources: [
    ...['Subnet', 'One', 'Two'].map((name) => securityGroup(place, name)),
    virtualNetwork(
      place,
      'vnet',
      ['10.0.0.0/16'],
      [
        { name: 'guarded', prefixes: ['10.0.1.0/24'], nsg: nsgId('Subnet') },
        { name: 'bare', prefixes: ['10.0.2.0/24'] },
      ],
    ),
    publicIp('ip1', '52.1.1.1'),
    publicIp('ip2', '52.1.1.2'),
    publicIp('ip6', '2603:1020::1'),
    publicIp('ip-none'),
    ...machine('both', [{ nsg: 'One', addresses: [{ ip: '10.0.1.4', public: 'ip1' }] }]),
    ...machine('subnet-only', [{ addresses: [{ ip: '10.0.1.5', public: 'ip1' }] }]),
    ...machine('nic-only', [{ nsg: 'One', addresses: [{ ip: '10.0.2.5', public: 'ip1', subnet: 'bare' }] }]),
    ...machine('bare', [{ addresses: [{ ip: '10.0.2.6', public: 'ip1', subnet: 'bare' }] }]),
    ...machine('same-twice', [{ nsg: 'Subnet', addresses: [{ ip: '10.0.1.6' }] }]),
    ...machine('private', [
      { nsg: 'Two', primary: false, addresses: [{ ip: '10.0.1.7' }] },
      { nsg: 'One', primary: true, addresses: [{ ip: '10.0.1.8' }, { ip: '10.0.1.9' }] },
    ]),
    ...machine('second-is-public', [
      { nsg: 'One', primary: true, addresses: [{ ip: '10.0.1.10' }] },
      { nsg: 'Two', primary: false, addresses: [{ ip: '10.0.1.11' }, { ip: '10.0.1.12', public: 'ip2' }] },
    ]),
    ...machine('two-doors', [
      { nsg: 'One', primary: true, addresses: [{ ip: '10.0.1.13', public: 'ip1' }] },
      { nsg: 'Two', primary: false, addresses: [{ ip: '10.0.1.14', public: 'ip2' }] },
    ]),
    ...machine('half-bare', [
      { nsg: 'One', primary: true, addresses: [{ ip: '10.0.1.15', public: 'ip1' }] },
      { primary: false, addresses: [{ ip: '10.0.2.15', public: 'ip2', subnet: 'bare' }] },
    ]),
    ...machine('dual', [
      {
        nsg: 'One',
        addresses: [
          { ip: '10.0.1.16', public: 'ip1' },
          { ip: 'fd00::16', public: 'ip6' },
        ],
      },
    ]),
    ...machine('block', [{ nsg: 'One', addresses: [{ ip: '10.0.1.32/28' }] }]),
    ...machine('no-address-yet', [{ nsg: 'One', addresses: [{ ip: '10.0.1.17', public: 'ip-none' }] }]),
    ...machine('tagged', [{ nsg: 'One', addresses: [{ ip: '10.0.1.19' }] }]),
    ...machine('no-interface', []),
    ...machine('lost-interface', [{ nsg: 'One', addresses: [{ ip: '10.0.1.18' }] }]),
  ],
}

const vmOf = (name: string): Vm => ({
  id: resourceId(place, 'Microsoft.Compute/virtualMachines', name).toLowerCase(),
  name,
  resourceGroup: place.resourceGroup,
  subscriptionId: place.subscriptionId,
  subscriptionName: 'Net',
  location: place.location,
  os: 'linux',
  tags: {},
})

const hop = (nsg: string, ...destinations: string[]) => ({
  nsgId: nsgId(nsg).toLowerCase(),
  attachedTo: nsg === 'Subnet' ? 'subnet' : 'network interface',
  destinations,
})

describe('the way to a VM', () => {
  let simulator: Simulator
  let topology: Topology

  beforeAll(async () => {
    simulator = await startTestSimulator({ world })
    const arm = connectArm({
      clock: readyClock(),
      endpoint: simulator.url,
      credential: simulatorCredential(simulator),
      callTimeoutMs: 1000,
    })
    topology = armTopology({ arm })
  })
  afterAll(() => simulator.close())

  const path = (name: string, family: Family = 'IPv4') => topology.path(vmOf(name), family)

  it.each([
    ['both', [hop('Subnet', '10.0.1.4'), hop('One', '10.0.1.4')], '52.1.1.1'],
    ['subnet-only', [hop('Subnet', '10.0.1.5')], '52.1.1.1'],
    ['nic-only', [hop('One', '10.0.2.5')], '52.1.1.1'],
    ['same-twice', [hop('Subnet', '10.0.1.6')], null],
    ['private', [hop('Subnet', '10.0.1.8', '10.0.1.9'), hop('One', '10.0.1.8', '10.0.1.9')], null],
    ['second-is-public', [hop('Subnet', '10.0.1.12'), hop('Two', '10.0.1.12')], '52.1.1.2'],
    [
      'two-doors',
      [hop('Subnet', '10.0.1.13', '10.0.1.14'), hop('One', '10.0.1.13'), hop('Two', '10.0.1.14')],
      '52.1.1.1',
    ],
    ['dual', [hop('Subnet', '10.0.1.16'), hop('One', '10.0.1.16')], '52.1.1.1'],
    ['no-address-yet', [hop('Subnet', '10.0.1.17'), hop('One', '10.0.1.17')], null],
  ])('to %s leads past its groups', async (name, hops, connectTo) => {
    expect(await path(name)).toMatchObject({ kind: 'guarded', hops, connectTo })
  })

  it('of the other family has addresses of that family only', async () => {
    const hops = [hop('Subnet', 'fd00::16'), hop('One', 'fd00::16')]
    expect(await path('dual', 'IPv6')).toMatchObject({ kind: 'guarded', hops, connectTo: '2603:1020::1' })
  })

  it.each([
    ['both', 'IPv4', ['both-nic0 10.0.1.4']],
    ['private', 'IPv4', ['private-nic1 10.0.1.8', 'private-nic1 10.0.1.9']],
    ['two-doors', 'IPv4', ['two-doors-nic0 10.0.1.13', 'two-doors-nic1 10.0.1.14']],
    ['dual', 'IPv6', ['dual-nic0 fd00::16']],
  ] as const)('to %s ends at the addresses that its network interfaces carry', async (name, family, ends) => {
    const found = await path(name, family)
    const endpoints = found.kind === 'guarded' ? (found.endpoints ?? []) : []
    expect(endpoints).toEqual(
      ends.map((end) => {
        const [nic = '', address] = end.split(' ')
        return { networkInterface: resourceId(place, nicType, nic).toLowerCase(), address }
      }),
    )
  })

  it.each([
    ['bare', 'bare-nic0'],
    ['half-bare', 'half-bare-nic1'],
  ])('to %s is open already, by its interface %s', async (name, networkInterface) => {
    expect(await path(name)).toEqual({ kind: 'unguarded', networkInterface })
  })

  it.each([
    ['both', 'IPv6', 'both has no IPv6 address'],
    ['no-interface', 'IPv4', 'no-interface has no IPv4 address'],
    ['block', 'IPv4', 'block has no IPv4 address'],
  ] as const)('to %s by %s does not exist', async (name, family, why) => {
    expect(await path(name, family)).toEqual({ kind: 'unreachable', why })
  })

  it('comes with the tags that the VM has at this moment', async () => {
    const tags = { env: 'prod', Owner: 'U0AVERY' }
    expect(await path('tagged')).toMatchObject({ tags })
    expect(await topology.tags(vmOf('tagged'))).toEqual(tags)
    expect(await path('both')).toMatchObject({ tags: {} })
    await expect(topology.tags(vmOf('gone'))).rejects.toMatchObject({ code: 'vm not found' })
  })

  it('to a VM that is gone is a lasting fault', async () => {
    await expect(path('gone')).rejects.toMatchObject({
      name: 'Fault',
      code: 'vm not found',
      kind: 'permanent',
    })
  })

  it('is a passing fault while Azure is passing through one', async () => {
    simulator.fault({ kind: 'throttle', path: 'networkInterfaces', times: 1, retryAfterSeconds: 3 })
    await expect(path('both')).rejects.toMatchObject({ kind: 'try again', afterMs: 3000 })
    simulator.fault({ kind: 'server-error', path: 'subnets', times: 1 })
    await expect(path('both')).rejects.toMatchObject({ kind: 'try again', code: 'InternalServerError' })
  })

  it('is a lasting fault when something on it may not be read', async () => {
    simulator.fault({ kind: 'forbidden', path: 'subnets', times: 1 })
    await expect(path('both')).rejects.toMatchObject({ kind: 'permanent', code: 'AuthorizationFailed' })
  })

  it('is worth another try when an interface was replaced in between', async () => {
    simulator.mutate({ do: 'delete', id: resourceId(place, nicType, 'lost-interface-nic0') })
    await expect(path('lost-interface')).rejects.toMatchObject({ kind: 'try again' })
  })

  it('takes one call for the VM, one an interface, one a subnet and one a public address', async () => {
    const before = simulator.calls().at(-1)?.seq ?? 0
    await path('two-doors')
    const kinds = simulator.calls(before).map((call) => call.path.split('/').at(-2))
    expect(kinds).toEqual(
      ['virtualmachines', 'networkinterfaces', 'networkinterfaces', 'subnets', 'publicIPAddresses'].map(
        (kind) => expect.stringMatching(new RegExp(`^${kind}$`, 'i')),
      ),
    )
  })
})
