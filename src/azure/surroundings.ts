import type { AdminRule, Lock } from '../core/around.ts'
import type { Rule } from '../core/grant.ts'
import type { Surroundings } from '../ports.ts'
import { shapeOf, shapesOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { expectType, nsgType } from './resource-id.ts'
import { toSecurityRule } from './security-rule.ts'

const computeApi = '2024-07-01'
const locksApi = '2020-05-01'
const policyApi = '2023-03-01'
const ruleApi = '2024-05-01'
/** Far more than one network has; it keeps a service that hands out the same page for ever from holding us. */
const mostPages = 20

const powerMark = 'PowerState/'

async function power(arm: Arm, vmId: string, signal?: AbortSignal): Promise<string | null> {
  const { value } = await arm.get(`${vmId}/instanceView?api-version=${computeApi}`, signal)
  const codes = shapesOf(shapeOf(value)['statuses']).map((status) => textOf(status['code']))
  return codes.find((code) => code.startsWith(powerMark))?.slice(powerMark.length) ?? null
}

const network = (id: string) => expectType(id, 'microsoft.network/virtualnetworks')

async function prefixes(arm: Arm, id: string, signal?: AbortSignal): Promise<readonly string[]> {
  const { subscriptionId, resourceGroup, name } = network(id)
  const { value } = await arm.call(signal, (options) =>
    arm.network(subscriptionId).virtualNetworks.get(resourceGroup, name, options),
  )
  const peered = (value.virtualNetworkPeerings ?? []).map((each) => each.remoteAddressSpace)
  return [value.addressSpace, ...peered].flatMap((space) => space?.addressPrefixes ?? [])
}

const words = (list: unknown): readonly string[] => {
  const named = shapesOf(list).map((item) => textOf(item['addressPrefix']))
  return named.length > 0 ? named : ['*']
}

const texts = (list: unknown): readonly string[] => {
  const named = Array.isArray(list) ? list.map(textOf).filter((text) => text !== '') : []
  return named.length > 0 ? named : ['*']
}

/** The documented shape has the facts of a rule under `properties`. */
function adminRule(value: unknown): AdminRule {
  const shape = shapeOf(value)
  const facts = shapeOf(shape['properties'])
  const access = textOf(facts['access']).toLowerCase()
  const protocol = textOf(facts['protocol'])
  const sourcePorts = texts(facts['sourcePortRanges'])
  return {
    name: textOf(shape['id']).split('/').at(-1) ?? '',
    priority: Number(facts['priority'] ?? 0),
    direction: textOf(facts['direction']).toLowerCase() === 'outbound' ? 'Outbound' : 'Inbound',
    access: access === 'deny' ? 'Deny' : access === 'alwaysallow' ? 'AlwaysAllow' : 'Allow',
    sources: words(facts['sources']),
    destinations: words(facts['destinations']),
    ports: texts(facts['destinationPortRanges']),
    ...(sourcePorts.includes('*') ? {} : { sourcePorts }),
    protocol: /^(any|)$/i.test(protocol) ? '*' : protocol,
  }
}

/**
 * One call for the whole network, answered at once. What holds for a network interface would take a long-running
 * operation for each of them, and Azure answers it only while the VM runs.
 */
async function adminRules(arm: Arm, id: string, signal?: AbortSignal): Promise<readonly AdminRule[]> {
  network(id)
  const path = `${id}/listNetworkManagerEffectiveSecurityAdminRules?api-version=${ruleApi}`
  const rules: AdminRule[] = []
  let skipToken = ''
  for (let page = 0; page < mostPages; page += 1) {
    const { value } = await arm.post(path, skipToken === '' ? {} : { skipToken }, signal)
    const shape = shapeOf(value)
    rules.push(...shapesOf(shape['value']).map(adminRule))
    skipToken = textOf(shape['skipToken'])
    if (skipToken === '') break
  }
  return rules
}

const lockPath = '/providers/microsoft.authorization/locks/'

/** Azure lists what is at, above and below a place; `atScope()` leaves out what is below. */
async function locks(arm: Arm, nsgId: string, signal?: AbortSignal): Promise<readonly Lock[]> {
  const path = `${nsgId}/providers/Microsoft.Authorization/locks?api-version=${locksApi}&$filter=atScope()`
  const { value } = await arm.get(path, signal)
  return shapesOf(shapeOf(value)['value']).map((lock): Lock => {
    const id = textOf(lock['id'])
    const at = id.toLowerCase().lastIndexOf(lockPath)
    const level = textOf(shapeOf(lock['properties'])['level'])
    return {
      name: textOf(lock['name']),
      level: level.toLowerCase() === 'readonly' ? 'ReadOnly' : 'CanNotDelete',
      scope: at < 0 ? '' : id.slice(0, at),
    }
  })
}

/** What Azure Policy itself says to exactly this rule. An effect that is not named is one that denies. */
async function denials(arm: Arm, rule: Rule, signal?: AbortSignal): Promise<readonly string[]> {
  const { subscriptionId, resourceGroup, name } = expectType(rule.nsgId, nsgType)
  const path = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions?api-version=${policyApi}`
  const { value } = await arm.post(
    path,
    {
      resourceDetails: {
        resourceContent: {
          type: 'Microsoft.Network/networkSecurityGroups/securityRules',
          name: `${name}/${rule.name}`,
          properties: toSecurityRule(rule),
        },
        apiVersion: ruleApi,
        scope: rule.nsgId,
      },
    },
    signal,
  )
  const evaluations = shapesOf(shapeOf(shapeOf(value)['contentEvaluationResult'])['policyEvaluations'])
  const refusing = evaluations.filter((each) => {
    const effect = textOf(shapeOf(each['effectDetails'])['policyEffect']).toLowerCase()
    return (
      textOf(each['evaluationResult']).toLowerCase() === 'noncompliant' &&
      (effect === '' || effect === 'deny')
    )
  })
  const names = refusing.map((each) => {
    const id = textOf(shapeOf(each['policyInfo'])['policyAssignmentId'])
    return id.split('/').at(-1) ?? id
  })
  return [...new Set(names)]
}

/** Reads what stands around a way, each fact by a call of its own, so that one that fails takes no other along. */
export const armSurroundings = ({ arm }: { readonly arm: Arm }): Surroundings => ({
  power: (vm, signal) => power(arm, vm.id, signal),
  prefixes: (networkId, signal) => prefixes(arm, networkId, signal),
  adminRules: (networkId, signal) => adminRules(arm, networkId, signal),
  locks: (nsgId, signal) => locks(arm, nsgId, signal),
  denials: (rule, signal) => denials(arm, rule, signal),
})
