import { type ArmPath, canonicalType } from './arm-paths.ts'

/**
 * Where it is said which action a call needs. `operations` is Microsoft's list of the operations of each resource
 * provider (azure-docs, role-based-access-control/permissions); `jit` is Defender's own list of rights
 * (azure-security-docs, just-in-time-access-usage, 2025-02-19); `rule` is Resource Manager's rule alone: the type and
 * the verb of the call, which no page says of this call.
 */
type Source = 'operations' | 'jit' | 'rule'

interface Need {
  readonly action: string
  readonly source: Source
}

const table = new Map<string, Need>()

const verbs: Record<string, string> = {
  GET: 'read',
  HEAD: 'read',
  PUT: 'write',
  PATCH: 'write',
  DELETE: 'delete',
}

export function verbOf(method: string): string {
  return verbs[method] ?? 'action'
}

const need = (call: string, action: string, source: Source): void => {
  const [method = '', type = ''] = call.split(' ')
  table.set(`${method} ${type.toLowerCase()}`, { action, source })
}

/** Calls whose action is their type and the verb, which is what Resource Manager makes of nearly all of them. */
const plain = (methods: readonly string[], types: readonly string[], source: Source): void => {
  for (const type of types)
    for (const method of methods) need(`${method} ${type}`, `${type}/${verbOf(method)}`, source)
}

plain(
  ['GET'],
  [
    'Microsoft.Authorization/denyAssignments',
    'Microsoft.Authorization/locks',
    'Microsoft.Authorization/permissions',
    'Microsoft.Authorization/policyAssignments',
    'Microsoft.Authorization/policyExemptions',
    'Microsoft.Authorization/roleAssignments',
    'Microsoft.Authorization/roleDefinitions',
    'Microsoft.Compute/virtualMachines',
    'Microsoft.Compute/virtualMachines/instanceView',
    'Microsoft.Network/applicationSecurityGroups',
    'Microsoft.Network/loadBalancers',
    'Microsoft.Network/locations/operationResults',
    'Microsoft.Network/locations/operations',
    'Microsoft.Network/networkInterfaces',
    'Microsoft.Network/networkSecurityGroups/defaultSecurityRules',
    'Microsoft.Network/networkWatchers',
    'Microsoft.Network/publicIPAddresses',
    'Microsoft.Network/virtualNetworks',
    'Microsoft.Network/virtualNetworks/subnets',
    'Microsoft.Security/alerts',
    'Microsoft.Security/assessments',
    'Microsoft.Security/locations/alerts',
    'Microsoft.Security/pricings',
  ],
  'operations',
)
plain(
  ['GET', 'PUT', 'DELETE'],
  [
    'Microsoft.Network/networkSecurityGroups',
    'Microsoft.Network/networkSecurityGroups/securityRules',
    'Microsoft.Security/locations/jitNetworkAccessPolicies',
  ],
  'operations',
)
plain(
  ['POST'],
  [
    'Microsoft.Network/networkInterfaces/effectiveNetworkSecurityGroups',
    'Microsoft.Network/networkWatchers/ipFlowVerify',
    'Microsoft.Network/virtualNetworks/listNetworkManagerEffectiveSecurityAdminRules',
  ],
  'operations',
)
need(
  'POST Microsoft.Security/locations/jitNetworkAccessPolicies/initiate',
  'Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action',
  'jit',
)
// The list of a whole subscription stands under a type without a location, for which there is no action.
need(
  'GET Microsoft.Security/jitNetworkAccessPolicies',
  'Microsoft.Security/locations/jitNetworkAccessPolicies/read',
  'rule',
)
// Both are sent by POST and only read.
need('POST Microsoft.ResourceGraph/resources', 'Microsoft.ResourceGraph/resources/read', 'operations')
need(
  'POST Microsoft.PolicyInsights/checkPolicyRestrictions',
  'Microsoft.PolicyInsights/checkPolicyRestrictions/read',
  'operations',
)

/** Subscriptions and resource groups have no provider in their path. */
function placeAction(method: string, { resourceGroup, scope }: ArmPath): string {
  const groups = resourceGroup !== undefined || scope.toLowerCase().endsWith('/resourcegroups')
  return `Microsoft.Resources/subscriptions/${groups ? 'resourceGroups/' : ''}${verbOf(method)}`
}

/** Whether the table says which action a call needs, and it is no guess by Resource Manager's rule. */
export const isListed = (method: string, path: ArmPath): boolean =>
  path.type === '' || table.has(`${method} ${path.type}`)

/** The action of Azure's role system that a call needs, for example `Microsoft.Network/networkInterfaces/read`. */
export function actionOf(method: string, path: ArmPath): string {
  if (path.type === '') return placeAction(method, path)
  return table.get(`${method} ${path.type}`)?.action ?? `${canonicalType(path.type)}/${verbOf(method)}`
}

/** What somebody needs to see resources of a type in an answer that lists many. */
export const readActionOf = (type: string): string => `${canonicalType(type)}/read`

/** The resource, or the place above it, that a call's right must hold at. */
export function scopeOf({ full, scope, names, collection }: ArmPath): string {
  if (!collection) return full
  return names.length === 0 ? scope : full.slice(0, full.replace(/\/$/, '').lastIndexOf('/'))
}
