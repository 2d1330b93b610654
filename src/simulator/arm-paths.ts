/** A resource type as Azure spells it, by its lower-cased form. */
const canonicalTypes = new Map(
  [
    'Microsoft.Authorization/denyAssignments',
    'Microsoft.Authorization/locks',
    'Microsoft.Authorization/permissions',
    'Microsoft.Authorization/roleAssignments',
    'Microsoft.Authorization/roleDefinitions',
    'Microsoft.Compute/virtualMachines',
    'Microsoft.Compute/virtualMachines/instanceView',
    'Microsoft.Network/applicationSecurityGroups',
    'Microsoft.Network/locations/operationResults',
    'Microsoft.Network/locations/operations',
    'Microsoft.Network/networkInterfaces',
    'Microsoft.Network/networkSecurityGroups',
    'Microsoft.Network/networkSecurityGroups/defaultSecurityRules',
    'Microsoft.Network/networkSecurityGroups/securityRules',
    'Microsoft.Network/networkWatchers',
    'Microsoft.Network/networkWatchers/ipFlowVerify',
    'Microsoft.Network/publicIPAddresses',
    'Microsoft.Network/virtualNetworks',
    'Microsoft.Network/virtualNetworks/subnets',
    'Microsoft.ResourceGraph/resources',
    'Microsoft.Security/alerts',
    'Microsoft.Security/assessments',
    'Microsoft.Security/jitNetworkAccessPolicies',
    'Microsoft.Security/locations/alerts',
    'Microsoft.Security/locations/jitNetworkAccessPolicies',
    'Microsoft.Security/locations/jitNetworkAccessPolicies/initiate',
    'Microsoft.Security/pricings',
  ].map((type) => [type.toLowerCase(), type]),
)

export function canonicalType(type: string): string {
  return canonicalTypes.get(type.toLowerCase()) ?? type
}

export interface ArmPath {
  /** The whole path, as sent. */
  full: string
  /** What stands before the last `/providers/`: a subscription, a resource group or a resource. */
  scope: string
  subscription?: string
  resourceGroup?: string
  /** For example `microsoft.network/networksecuritygroups/securityrules`, lower-cased. */
  type: string
  names: string[]
  /** A path that ends with a type and no name: a list, or an action such as `ipFlowVerify`. */
  collection: boolean
}

export function parseArmPath(full: string): ArmPath {
  const segments = decoded(full).split('/').filter(Boolean)
  const lower = segments.map((segment) => segment.toLowerCase())
  const at = lower.lastIndexOf('providers')
  const scopeLength = at < 0 ? segments.length : at
  const pairs = at < 0 ? [] : segments.slice(at + 2)
  const types = pairs.filter((_, index) => index % 2 === 0).map((type) => type.toLowerCase())
  const names = pairs.filter((_, index) => index % 2 === 1)
  const path: ArmPath = {
    full,
    scope: `/${segments.slice(0, scopeLength).join('/')}`,
    type: at < 0 ? '' : [lower[at + 1] ?? '', ...types].join('/'),
    names,
    collection: types.length > names.length,
  }
  if (lower[0] === 'subscriptions' && segments[1] !== undefined) path.subscription = segments[1]
  if (lower[2] === 'resourcegroups' && segments[3] !== undefined) path.resourceGroup = segments[3]
  return path
}

function decoded(path: string): string {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const verbs: Record<string, string> = {
  GET: 'read',
  HEAD: 'read',
  PUT: 'write',
  PATCH: 'write',
  DELETE: 'delete',
}

/** The action of Azure's role system that a call needs, for example `Microsoft.Network/networkInterfaces/read`. */
export function actionOf(method: string, path: ArmPath): string {
  if (path.type === '') {
    const scope = path.resourceGroup === undefined ? 'subscriptions' : 'subscriptions/resourceGroups'
    return `Microsoft.Resources/${scope}/${verbs[method] ?? 'action'}`
  }
  const type = canonicalType(path.type)
  if (path.type === 'microsoft.resourcegraph/resources') return `${type}/read`
  return `${type}/${verbs[method] ?? 'action'}`
}

export function verbOf(method: string): string {
  return verbs[method] ?? 'action'
}
