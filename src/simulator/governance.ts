import type { Answer, ArmCall } from './arm-call.ts'
import { ArmError, badRequest } from './errors.ts'
import { type FlowPath, firstAbout, type Packet } from './flow.ts'
import { isRecord } from './rule-validation.ts'
import type { RuleProperties } from './world.ts'
import type { RulePolicy, SecurityAdminRule } from './world-governance.ts'

const item = (addressPrefix: string) => ({
  addressPrefix,
  addressPrefixType: /^[\d*]|:/.test(addressPrefix) ? 'IPPrefix' : 'ServiceTag',
})

const pageSize = 20

/** The rules that hold in one virtual network, a page at a time; the place to go on from travels in the body. */
export function listAdminRules(call: ArmCall): Answer {
  const id = call.path.full.slice(0, call.path.full.lastIndexOf('/')).toLowerCase()
  if (!call.sim.resources.get(id))
    throw new ArmError(404, 'ResourceNotFound', `The Resource '${id}' was not found.`)
  const from = Number((isRecord(call.body) && call.body['skipToken']) || 0)
  const all = call.sim.governance.adminRules.filter((rule) => rule.network.toLowerCase() === id)
  const value = all
    .slice(from, from + pageSize)
    .map(({ name, sources, destinations, priority, access, direction, protocol, destinationPortRanges }) => ({
      id: `/subscriptions/${call.path.subscription ?? ''}/resourceGroups/rg-net/providers/Microsoft.Network/networkManagers/manager/securityAdminConfigurations/config/ruleCollections/all/rules/${name}`,
      kind: 'Custom',
      configurationDescription: '',
      ruleCollectionDescription: '',
      ruleCollectionAppliesToGroups: [],
      ruleGroups: [],
      properties: {
        priority,
        access,
        direction,
        protocol,
        destinationPortRanges,
        sources: sources.map(item),
        destinations: destinations.map(item),
        sourcePortRanges: ['0-65535'],
        provisioningState: 'Succeeded',
      },
    }))
  return {
    status: 200,
    body: { value, skipToken: from + pageSize < all.length ? String(from + pageSize) : '' },
  }
}

/** What the network manager says to a packet before the security groups are asked; null when they are. */
export function adminWord(
  rules: readonly SecurityAdminRule[],
  network: string,
  packet: Packet,
  path: FlowPath,
): { access: 'Allow' | 'Deny'; ruleName: string } | null {
  const here = rules.filter((rule) => rule.network.toLowerCase() === network.toLowerCase())
  const found = firstAbout(
    here.map(({ name, access, direction, priority, protocol, ...sides }) => ({
      name,
      properties: {
        access,
        direction,
        priority,
        protocol: protocol === 'Any' ? '*' : protocol,
        sourcePortRange: '*',
        sourceAddressPrefixes: sides.sources,
        destinationAddressPrefixes: sides.destinations,
        destinationPortRanges: sides.destinationPortRanges,
      },
    })),
    packet,
    path,
  )
  if (!found || found.properties.access === 'Allow') return null
  return {
    access: found.properties.access === 'Deny' ? 'Deny' : 'Allow',
    ruleName: `securityAdminRules/${found.name}`,
  }
}

const portsOf = (rule: Partial<RuleProperties>): string[] => [
  ...(rule.destinationPortRange ? [rule.destinationPortRange] : []),
  ...(rule.destinationPortRanges ?? []),
]

const isUnder = (id: string, scope: string): boolean =>
  `${id.toLowerCase()}/`.startsWith(`${scope.toLowerCase()}/`)

const breaks = (policy: RulePolicy, group: string, rule: Partial<RuleProperties>): boolean =>
  isUnder(group, policy.scope) &&
  rule.access === 'Allow' &&
  rule.direction === 'Inbound' &&
  portsOf(rule).some((range) => range === '*' || policy.ports.includes(range))

/** Azure Policy refuses the write of a rule that an assignment denies. */
export function refuseByPolicy(policies: readonly RulePolicy[], group: string, rule: RuleProperties): void {
  const policy = policies.find(
    (each) =>
      each.effect === 'Deny' &&
      !each.exempt?.some((id) => id.toLowerCase() === group.toLowerCase()) &&
      breaks(each, group, rule),
  )
  if (!policy) return
  throw new ArmError(
    403,
    'RequestDisallowedByPolicy',
    `Resource was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"${policy.assignment}"}}]'.`,
  )
}

/** Which assignments a resource would break, without writing it. */
export function checkRestrictions(call: ArmCall): Answer {
  const details = isRecord(call.body) ? call.body['resourceDetails'] : undefined
  const content = isRecord(details) ? details['resourceContent'] : undefined
  if (!isRecord(details) || !isRecord(content))
    throw badRequest('InvalidCheckRestrictionsRequest', "The property 'resourceDetails' is required.")
  const rule = isRecord(content['properties']) ? content['properties'] : {}
  const group = typeof details['scope'] === 'string' ? details['scope'] : ''
  const wanted = isRecord(call.body) && call.body['includeAuditEffect'] === true
  const policyEvaluations = call.sim.governance.policies
    .filter((policy) => (policy.effect === 'Deny' || wanted) && breaks(policy, group, rule))
    .map(({ scope, assignment, effect }) => ({
      policyInfo: {
        policyDefinitionId: '/providers/microsoft.authorization/policydefinitions/management-ports',
        policyAssignmentId: `${scope}/providers/microsoft.authorization/policyassignments/${assignment}`,
      },
      evaluationResult: 'NonCompliant',
      evaluationDetails: { evaluatedExpressions: [] },
      effectDetails: { policyEffect: effect },
    }))
  return { status: 200, body: { fieldRestrictions: [], contentEvaluationResult: { policyEvaluations } } }
}
