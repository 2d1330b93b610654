import type {
  JitNetworkAccessPolicy,
  JitNetworkAccessPortRule,
  JitNetworkAccessRequest,
  JitNetworkAccessRequestPort,
} from '@azure/arm-security'
import {
  type DefenderState,
  type Guard,
  type GuardedPort,
  isDefendersFor,
  justificationStart,
  lengthMs,
  type Rivals,
} from '../core/defender.ts'
import type { Rule } from '../core/grant.ts'
import { samePrefix } from '../core/priority.ts'
import type { Defender, DefenderAnswer, DefenderOrder, Written } from '../ports.ts'
import { shapeOf, textOf } from './answer.ts'
import type { Arm } from './arm.ts'
import { ArmFault, faultOf, isGone } from './faults.ts'
import { ruleCalls } from './rule-calls.ts'
import { closeRule, verdictOfFault } from './rule-write.ts'

export interface DefenderSettings {
  readonly arm: Arm
  /** The most that one removal waits between reads, all waits together. */
  readonly patienceMs?: number
}

const defaultPatienceMs = 60_000
/** The SDK's own version of this call does not know of plans within the tier. */
const pricingApi = '2024-01-01'

/** Opens by asking Defender for Cloud, and removes what Defender wrote for us and did not remove itself. */
export function defenderFirewall({ arm, patienceMs = defaultPatienceMs }: DefenderSettings): Defender {
  return {
    async guard({ id, subscriptionId }, signal) {
      const policy = await policyOf(arm, subscriptionId, id, signal)
      if (!policy) return null
      return { ...policy, hasPlan: await hasPlan(arm, subscriptionId, signal) }
    },
    ask: (order, signal) => ask(arm, order, signal),
    state: (order, signal) => stateOf(arm, order, signal),
    remove: (rule, name, signal) => remove(arm, rule, name, patienceMs, signal),
  }
}

const sameId = (one: string | undefined, other: string) => one?.toLowerCase() === other.toLowerCase()

/** What may not be read counts as not there: then access is opened by rules of our own. */
async function readable<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (error instanceof ArmFault && error.kind === 'permanent' && error.answer !== null) return null
    throw error
  }
}

async function policyOf(
  arm: Arm,
  subscriptionId: string,
  vmId: string,
  signal?: AbortSignal,
): Promise<Omit<Guard, 'hasPlan'> | null> {
  const found = arm.call(signal, async (options) => {
    for await (const policy of arm.security(subscriptionId).jitNetworkAccessPolicies.list(options)) {
      const machine = policy.virtualMachines.find(({ id }) => sameId(id, vmId))
      if (machine) return { policyId: policy.id ?? '', ports: machine.ports.map(portOf) }
    }
    return null
  })
  return (await readable(found))?.value ?? null
}

const protocols: Readonly<Record<string, GuardedPort['protocol']>> = { tcp: 'tcp', udp: 'udp' }

const portOf = (port: JitNetworkAccessPortRule): GuardedPort => ({
  number: port.number,
  protocol: protocols[port.protocol.toLowerCase()] ?? 'any',
  sources: [
    ...(port.allowedSourceAddressPrefix ? [port.allowedSourceAddressPrefix] : []),
    ...(port.allowedSourceAddressPrefixes ?? []),
  ],
  maxMs: lengthMs(port.maxRequestAccessDuration),
})

/** Only Plan 2 has just-in-time access. A plan that Azure does not name is taken for it, and Defender decides. */
async function hasPlan(arm: Arm, subscriptionId: string, signal?: AbortSignal): Promise<boolean | null> {
  const path = `/subscriptions/${subscriptionId}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=${pricingApi}`
  const reply = await readable(arm.get(path, signal))
  if (!reply) return null
  const { pricingTier, subPlan } = shapeOf(shapeOf(reply.value)['properties'])
  if (textOf(pricingTier).toLowerCase() !== 'standard') return false
  return !textOf(subPlan).endsWith('1')
}

interface PolicyPlace {
  readonly subscriptionId: string
  readonly at: readonly [resourceGroup: string, region: string, name: string]
}

const policyForm =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Security\/locations\/([^/]+)\/jitNetworkAccessPolicies\/([^/]+)$/i

function placeOf(policyId: string): PolicyPlace {
  const [, subscriptionId = '', group = '', region = '', name = ''] = policyForm.exec(policyId) ?? []
  if (name === '') throw new TypeError(`${policyId} is not the id of a just-in-time policy`)
  return { subscriptionId, at: [group, region, name] }
}

/**
 * Source and end are always sent: without a source Defender would let in the bot itself. The SDK takes 202 alone for
 * success and throws any other yes, which is a yes all the same.
 */
async function ask(arm: Arm, order: DefenderOrder, signal: AbortSignal): Promise<DefenderAnswer> {
  const { subscriptionId, at } = placeOf(order.policyId)
  const endTimeUtc = new Date(order.endsAt)
  const ports = order.ports.map((number) => ({
    number,
    allowedSourceAddressPrefix: order.source,
    endTimeUtc,
  }))
  const body = { justification: order.justification, virtualMachines: [{ id: order.vmId, ports }] }
  try {
    await arm.call(signal, (options) =>
      arm.security(subscriptionId).jitNetworkAccessPolicies.initiate(...at, body, options),
    )
    return { kind: 'taken' }
  } catch (error) {
    const fault = faultOf(error, null)
    const { answer } = fault
    if (answer && answer.status >= 200 && answer.status < 300) return { kind: 'taken' }
    return fault.kind === 'permanent'
      ? { kind: 'refused', why: fault.message }
      : { kind: 'try again', why: `${fault.code}: ${fault.message}`, afterMs: fault.afterMs }
  }
}

type StateOrder = Parameters<Defender['state']>[0]

async function stateOf(arm: Arm, order: StateOrder, signal?: AbortSignal): Promise<DefenderState> {
  const { subscriptionId, at } = placeOf(order.policyId)
  let policy: JitNetworkAccessPolicy
  try {
    const reply = await arm.call(signal, (options) =>
      arm.security(subscriptionId).jitNetworkAccessPolicies.get(...at, options),
    )
    policy = reply.value
  } catch (error) {
    if (isGone(error)) return { kind: 'unknown', rivals: null }
    throw error
  }
  // A request that was sent twice counts by the later one, which has replaced the other.
  const requests = policy.requests ?? []
  const ours = requests
    .filter(({ justification }) => justification?.startsWith(order.mark))
    .toSorted((a, b) => a.startTimeUtc.getTime() - b.startTimeUtc.getTime())
    .at(-1)
  const rivals = rivalsOf(requests, ours, order)
  return {
    ...(ours ? statusOf(ours, order) : { kind: 'unknown' }),
    ...(rivals.earlier + rivals.later > 0 && { rivals }),
  }
}

/** A later one may have a rule even when it has ended; an earlier one that has ended has had its own before ours came. */
function rivalsOf(
  requests: readonly JitNetworkAccessRequest[],
  ours: JitNetworkAccessRequest | undefined,
  order: StateOrder,
): Rivals {
  const count = { earlier: 0, later: 0 }
  for (const other of requests) {
    const { justification, startTimeUtc } = other
    if (justification?.startsWith(order.mark)) continue
    const same = askedIn(other, order).filter((port) => isFrom(port, order.source))
    if (same.length === 0) continue
    const stands = same.some(({ status }) => status.toLowerCase() !== 'revoked')
    const isLater = ours ? startTimeUtc.getTime() >= ours.startTimeUtc.getTime() : stands
    if (isLater) count.later += 1
    else if (stands && !justification?.startsWith(justificationStart)) count.earlier += 1
  }
  return count
}

/** What names no address is for the one that it was asked from, which is not on record. */
function isFrom(port: JitNetworkAccessRequestPort, source: string): boolean {
  const { allowedSourceAddressPrefix: one, allowedSourceAddressPrefixes: more = [] } = port
  const sources = [...(one ? [one] : []), ...more]
  return sources.length === 0 || sources.some((prefix) => samePrefix(prefix, source))
}

const askedIn = ({ virtualMachines }: JitNetworkAccessRequest, { vmId, ports }: StateOrder) =>
  virtualMachines
    .filter(({ id }) => sameId(id, vmId))
    .flatMap((machine) => machine.ports)
    .filter(({ number }) => ports.includes(number))

const reasons: Readonly<Record<string, Extract<DefenderState, { kind: 'revoked' }>['why']>> = {
  newerrequestinitiated: 'newer request',
  userrequested: 'asked to',
}

function statusOf(request: JitNetworkAccessRequest, order: StateOrder): DefenderState {
  const asked = askedIn(request, order)
  const revoked = asked.find(({ status }) => status.toLowerCase() === 'revoked')
  if (revoked) return { kind: 'revoked', why: reasons[revoked.statusReason.toLowerCase()] ?? 'expired' }
  const open = asked.length > 0 && asked.every(({ status }) => status.toLowerCase() === 'initiated')
  return { kind: open ? 'initiated' : 'initiating' }
}

/** The last look before the one kind of rule of somebody else's that we may remove: it must still be exactly that. */
async function remove(
  arm: Arm,
  rule: Rule,
  name: string,
  patienceMs: number,
  signal: AbortSignal,
): Promise<Written> {
  const calls = ruleCalls(arm, rule.nsgId, name)
  try {
    const live = await calls.read(signal)
    if (live && !isDefendersFor(live, rule))
      return {
        kind: 'refused',
        code: 'not as written',
        why: `The rule ${name} is not as Defender for Cloud wrote it, so it is left alone.`,
      }
  } catch (error) {
    return verdictOfFault(error)
  }
  return closeRule({ calls, clock: arm.clock, signal, patienceMs })
}
