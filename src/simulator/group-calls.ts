import type { Answer, ArmCall } from './arm-call.ts'
import { groupBody } from './bodies.ts'
import { badRequest } from './errors.ts'
import { checkIfMatch, operationUrl, refuseWhileBusy, startOperation } from './group-operations.ts'
import { conflict, isRecord, mostRules, tooManyRules, validRule } from './rule-validation.ts'
import { SecurityGroup } from './security-groups.ts'
import type { ArmResource, NamedRule } from './world.ts'

/** A PUT of the whole group replaces its rules, as Terraform does it: what the body leaves out is gone. */
export function putGroup(call: ArmCall): Answer {
  const { sim, path } = call
  const body = isRecord(call.body) ? call.body : {}
  const properties = isRecord(body['properties']) ? body['properties'] : {}
  const rules = readRules(path.full, properties['securityRules'])
  refuseFlushing(call, properties)
  const existing = sim.group(path.full)
  checkIfMatch(call, existing)
  if (existing) refuseWhileBusy(call, existing)
  const group = existing ?? createGroup(call, body)
  const faults = sim.faults.take('operation', call.method, path.full)
  const operation = startOperation(
    call,
    group,
    {
      kind: 'PutNetworkSecurityGroupOperation',
      target: group.resource.id,
      effect: (at) => {
        replaceRules(group, rules, at)
        group.configure(tagsIn(body), writable(properties))
      },
      undo: () => undefined,
    },
    faults,
  )
  const shown = groupBody(group, group.rules, sim.resources.attachedTo(path.full))
  const headers = { 'Azure-AsyncOperation': operationUrl(call, operation) }
  return { status: existing ? 200 : 201, headers, body: shown }
}

export function deleteGroup(call: ArmCall): Answer {
  const { sim, path } = call
  const group = sim.group(path.full)
  if (!group) return { status: 204 }
  const users = sim.resources.attachedTo(path.full)
  if (users.length > 0) {
    throw badRequest(
      'InUseNetworkSecurityGroupCannotBeDeleted',
      `Network security group ${group.resource.name} cannot be deleted because it is in use by the following resources: ${users.join(', ')}. In order to delete the Network security group, remove the association with the resource(s).`,
    )
  }
  refuseWhileBusy(call, group)
  const faults = sim.faults.take('operation', call.method, path.full)
  const operation = startOperation(
    call,
    group,
    {
      kind: 'DeleteNetworkSecurityGroupOperation',
      target: group.resource.id,
      effect: (at) => {
        sim.resources.delete(path.full)
        sim.groups.remove(path.full, 'arm', at)
      },
      undo: () => undefined,
    },
    faults,
  )
  const location = operationUrl(call, operation, 'operationResults')
  return {
    status: 202,
    headers: { 'Azure-AsyncOperation': operationUrl(call, operation), Location: location },
  }
}

function readRules(groupId: string, given: unknown): NamedRule[] {
  const list: unknown[] = Array.isArray(given) ? given : []
  if (list.length > mostRules) throw tooManyRules(groupId)
  const rules: NamedRule[] = []
  const taken = new Map<string, string>()
  for (const each of list) {
    const name = isRecord(each) && typeof each['name'] === 'string' ? each['name'] : ''
    const rule = validRule(`${groupId}/securityRules/${name}`, name, each)
    const slot = `${rule.properties.direction}/${rule.properties.priority}`
    const rival = taken.get(slot)
    if (rival !== undefined) throw conflict(name, rival)
    taken.set(slot, name)
    rules.push(rule)
  }
  return rules
}

function refuseFlushing({ sim, body }: ArmCall, properties: Record<string, unknown>): void {
  if (properties['flushConnection'] !== true || sim.settings.flushConnection) return
  const location = isRecord(body) && typeof body['location'] === 'string' ? body['location'] : 'this'
  throw badRequest(
    'FlushingNetworkSecurityGroupConnectionIsNotEnabled',
    `Flushing network security group connection is not enabled yet for ${location} region.`,
  )
}

function createGroup({ sim, path }: ArmCall, body: Record<string, unknown>): SecurityGroup {
  if (typeof body['location'] !== 'string') {
    throw badRequest('LocationRequired', 'The location property is required for this definition.')
  }
  const resource: ArmResource = {
    id: path.full,
    name: path.names[0] ?? '',
    type: 'Microsoft.Network/networkSecurityGroups',
    location: body['location'],
    properties: {},
  }
  const group = new SecurityGroup(resource, sim.now())
  sim.resources.put(resource)
  sim.groups.add(group)
  return group
}

/** Azure writes these itself, whatever a body says of them. */
const readOnly = [
  'provisioningState',
  'resourceGuid',
  'securityRules',
  'defaultSecurityRules',
  'networkInterfaces',
  'subnets',
]

const writable = (properties: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => !readOnly.includes(name)))

function tagsIn({ tags }: Record<string, unknown>): Record<string, string> | undefined {
  if (!isRecord(tags)) return undefined
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, String(value)]))
}

/** Rules that the body repeats word for word stay untouched, so that their history does too. */
function replaceRules(group: SecurityGroup, rules: NamedRule[], at: number): void {
  const wanted = new Map(rules.map((rule) => [rule.name.toLowerCase(), rule]))
  for (const name of group.rules.keys()) if (!wanted.has(name)) group.delete(name, 'group-put', at)
  for (const rule of rules) {
    const active = group.rule(rule.name)?.active?.properties
    if (!active || !alike(active, rule.properties)) group.put(rule, 'group-put', at)
  }
}

function alike(one: object, other: object): boolean {
  return ordered(one) === ordered(other)
}

function ordered(value: object): string {
  return JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
