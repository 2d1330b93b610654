import type { JitMachine } from './jit-policies.ts'
import type { SecurityGroup } from './security-groups.ts'
import type { NamedRule } from './world.ts'

/** Where Defender puts what it lets in. */
const allows = { from: 100, to: 110 }
const lowest = 4096

const isJitRule = (name: string): boolean => /^(MicrosoftDefenderForCloud|SecurityCenter)-JITRule/i.test(name)

function used(group: SecurityGroup): Set<number> {
  return new Set(
    [...group.rules.values()]
      .filter(({ shown }) => shown.direction === 'Inbound')
      .map(({ shown }) => shown.priority),
  )
}

export function nextDenyPriority(group: SecurityGroup): number {
  const taken = used(group)
  let priority = lowest
  while (taken.has(priority)) priority--
  return priority
}

/** The first free priority for an allow. Rules of others that are in the way are moved behind. */
export function makeRoom(group: SecurityGroup, at: number): number {
  const taken = used(group)
  for (let priority = allows.from; priority <= allows.to; priority++)
    if (!taken.has(priority)) return priority
  for (const rule of group.rules.values()) {
    const { priority, direction } = rule.shown
    if (isJitRule(rule.name) || direction !== 'Inbound' || priority > allows.to) continue
    let free = allows.to + 1
    while (taken.has(free)) free++
    group.put({ name: rule.name, properties: { ...rule.shown, priority: free } }, 'defender', at)
    return priority
  }
  throw new Error(`No room for a JIT rule in ${group.resource.id}`)
}

/** Moves every rule that is not Defender's own, as it has been seen to do when it needs room. */
export function renumber(group: SecurityGroup, by: number, at: number): void {
  for (const rule of group.rules.values()) {
    if (isJitRule(rule.name) || rule.shown.direction !== 'Inbound') continue
    const priority = Math.min(lowest, rule.shown.priority + by)
    group.put({ name: rule.name, properties: { ...rule.shown, priority } }, 'defender', at)
  }
}

const guid = (count: number): string =>
  `9F1C2B7A5D1E4B0CA6F3${count.toString(16).toUpperCase().padStart(12, '0')}`

const machineName = (id: string): string => id.split('/').at(-1) ?? id

function portsOf(numbers: readonly number[]) {
  const [port, ...more] = numbers.map(String)
  return more.length === 0
    ? { destinationPortRange: port ?? '*' }
    : { destinationPortRanges: numbers.map(String) }
}

export function jitAllowRule(
  count: number,
  rule: {
    policyName: string
    vmId: string
    sources: string[]
    protocol: string
    ports: readonly { number: number }[]
    address: string
    priority: number
  },
): NamedRule {
  const [source, ...more] = rule.sources
  return {
    name: `MicrosoftDefenderForCloud-JITRule-${count}-${guid(count)}`,
    properties: {
      description: `MDC JIT Network Access rule created by an initiation request for policy '${rule.policyName}' of VM '${machineName(rule.vmId)}'.`,
      access: 'Allow',
      direction: 'Inbound',
      priority: rule.priority,
      protocol: rule.protocol,
      ...(more.length === 0
        ? { sourceAddressPrefix: source ?? '*' }
        : { sourceAddressPrefixes: rule.sources }),
      sourcePortRange: '*',
      destinationAddressPrefix: rule.address,
      ...portsOf(rule.ports.map(({ number }) => number)),
    },
  }
}

export function jitDenyRule(
  count: number,
  deny: { policyName: string; machine: JitMachine; address: string; priority: number },
): NamedRule {
  return {
    name: `MicrosoftDefenderForCloud-JITRule_${deny.priority}_${guid(count)}`,
    properties: {
      description: `MDC JIT Network Access rule for policy '${deny.policyName}' of VM '${machineName(deny.machine.id)}'.`,
      access: 'Deny',
      direction: 'Inbound',
      priority: deny.priority,
      protocol: deny.machine.ports[0]?.protocol ?? '*',
      sourceAddressPrefix: '*',
      sourcePortRange: '*',
      destinationAddressPrefix: deny.address,
      ...portsOf(deny.machine.ports.map(({ number }) => number)),
    },
  }
}
