import type { ArmResource, World } from './world.ts'
import {
  alert,
  assessment,
  jitPolicy,
  machine,
  type Place,
  resource,
  resourceId,
  rule,
  securityGroup,
  serversPlan,
  virtualNetwork,
} from './world-builder.ts'

const production = '11111111-1111-4111-8111-111111111111'
const staging = '22222222-2222-4222-8222-222222222222'

const ops: Place = { subscriptionId: production, resourceGroup: 'rg-ops', location: 'westeurope' }
const shop: Place = { subscriptionId: production, resourceGroup: 'rg-shop', location: 'westeurope' }
const watchers: Place = {
  subscriptionId: production,
  resourceGroup: 'NetworkWatcherRG',
  location: 'westeurope',
}
const lab: Place = { subscriptionId: staging, resourceGroup: 'rg-lab', location: 'northeurope' }
const labWatchers: Place = {
  subscriptionId: staging,
  resourceGroup: 'NetworkWatcherRG',
  location: 'northeurope',
}

const nsgType = 'Microsoft.Network/networkSecurityGroups'
const vnetType = 'Microsoft.Network/virtualNetworks'

const denyRdpFromInternet = rule('deny-rdp-internet', 4000, {
  access: 'Deny',
  sourceAddressPrefix: 'Internet',
  destinationPortRange: '3389',
  description: 'Nobody may reach RDP from outside.',
})

const allowHttps = rule('allow-https', 300, {
  sourceAddressPrefix: 'Internet',
  destinationPortRange: '443',
  description: 'Customers.',
})

function securityGroups(): ArmResource[] {
  return [
    securityGroup(ops, 'nsg-jump01-nic', [denyRdpFromInternet]),
    securityGroup(ops, 'nsg-ops-subnet', [
      denyRdpFromInternet,
      rule('allow-monitoring', 200, { sourceAddressPrefix: '10.20.9.0/24', destinationPortRange: '9100' }),
    ]),
    securityGroup(shop, 'nsg-web-subnet', [
      allowHttps,
      rule('allow-http', 310, { sourceAddressPrefix: 'Internet', destinationPortRange: '80' }),
    ]),
    securityGroup(shop, 'nsg-db01-nic', [
      rule('allow-sql-from-web', 200, {
        sourceAddressPrefix: '10.30.1.0/24',
        destinationPortRange: '1433',
      }),
    ]),
    securityGroup(ops, 'nsg-open01-nic', [
      rule('rdp-for-everyone', 310, {
        destinationPortRange: '3389',
        description: 'Added by hand for a demo.',
      }),
    ]),
    securityGroup(shop, 'nsg-mdc01-nic', [
      rule('MicrosoftDefenderForCloud-JITRule_4096_9F1C2B7A5D1E4B0CA6F3D8E2B4C6A801', 4096, {
        access: 'Deny',
        protocol: '*',
        destinationAddressPrefix: '10.30.2.10',
        destinationPortRanges: ['22', '3389'],
        description: "MDC JIT Network Access rule for policy 'default' of VM 'vm-mdc01'.",
      }),
    ]),
    securityGroup(shop, 'nsg-app01-nic', [allowHttps]),
    securityGroup(lab, 'nsg-app01-nic'),
  ]
}

function networks(): ArmResource[] {
  const opsNsg = resourceId(ops, nsgType, 'nsg-ops-subnet')
  const webNsg = resourceId(shop, nsgType, 'nsg-web-subnet')
  return [
    virtualNetwork(
      ops,
      'vnet-ops',
      ['10.20.0.0/16', 'fd00:20::/48'],
      [
        { name: 'snet-jump', prefixes: ['10.20.1.0/24', 'fd00:20:0:1::/64'], nsg: opsNsg },
        { name: 'snet-open', prefixes: ['10.20.2.0/24'] },
      ],
    ),
    virtualNetwork(
      shop,
      'vnet-shop',
      ['10.30.0.0/16'],
      [
        { name: 'snet-web', prefixes: ['10.30.1.0/24'], nsg: webNsg },
        { name: 'snet-data', prefixes: ['10.30.2.0/24'] },
      ],
    ),
    virtualNetwork(lab, 'vnet-lab', ['10.40.0.0/16'], [{ name: 'snet-lab', prefixes: ['10.40.1.0/24'] }]),
  ]
}

function subnetId(place: Place, network: string, subnet: string): string {
  return `${resourceId(place, vnetType, network)}/subnets/${subnet}`
}

function opsMachines(): ArmResource[] {
  return [
    ...machine(ops, {
      name: 'vm-jump01',
      os: 'Windows',
      privateIp: '10.20.1.10',
      privateIp6: 'fd00:20:0:1::10',
      publicIp: '52.166.10.10',
      subnet: subnetId(ops, 'vnet-ops', 'snet-jump'),
      nsg: resourceId(ops, nsgType, 'nsg-jump01-nic'),
      tags: { env: 'ops', owner: 'platform' },
    }),
    ...machine(ops, {
      name: 'vm-open01',
      os: 'Windows',
      privateIp: '10.20.2.11',
      publicIp: '52.166.10.11',
      subnet: subnetId(ops, 'vnet-ops', 'snet-open'),
      nsg: resourceId(ops, nsgType, 'nsg-open01-nic'),
      tags: { env: 'test' },
    }),
    ...machine(ops, {
      name: 'vm-bare01',
      os: 'Linux',
      privateIp: '10.20.2.12',
      publicIp: '52.166.10.12',
      subnet: subnetId(ops, 'vnet-ops', 'snet-open'),
      tags: { env: 'test' },
    }),
  ]
}

function shopMachines(): ArmResource[] {
  const data = subnetId(shop, 'vnet-shop', 'snet-data')
  return [
    ...machine(shop, {
      name: 'vm-web01',
      os: 'Linux',
      privateIp: '10.30.1.10',
      publicIp: '52.166.30.10',
      subnet: subnetId(shop, 'vnet-shop', 'snet-web'),
      tags: { env: 'test', app: 'shop' },
    }),
    ...machine(shop, {
      name: 'vm-db01',
      os: 'Linux',
      privateIp: '10.30.2.20',
      publicIp: '52.166.30.20',
      subnet: data,
      nsg: resourceId(shop, nsgType, 'nsg-db01-nic'),
      tags: { env: 'prod', app: 'shop' },
    }),
    ...machine(shop, {
      name: 'vm-mdc01',
      os: 'Windows',
      privateIp: '10.30.2.10',
      publicIp: '52.166.30.30',
      subnet: data,
      nsg: resourceId(shop, nsgType, 'nsg-mdc01-nic'),
      tags: { env: 'test' },
    }),
    ...machine(shop, {
      name: 'vm-app01',
      os: 'Linux',
      privateIp: '10.30.2.40',
      publicIp: '52.166.30.40',
      subnet: data,
      nsg: resourceId(shop, nsgType, 'nsg-app01-nic'),
      tags: { env: 'prod', app: 'shop' },
    }),
  ]
}

function labMachines(): ArmResource[] {
  const subnet = subnetId(lab, 'vnet-lab', 'snet-lab')
  const nsg = resourceId(lab, nsgType, 'nsg-app01-nic')
  return [
    ...machine(lab, {
      name: 'vm-app01',
      os: 'Linux',
      privateIp: '10.40.1.40',
      publicIp: '20.82.40.40',
      subnet,
      nsg,
      tags: { env: 'staging' },
    }),
    ...machine(lab, {
      name: 'vm-stopped01',
      os: 'Linux',
      privateIp: '10.40.1.41',
      publicIp: '20.82.40.41',
      subnet,
      nsg,
      tags: { env: 'staging' },
      power: 'PowerState/deallocated',
    }),
  ]
}

function defender(): ArmResource[] {
  return [
    serversPlan(production, 'P2'),
    jitPolicy(shop, 'default', ['vm-mdc01'], [22, 3389]),
    alert(shop, {
      name: '2518298467986649999_4d25bfef-2d77-4a08-adc0-3e35715cc92a',
      alertType: 'RDP_Incoming_BF_OneToOne',
      title: 'Suspicious incoming RDP network activity',
      severity: 'Medium',
      machine: 'vm-mdc01',
      startsAt: '2026-11-22T06:12:00.0000000Z',
    }),
    assessment(shop, 'vm-mdc01', 'justInTime', 'Healthy'),
    assessment(shop, 'vm-mdc01', 'managementPorts', 'Healthy'),
    assessment(shop, 'vm-mdc01', 'networkPorts', 'Healthy'),
    assessment(ops, 'vm-open01', 'justInTime', 'Unhealthy'),
    assessment(ops, 'vm-open01', 'managementPorts', 'Unhealthy'),
  ]
}

/** The world of the demo: small, and holding every case that a request can meet. */
export function demoWorld(): World {
  const places = [ops, shop, watchers, lab, labWatchers]
  return {
    tenantId: '99999999-9999-4999-8999-999999999999',
    subscriptions: [
      { subscriptionId: production, displayName: 'Production' },
      { subscriptionId: staging, displayName: 'Staging' },
    ],
    resourceGroups: places.map(({ resourceGroup, ...place }) => ({ ...place, name: resourceGroup })),
    resources: [
      ...securityGroups(),
      ...networks(),
      ...opsMachines(),
      ...shopMachines(),
      ...labMachines(),
      resource(watchers, 'Microsoft.Network/networkWatchers', 'NetworkWatcher_westeurope', {}),
      resource(labWatchers, 'Microsoft.Network/networkWatchers', 'NetworkWatcher_northeurope', {}),
      ...defender(),
    ],
    locks: [],
  }
}
