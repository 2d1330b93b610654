import type { Answer, ArmCall } from './arm-call.ts'
import { header } from './arm-call.ts'
import { getRole, listAssignments, listDenies, listRoles } from './authorization.ts'
import { type BucketKind, Buckets } from './buckets.ts'
import {
  deletePolicy,
  getPricing,
  initiate,
  listAlerts,
  listAssessments,
  listPricings,
  putPolicy,
} from './defender-calls.ts'
import { ArmError } from './errors.ts'
import { deleteGroup, putGroup } from './group-calls.ts'
import { operationResult, operationStatus } from './group-operations.ts'
import { listLocks, refuseWhenLocked } from './locks.ts'
import { verifyFlow } from './network-watcher.ts'
import {
  getInstanceView,
  getResource,
  getSubnet,
  getSubscription,
  listGroups,
  listPermissions,
  listPolicies,
  listPoliciesOfRegion,
  listResources,
  listSubnets,
  listSubscriptions,
} from './reads.ts'
import { queryResources } from './resource-graph.ts'
import { deleteRule, getRule, listDefaultRules, listRules, putRule } from './rule-calls.ts'

type Handler = (call: ArmCall) => Answer

const nsg = 'microsoft.network/networksecuritygroups'
const jit = 'microsoft.security/locations/jitnetworkaccesspolicies'

/** `/*` at the end stands for one named resource; without it the path is a list or an action. */
const handlers = new Map<string, Handler>([
  [`GET ${nsg}/securityrules/*`, getRule],
  [`GET ${nsg}/securityrules`, listRules],
  [`PUT ${nsg}/securityrules/*`, putRule],
  [`DELETE ${nsg}/securityrules/*`, deleteRule],
  [`GET ${nsg}/defaultsecurityrules`, listDefaultRules],
  ['GET microsoft.network/virtualnetworks/subnets/*', getSubnet],
  ['GET microsoft.network/virtualnetworks/subnets', listSubnets],
  ['GET microsoft.compute/virtualmachines/instanceview', getInstanceView],
  ['GET microsoft.network/locations/operations/*', operationStatus],
  ['GET microsoft.network/locations/operationresults/*', operationResult],
  ['GET microsoft.security/jitnetworkaccesspolicies', listPolicies],
  [`GET ${jit}/*`, getResource],
  [`GET ${jit}`, listPoliciesOfRegion],
  [`PUT ${jit}/*`, putPolicy],
  [`DELETE ${jit}/*`, deletePolicy],
  [`POST ${jit}/initiate`, initiate],
  ['GET microsoft.security/pricings', listPricings],
  ['GET microsoft.security/pricings/*', getPricing],
  ['GET microsoft.security/alerts', listAlerts],
  ['GET microsoft.security/locations/alerts', listAlerts],
  ['GET microsoft.security/locations/alerts/*', getResource],
  ['GET microsoft.security/assessments', listAssessments],
  ['GET microsoft.security/assessments/*', getResource],
  ['GET microsoft.authorization/locks', listLocks],
  ['GET microsoft.authorization/permissions', listPermissions],
  ['GET microsoft.authorization/roleassignments', listAssignments],
  ['GET microsoft.authorization/roledefinitions', listRoles],
  ['GET microsoft.authorization/roledefinitions/*', getRole],
  ['GET microsoft.authorization/denyassignments', listDenies],
  [`PUT ${nsg}/*`, putGroup],
  [`DELETE ${nsg}/*`, deleteGroup],
  ['POST microsoft.network/networkwatchers/ipflowverify', verifyFlow],
  ['POST microsoft.resourcegraph/resources', queryResources],
])

for (const type of [
  'microsoft.compute/virtualmachines',
  'microsoft.network/applicationsecuritygroups',
  'microsoft.network/networkinterfaces',
  'microsoft.network/networkwatchers',
  'microsoft.network/publicipaddresses',
  'microsoft.network/virtualnetworks',
  nsg,
]) {
  handlers.set(`GET ${type}`, listResources)
  handlers.set(`GET ${type}/*`, getResource)
}

/** Azure's own order: who calls, is the call well formed, does the place exist, is there room, is it locked. */
export function handleArm(call: ArmCall): Answer {
  call.sim.catchUp()
  call.sim.tokens.check(header(call, 'authorization'), call.sim.now())
  if (!call.query.get('api-version')) {
    throw new ArmError(
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    )
  }
  requirePlace(call)
  const limits = drawFromBucket(call)
  try {
    refuseWhenLocked(call)
    const answer = handlerOf(call)(call)
    return { ...answer, headers: { ...limits, ...answer.headers } }
  } catch (error) {
    if (error instanceof ArmError) Object.assign(error.headers, limits)
    throw error
  }
}

function handlerOf(call: ArmCall): Handler {
  const { path, method } = call
  if (path.type === '') return scopeHandler(call)
  const handler = handlers.get(`${method} ${path.type}${path.collection ? '' : '/*'}`)
  if (handler) return handler
  const [namespace = '', ...type] = path.type.split('/')
  throw new ArmError(
    404,
    'InvalidResourceType',
    `The resource type '${type.join('/')}' could not be found in the namespace '${namespace}' for ${method} in this simulator.`,
  )
}

function scopeHandler({ path, method }: ArmCall): Handler {
  const segments = path.scope.split('/').length - 1
  if (method === 'GET' && path.subscription === undefined && path.scope.toLowerCase() === '/subscriptions') {
    return listSubscriptions
  }
  if (method === 'GET' && segments === 2) return getSubscription
  if (method === 'GET' && segments === 3 && path.scope.toLowerCase().endsWith('/resourcegroups'))
    return listGroups
  throw new ArmError(404, 'NotFound', `This simulator knows no ${method} ${path.full}.`)
}

function requirePlace({ sim, path }: ArmCall): void {
  const { subscription, resourceGroup } = path
  if (subscription === undefined) return
  if (!sim.resources.subscriptions.has(subscription.toLowerCase())) {
    throw new ArmError(404, 'SubscriptionNotFound', `The subscription '${subscription}' could not be found.`)
  }
  if (resourceGroup === undefined || sim.resources.hasGroup(subscription, resourceGroup)) return
  throw new ArmError(404, 'ResourceGroupNotFound', `Resource group '${resourceGroup}' could not be found.`)
}

function bucketOf(method: string): BucketKind {
  if (method === 'GET' || method === 'HEAD') return 'reads'
  return method === 'DELETE' ? 'deletes' : 'writes'
}

function drawFromBucket({ sim, path, method }: ArmCall): Record<string, string> {
  if (path.subscription === undefined) return {}
  const kind = bucketOf(method)
  const drawn = sim.settings.buckets
    ? sim.buckets.draw(path.subscription, kind, sim.now())
    : Buckets.full(kind)
  const headers = { [`x-ms-ratelimit-remaining-subscription-${kind}`]: String(drawn.remaining) }
  if (drawn.ok) return headers
  throw throttled(kind, path.subscription, { ...headers, 'Retry-After': String(drawn.retryAfterSeconds) })
}

export function throttled(kind: BucketKind, subscription: string, headers: Record<string, string>): ArmError {
  const wait = headers['Retry-After']
  return new ArmError(
    429,
    'SubscriptionRequestsThrottled',
    `Number of '${kind}' requests for subscription '${subscription}' exceeded.${wait === undefined ? '' : ` Please try again after '${wait}'.`}`,
    { headers },
  )
}
