import { describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../src/core/audit.ts'
import { minute } from '../../src/core/duration.ts'
import { auditLine } from '../../src/slack/audit-line.ts'
import { section } from '../../src/slack/blocks.ts'
import { alice, base, bob, noon } from './a-case.ts'
import { heard } from './read.ts'

const record = (event: Partial<AuditRecord>): AuditRecord => ({
  seq: 41,
  type: 'request.pending',
  at: noon,
  requestId: base.id,
  grantId: null,
  actor: alice,
  details: {},
  previous: '0'.repeat(64),
  hash: 'c0ffee'.repeat(10),
  ...event,
})
const read = (event: Partial<AuditRecord>, repeat = false) => {
  const text = auditLine(record(event), repeat)
  return heard({ text, blocks: [section(text)] })
}

it('says who asked for what', () => {
  const details = {
    requester: 'U0ALICE',
    vm: base.vm.id,
    ports: ['3389/tcp'],
    source: '81.2.69.142',
    learnt: 'remembered',
    durationMs: 30 * minute,
    until: null,
    reason: 'Patch the print spooler',
    rule: 'an on-call engineer needs a jump host',
    policy: 'p0',
    because: 'the rule asks for 2 approvals',
    deadlineAt: noon,
  }
  expect(read({ details })).toMatchInlineSnapshot(
    `"#41 · @alice asked for access · 2026-11-22 12:00 UTC · VM vm-jump01 · ports 3389/tcp · from 81.2.69.142 (from an earlier request) · for 30 min · rule “an on-call engineer needs a jump host” · reason: Patch the print spooler · request r7k3m9x2 · chain c0ffeec0ffee"`,
  )
})

it('says who approved and how many more are needed', () => {
  const details = { approvals: 1, needed: 2, rule: 'an on-call engineer needs a jump host' }
  expect(read({ type: 'request.reviewed', actor: bob, details })).toMatchInlineSnapshot(
    `"#41 · @bob approved, more approvals are needed · 2026-11-22 12:00 UTC · rule “an on-call engineer needs a jump host” · 1 of 2 approvals · request r7k3m9x2 · chain c0ffeec0ffee"`,
  )
})

const proved = {
  of: 'closed',
  verdict: 'verified',
  afterMs: 2_000,
  rules: [],
  why: null,
  sources: ['81.2.69.142'],
}

it.each([
  [
    'grant.verified',
    { ...proved, tried: 2, possible: 2 },
    'closed, verified by IP flow verify · 2026-11-22 12:00 UTC · tried from 81.2.69.142 · agreed after 2.0 s ·',
  ],
  [
    'grant.unverified',
    {
      ...proved,
      verdict: 'another rule',
      afterMs: null,
      rules: [{ rule: 'wide', ports: '22/tcp' }],
      tried: 2,
      possible: 9,
    },
    'closed, but still reachable · 2026-11-22 12:00 UTC · by wide (22/tcp) · tried from 81.2.69.142 · 2 of 9 combinations tried ·',
  ],
  [
    'grant.unverified',
    {
      ...proved,
      of: 'open',
      verdict: 'denied',
      afterMs: null,
      rules: [{ rule: 'no', ports: '22/tcp' }],
      tried: 1,
      possible: 1,
    },
    'open, but traffic does not pass · 2026-11-22 12:00 UTC · by no (22/tcp) ·',
  ],
  [
    'grant.unverified',
    {
      ...proved,
      of: 'open',
      verdict: 'not verified',
      afterMs: null,
      why: 'IPv4 only',
      sources: [],
      tried: 0,
      possible: 0,
    },
    'open, not verified by IP flow verify · 2026-11-22 12:00 UTC · IPv4 only ·',
  ],
] as const)('says what Azure said of the traffic: %s', (type, details, said) => {
  expect(read({ type, actor: 'jitney', details })).toContain(said)
})

it('says how late a grant closed', () => {
  const details = { reason: 'expired', detail: null, expiresAt: noon, latenessMs: 420 }
  expect(read({ type: 'grant.closed', actor: 'jitney', details })).toMatchInlineSnapshot(
    `"#41 · closed · 2026-11-22 12:00 UTC · reason: expired · end 2026-11-22 12:00 UTC · 0.5 s late · request r7k3m9x2 · chain c0ffeec0ffee"`,
  )
  expect(read({ type: 'grant.closed', actor: 'jitney', details: { ...details, latenessMs: 0 } })).toContain(
    'in time',
  )
})

it('leads with the number and marks a line that may stand there twice', () => {
  expect(read({ actor: 'policy', type: 'request.denied' }, true)).toMatch(/^#41 · .*\(may repeat\)$/)
})

it('says which version of the policy came into force, and after which', () => {
  const details = { policy: 'abcdef0123456789', previous: 'fedcba9876543210', rules: 3, refusals: 1 }
  const event = { type: 'policy.loaded', actor: 'jitney', requestId: null } as const
  expect(read({ ...event, details })).toMatchInlineSnapshot(
    `"#41 · a policy came into force · 2026-11-22 12:00 UTC · version abcdef012345, after fedcba987654, 3 rules · chain c0ffeec0ffee"`,
  )
  expect(read({ ...event, details: { ...details, previous: null } })).toContain(
    'version abcdef012345, 3 rules · chain',
  )
})

it('says that the glass was broken, and by whom', () => {
  const details = { requester: 'U0ALICE', vm: base.vm.id, durationMs: 30 * minute, emergency: true }
  expect(read({ type: 'request.approved', actor: 'policy', details })).toMatchInlineSnapshot(
    `"#41 · @alice broke the glass · 2026-11-22 12:00 UTC · VM vm-jump01 · for 30 min · request r7k3m9x2 · chain c0ffeec0ffee"`,
  )
  expect(read({ type: 'request.denied', actor: 'policy', details })).toContain(
    '@alice tried to break the glass, and the policy denied it · ',
  )
  const { emergency: _, ...usual } = details
  expect(read({ type: 'request.approved', actor: 'policy', details: usual })).toContain(
    'the policy approved · 2026-11-22 12:00 UTC · for @alice · ',
  )
})

const begun = (scope: Record<string, string>) =>
  read({ type: 'panic.begun', requestId: null, details: { panic: 'p1', scope, reason: 'a lost key' } })

describe('a stop', () => {
  it.each([
    ['everything', { kind: 'all' }, '@alice stopped all access · '],
    [
      'a VM',
      { kind: 'vm', id: '/sub/vm', name: 'vm-jump01' },
      '@alice stopped all access to the VM vm-jump01 · ',
    ],
    [
      'a subscription',
      { kind: 'subscription', id: 's1', name: 'sub-ops' },
      '@alice stopped all access to VMs of the subscription sub-ops · ',
    ],
    ['a person', { kind: 'person', person: 'U0BOB', entra: 'e1' }, '@alice stopped all access of @bob · '],
  ])('of %s says what it is about', (_, scope, said) => {
    expect(begun(scope)).toContain(said)
    expect(begun(scope)).toMatch(/reason: a lost key · stop p1 · chain/)
  })

  it('that is lifted says so as well, and an older one does not know', () => {
    const scope = { kind: 'vm', id: '/sub/vm', name: 'vm-jump01' }
    const event = { type: 'panic.lifted', requestId: null } as const
    expect(read({ ...event, details: { panic: 'p1', scope, reason: 'clean' } })).toContain(
      '@alice lifted the stop of all access to the VM vm-jump01 · ',
    )
    expect(read({ ...event, details: { panic: 'p1', reason: 'clean' } })).toContain(
      '@alice lifted the stop · ',
    )
  })
})

it('says what was asked for and what was given of it', () => {
  const asked = { label: 'rdp, ssh', durationMs: 60 * minute, source: '81.2.69.0/28' }
  const given = { label: '22/tcp', durationMs: 15 * minute, source: '81.2.69.1' }
  expect(read({ type: 'request.narrowed', actor: bob, details: { asked, given } })).toMatchInlineSnapshot(
    `"#41 · @bob approved less than was asked for · 2026-11-22 12:00 UTC · asked: rdp, ssh for 1 h from 81.2.69.0/28 · given: 22/tcp for 15 min from 81.2.69.1 · request r7k3m9x2 · chain c0ffeec0ffee"`,
  )
  const hostile = { label: '<!here>', durationMs: minute }
  expect(read({ type: 'request.narrowed', actor: bob, details: { asked: hostile, given: 7 } })).toContain(
    'asked: <!here> for 1 min · request',
  )
})
