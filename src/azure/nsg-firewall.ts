import { parseRuleName } from '../core/grant.ts'
import { protocolsMixed } from '../core/priority.ts'
import type { Firewall, LiveRule, Written } from '../ports.ts'
import type { Arm } from './arm.ts'
import { missingAsNull } from './faults.ts'
import { expectType, nsgType } from './resource-id.ts'
import { ruleCalls } from './rule-calls.ts'
import { blockRule, closeRule, openRule, type Write } from './rule-write.ts'
import { toLiveRule } from './security-rule.ts'

export interface NsgFirewallSettings {
  readonly arm: Arm
  /** The most that one open or close waits between reads, all waits together. */
  readonly patienceMs?: number
}

const defaultPatienceMs = 60_000

async function listRules(arm: Arm, nsgId: string, signal?: AbortSignal): Promise<readonly LiveRule[]> {
  const { subscriptionId, resourceGroup, name } = expectType(nsgId, nsgType)
  const { value } = await arm.call(signal, async (options) => {
    const rules: LiveRule[] = []
    for await (const rule of arm.network(subscriptionId).securityRules.list(resourceGroup, name, options)) {
      rules.push(toLiveRule(rule))
    }
    return rules
  })
  return value
}

/** Another name here is a mistake of the program, and the last chance to leave somebody's rule alone. */
function expectOurs(name: string): void {
  if (parseRuleName(name) === null) throw new TypeError(`${name} is not the name of a rule of ours`)
}

const mixed: Written = {
  kind: 'refused',
  code: 'mixed protocols',
  why: 'One rule opens TCP or UDP, not both.',
}

/** Opens and closes by single rules of network security groups. It never writes a whole group. */
export function nsgFirewall(settings: NsgFirewallSettings): Firewall {
  const { arm } = settings
  const write = (nsgId: string, name: string, signal: AbortSignal): Write => ({
    calls: ruleCalls(arm, nsgId, name),
    clock: arm.clock,
    signal,
    patienceMs: settings.patienceMs ?? defaultPatienceMs,
  })
  return {
    list: (nsgId, signal) => missingAsNull(listRules(arm, nsgId, signal)),
    async open(rule, signal) {
      expectOurs(rule.name)
      return protocolsMixed(rule.ports) ? mixed : openRule(rule, write(rule.nsgId, rule.name, signal))
    },
    read: (nsgId, name, signal) =>
      ruleCalls(arm, nsgId, name).read(signal ?? AbortSignal.timeout(defaultPatienceMs)),
    async block(rule, signal) {
      expectOurs(rule.name)
      return blockRule(rule, write(rule.nsgId, rule.name, signal))
    },
    async close({ name, nsgId }, signal) {
      expectOurs(name)
      return closeRule(write(nsgId, name, signal))
    },
  }
}
