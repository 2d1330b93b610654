import type { Case } from '../../src/core/case.ts'
import type { Event } from '../../src/core/event.ts'
import type { Less } from '../../src/core/less.ts'
import type { Panic } from '../../src/core/panic.ts'
import type { Member, Person } from '../../src/core/person.ts'
import type { Verdict } from '../../src/core/policy.ts'
import {
  alice,
  approvedRequest,
  ask,
  base,
  bob,
  carol,
  clock,
  dave,
  granted,
  member,
  pending,
  proof,
  review,
  rule,
  terms,
  verdict,
} from '../support/cases.ts'

const two = terms({ approvals: 2 })
const alsoAsked = terms({
  approvals: 2,
  escalation: { afterMs: 20 * 60_000, approvers: { users: ['UDAVE'], groups: ['SBOSS'] } },
})
const elsewhere = { address: '89.160.20.112', family: 'IPv4', learnt: 'confirmed', learntAt: 0 } as const
const asked = { terms: terms(), ...base() }
const stuckSince = (time: string, { request, grant }: Case): Case =>
  grant?.state === 'closing' ? { request, grant: { ...grant, stuckSince: clock(time) } } : { request, grant }

const emergency = { skipped: { users: ['UBOB'], groups: [] }, reviewers: { users: ['UCAROL'], groups: [] } }
const inEmergency = ({ request, grant }: Case): Case => ({
  grant,
  request:
    request.state === 'approved'
      ? {
          ...request,
          terms: terms({ approvals: 0, emergency }),
          oversight: { state: 'open', since: clock('09:05') },
        }
      : request,
})

const following = ({ request, grant }: Case): Case => ({
  request: { ...request, extensions: ['r2', 'r3'] },
  grant,
})

/** Every state that a case can be in, in the words of somebody who looks at the card. */
export const states = {
  'nothing was asked': null,
  'waits for two people': pending(two),
  'waits for one more': pending(two, [review(bob)]),
  'denied by an approver': {
    request: { ...asked, state: 'denied', deniedAt: clock('09:05'), by: bob },
    grant: null,
  },
  'denied by the policy': {
    request: { ...asked, state: 'denied', deniedAt: clock('09:05'), by: 'policy' },
    grant: null,
  },
  canceled: { request: { ...asked, state: 'canceled', canceledAt: clock('09:05') }, grant: null },
  lapsed: { request: { ...asked, state: 'lapsed', lapsedAt: clock('10:00') }, grant: null },
  'approved, without a grant': { request: approvedRequest(), grant: null },
  'opening, not yet planned': granted('opening'),
  'waits for one more, with others to ask': pending(alsoAsked, [review(bob)]),
  'approved for later': granted('opening', [], { opensAt: clock('09:10') }),
  'opening, both rules planned': granted('opening', [rule('A'), rule('B')]),
  'opening, one rule there': granted('opening', [rule('A', 'present'), rule('B')]),
  open: granted('open', [rule('A', 'present'), rule('B', 'present')]),
  'open, and nobody was asked': inEmergency(granted('open', [rule('A', 'present'), rule('B', 'present')])),
  'open, with more to follow': following(granted('open', [rule('A', 'present'), rule('B', 'present')])),
  closing: granted('closing', [rule('A', 'present'), rule('B', 'present')]),
  'closing, one rule gone': granted('closing', [rule('A', 'absent'), rule('B', 'present')]),
  'closing, and it pages': stuckSince(
    '09:09',
    granted('closing', [rule('A', 'absent'), rule('B', 'present')]),
  ),
  closed: granted('closed', [rule('A', 'absent'), rule('B', 'absent')]),
} as const satisfies Record<string, Case | null>

const says = (
  who: Member,
  said: 'approve' | 'deny',
  but: { policy?: Verdict; requester?: Member; less?: Less } = {},
): Event => ({
  type: 'review',
  by: who,
  verdict: said,
  policy: verdict('needs approval', two),
  requester: member(alice),
  earlier: [],
  grantId: 'g1',
  ...but,
})
const submit = (answer: Verdict): Event => ({ type: 'submit', ask: ask(), verdict: answer, grantId: 'g1' })
const denies = { policy: verdict('deny') }
const starts = (but: { policy?: Verdict; requester?: Member; earlier?: readonly Member[] } = {}): Event => ({
  type: 'start',
  policy: verdict('needs approval'),
  requester: member(alice),
  earlier: [],
  ...but,
})
const signs = (who: Person): Event => ({
  type: 'sign',
  by: member(who),
  justified: true,
  operators: { users: [], groups: [] },
  requesterEntraId: null,
})
const panic: Panic = { id: 'p1', scope: { kind: 'all' }, reason: 'an intruder', by: dave, at: clock('09:10') }
const planned: Event = { type: 'rules planned', rules: [rule('A'), rule('B')] }

/** Every event, with the time at which it comes when that matters; otherwise it is 09:10. */
export const events = {
  'asks, and the policy allows it': [submit(verdict('allow'))],
  'asks, and the policy wants a yes': [submit(verdict('needs approval'))],
  'asks, and the policy says no': [submit(verdict('deny'))],
  'Bob says yes': [says(member(bob), 'approve')],
  'Carol says yes': [says(member(carol), 'approve')],
  'Carol says no': [says(member(carol), 'deny')],
  'Alice says yes to herself': [says(member(alice), 'approve')],
  'Dave says yes': [says(member(dave), 'approve')],
  'Dave says no': [says(member(dave), 'deny')],
  'Dave, now in the group, says yes': [says(member(dave, { groups: ['SOPS'] }), 'approve')],
  'Carol says yes, and Slack cannot tell who she is': [says(member(carol, { known: false }), 'approve')],
  'Carol says yes, and has left': [says(member(carol, { deleted: true }), 'approve')],
  'Carol says yes, and the policy now says no': [says(member(carol), 'approve', denies)],
  'Carol says no, and the policy now says no': [says(member(carol), 'deny', denies)],
  'Carol says yes, and Alice has left': [
    says(member(carol), 'approve', { requester: member(alice, { deleted: true }) }),
  ],
  'Carol says yes at the deadline': [says(member(carol), 'approve'), '10:00'],
  'Carol says no at the deadline': [says(member(carol), 'deny'), '10:00'],
  'Carol says yes to ten minutes': [
    says(member(carol), 'approve', { less: { durationMs: 600_000, ports: ask().ports } }),
  ],
  'Carol says yes to a week': [
    says(member(carol), 'approve', { less: { durationMs: 604_800_000, ports: ask().ports } }),
  ],
  'Carol says something': [
    { type: 'comment', by: member(carol), text: 'Use the jump host.', inThread: false },
  ],
  'Dave says something': [{ type: 'comment', by: member(dave), text: 'Hello.', inThread: false }],
  'Defender has answered': [
    { type: 'context', context: { defender: { kind: 'unread', at: 0, why: 'away' } }, partial: false },
  ],
  'Alice comes from another address': [
    {
      type: 'address changed',
      by: member(alice),
      change: { source: elsewhere, hops: [], connectTo: null },
      verdict: verdict('needs approval'),
    },
  ],
  'Bob gives it another address': [
    {
      type: 'address changed',
      by: member(bob),
      change: { source: elsewhere, hops: [], connectTo: null },
      verdict: verdict('needs approval'),
    },
  ],
  'Alice asks for it from another address': [
    { type: 'address moves', by: member(alice), requestId: 'r5', source: elsewhere, last: null },
  ],
  'Bob asks for it from another address': [
    { type: 'address moves', by: member(bob), requestId: 'r5', source: elsewhere, last: null },
  ],
  'it is open from the new address': [{ type: 'address moved', to: 'r5', source: elsewhere }],
  'Alice wants to stay longer': [{ type: 'extend', by: member(alice), requestId: 'r4', extraMs: 600_000 }],
  'Bob wants Alice to stay longer': [{ type: 'extend', by: member(bob), requestId: 'r4', extraMs: 600_000 }],
  'Alice cancels': [{ type: 'cancel', by: member(alice) }],
  'Bob cancels': [{ type: 'cancel', by: member(bob) }],
  'the deadline’s timer runs early': [{ type: 'deadline' }, '09:59:59.999'],
  'the deadline comes': [{ type: 'deadline' }, '10:00'],
  'half of the time is over': [{ type: 'reminder' }],
  'others are asked': [{ type: 'escalation' }],
  'the start’s timer runs early': [starts(), '09:09:59.999'],
  'the start comes': [starts()],
  'the start comes, and the policy now says no': [starts(denies)],
  'the start comes, and Alice has left': [starts({ requester: member(alice, { deleted: true }) })],
  'the start comes after the end': [starts(), '09:35'],
  'Entra does not answer at the start': [{ type: 'start waits', silent: 'Entra' }],
  'the rules are planned': [planned],
  'the rules are planned too late': [planned, '09:35'],
  'no place for a rule is found': [{ type: 'rules planned', rules: [] }],
  'Azure refuses': [{ type: 'could not open', detail: 'it is locked' }],
  'rule B takes another priority': [{ type: 'rule repriced', nsgId: 'B', priority: 3001 }],
  'Defender is about to be asked': [{ type: 'defender asking' }],
  'Defender took the request': [{ type: 'defender asked' }],
  'Defender opened': [
    { type: 'defender opened', nsgId: 'A', found: [{ name: 'D', priority: 100, ports: [3389] }] },
  ],
  'Defender takes long': [{ type: 'defender waits' }],
  'Defender has not closed': [{ type: 'defender late' }],
  'Defender’s rule is seen': [
    { type: 'defender seen', nsgId: 'A', found: [{ name: 'E', priority: 101, ports: [3389] }] },
  ],
  'Defender’s rule was removed': [{ type: 'defender removed' }],
  'whose rule it is cannot be known': [{ type: 'defender doubtful', nsgId: 'A', name: 'E' }],
  'Defender revoked it': [{ type: 'defender revoked', why: 'newer request' }],
  'Defender leaves out a group that nobody planned': [{ type: 'rule of our own', rule: rule('Z') }],
  'a rule nobody planned has moved': [{ type: 'rule moved', nsgId: 'Z', priority: 3010 }],
  'rule A is there': [{ type: 'rule present', nsgId: 'A' }],
  'rule B is there': [{ type: 'rule present', nsgId: 'B' }],
  'rule B is there too late': [{ type: 'rule present', nsgId: 'B' }, '09:35'],
  'a rule nobody planned is there': [{ type: 'rule present', nsgId: 'Z' }],
  'rule A is gone': [{ type: 'rule absent', nsgId: 'A' }],
  'rule B is gone': [{ type: 'rule absent', nsgId: 'B' }],
  'a rule nobody planned is gone': [{ type: 'rule absent', nsgId: 'Z' }],
  'somebody removed rule A': [{ type: 'rule missing', nsgId: 'A' }],
  'the VM is gone': [{ type: 'vm gone' }],
  'somebody changed rule A': [
    {
      type: 'rule changed',
      nsgId: 'A',
      differences: [{ what: 'source', before: '81.2.69.142', after: '*' }],
    },
  ],
  'rule A came back': [{ type: 'rule came back', nsgId: 'A', name: 'jit-g1-1795426500' }],
  'traffic passes': [{ type: 'flow proved', of: 'open', proof: proof() }],
  'another rule denies it': [
    {
      type: 'flow proved',
      of: 'open',
      proof: proof({ verdict: 'denied', findings: [{ rule: 'securityRules/no', ports: '3389/tcp' }] }),
    },
  ],
  'traffic does not pass any more': [{ type: 'flow proved', of: 'closed', proof: proof() }],
  'Azure cut open sessions': [{ type: 'flushed', nsgId: 'A', answer: { kind: 'flushed' } }],
  'closing takes too long': [{ type: 'stuck' }],
  'five minutes are left': [{ type: 'warning' }, '09:30'],
  'the warning comes after the end': [{ type: 'warning' }, '09:35'],
  'the expiry’s timer runs early': [{ type: 'expiry' }, '09:34:59.999'],
  'the time is over': [{ type: 'expiry' }, '09:35'],
  'nobody has looked at it': [{ type: 'unsigned' }],
  'Bob signs': [signs(bob)],
  'Alice signs': [signs(alice)],
  'what it follows is closed': [{ type: 'predecessor closed', by: bob }],
  'an operator stops everything': [{ type: 'panic', panic }],
  'Dave, an operator, closes': [
    { type: 'close', by: member(dave), operators: { users: ['UDAVE'], groups: [] } },
  ],
  'Alice closes': [{ type: 'close', by: member(alice) }],
  'Bob closes': [{ type: 'close', by: member(bob) }],
  'Dave closes': [{ type: 'close', by: member(dave) }],
  'Alice closes, and is a guest now': [{ type: 'close', by: member(alice, { guest: true }) }],
} as const satisfies Record<string, readonly [Event, string?]>
