import type { Case } from '../../src/core/case.ts'
import { hour, minute } from '../../src/core/duration.ts'
import type { Grant, GrantBase, Rule } from '../../src/core/grant.ts'
import type { Person } from '../../src/core/person.ts'
import type { Reason, Terms, Verdict } from '../../src/core/policy.ts'
import type { Request, RequestBase, Review } from '../../src/core/request.ts'

export const noon = Date.UTC(2026, 10, 22, 12, 0, 0)

export const someone = (userId: string): Person => ({ enterpriseId: null, teamId: 'T0TEAM', userId })
export const alice = someone('U0ALICE')
export const bob = someone('U0BOB')
const carol = someone('U0CAROL')

export const terms: Terms = {
  rule: 'an on-call engineer needs a jump host',
  maxDurationMs: 4 * hour,
  stages: [
    {
      approvers: { users: ['U0BOB', 'U0CAROL'], groups: ['S0OPS'] },
      approvals: 2,
      fromDifferentGroups: false,
    },
  ],
  selfApproval: false,
  channel: 'C0APPROVE',
  deadlineMs: hour,
}

const tree: Reason = {
  check: 'Access is granted if …',
  result: 'yes',
  because: 'the rule asks for 2 approvals',
  children: [],
}

const verdict: Verdict = { outcome: 'needs approval', terms, tree, policyHash: 'p0' }

export const base: RequestBase = {
  id: 'r7k3m9x2',
  requester: alice,
  vm: {
    id: '/subscriptions/0001/resourcegroups/rg-jump/providers/microsoft.compute/virtualmachines/vm-jump01',
    name: 'vm-jump01',
    resourceGroup: 'rg-jump',
    subscriptionId: '0001',
    subscriptionName: 'Production',
    location: 'westeurope',
    os: 'windows',
    tags: { env: 'prod', owner: 'ops', costcenter: '42' },
  },
  hops: [],
  connectTo: '20.1.2.3',
  label: 'rdp',
  ports: [{ number: 3389, protocol: 'tcp' }],
  source: { address: '81.2.69.142', family: 'IPv4', learnt: 'typed', learntAt: noon },
  durationMs: 30 * minute,
  until: null,
  reason: 'Patch the print spooler',
  requestedAt: noon,
  verdict,
  reviews: [],
}

const yes = (by: Person, at = noon + minute): Review => ({ by, verdict: 'approve', at })

export const grantBase: GrantBase = {
  id: 'g1',
  requestId: base.id,
  approvedAt: noon + 2 * minute,
  expiresAt: noon + 32 * minute,
  rules: [],
  openedAt: null,
}

const approved: Request = {
  ...base,
  reviews: [yes(bob), yes(carol, noon + 2 * minute)],
  state: 'approved',
  terms,
  approvedAt: noon + 2 * minute,
}

export const rule: Rule = {
  name: 'jit-g1-1795350720',
  nsgId:
    '/subscriptions/0001/resourcegroups/rg-jump/providers/microsoft.network/networksecuritygroups/nsg-jump',
  priority: 200,
  source: '81.2.69.142',
  destinations: ['10.0.0.4'],
  ports: base.ports,
  description: 'jitney request r7k3m9x2 for U0ALICE',
  state: 'present',
}

const rules = [rule]
const granted = (grant: Grant): Case => ({ request: approved, grant })
const openedAt = noon + 3 * minute
const end = grantBase.expiresAt
const why = { by: null, detail: null }

/** One case for each state that people can see. */
export const cases = {
  pending: {
    request: {
      ...base,
      state: 'pending',
      terms,
      progress: { stage: 0, approvals: 0 },
      escalatedAt: null,
      deadlineAt: noon + hour,
    },
    grant: null,
  },
  oneOfTwo: {
    request: {
      ...base,
      reviews: [yes(bob)],
      state: 'pending',
      terms,
      progress: { stage: 0, approvals: 1 },
      escalatedAt: null,
      deadlineAt: noon + hour,
    },
    grant: null,
  },
  opening: granted({ ...grantBase, state: 'opening' }),
  open: granted({ ...grantBase, rules, openedAt, state: 'open' }),
  closing: granted({
    ...grantBase,
    rules,
    openedAt,
    state: 'closing',
    reason: 'expired',
    ...why,
    closingSince: end,
  }),
  closed: granted({
    ...grantBase,
    rules,
    openedAt,
    state: 'closed',
    reason: 'expired',
    ...why,
    closingSince: end,
    closedAt: end + 420,
  }),
  closedEarly: granted({
    ...grantBase,
    rules,
    openedAt,
    state: 'closed',
    reason: 'closed early',
    by: alice,
    detail: null,
    closingSince: end - 12 * minute,
    closedAt: end - 12 * minute,
  }),
  couldNotOpen: granted({
    ...grantBase,
    rules: [{ ...rule, state: 'absent' }],
    state: 'closed',
    reason: 'could not open',
    by: null,
    detail: 'Azure has no free priority in nsg-jump',
    closingSince: openedAt,
    closedAt: openedAt,
  }),
  neverWritten: granted({
    ...grantBase,
    state: 'closed',
    reason: 'closed early',
    by: bob,
    detail: null,
    closingSince: openedAt,
    closedAt: openedAt,
  }),
  changedOutside: granted({
    ...grantBase,
    rules,
    openedAt,
    state: 'closing',
    reason: 'changed outside',
    by: null,
    detail: 'the rule in nsg-jump has another source',
    closingSince: openedAt + minute,
  }),
  denied: {
    request: { ...base, state: 'denied', terms, deniedAt: noon + minute, by: bob },
    grant: null,
  },
  deniedByPolicy: {
    request: {
      ...base,
      reviews: [],
      verdict: {
        outcome: 'deny',
        terms: null,
        policyHash: 'p0',
        tree: {
          check: 'Access is granted if …',
          result: 'no',
          because: 'no rule of the policy matches',
          children: [
            {
              check: 'an admin needs a database',
              result: 'no',
              because: 'the VM’s name: vm-jump01 is not among vm-db*',
              children: [
                {
                  check: 'the VM’s name',
                  result: 'no',
                  because: 'vm-jump01 is not among vm-db*',
                  children: [],
                },
                { check: 'the requester', result: 'yes', because: 'named in the rule', children: [] },
              ],
            },
          ],
        },
      },
      state: 'denied',
      terms: null,
      deniedAt: noon,
      by: 'policy',
    },
    grant: null,
  },
  canceled: {
    request: { ...base, state: 'canceled', terms, canceledAt: noon + minute },
    grant: null,
  },
  lapsed: {
    request: { ...base, reviews: [yes(bob)], state: 'lapsed', terms, lapsedAt: noon + hour },
    grant: null,
  },
} as const satisfies Record<string, Case>
