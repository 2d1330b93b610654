import { expect, it } from 'vitest'
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
