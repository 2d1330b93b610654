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
const firstSubscription = 333_333_333_333

/** The id of the subscription with this number in the world for load tests, counted from zero. */
export const loadSubscription = (index: number): string =>
  `33333333-3333-4333-8333-${firstSubscription + index}`

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
 * with fewer groups than machines, groups are shared in turn. Each subscription has them all.
 */
export function bigWorld(size: { vms: number; nsgs?: number; subscriptions?: number }): World {
  const { vms, nsgs = vms, subscriptions = 1 } = size
  const places = Array.from({ length: subscriptions }, (_, index): Place => {
    return { subscriptionId: loadSubscription(index), resourceGroup: 'rg-load', location: 'westeurope' }
  })
  return {
    tenantId: '99999999-9999-4999-8999-999999999999',
    subscriptions: places.map(({ subscriptionId }, index) => ({
      subscriptionId,
      displayName: index === 0 ? 'Load' : `Load ${index + 1}`,
    })),
    resourceGroups: places.map(({ subscriptionId, resourceGroup: name, location }) => {
      return { subscriptionId, name, location }
    }),
    resources: places.flatMap((place) => resourcesIn(place, vms, nsgs)),
    locks: [],
  }
}

function resourcesIn(place: Place, vms: number, nsgs: number): ArmResource[] {
  const resources: ArmResource[] = [
    resource(place, 'Microsoft.Network/networkWatchers', 'NetworkWatcher_westeurope', {}),
  ]
  for (let i = 0; i < nsgs; i++) resources.push(securityGroup(place, numbered('nsg', i), foreignRules))
  for (let i = 0; i < vms; i += perSubnet * subnetsPerNetwork) resources.push(network(place, i, vms))
  for (let i = 0; i < vms; i++) resources.push(...loadMachine(place, i, nsgs))
  return resources
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

function network(place: Place, first: number, vms: number): ArmResource {
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

function loadMachine(place: Place, index: number, nsgs: number): ArmResource[] {
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
