import type { Case } from '../../src/core/case.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { Grant, GrantBase, Rule } from '../../src/core/grant.ts'
import type { Difference, LiveRule } from '../../src/core/live-rule.ts'
import type { Outcome } from '../../src/core/outcome.ts'
import type { Member, Person } from '../../src/core/person.ts'
import type { Approvers, Policy, Subject, Terms, Verdict } from '../../src/core/policy.ts'
import type { Proof } from '../../src/core/proof.ts'
import { progressOf, yesesOf } from '../../src/core/quorum.ts'
import type { Ask, Request, RequestBase, Review } from '../../src/core/request.ts'
import type { Vm } from '../../src/core/vm.ts'

/** `clock('09:10')` is ten past nine, UTC, on the day on which all these cases play. */
export const clock = (time: string): number => Date.parse(`2026-11-23T${time.padEnd(8, ':00')}Z`)

export const timeOf = (at: number): string =>
  Number.isFinite(at) ? new Date(at).toISOString().slice(11, 16) : String(at)

export const person = (userId: string): Person => ({ enterpriseId: null, teamId: 'T1', userId })

/** Alice asks; Bob and Carol may approve; Dave is a colleague without a say. */
export const [alice, bob, carol, dave] = [person('UALICE'), person('UBOB'), person('UCAROL'), person('UDAVE')]

export const member = (who: Person, but: Partial<Member> = {}): Member => ({
  person: who,
  known: true,
  deleted: false,
  bot: false,
  guest: false,
  foreign: false,
  timeZone: 'Europe/Berlin',
  entraId: null,
  entraGroups: null,
  groups: [],
  ...but,
})

export const vm = (but: Partial<Vm> = {}): Vm => ({
  id: '/subscriptions/s1/resourcegroups/rg-shop/providers/microsoft.compute/virtualmachines/vm-jump01',
  name: 'vm-jump01',
  resourceGroup: 'rg-shop',
  subscriptionId: 's1',
  subscriptionName: 'Shop',
  location: 'westeurope',
  os: 'windows',
  tags: { env: 'prod' },
  ...but,
})

const colleagues: Approvers = { users: [bob.userId, carol.userId], groups: ['SOPS'] }

/** One stage of `approvals` yeses by `approvers`, unless the stages are given. */
export const terms = ({
  approvals = 1,
  approvers = colleagues,
  ...but
}: Partial<Terms> & { approvals?: number; approvers?: Approvers } = {}): Terms => ({
  rule: 'a colleague agrees',
  maxDurationMs: 8 * 3_600_000,
  stages: approvals > 0 ? [{ approvers, approvals, fromDifferentGroups: false }] : [],
  selfApproval: false,
  channel: 'C1',
  deadlineMs: 3_600_000,
  ...but,
})

export const verdict = (outcome: Verdict['outcome'], given: Terms = terms()): Verdict => ({
  outcome,
  terms: outcome === 'deny' ? null : given,
  tree: { check: 'Access is granted if …', result: 'yes', because: `the test says ${outcome}`, children: [] },
  policyHash: 'hash-1',
})

export const ask = (but: Partial<Ask> = {}): Ask => ({
  id: 'r1',
  requester: alice,
  vm: vm(),
  hops: [],
  connectTo: '20.1.2.3',
  label: 'rdp',
  ports: [{ number: 3389, protocol: 'tcp' }],
  source: { address: '81.2.69.142', family: 'IPv4', learnt: 'typed', learntAt: clock('09:00') },
  durationMs: 30 * 60_000,
  until: null,
  reason: 'the shop is down',
  ...but,
})

export const proof = (but: Partial<Proof> = {}): Proof => ({
  verdict: 'verified',
  at: clock('09:07'),
  afterMs: 2_000,
  findings: [],
  why: null,
  sources: ['81.2.69.142'],
  tried: 1,
  possible: 1,
  ...but,
})

export const review = (by: Person, said: Review['verdict'] = 'approve', at = clock('09:01')): Review => ({
  by,
  verdict: said,
  at,
})

export const base = (but: Partial<RequestBase> = {}): RequestBase => ({
  ...ask(),
  requestedAt: clock('09:00'),
  verdict: verdict('needs approval'),
  reviews: [],
  ...but,
})

/** Asked at 09:00, with an hour for the approvers. */
export const pending = (
  given: Terms = terms(),
  reviews: readonly Review[] = [],
  deadlineAt = clock('10:00'),
): Case => ({
  request: {
    ...base({ reviews, verdict: verdict('needs approval', given) }),
    state: 'pending',
    terms: given,
    progress: progressOf(
      given,
      yesesOf(
        reviews,
        reviews.map(({ by }) => member(by)),
      ),
    ),
    escalatedAt: null,
    deadlineAt,
  },
  grant: null,
})

export const rule = (nsgId: string, state: Rule['state'] = 'planned'): Rule => ({
  name: 'jit-g1-1795426500',
  nsgId,
  priority: 3000,
  source: '81.2.69.142',
  destinations: ['10.0.0.4'],
  ports: [{ number: 3389, protocol: 'tcp' }],
  description: 'jitney request r1 for UALICE',
  state,
})

/** The rule as Azure shows it when nobody touched it. */
export const live = (written: Rule, but: Partial<LiveRule> = {}): LiveRule => ({
  name: written.name,
  description: written.description,
  priority: written.priority,
  direction: 'Inbound',
  access: 'Allow',
  sources: [written.source],
  destinations: written.destinations,
  ports: written.ports.map(({ number }) => String(number)),
  protocol: written.ports[0]?.protocol === 'udp' ? 'Udp' : 'Tcp',
  provisioning: 'Succeeded',
  ...but,
})

const touch = (
  what: Difference['what'],
  but: Partial<LiveRule>,
  before: string,
  after: string,
): readonly [Partial<LiveRule>, Difference] => [but, { what, before, after }]

/** What somebody may do to `rule(…)` in Azure, one thing at a time, and how it must be told. */
export const touches = [
  touch('source', { sources: ['*'] }, '81.2.69.142', '*'),
  touch('source', { sources: ['Internet'] }, '81.2.69.142', 'Internet'),
  touch('source', { sources: ['81.2.69.0/24'] }, '81.2.69.142', '81.2.69.0/24'),
  touch('source', { sources: ['81.2.69.142', '8.8.8.8'] }, '81.2.69.142', '81.2.69.142, 8.8.8.8'),
  touch('source', { sources: [] }, '81.2.69.142', ''),
  touch('destination', { destinations: ['*'] }, '10.0.0.4', '*'),
  touch('destination', { destinations: ['10.0.0.4', '10.0.0.5'] }, '10.0.0.4', '10.0.0.4, 10.0.0.5'),
  touch('destination', { destinations: ['asg:web'] }, '10.0.0.4', 'asg:web'),
  touch('ports', { ports: ['*'] }, '3389', '*'),
  touch('ports', { ports: ['3389', '22'] }, '3389', '3389, 22'),
  touch('ports', { ports: ['3389-3390'] }, '3389', '3389-3390'),
  touch('protocol', { protocol: '*' }, 'tcp', '*'),
  touch('protocol', { protocol: 'Udp' }, 'tcp', 'udp'),
  touch('access', { access: 'Deny' }, 'Allow', 'Deny'),
  touch('direction', { direction: 'Outbound' }, 'Inbound', 'Outbound'),
  touch('priority', { priority: 200 }, '3000', '200'),
  touch('description', { description: '' }, 'jitney request r1 for UALICE', ''),
  touch('description', { description: 'by hand' }, 'jitney request r1 for UALICE', 'by hand'),
]

export const approvedRequest = (): Request => ({
  ...base({ reviews: [review(bob)] }),
  state: 'approved',
  terms: terms(),
  approvedAt: clock('09:05'),
})

const closingBy = { reason: 'closed early', by: alice, detail: null, closingSince: clock('09:08') } as const

/** Approved at 09:05 for thirty minutes, so it ends at 09:35. */
export function granted(
  state: Grant['state'],
  rules: readonly Rule[] = [],
  but: Partial<GrantBase> = {},
): Case {
  const shared: GrantBase = {
    id: 'g1',
    requestId: 'r1',
    approvedAt: clock('09:05'),
    expiresAt: clock('09:35'),
    rules,
    openedAt: state === 'opening' ? null : clock('09:06'),
    ...but,
  }
  const grants: Record<Grant['state'], Grant> = {
    opening: { ...shared, state: 'opening' },
    open: { ...shared, state: 'open' },
    closing: { ...shared, ...closingBy, state: 'closing' },
    closed: { ...shared, ...closingBy, closedAt: clock('09:09'), state: 'closed' },
  }
  return { request: approvedRequest(), grant: grants[state] }
}

const ruleMarks = { planned: '?', present: '+', absent: '-' } as const

const caseText = ({ request, grant }: Case): string =>
  grant
    ? `${request.state}/${grant.state} ${grant.rules.map(({ state }) => ruleMarks[state]).join('')}`.trim()
    : request.state

function effectText(effect: Effect): string {
  switch (effect.kind) {
    case 'set timer':
      return `set ${effect.timer} ${timeOf(effect.at)}`
    case 'drop timer':
      return `drop ${effect.timer}`
    case 'plan rules':
      return `plan until ${timeOf(effect.expiresAt)}`
    case 'ask defender':
      return 'ask defender'
    case 'write rules':
      return `write ${effect.nsgId} ${effect.want}`
    case 'verify flow':
      return `verify ${effect.of}`
    case 'flush':
      return `flush ${effect.nsgId}`
    case 'show':
      return 'show'
    case 'note':
      return `note ${effect.note.type}`
    case 'gather context':
      return 'gather context'
    case 'close moved':
      return `close moved ${effect.requestId}`
    case 'end following':
      return `end ${effect.requestId}`
    case 'page':
      return 'page'
    default:
      return effect satisfies never
  }
}

/** `pending: request.pending; set deadline 10:00, show`, or `same`, or `no: own request`. */
export function told(before: Case | null, outcome: Outcome): string {
  if (!outcome.ok) return `no: ${outcome.refusal.code}`
  const same = before !== null && JSON.stringify(before) === JSON.stringify(outcome.next)
  if (same && outcome.audit.length + outcome.effects.length === 0) return 'same'
  const audit = outcome.audit.map((event) => event.type).join(', ')
  const effects = outcome.effects.map(effectText).join(', ')
  return `${same ? 'same' : caseText(outcome.next)}: ${[audit, effects].filter((part) => part !== '').join('; ')}`
}

export const subject = (but: Partial<Subject> = {}): Subject => ({
  requester: alice,
  groups: [],
  entraGroups: null,
  vm: vm(),
  ports: [{ number: 3389, protocol: 'tcp' }],
  source: { address: '81.2.69.142', learnt: 'typed' },
  reason: 'the shop is down',
  startsAt: clock('09:00'),
  durationMs: 30 * 60_000,
  usage: new Map(),
  ...but,
})

export const policy = (rules: Policy['rules'], deny: Policy['deny'] = []): Policy => ({
  hash: 'hash-1',
  services: [],
  deny,
  rules,
  auditChannel: 'C0AUDIT',
  pages: { channel: 'C0AUDIT', users: [], groups: [] },
  operators: { users: [], groups: [] },
  addressWindowMs: 12 * 3_600_000,
  showTags: [],
})
