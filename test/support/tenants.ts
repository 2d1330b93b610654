import { demoWorld } from '../../src/simulator/demo-world.ts'
import type { World } from '../../src/simulator/world.ts'
import {
  machine,
  type Place,
  resourceId,
  securityGroup,
  virtualNetwork,
} from '../../src/simulator/world-builder.ts'

export const home = '99999999-9999-4999-8999-999999999999'
export const customer = '88888888-8888-4888-8888-888888888888'
const partner = '77777777-7777-4777-8777-777777777777'

export const customerSubscription = '33333333-3333-4333-8333-333333333333'
export const delegatedSubscription = '44444444-4444-4444-8444-444444444444'

const nsgType = 'Microsoft.Network/networkSecurityGroups'

/** A VM behind a group of its own, in a subscription of its own. */
function place(subscriptionId: string, name: string, third: number) {
  const here: Place = { subscriptionId, resourceGroup: `rg-${name}`, location: 'westeurope' }
  const subnet = `${resourceId(here, 'Microsoft.Network/virtualNetworks', `vnet-${name}`)}/subnets/snet`
  return {
    resourceGroup: { subscriptionId, location: here.location, name: here.resourceGroup },
    resources: [
      securityGroup(here, `nsg-${name}`),
      virtualNetwork(
        here,
        `vnet-${name}`,
        [`10.${third}.0.0/16`],
        [{ name: 'snet', prefixes: [`10.${third}.1.0/24`] }],
      ),
      ...machine(here, {
        name: `vm-${name}`,
        os: 'Linux',
        privateIp: `10.${third}.1.10`,
        publicIp: `52.166.${third}.10`,
        subnet,
        nsg: resourceId(here, nsgType, `nsg-${name}`),
      }),
    ],
  }
}

/** The demo's world, a subscription of a customer's tenant, and one that a partner's tenant has delegated to ours. */
export function tenantsWorld(): World {
  const world = demoWorld()
  const places = [place(customerSubscription, 'customer', 50), place(delegatedSubscription, 'delegated', 60)]
  return {
    ...world,
    subscriptions: [
      ...world.subscriptions,
      { subscriptionId: customerSubscription, displayName: 'Customer', tenantId: customer },
      {
        subscriptionId: delegatedSubscription,
        displayName: 'Delegated',
        tenantId: partner,
        managedByTenants: [home],
      },
    ],
    resourceGroups: [...world.resourceGroups, ...places.map((each) => each.resourceGroup)],
    resources: [...world.resources, ...places.flatMap((each) => each.resources)],
  }
}
