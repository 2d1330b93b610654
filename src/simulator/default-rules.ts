import type { NamedRule } from './world.ts'

function defaultRule(
  name: string,
  description: string,
  priority: number,
  access: 'Allow' | 'Deny',
  [source, destination]: [string, string],
): NamedRule {
  return {
    name,
    properties: {
      description,
      protocol: '*',
      sourcePortRange: '*',
      destinationPortRange: '*',
      sourceAddressPrefix: source,
      destinationAddressPrefix: destination,
      access,
      priority,
      direction: name.endsWith('InBound') ? 'Inbound' : 'Outbound',
    },
  }
}

const vnet: [string, string] = ['VirtualNetwork', 'VirtualNetwork']

/** The six rules that every security group has and nobody can remove. */
export const defaultRules: readonly NamedRule[] = [
  defaultRule('AllowVnetInBound', 'Allow inbound traffic from all VMs in VNET', 65000, 'Allow', vnet),
  defaultRule(
    'AllowAzureLoadBalancerInBound',
    'Allow inbound traffic from azure load balancer',
    65001,
    'Allow',
    ['AzureLoadBalancer', '*'],
  ),
  defaultRule('DenyAllInBound', 'Deny all inbound traffic', 65500, 'Deny', ['*', '*']),
  defaultRule(
    'AllowVnetOutBound',
    'Allow outbound traffic from all VMs to all VMs in VNET',
    65000,
    'Allow',
    vnet,
  ),
  defaultRule('AllowInternetOutBound', 'Allow outbound traffic from all VMs to Internet', 65001, 'Allow', [
    '*',
    'Internet',
  ]),
  defaultRule('DenyAllOutBound', 'Deny all outbound traffic', 65500, 'Deny', ['*', '*']),
]
