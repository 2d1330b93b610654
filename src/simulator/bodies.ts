import { defaultRules } from './default-rules.ts'
import type { Rule, SecurityGroup } from './security-groups.ts'
import type { ArmResource, NamedRule, RuleProperties } from './world.ts'

const groupType = 'Microsoft.Network/networkSecurityGroups'
/** Azure shows the plural fields of a rule even when they are empty. */
const emptyLists = {
  sourcePortRanges: [],
  destinationPortRanges: [],
  sourceAddressPrefixes: [],
  destinationAddressPrefixes: [],
}

export function ruleBody(group: SecurityGroup, rule: Rule): object {
  return namedRuleBody(group, 'securityRules', { name: rule.name, properties: rule.shown }, rule.state)
}

function namedRuleBody(
  group: SecurityGroup,
  kind: 'securityRules' | 'defaultSecurityRules',
  rule: { name: string; properties: RuleProperties },
  provisioningState = 'Succeeded',
): object {
  return {
    name: rule.name,
    id: `${group.resource.id}/${kind}/${rule.name}`,
    etag: group.etag,
    type: `${groupType}/${kind}`,
    properties: { provisioningState, ...emptyLists, ...rule.properties },
  }
}

export function ruleBodies(group: SecurityGroup, rules: Map<string, Rule>): object[] {
  return [...rules.values()].map((rule) => ruleBody(group, rule))
}

export function defaultRuleBodies(group: SecurityGroup): object[] {
  return defaultRules.map((rule: NamedRule) => namedRuleBody(group, 'defaultSecurityRules', rule))
}

export function groupBody(group: SecurityGroup, rules: Map<string, Rule>, attachedTo: string[]): object {
  const { securityRules: _, ...properties } = group.resource.properties
  const references = (subnets: boolean) =>
    attachedTo.filter((id) => id.toLowerCase().includes('/subnets/') === subnets).map((id) => ({ id }))
  return {
    ...plainBody(group.resource),
    etag: group.etag,
    properties: {
      ...properties,
      provisioningState: group.running ? 'Updating' : 'Succeeded',
      securityRules: ruleBodies(group, rules),
      defaultSecurityRules: defaultRuleBodies(group),
      networkInterfaces: references(false),
      subnets: references(true),
    },
  }
}

export function plainBody(resource: ArmResource): object {
  const { powerState: _, ...body } = resource
  return body
}

export function instanceView(resource: ArmResource): object {
  const code = resource.powerState ?? 'PowerState/running'
  const words = code.replace('PowerState/', '')
  return {
    statuses: [
      { code: 'ProvisioningState/succeeded', level: 'Info', displayStatus: 'Provisioning succeeded' },
      { code, level: 'Info', displayStatus: `VM ${words}` },
    ],
  }
}
