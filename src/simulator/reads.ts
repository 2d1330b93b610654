import type { Answer, ArmCall } from './arm-call.ts'
import { canonicalType } from './arm-paths.ts'
import { groupBody, instanceView, plainBody } from './bodies.ts'
import { childNotFound, parentNotFound, resourceNotFound } from './errors.ts'
import { isReached, rolesAt } from './rights.ts'
import { callerOf, isOpenTo, tenantOf } from './tenants.ts'
import type { ArmResource, Subnet, Subscription } from './world.ts'

const pageSize = 500

function resourceAt(call: ArmCall): ArmResource {
  const { path } = call
  const resource = call.sim.resources.get(path.full)
  if (resource) return resource
  throw resourceNotFound(canonicalType(path.type), path.names.join('/'), path.resourceGroup ?? '')
}

function bodyOf(call: ArmCall, resource: ArmResource): object {
  switch (resource.type.toLowerCase()) {
    case 'microsoft.network/networksecuritygroups': {
      const group = call.sim.group(resource.id)
      return group ? groupBody(group, group.read(), call.sim.resources.attachedTo(resource.id)) : {}
    }
    case 'microsoft.compute/virtualmachines': {
      const wanted = (call.query.get('$expand') ?? call.query.get('statusOnly') ?? '').toLowerCase()
      if (wanted !== 'instanceview') return plainBody(resource)
      const properties = { ...resource.properties, instanceView: instanceView(resource) }
      return plainBody({ ...resource, properties })
    }
    default:
      return plainBody(resource)
  }
}

export function getResource(call: ArmCall): Answer {
  return { status: 200, body: bodyOf(call, resourceAt(call)) }
}

export function getInstanceView(call: ArmCall): Answer {
  const id = call.path.full.slice(0, call.path.full.lastIndexOf('/'))
  const machine = call.sim.resources.get(id)
  if (!machine) {
    throw resourceNotFound(
      'Microsoft.Compute/virtualMachines',
      call.path.names[0] ?? '',
      call.path.resourceGroup ?? '',
    )
  }
  return { status: 200, body: instanceView(machine) }
}

export function listResources(call: ArmCall): Answer {
  return listOf(call, call.path.type)
}

function listOf(call: ArmCall, type: string): Answer {
  const { subscription = '', resourceGroup = '' } = call.path
  const all = call.sim.resources.list(type, subscription, resourceGroup)
  const from = Number(call.query.get('$skiptoken') ?? 0)
  const page = all.slice(from, from + pageSize).map((each) => bodyOf(call, each))
  if (from + pageSize >= all.length) return { status: 200, body: { value: page } }
  const query = new URLSearchParams(call.query)
  query.set('$skiptoken', String(from + pageSize))
  return { status: 200, body: { value: page, nextLink: `${call.base}${call.path.full}?${query.toString()}` } }
}

export function getSubnet(call: ArmCall): Answer {
  const name = (call.path.names[1] ?? '').toLowerCase()
  const found = subnetsOf(call).find((each) => each.name.toLowerCase() === name)
  if (!found) throw childNotFound(call.path.full)
  return { status: 200, body: found }
}

export function listSubnets(call: ArmCall): Answer {
  return { status: 200, body: { value: subnetsOf(call) } }
}

function subnetsOf(call: ArmCall): Subnet[] {
  const id = `${call.path.scope}/providers/Microsoft.Network/virtualNetworks/${call.path.names[0] ?? ''}`
  const network = call.sim.resources.get(id)
  if (!network) throw parentNotFound('read', 'virtualNetworks/subnets', id)
  return network.properties.subnets ?? []
}

/** The JIT policies of one region: the region stands in the id before the type. */
export function listPoliciesOfRegion(call: ArmCall): Answer {
  const { subscription = '', resourceGroup = '', names } = call.path
  const type = 'Microsoft.Security/locations/jitNetworkAccessPolicies'
  const value = call.sim.resources
    .list(type, subscription, resourceGroup)
    .filter((each) => each.location.toLowerCase() === (names[0] ?? '').toLowerCase())
    .map(plainBody)
  return { status: 200, body: { value } }
}

export function listPolicies(call: ArmCall): Answer {
  return listOf(call, 'Microsoft.Security/locations/jitNetworkAccessPolicies')
}

export function listSubscriptions(call: ArmCall): Answer {
  const caller = callerOf(call).tid
  const value = [...call.sim.resources.subscriptions.values()]
    .filter((each) => isReached(call.sim, each.subscriptionId) && isOpenTo(call.sim, each, caller))
    .map((each) => subscriptionBody(call, each))
  return { status: 200, body: { value, count: { type: 'Total', value: value.length } } }
}

export function getSubscription(call: ArmCall): Answer {
  const found = call.sim.resources.subscriptions.get((call.path.subscription ?? '').toLowerCase())
  return { status: 200, body: found ? subscriptionBody(call, found) : {} }
}

function subscriptionBody(call: ArmCall, each: Subscription): object {
  return {
    id: `/subscriptions/${each.subscriptionId}`,
    authorizationSource: 'RoleBased',
    managedByTenants: (each.managedByTenants ?? []).map((tenantId) => ({ tenantId })),
    subscriptionId: each.subscriptionId,
    tenantId: tenantOf(call.sim, each),
    displayName: each.displayName,
    state: 'Enabled',
    subscriptionPolicies: {
      locationPlacementId: 'Public_2014-09-01',
      quotaId: 'PayAsYouGo_2014-09-01',
      spendingLimit: 'Off',
    },
  }
}

export function listGroups(call: ArmCall): Answer {
  const subscription = (call.path.subscription ?? '').toLowerCase()
  const value = [...call.sim.resources.groups.values()]
    .filter((each) => each.subscriptionId.toLowerCase() === subscription)
    .map((each) => ({
      id: `/subscriptions/${each.subscriptionId}/resourceGroups/${each.name}`,
      name: each.name,
      type: 'Microsoft.Resources/resourceGroups',
      location: each.location,
      properties: { provisioningState: 'Succeeded' },
    }))
  return { status: 200, body: { value } }
}

export function listPermissions(call: ArmCall): Answer {
  const value = rolesAt(call.sim, call.path.scope).map(({ Actions, NotActions = [] }) => ({
    actions: Actions,
    notActions: NotActions,
    dataActions: [],
    notDataActions: [],
  }))
  return { status: 200, body: { value } }
}
