import type { Event } from '../src/core/event.ts'
import { type Rule, ruleDescription, ruleName } from '../src/core/grant.ts'
import type { Person } from '../src/core/person.ts'
import type { Terms } from '../src/core/policy.ts'
import type { Ask } from '../src/core/request.ts'
import { loadSubscription } from '../src/simulator/big-world.ts'

const robin: Person = { enterpriseId: null, teamId: 'T0TEAM', userId: 'U0ROBIN' }
const source = '81.2.69.142'
const destination = '10.0.0.10'
const port = { number: 22, protocol: 'tcp' } as const
const firstPriority = 1000

const numbered = (word: string, index: number) => `${word}-${String(index).padStart(5, '0')}`

/** Where grants lie in the world for load tests: in turn over the subscriptions, then over the groups of each. */
export interface Layout {
  readonly subscriptions: number
  /** How many groups of each subscription, from this one on. */
  readonly groups: number
  readonly firstGroup?: number
}

/** One grant with one rule. */
export interface SeedGrant {
  readonly requestId: string
  readonly grantId: string
  readonly subscriptionId: string
  readonly vmName: string
  readonly nsgId: string
  readonly name: string
  readonly priority: number
  readonly expiresAt: number
}

function seedGrant(number: number, index: number, expiresAt: number, layout: Layout): SeedGrant {
  const grantId = `g${String(number).padStart(9, '0')}`
  const subscriptionId = loadSubscription(index % layout.subscriptions)
  const at = Math.floor(index / layout.subscriptions)
  const group = (layout.firstGroup ?? 0) + (at % layout.groups)
  return {
    requestId: `r${String(number).padStart(9, '0')}`,
    grantId,
    subscriptionId,
    vmName: numbered('vm', group),
    nsgId: resourceId(subscriptionId, 'microsoft.network/networksecuritygroups', numbered('nsg', group)),
    name: ruleName(grantId, expiresAt),
    priority: firstPriority + Math.floor(at / layout.groups),
    expiresAt,
  }
}

/** So many grants with numbers from `from` on, each with the end that `endOf` gives it; both count from zero. */
export const seedGrants = (
  { from = 0, count }: { readonly from?: number; readonly count: number },
  endOf: (index: number) => number,
  layout: Layout,
): readonly SeedGrant[] =>
  Array.from({ length: count }, (_, index) => seedGrant(from + index, index, endOf(index), layout))

const resourceId = (subscriptionId: string, type: string, name: string) =>
  `/subscriptions/${subscriptionId}/resourcegroups/rg-load/providers/${type}/${name}`

/** What stands in Azure for a grant. */
export const standingRule = ({ requestId, nsgId, name, priority }: SeedGrant) => ({
  nsgId,
  name,
  properties: {
    description: ruleDescription(requestId, robin),
    access: 'Allow' as const,
    direction: 'Inbound' as const,
    protocol: 'Tcp' as const,
    priority,
    sourceAddressPrefix: source,
    sourcePortRange: '*',
    destinationAddressPrefix: destination,
    destinationPortRange: String(port.number),
  },
})

const terms: Terms = {
  rule: 'nobody needs to agree',
  maxDurationMs: 8 * 3_600_000,
  stages: [],
  selfApproval: false,
  channel: 'C0APPROVALS',
  deadlineMs: 3_600_000,
}

function askOf(grant: SeedGrant, now: number): Ask {
  const { subscriptionId, vmName, nsgId, expiresAt } = grant
  return {
    id: grant.requestId,
    requester: robin,
    vm: {
      id: resourceId(subscriptionId, 'microsoft.compute/virtualmachines', vmName),
      name: vmName,
      resourceGroup: 'rg-load',
      subscriptionId,
      subscriptionName: 'Load',
      location: 'westeurope',
      os: 'linux',
      tags: { env: 'test' },
    },
    hops: [{ nsgId, attachedTo: 'network interface', destinations: [destination] }],
    connectTo: null,
    label: 'ssh',
    ports: [port],
    source: { address: source, family: 'IPv4', learnt: 'typed', learntAt: now },
    durationMs: expiresAt - now,
    until: expiresAt,
    reason: 'to see how fast it closes',
  }
}

const ruleOf = ({ requestId, name, nsgId, priority }: SeedGrant): Rule => ({
  name,
  nsgId,
  priority,
  source,
  destinations: [destination],
  ports: [port],
  description: ruleDescription(requestId, robin),
  state: 'planned',
})

/** What happens to a case until its access is open, all of it at one moment. */
export function lifeOf(grant: SeedGrant, now: number): readonly Event[] {
  const tree = {
    check: 'Access is granted',
    result: 'yes',
    because: 'nobody needs to agree',
    children: [],
  } as const
  const verdict = { outcome: 'allow', terms, tree, policyHash: 'bench' } as const
  return [
    { type: 'submit', ask: askOf(grant, now), verdict, grantId: grant.grantId },
    { type: 'rules planned', rules: [ruleOf(grant)] },
    { type: 'rule present', nsgId: grant.nsgId },
  ]
}
