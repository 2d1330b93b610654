import type { AuditEvent } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { Grant, Rule } from '../../src/core/grant.ts'
import type { Person } from '../../src/core/person.ts'
import type { Request, RequestBase, Review } from '../../src/core/request.ts'
import type { NewJob } from '../../src/ports.ts'

export const noon = Date.UTC(2026, 10, 23, 12, 0, 0, 123)
export const minute = 60_000

const someone = (userId: string): Person => ({ enterpriseId: null, teamId: 'T1', userId })
export const robin = someone('U0ROBIN')
export const avery = someone('U0AVERY')

const terms = {
  rule: 'a colleague agrees',
  maxDurationMs: 60 * minute,
  stages: [{ approvers: { users: ['U0AVERY'], groups: [] }, approvals: 1, fromDifferentGroups: false }],
  selfApproval: false,
  channel: 'C1',
  deadlineMs: 30 * minute,
}

export const nsg = (name: string): string =>
  `/subscriptions/s/resourcegroups/g/providers/microsoft.network/networksecuritygroups/${name}`

function base(id: string): RequestBase {
  return {
    id,
    requester: robin,
    vm: {
      id: '/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/vm-jump01',
      name: 'vm-jump01',
      resourceGroup: 'g',
      subscriptionId: 's',
      subscriptionName: 'Main',
      location: 'westeurope',
      os: 'windows',
      tags: { env: 'test' },
    },
    hops: [{ nsgId: nsg('subnet'), attachedTo: 'subnet', destinations: ['10.0.0.4'] }],
    connectTo: '20.1.2.3',
    label: 'rdp',
    ports: [{ number: 3389, protocol: 'tcp' }],
    source: { address: '81.2.69.142', family: 'IPv4', learnt: 'typed', learntAt: noon },
    durationMs: 30 * minute,
    until: null,
    reason: null,
    requestedAt: noon,
    verdict: {
      outcome: 'needs approval',
      terms,
      tree: { check: 'Access is granted if …', result: 'yes', because: 'it does', children: [] },
      policyHash: 'abc',
    },
    reviews: [],
  }
}

export const pendingCase = (id: string, fields: Partial<RequestBase> = {}): Case => ({
  request: {
    ...base(id),
    ...fields,
    state: 'pending',
    terms,
    progress: { stage: 0, approvals: 0 },
    escalatedAt: null,
    deadlineAt: noon + 30 * minute,
  },
  grant: null,
})

export const approval = (by: Person, at = noon): Review => ({ by, verdict: 'approve', at })

const ruleOf = (grantId: string, name: string): Rule => ({
  name: `jit-${grantId}-${Math.floor((noon + 30 * minute) / 1000)}`,
  nsgId: nsg(name),
  priority: 100,
  source: '81.2.69.142',
  destinations: ['10.0.0.4'],
  ports: [{ number: 3389, protocol: 'tcp' }],
  description: 'jitney request',
  state: 'planned',
})

type GrantFields = Pick<Grant, 'state'> & {
  expiresAt?: number
  nsgs?: readonly string[]
  rules?: readonly Rule[]
}

/** An approved request with its grant in one of the four states. */
export function grantedCase(id: string, fields: GrantFields = { state: 'opening' }): Case {
  const approved: Request = {
    ...base(id),
    reviews: [approval(avery)],
    state: 'approved',
    terms,
    approvedAt: noon,
  }
  const grantId = `g${id}`
  const { expiresAt = noon + 30 * minute, nsgs = ['subnet'], state } = fields
  const common = {
    id: grantId,
    requestId: id,
    approvedAt: noon,
    expiresAt,
    rules: fields.rules ?? nsgs.map((name) => ruleOf(grantId, name)),
    openedAt: state === 'opening' ? null : noon + minute,
  }
  const end = { reason: 'expired', by: null, detail: null, closingSince: expiresAt } as const
  switch (state) {
    case 'opening':
    case 'open':
      return { request: approved, grant: { ...common, state } }
    case 'closing':
      return { request: approved, grant: { ...common, ...end, state } }
    case 'closed':
      return { request: approved, grant: { ...common, ...end, state, closedAt: expiresAt + 500 } }
    default:
      return state satisfies never
  }
}

/** The same case with every rule in this state. */
export const withRules = (kase: Case, state: Rule['state']): readonly Rule[] =>
  (kase.grant?.rules ?? []).map((rule) => ({ ...rule, state }))

export const auditEvent = (requestId: string, details: AuditEvent['details'] = {}): AuditEvent => ({
  type: 'request.pending',
  at: noon,
  requestId,
  grantId: null,
  actor: robin,
  details,
})

export const job = (key: string, fields: Partial<NewJob> = {}): NewJob => ({
  key,
  kind: 'talk',
  lane: 'slack',
  subject: `subject of ${key}`,
  dueAt: noon,
  mode: 'wake',
  ...fields,
})
