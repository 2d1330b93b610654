import type { ArmResource, World } from './world.ts'
import {
  machine,
  type Place,
  resource,
  resourceId,
  rule,
  type SubnetSketch,
  securityGroup,
  virtualNetwork,
} from './world-builder.ts'

const perSubnet = 200
const subnetsPerNetwork = 50
const subscriptionId = '33333333-3333-4333-8333-333333333333'
const place: Place = { subscriptionId, resourceGroup: 'rg-load', location: 'westeurope' }

const foreignRules = [
  rule('allow-https', 300, { sourceAddressPrefix: 'Internet', destinationPortRange: '443' }),
  rule('deny-rdp-internet', 4000, {
    access: 'Deny',
    sourceAddressPrefix: 'Internet',
    destinationPortRange: '3389',
  }),
]

/**
 * `vm-00000`, `vm-00001`, … for load tests, each behind the network interface group `nsg-00000`, …;
 * with fewer groups than machines, groups are shared in turn.
 */
export function bigWorld({ vms, nsgs = vms }: { vms: number; nsgs?: number }): World {
  const resources: ArmResource[] = [
    resource(place, 'Microsoft.Network/networkWatchers', 'NetworkWatcher_westeurope', {}),
  ]
  for (let i = 0; i < nsgs; i++) resources.push(securityGroup(place, numbered('nsg', i), foreignRules))
  for (let i = 0; i < vms; i += perSubnet * subnetsPerNetwork) resources.push(network(i, vms))
  for (let i = 0; i < vms; i++) resources.push(...loadMachine(i, nsgs))
  return {
    tenantId: '99999999-9999-4999-8999-999999999999',
    subscriptions: [{ subscriptionId, displayName: 'Load' }],
    resourceGroups: [{ subscriptionId, name: place.resourceGroup, location: place.location }],
    resources,
    locks: [],
  }
}

function numbered(word: string, index: number): string {
  return `${word}-${String(index).padStart(5, '0')}`
}

function networkName(index: number): string {
  return numbered('vnet', Math.floor(index / (perSubnet * subnetsPerNetwork)))
}

function subnetName(index: number): string {
  return numbered('snet', Math.floor(index / perSubnet))
}

/** Each subnet has the /24 of its number, counted up from 10.0.0.0. */
function addressOf(index: number): string {
  const subnet = Math.floor(index / perSubnet)
  return `10.${Math.floor(subnet / 256)}.${subnet % 256}.${10 + (index % perSubnet)}`
}

function network(first: number, vms: number): ArmResource {
  const subnets: SubnetSketch[] = []
  const end = Math.min(vms, first + perSubnet * subnetsPerNetwork)
  for (let i = first; i < end; i += perSubnet) {
    subnets.push({ name: subnetName(i), prefixes: [addressOf(i).replace(/\d+$/, '0/24')] })
  }
  return virtualNetwork(
    place,
    networkName(first),
    subnets.flatMap((subnet) => subnet.prefixes),
    subnets,
  )
}

function loadMachine(index: number, nsgs: number): ArmResource[] {
  const vnet = resourceId(place, 'Microsoft.Network/virtualNetworks', networkName(index))
  return machine(place, {
    name: numbered('vm', index),
    os: index % 2 === 0 ? 'Linux' : 'Windows',
    privateIp: addressOf(index),
    subnet: `${vnet}/subnets/${subnetName(index)}`,
    tags: { env: index % 10 === 0 ? 'prod' : 'test' },
    ...(nsgs > 0 && {
      nsg: resourceId(place, 'Microsoft.Network/networkSecurityGroups', numbered('nsg', index % nsgs)),
    }),
  })
}
