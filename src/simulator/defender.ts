import { jitAllowRule, jitDenyRule, makeRoom, nextDenyPriority, renumber } from './defender-rules.ts'
import type { Fault } from './faults.ts'
import {
  isJitPolicy,
  type JitMachine,
  type JitPolicy,
  type JitRequest,
  type JitRequestPort,
  jitTime,
} from './jit-policies.ts'
import type { AskedPort, JitOrder } from './jit-requests.ts'
import type { SecurityGroup } from './security-groups.ts'
import type { Simulation } from './simulation.ts'
import { endpointsOf, groupsBefore } from './topology.ts'

/** What one rule of Defender is for: ports of one machine that open and close together. */
interface Opening {
  policyId: string
  policyName: string
  vmId: string
  sources: string[]
  protocol: string
  ports: JitRequestPort[]
  /** Null when it will not happen, or has happened. */
  opensAt: number | null
  closesAt: number | null
  renumbers: number
  written: { nsgId: string; name: string }[]
  /** A late or missing expiry strikes an opening once. */
  struck: boolean
}

/** How Defender for Cloud opens and closes: by itself, some time after it said yes. */
export class Defender {
  readonly #sim: Simulation
  #openings: Opening[] = []
  #written = 0

  constructor(sim: Simulation) {
    this.#sim = sim
    sim.chores.push((now) => this.#catchUp(now))
  }

  /** Takes a request; nothing is open yet when the caller hears of it. */
  take(policy: JitPolicy, order: JitOrder, requestor: string, faults: Fault[]): JitRequest {
    const now = this.#sim.now()
    const parts = this.#parts(order.ports)
    const machines = new Map<string, JitRequestPort[]>()
    for (const part of parts) {
      const [first] = part
      if (!first) continue
      const { vmId, sources, endsAt } = first
      this.#supersede(part, now)
      const ports = part.map(requestPort)
      machines.set(vmId, [...(machines.get(vmId) ?? []), ...ports])
      this.#openings.push({
        policyId: policy.id,
        policyName: policy.name,
        vmId,
        sources,
        protocol: protocolOf(policy, part),
        ports,
        opensAt: opensAt(faults, now + this.#sim.settings.jitOpenMs),
        closesAt: endsAt + this.#sim.settings.jitCloseMs,
        renumbers: faults.reduce((by, fault) => (fault.kind === 'renumbering' ? (fault.by ?? 10) : by), 0),
        written: [],
        struck: false,
      })
    }
    const request: JitRequest = {
      virtualMachines: [...machines].map(([id, ports]) => ({ id, ports })),
      startTimeUtc: jitTime(now),
      requestor,
      ...(order.justification !== undefined && { justification: order.justification }),
    }
    policy.properties.requests.push(request)
    return request
  }

  /** Brings the rules that deny in line with a changed policy; rules of others are left alone. */
  guard(policyName: string, before: readonly JitMachine[], after: readonly JitMachine[]): void {
    const now = this.#sim.now()
    const kept = new Set(after.map(({ id }) => id.toLowerCase()))
    for (const machine of before) {
      const gone = !kept.has(machine.id.toLowerCase())
      for (const { group, address } of this.#groupsOf(machine.id)) {
        for (const [name, rule] of group.rules) {
          const { access, destinationAddressPrefix } = rule.shown
          const deny = /^MicrosoftDefenderForCloud-JITRule_/i.test(rule.name) && access === 'Deny'
          if (deny && destinationAddressPrefix === address) group.delete(name, 'defender', now)
          if (gone && deny) this.#withdraw(machine.id, now)
        }
      }
    }
    for (const machine of after) {
      for (const { group, address } of this.#groupsOf(machine.id)) {
        const priority = nextDenyPriority(group)
        group.put(jitDenyRule(++this.#written, { policyName, machine, address, priority }), 'defender', now)
      }
    }
  }

  #parts(asked: readonly AskedPort[]): AskedPort[][] {
    if (this.#sim.settings.jitRulePerPort) return asked.map((port) => [port])
    return [...Map.groupBy(asked, together).values()]
  }

  #supersede(part: readonly AskedPort[], now: number): void {
    if (this.#sim.settings.jitSupersedes === 'none') return
    for (const opening of this.#openings) {
      const same = part.some(
        ({ vmId, number, sources }) =>
          vmId.toLowerCase() === opening.vmId.toLowerCase() &&
          opening.ports.some((port) => port.number === number) &&
          (this.#sim.settings.jitSupersedes === 'port' || sources.join() === opening.sources.join()),
      )
      if (!same || opening.ports.every(({ status }) => status === 'Revoked')) continue
      revoke(opening, 'NewerRequestInitiated')
      opening.closesAt = now + this.#sim.settings.jitOpenMs
    }
  }

  #withdraw(vmId: string, now: number): void {
    for (const opening of this.#openings) {
      if (opening.vmId.toLowerCase() === vmId.toLowerCase()) opening.closesAt = now
    }
  }

  #catchUp(now: number): void {
    for (const opening of this.#openings) {
      if (opening.opensAt !== null && opening.opensAt <= now) this.#open(opening, opening.opensAt)
      if (opening.closesAt !== null && opening.closesAt <= now) this.#close(opening, now)
    }
    this.#openings = this.#openings.filter(({ closesAt }) => closesAt !== null)
  }

  #open(opening: Opening, at: number): void {
    opening.opensAt = null
    for (const { group, address } of this.#groupsOf(opening.vmId)) {
      if (opening.renumbers > 0) renumber(group, opening.renumbers, at)
      const priority = makeRoom(group, at)
      const rule = jitAllowRule(++this.#written, { ...opening, address, priority })
      group.put(rule, 'defender', at)
      opening.written.push({ nsgId: group.resource.id, name: rule.name })
    }
    for (const port of opening.ports) port.status = 'Initiated'
  }

  #close(opening: Opening, now: number): void {
    const superseded = opening.ports.every(({ statusReason }) => statusReason === 'NewerRequestInitiated')
    if (!superseded && !opening.struck) {
      opening.struck = true
      for (const fault of this.#sim.faults.take('expiry', 'POST', `${opening.policyId}/initiate`)) {
        if (fault.kind === 'no-expiry') opening.closesAt = Number.POSITIVE_INFINITY
        if (fault.kind === 'late-expiry') opening.closesAt = (opening.closesAt ?? now) + fault.ms
      }
    }
    const at = opening.closesAt ?? now
    if (at > now) return
    opening.closesAt = null
    for (const { nsgId, name } of opening.written) {
      const group = this.#sim.groups.get(nsgId)
      if (group?.rule(name)) group.delete(name, 'defender', at)
    }
    if (!superseded) revoke(opening, 'Expired')
  }

  #groupsOf(vmId: string): { group: SecurityGroup; address: string }[] {
    const machine = this.#sim.resources.get(vmId)
    if (!machine) return []
    const { jitGroups } = this.#sim.settings
    return endpointsOf(this.#sim, machine).flatMap((endpoint) => {
      const address = endpoint.address.properties.privateIPAddress
      if (address.includes(':')) return []
      const { subnet, nic } = groupsBefore(this.#sim, endpoint)
      const ids = [...(jitGroups === 'nic' ? [] : [subnet]), ...(jitGroups === 'subnet' ? [] : [nic])]
      return ids.flatMap((id) => {
        const group = id === undefined ? undefined : this.#sim.group(id)
        return group ? [{ group, address }] : []
      })
    })
  }
}

const defenders = new WeakMap<Simulation, Defender>()

export function defenderOf(sim: Simulation): Defender {
  const defender = defenders.get(sim) ?? new Defender(sim)
  defenders.set(sim, defender)
  return defender
}

export function policyAt(sim: Simulation, id: string): JitPolicy | undefined {
  const found = sim.resources.get(id)
  return isJitPolicy(found) ? found : undefined
}

const together = ({ vmId, sources, endsAt }: AskedPort) => `${vmId.toLowerCase()} ${sources.join()} ${endsAt}`

function requestPort({ number, sources, endsAt }: AskedPort): JitRequestPort {
  const [one = '', ...more] = sources
  return {
    number,
    ...(more.length === 0 ? { allowedSourceAddressPrefix: one } : { allowedSourceAddressPrefixes: sources }),
    endTimeUtc: jitTime(endsAt),
    status: 'Initiating',
    statusReason: 'UserRequested',
  }
}

function protocolOf({ properties }: JitPolicy, part: readonly AskedPort[]): string {
  const [asked] = part
  const machine = properties.virtualMachines.find(({ id }) => id.toLowerCase() === asked?.vmId.toLowerCase())
  return machine?.ports.find(({ number }) => number === asked?.number)?.protocol ?? '*'
}

function opensAt(faults: readonly Fault[], usual: number): number | null {
  let at: number | null = usual
  for (const fault of faults) {
    if (fault.kind === 'no-opening') at = null
    if (fault.kind === 'late-opening' && at !== null) at += fault.ms
  }
  return at
}

function revoke(opening: Opening, reason: 'Expired' | 'NewerRequestInitiated'): void {
  opening.opensAt = null
  for (const port of opening.ports) {
    port.status = 'Revoked'
    port.statusReason = reason
  }
}
