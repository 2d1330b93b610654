import type { Answer, ArmCall } from './arm-call.ts'

/** Defender's plan for a kind of resource: servers have Plan 2 wherever there is a JIT policy. */
export function getPricing({ sim, path }: ArmCall): Answer {
  const policies = sim.resources.list(
    'Microsoft.Security/locations/jitNetworkAccessPolicies',
    path.subscription,
  )
  const name = path.names[0] ?? ''
  const paid = policies.length > 0 && name.toLowerCase() === 'virtualmachines'
  return {
    status: 200,
    body: {
      id: path.full,
      name,
      type: 'Microsoft.Security/pricings',
      properties: paid ? { pricingTier: 'Standard', subPlan: 'P2' } : { pricingTier: 'Free' },
    },
  }
}
