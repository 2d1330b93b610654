import { type Answer, type ArmCall, header } from './arm-call.ts'
import { plainBody } from './bodies.ts'
import { defenderOf, policyAt } from './defender.ts'
import { ArmError, resourceNotFound } from './errors.ts'
import { preconditionFailed } from './group-operations.ts'
import { jitPolicyType, readMachines } from './jit-policies.ts'
import { policyNotFound, readOrder } from './jit-requests.ts'
import { requireAlso } from './rights.ts'
import type { ArmResource } from './world.ts'

const pricingType = 'Microsoft.Security/pricings'

/** A PUT replaces the whole list of machines: whoever sends one machine drops the others. */
export function putPolicy(call: ArmCall): Answer {
  const { sim, path } = call
  const machines = readMachines(call.body)
  // Defender's own list of rights asks for this beside the right to write the policy.
  for (const { id } of machines) requireAlso(call, 'Microsoft.Compute/virtualMachines/write', id)
  const before = policyAt(sim, path.full)
  if (before && header(call, 'if-none-match') === '*') throw preconditionFailed(path.full)
  const policy: ArmResource = {
    id: before?.id ?? path.full,
    name: path.names.at(-1) ?? '',
    type: jitPolicyType,
    kind: 'Basic',
    location: path.names[0] ?? '',
    properties: {
      provisioningState: 'Succeeded',
      virtualMachines: machines,
      requests: before?.properties.requests ?? [],
    },
  }
  sim.resources.put(policy)
  defenderOf(sim).guard(policy.name, before?.properties.virtualMachines ?? [], machines)
  return { status: 200, body: plainBody(policy) }
}

export function deletePolicy({ sim, path }: ArmCall): Answer {
  const policy = policyAt(sim, path.full)
  if (!policy) return { status: 204 }
  sim.resources.delete(path.full)
  defenderOf(sim).guard(policy.name, policy.properties.virtualMachines, [])
  return { status: 200 }
}

/** 202 and not 201: whether anything opens shows later, in the policy and in the security groups. */
export function initiate(call: ArmCall): Answer {
  const { sim, path } = call
  const id = path.full.slice(0, path.full.lastIndexOf('/'))
  const policy = policyAt(sim, id)
  if (!policy) throw policyNotFound(path.names.at(-1) ?? '')
  refuseWithoutPlan(call)
  const order = readOrder(policy, call.body, sim.now())
  const faults = sim.faults.take('initiate', call.method, path.full)
  const request = defenderOf(sim).take(policy, order, 'a5510000-0000-4000-8000-000000000001', faults)
  const status = faults.some(({ kind }) => kind === 'accepted-as-200') ? 200 : 202
  return { status, body: structuredClone(request) }
}

function refuseWithoutPlan({ sim, path }: ArmCall): void {
  const { properties } = sim.resources.get(pricingId(path.subscription ?? '', 'VirtualMachines')) ?? {}
  if (properties?.['pricingTier'] === 'Standard' && properties['subPlan'] === 'P2') return
  throw new ArmError(
    403,
    'PricingTierNotSupported',
    'Just-in-time network access needs Microsoft Defender for Servers Plan 2 on the subscription.',
  )
}

const pricingId = (subscription: string, name: string) =>
  `/subscriptions/${subscription}/providers/${pricingType}/${name}`

/** A subscription that nobody has paid for has the free tier. */
export function getPricing({ sim, path }: ArmCall): Answer {
  const name = path.names[0] ?? ''
  const id = pricingId(path.subscription ?? '', name)
  const known = sim.resources.get(id)
  if (known) return { status: 200, body: plainBody(known) }
  if (name.toLowerCase() !== 'virtualmachines') throw resourceNotFound(pricingType, name, '')
  return { status: 200, body: { id, name, type: pricingType, properties: { pricingTier: 'Free' } } }
}

export const listPricings = (call: ArmCall): Answer => listed(call, pricingType)
export const listAlerts = (call: ArmCall): Answer => listed(call, 'Microsoft.Security/locations/alerts')

function listed({ sim, path }: ArmCall, type: string): Answer {
  const all = sim.resources.list(type, path.subscription, path.resourceGroup)
  return { status: 200, body: { value: all.map(plainBody) } }
}

/** The assessments of one machine, or of everything below a scope. */
export function listAssessments({ sim, path }: ArmCall): Answer {
  const scope = `${path.scope.toLowerCase()}/`
  const all = sim.resources
    .list('Microsoft.Security/assessments', path.subscription)
    .filter(({ id }) => id.toLowerCase().startsWith(scope))
  return { status: 200, body: { value: all.map(plainBody) } }
}
