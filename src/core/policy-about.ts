import { type Facts, factsOf } from './check.ts'
import { anything } from './coverage.ts'
import { fitsAll, readyPolicy, refuses } from './pick.ts'
import type { DenyRule, Match, Policy, PolicyRule, Subject } from './policy.ts'
import type { Vm } from './vm.ts'

const nobody = { enterpriseId: null, teamId: '', userId: '' }

/** A question of which only the VM is known. */
const about = (vm: Vm): Subject => ({
  requester: nobody,
  groups: [],
  entraGroups: null,
  vm,
  ports: [],
  source: { address: '', learnt: 'typed' },
  reason: null,
  startsAt: 0,
  durationMs: 0,
  usage: new Map(),
})

const vmPart = ({ vm, not }: Match): Match => ({ ...anything, vm, ...(not?.vm && { not: { vm: not.vm } }) })

/** Whether a match asks for nothing but the VM, so that it holds whoever asks for whatever. */
function isOnlyVm({ requester, not, ports, source, time, duration, azureRole }: Match): boolean {
  const others = [ports, source, time, duration, azureRole, not?.requester, not?.source, not?.time]
  return Object.keys(requester).length === 0 && others.every((part) => part === undefined)
}

type Named = (vm: Vm) => string | null

const made = new WeakMap<Policy, Named>()

/**
 * The first rule of a policy by which somebody may ask for access to a VM; null when nobody may. Whoever asks, when and
 * from where is left open: this says whether the policy is about the VM at all.
 */
export function ruleAbout(policy: Policy): Named {
  const known = made.get(policy)
  if (known) return known
  const deny = policy.deny
    .filter(({ match }) => isOnlyVm(match))
    .map((rule): DenyRule => ({ ...rule, match: vmPart(rule.match) }))
  const rules = policy.rules.map((rule): PolicyRule => ({ ...rule, quota: {}, match: vmPart(rule.match) }))
  const ready = readyPolicy({ ...policy, deny, rules })
  const find = (facts: Facts): string | null => {
    for (const at of ready.denyIndex(facts)) {
      const one = ready.deny[at]
      if (one && refuses(one, facts)) return null
    }
    for (const at of ready.ruleIndex(facts)) {
      const one = ready.rules[at]
      if (one && fitsAll(one, facts)) return one.rule.name
    }
    return null
  }
  const named: Named = (vm) => find(factsOf(about(vm)))
  made.set(policy, named)
  return named
}
