import * as fc from 'fast-check'
import type { Case } from '../../src/core/case.ts'
import type { Note } from '../../src/core/effect.ts'
import type { Person } from '../../src/core/person.ts'
import type { Approvers, Lookup, Reason } from '../../src/core/policy.ts'
import type { Request } from '../../src/core/request.ts'
import { waysLearnt } from '../../src/core/source.ts'
import { grantBase, noon, rule, terms } from './a-case.ts'

const nasty = [
  '<!channel>',
  '<@U0VICTIM>',
  '<!subteam^S0ALL>',
  '<https://evil.example|Approve>',
  '<!date^1^{date}|x>',
  '&lt;!here&gt;',
  '&',
  '<',
  '>',
  '|',
  '`',
  '*bold*',
  '\n',
  '\r\n\t',
  '\u0000',
  '\u001b[31m',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u2028',
  '\ud800',
  '🙂',
  '@here',
  'www.example.com',
]

/** Words as an attacker or an unlucky naming scheme would write them, of any length. */
export const words: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: 'binary', maxLength: 8 })), {
      maxLength: 12,
    })
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom(...nasty, 'a', 'é'), fc.integer({ min: 1, max: 6000 }))
    .map(([part, times]) => part.repeat(times)),
)

const person: fc.Arbitrary<Person> = fc.record({
  enterpriseId: fc.constant(null),
  teamId: fc.constant('T0TEAM'),
  userId: fc.oneof(fc.constantFrom('U0ALICE', 'U0BOB', 'W0CAROL'), words),
})
const people = fc.array(fc.oneof(fc.constantFrom('U0ALICE', 'S0OPS'), words), { maxLength: 60 })
const at = fc.integer({ min: noon, max: noon + 86_400_000 })

const { tree } = fc.letrec<{ tree: Reason }>((tie) => ({
  tree: fc.record({
    check: words,
    result: fc.constantFrom('yes', 'no', 'skipped'),
    because: words,
    children: fc.oneof({ maxDepth: 2 }, fc.constant([]), fc.array(tie('tree'), { maxLength: 30 })),
  }),
}))

const anyLookup: fc.Arbitrary<Lookup> = fc.record({
  kind: fc.constantFrom('owner tag', 'on call'),
  name: words,
  users: people,
  groups: people,
  until: fc.oneof(fc.constant(null), at),
  problems: fc.array(words, { maxLength: 6 }),
  unsure: fc.boolean(),
})
const anyApprovers: fc.Arbitrary<Approvers> = fc.oneof(
  fc.record({ users: people, groups: people }),
  fc.record({
    users: people,
    groups: people,
    looked: fc.record({
      up: fc.array(anyLookup, { maxLength: 9 }),
      named: fc.record({ users: people, groups: people }),
    }),
  }),
)

const anyTerms = fc.record({
  rule: words,
  maxDurationMs: fc.constant(terms.maxDurationMs),
  stages: fc.array(
    fc.record({
      approvers: anyApprovers,
      approvals: fc.integer({ min: 1, max: 9 }),
      fromDifferentGroups: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  selfApproval: fc.boolean(),
  channel: fc.constant('C0APPROVE'),
  deadlineMs: fc.constant(terms.deadlineMs),
})

const requestBase = fc.record({
  id: fc.stringMatching(/^[0-9a-z]{10}$/),
  requester: person,
  vm: fc.record({
    id: words,
    name: words,
    resourceGroup: words,
    subscriptionId: words,
    subscriptionName: words,
    location: words,
    os: fc.constantFrom('windows', 'linux', null),
    tags: fc.dictionary(fc.oneof(fc.constantFrom('env', 'Owner'), words), words, { maxKeys: 40 }),
  }),
  hops: fc.constant([]),
  connectTo: fc.oneof(fc.constant(null), words),
  label: words,
  ports: fc.array(
    fc.record({ number: fc.constantFrom(22, 3389, 443, 65_535), protocol: fc.constantFrom('tcp', 'udp') }),
    { minLength: 1, maxLength: 60 },
  ),
  source: fc.record(
    {
      address: words,
      family: fc.constantFrom('IPv4', 'IPv6'),
      learnt: fc.constantFrom(...waysLearnt),
      learntAt: at,
      name: words,
      isShared: fc.constant(true),
    },
    { requiredKeys: ['address', 'family', 'learnt', 'learntAt'] },
  ),
  durationMs: fc.integer({ min: 60_000, max: 400 * 86_400_000 }),
  until: fc.oneof(fc.constant(null), at),
  reason: fc.oneof(fc.constant(null), words),
  requestedAt: at,
  verdict: fc.record({
    outcome: fc.constantFrom('allow', 'needs approval', 'deny'),
    terms: fc.oneof(fc.constant(null), anyTerms),
    tree,
    policyHash: words,
  }),
  reviews: fc.array(fc.record({ by: person, verdict: fc.constantFrom('approve', 'deny'), at }), {
    maxLength: 30,
  }),
})

const reason = fc.constantFrom('expired', 'closed early', 'could not open', 'changed outside', 'vm deleted')
const nobodyOr = fc.oneof(fc.constant(null), person)
const detail = fc.oneof(fc.constant(null), words)

const anyProof = fc.record({
  verdict: fc.constantFrom('verified', 'another rule', 'denied', 'still its rule', 'not verified'),
  at,
  afterMs: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 900_000 })),
  findings: fc.array(fc.record({ rule: words, ports: words }), { maxLength: 3 }),
  why: detail,
  sources: fc.array(words, { maxLength: 2 }),
  tried: fc.nat(12),
  possible: fc.nat(600),
})
const anyProofs = fc.record({ open: anyProof, closed: anyProof }, { requiredKeys: [] })

const grant = fc
  .record({
    state: fc.constantFrom('opening', 'open', 'closing', 'closed'),
    reason,
    by: nobodyOr,
    detail,
    approvedAt: at,
    expiresAt: at,
    openedAt: fc.oneof(fc.constant(null), at),
    closingSince: at,
    closedAt: at,
    rules: fc.constantFrom([], [rule]),
    proofs: anyProofs,
  })
  .map((given) => ({ ...grantBase, ...given }))

const state = fc.constantFrom('pending', 'approved', 'denied', 'canceled', 'lapsed')

/** A case in any state, with hostile words wherever somebody outside chooses them. */
export const anyCase: fc.Arbitrary<Case> = fc
  .record({
    base: requestBase,
    terms: anyTerms,
    state,
    by: fc.oneof(fc.constant('policy' as const), person),
    grant,
    at,
    progress: fc.record({ stage: fc.nat(3), approvals: fc.nat(3) }),
  })
  .map((given) => {
    const ends = { approvedAt: given.at, deniedAt: given.at, canceledAt: given.at, lapsedAt: given.at }
    const request: Request = {
      ...given.base,
      ...ends,
      state: given.state,
      terms: given.terms,
      by: given.by,
      progress: given.progress,
      escalatedAt: null,
      deadlineAt: given.at,
    }
    return { request, grant: given.state === 'approved' ? given.grant : null }
  })

export const anyNote: fc.Arbitrary<Note> = fc.oneof(
  fc.record({ type: fc.constant('opened' as const), at, expiresAt: at }),
  fc.record({ type: fc.constant('ending' as const), expiresAt: at }),
  fc.record({ type: fc.constant('closing' as const), at, reason, by: nobodyOr, detail }),
  fc.record({
    type: fc.constant('closed' as const),
    at,
    expiresAt: at,
    reason,
    by: nobodyOr,
    detail,
    opened: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('flow' as const),
    at,
    of: fc.constantFrom('open' as const, 'closed' as const),
    proof: anyProof,
  }),
  fc.record({ type: fc.constant('came back' as const), at, nsgId: words, name: words }),
  fc.record({
    type: fc.constant('decided' as const),
    state: fc.constantFrom('denied', 'canceled', 'lapsed'),
    at,
    by: nobodyOr,
  }),
)

export const anyMoment = at
