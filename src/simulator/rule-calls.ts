import { verbOf } from './actions.ts'
import type { Answer, ArmCall } from './arm-call.ts'
import { defaultRuleBodies, ruleBodies, ruleBody } from './bodies.ts'
import { childNotFound, parentNotFound } from './errors.ts'
import { refuseByPolicy } from './governance.ts'
import { checkIfMatch, failed, operationUrl, refuseWhileBusy, startOperation } from './group-operations.ts'
import type { Ending, Operation } from './operations.ts'
import { conflict, conflictMessage, mostRules, tooManyRules, validRule } from './rule-validation.ts'
import type { Rule, SecurityGroup } from './security-groups.ts'
import type { NamedRule } from './world.ts'

const ruleType = 'networkSecurityGroups/securityRules'

function groupOfCall(call: ArmCall): SecurityGroup {
  const id = groupId(call)
  const group = call.sim.group(id)
  if (!group) throw parentNotFound(verbOf(call.method), ruleType, id)
  return group
}

function groupId({ path }: ArmCall): string {
  return `${path.scope}/providers/Microsoft.Network/networkSecurityGroups/${path.names[0] ?? ''}`
}

function ruleName(call: ArmCall): string {
  return call.path.names[1] ?? ''
}

function ruleId(group: SecurityGroup, name: string): string {
  return `${group.resource.id}/securityRules/${name}`
}

export function getRule(call: ArmCall): Answer {
  const group = groupOfCall(call)
  const { running } = group
  const name = ruleName(call)
  if (running && running.target.toLowerCase() === ruleId(group, name).toLowerCase()) {
    call.sim.operations.poll(running, call.sim.now())
  }
  const rule = group.read().get(name.toLowerCase())
  if (!rule) throw childNotFound(ruleId(group, name))
  return { status: 200, body: ruleBody(group, rule) }
}

export function listRules(call: ArmCall): Answer {
  const group = groupOfCall(call)
  return { status: 200, body: { value: ruleBodies(group, group.read()) } }
}

export function listDefaultRules(call: ArmCall): Answer {
  return { status: 200, body: { value: defaultRuleBodies(groupOfCall(call)) } }
}

export function putRule(call: ArmCall): Answer {
  const group = groupOfCall(call)
  const name = ruleName(call)
  const id = ruleId(group, name)
  const rule = validRule(id, name, call.body)
  refuseByPolicy(call.sim.governance.policies, group.resource.id, rule.properties)
  checkIfMatch(call, group)
  refuseWhileBusy(call, group)
  const rival = rivalOf(group, rule)
  const faults = call.sim.faults.take('operation', call.method, call.path.full)
  if (rival && !faults.some((fault) => fault.kind === 'late-conflict')) throw conflict(name, rival.name)
  const created = !group.rule(name)
  if (created && group.rules.size >= mostRules) throw tooManyRules(group.resource.id)
  remember(group, faults)
  group.announce(name, 'Updating', rule.properties)
  const operation = startOperation(
    call,
    group,
    {
      kind: 'PutSecurityRuleOperation',
      target: id,
      ...(rival && { ending: failed('SecurityRuleConflict', conflictMessage(name, rival.name), false) }),
      effect: (at) => group.put(rule, 'arm', at),
      undo: (ending) => revert(group, name, ending),
    },
    faults,
  )
  const shown: Rule = { name, shown: rule.properties, state: 'Updating' }
  return { status: created ? 201 : 200, headers: asyncHeaders(call, operation), body: ruleBody(group, shown) }
}

export function deleteRule(call: ArmCall): Answer {
  const group = groupOfCall(call)
  const name = ruleName(call)
  if (!group.rule(name)) return { status: 204 }
  checkIfMatch(call, group)
  refuseWhileBusy(call, group)
  const faults = call.sim.faults.take('operation', call.method, call.path.full)
  remember(group, faults)
  group.announce(name, 'Deleting')
  const operation = startOperation(
    call,
    group,
    {
      kind: 'DeleteSecurityRuleOperation',
      target: ruleId(group, name),
      effect: (at) => group.delete(name, 'arm', at),
      undo: (ending) => revert(group, name, ending),
    },
    faults,
  )
  const location = operationUrl(call, operation, 'operationResults')
  return { status: 202, headers: { ...asyncHeaders(call, operation), Location: location } }
}

function rivalOf(group: SecurityGroup, rule: NamedRule): Rule | undefined {
  const { priority, direction } = rule.properties
  for (const other of group.rules.values()) {
    if (other.name.toLowerCase() === rule.name.toLowerCase()) continue
    if (other.shown.priority === priority && other.shown.direction === direction) return other
  }
  return undefined
}

function remember(group: SecurityGroup, faults: { kind: string; reads?: number; skip?: number }[]): void {
  const stale = faults.find((fault) => fault.kind === 'stale-reads')
  if (stale) group.remember(stale.skip ?? 0, stale.reads ?? 0)
}

function revert(group: SecurityGroup, name: string, ending: Ending): void {
  group.revert(name, ending.status === 'Failed' ? 'Failed' : 'Succeeded')
}

function asyncHeaders(call: ArmCall, operation: Operation): Record<string, string> {
  return { 'Azure-AsyncOperation': operationUrl(call, operation) }
}
