import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
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
  review,
  rule,
  terms,
  told,
  verdict,
} from '../support/cases.ts'

const two = terms({ approvals: 2 })
const alsoAsked = terms({
  approvals: 2,
  escalation: { afterMs: 20 * 60_000, approvers: { users: ['UDAVE'], groups: ['SBOSS'] } },
})
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

/** Every state that a case can be in, in the words of somebody who looks at the card. */
const states = {
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
const starts = (but: { policy?: Verdict; requester?: Member } = {}): Event => ({
  type: 'start',
  policy: verdict('needs approval', two),
  requester: member(alice),
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
const events = {
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
  'Alice wants to stay longer': [{ type: 'extend', by: member(alice), requestId: 'r2', extraMs: 600_000 }],
  'Bob wants Alice to stay longer': [{ type: 'extend', by: member(bob), requestId: 'r2', extraMs: 600_000 }],
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
  'the rules are planned': [planned],
  'the rules are planned too late': [planned, '09:35'],
  'no place for a rule is found': [{ type: 'rules planned', rules: [] }],
  'Azure refuses': [{ type: 'could not open', detail: 'it is locked' }],
  'rule B takes another priority': [{ type: 'rule repriced', nsgId: 'B', priority: 3001 }],
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
  'closing takes too long': [{ type: 'stuck' }],
  'five minutes are left': [{ type: 'warning' }, '09:30'],
  'the warning comes after the end': [{ type: 'warning' }, '09:35'],
  'the expiry’s timer runs early': [{ type: 'expiry' }, '09:34:59.999'],
  'the time is over': [{ type: 'expiry' }, '09:35'],
  'nobody has looked at it': [{ type: 'unsigned' }],
  'Bob signs': [signs(bob)],
  'Alice signs': [signs(alice)],
  'an operator stops everything': [{ type: 'panic', panic }],
  'Dave, an operator, closes': [
    { type: 'close', by: member(dave), operators: { users: ['UDAVE'], groups: [] } },
  ],
  'Alice closes': [{ type: 'close', by: member(alice) }],
  'Bob closes': [{ type: 'close', by: member(bob) }],
  'Dave closes': [{ type: 'close', by: member(dave) }],
  'Alice closes, and is a guest now': [{ type: 'close', by: member(alice, { guest: true }) }],
} as const satisfies Record<string, readonly [Event, string?]>

type Row = Partial<Record<keyof typeof events, string>>

const opens = 'set expiry 09:40, plan until 09:40, set warning 09:35, show'
const becomesGrant = (drops = '') => `approved/opening: request.approved, grant.opening; ${drops}${opens}`
const noWaiting = 'drop deadline, drop reminder, drop escalation, '
const becomesLess = `approved/opening: request.narrowed, request.approved, grant.opening; drop deadline, drop reminder, drop escalation, set expiry 09:20, plan until 09:20, set warning 09:15, show`
const ends = (state: string) =>
  `${state}: request.${state}; drop deadline, drop reminder, drop escalation, show, note decided`
/** Whatever has become of it, people may say something about it. */
const heard: Row = {
  'Alice signs': 'no: own request',
  'Bob signs': 'no: not yours to sign',
  'Carol says something': 'same: request.commented; note said',
  'Dave says something': 'no: not yours to comment',
}
const submitted: Row = {
  ...heard,
  'asks, and the policy allows it': 'same',
  'asks, and the policy wants a yes': 'same',
  'asks, and the policy says no': 'same',
}
const unknown = 'no: unknown request'
const notMember = 'no: not a member'
const nobodyElse: Row = {
  'Alice says yes to herself': 'no: own request',
  'Dave says yes': 'no: not an approver',
  'Dave says no': 'no: not an approver',
  'Carol says yes, and Slack cannot tell who she is': notMember,
  'Carol says yes, and has left': notMember,
  'Carol says yes, and the policy now says no': 'no: policy changed',
  'Carol says no, and the policy now says no': ends('denied'),
  'Carol says yes, and Alice has left': 'no: requester gone',
  'Carol says yes at the deadline': ends('lapsed'),
  'Carol says no at the deadline': ends('lapsed'),
  'Carol says no': ends('denied'),
  'Carol says yes to a week': 'no: not less',
  'Alice cancels': ends('canceled'),
  'Bob cancels': 'no: not yours to cancel',
  'the deadline comes': ends('lapsed'),
}
const decided = (row: Row): Row => ({
  ...Object.fromEntries(
    Object.entries(events)
      .filter(([, [event]]) => event.type === 'review' || event.type === 'cancel')
      .map(([name]) => [name, 'no: already decided']),
  ),
  ...row,
})
/** Alice may end what is hers, whatever the directory thinks of her now. */
const close = (row: string): Row => ({
  'Alice closes': row,
  'Bob closes': row,
  'Dave, an operator, closes': row,
  'Alice closes, and is a guest now': row,
})
const notYours: Row = {
  'Alice wants to stay longer': 'no: nothing to extend',
  'Bob wants Alice to stay longer': 'no: not yours to extend',
  'Dave closes': 'no: not yours to close',
}
const nothing: Row = {
  'Alice wants to stay longer': 'no: nothing to extend',
  'Bob wants Alice to stay longer': 'no: nothing to extend',
  'Alice closes': 'no: nothing to close',
  'Bob closes': 'no: nothing to close',
  'Dave closes': 'no: nothing to close',
  'Dave, an operator, closes': 'no: nothing to close',
  'Alice closes, and is a guest now': 'no: nothing to close',
}
const drops = 'drop expiry, drop warning'
/** From the beginning of the close, somebody is called after a minute. */
const over = (marks: string, pagesAt = '09:11') =>
  `approved/closing ${marks}: grant.closing; ${drops}, write A absent, write B absent, set stuck ${pagesAt}, show`
/** What the person did not do themselves is told at once. */
const overByOthers = (marks: string) => `${over(marks)}, note closing`
const pages = 'page, set stuck 09:15, show'
/** A grant without rules has nothing in Azure to wait for. */
const overAtOnce = `approved/closed: grant.closing, grant.closed; ${drops}, drop stuck, show, note closed`
const laterOver = overAtOnce.replace('drop expiry', 'drop start, drop expiry')
const openNow = 'approved/open ++: grant.open; show, note opened'
const closedNow = 'approved/closed --: grant.closed; drop stuck, show, note closed'

/** A timer that told its moment too early is set again: it is gone with the event. */
const keepsDeadline: Row = { 'the deadline’s timer runs early': 'same: set deadline 10:00' }
const reminds: Row = { 'half of the time is over': 'same: note waiting' }
const keepsExpiry: Row = { 'the expiry’s timer runs early': 'same: set expiry 09:35' }

/** What comes of each event; one that a row does not name changes nothing. */
const table: Record<keyof typeof states, Row> = {
  'nothing was asked': {
    ...Object.fromEntries(Object.keys(events).map((name) => [name, unknown])),
    'asks, and the policy allows it': becomesGrant(),
    'asks, and the policy wants a yes':
      'pending: request.pending; set deadline 10:10, set reminder 09:40, show',
    'asks, and the policy says no': 'denied: request.denied; show',
  },
  'waits for two people': {
    ...keepsDeadline,
    ...reminds,
    ...nobodyElse,
    ...nothing,
    'Bob says yes': 'pending: request.reviewed; show',
    'Carol says yes': 'pending: request.reviewed; show',
    'Carol says yes to ten minutes': 'pending: request.narrowed, request.reviewed; show',
    'Dave, now in the group, says yes': 'pending: request.reviewed; show',
  },
  'waits for one more': {
    ...keepsDeadline,
    ...reminds,
    ...nobodyElse,
    ...nothing,
    'Bob says yes': 'no: already reviewed',
    'Carol says yes': becomesGrant(noWaiting),
    'Carol says yes to ten minutes': becomesLess,
    'Dave, now in the group, says yes': becomesGrant(noWaiting),
  },
  'waits for one more, with others to ask': {
    ...keepsDeadline,
    ...reminds,
    ...nobodyElse,
    ...nothing,
    'others are asked': 'pending: request.escalated; show, note escalated',
    'Bob says yes': 'no: already reviewed',
    'Carol says yes': becomesGrant(noWaiting),
    'Carol says yes to ten minutes': becomesLess,
    'Dave, now in the group, says yes': becomesGrant(noWaiting),
  },
  'denied by an approver': decided(nothing),
  'denied by the policy': decided(nothing),
  canceled: decided(nothing),
  lapsed: decided(nothing),
  'approved, without a grant': decided(nothing),
  'opening, not yet planned': decided({
    ...keepsExpiry,
    ...close(overAtOnce),
    ...notYours,
    'rule B is there too late': overAtOnce,
    'the rules are planned': 'approved/opening ??: write A present, write B present',
    'the rules are planned too late': overAtOnce,
    'no place for a rule is found': overAtOnce,
    'the VM is gone': overAtOnce,
    'an operator stops everything': overAtOnce,
    'somebody changed rule A': overAtOnce,
    'Azure refuses': overAtOnce,
    'the time is over': overAtOnce,
  }),
  'approved for later': decided({
    ...keepsExpiry,
    ...close(laterOver),
    ...notYours,
    'the start’s timer runs early': 'same: set start 09:10',
    'the start comes': 'same: plan until 09:35, show',
    'the start comes, and the policy now says no': laterOver,
    'the start comes, and Alice has left': laterOver,
    'the start comes after the end': laterOver,
    'rule B is there too late': laterOver,
    'the rules are planned': 'approved/opening ??: write A present, write B present',
    'the rules are planned too late': laterOver,
    'no place for a rule is found': laterOver,
    'the VM is gone': laterOver,
    'an operator stops everything': laterOver,
    'somebody changed rule A': laterOver,
    'Azure refuses': laterOver,
    'the time is over': laterOver,
  }),
  'opening, both rules planned': decided({
    ...keepsExpiry,
    ...close(over('??')),
    ...notYours,
    'the rules are planned': 'same: write A present, write B present',
    'the rules are planned too late': over('??', '09:36'),
    'no place for a rule is found': 'same: write A present, write B present',
    'Azure refuses': over('??'),
    'the VM is gone': overByOthers('??'),
    'an operator stops everything': overByOthers('??'),
    'somebody changed rule A': overByOthers('??'),
    'rule B takes another priority': 'approved/opening ??: ',
    'rule A is there': 'approved/opening +?: ',
    'rule B is there': 'approved/opening ?+: ',
    'rule B is there too late': over('?+', '09:36'),
    'the time is over': over('??', '09:36'),
  }),
  'opening, one rule there': decided({
    ...keepsExpiry,
    ...close(over('+?')),
    ...notYours,
    'the rules are planned': 'same: write A present, write B present',
    'the rules are planned too late': over('+?', '09:36'),
    'no place for a rule is found': 'same: write A present, write B present',
    'Azure refuses': over('+?'),
    'the VM is gone': overByOthers('+?'),
    'an operator stops everything': overByOthers('+?'),
    'somebody changed rule A': overByOthers('+?'),
    'rule B takes another priority': 'approved/opening +?: ',
    'rule B is there': openNow,
    'rule B is there too late': over('++', '09:36'),
    'the time is over': over('+?', '09:36'),
  }),
  open: decided({
    ...keepsExpiry,
    ...close(over('++')),
    ...notYours,
    'somebody removed rule A': overByOthers('++'),
    'the VM is gone': overByOthers('++'),
    'an operator stops everything': overByOthers('++'),
    'somebody changed rule A': overByOthers('++'),
    'Alice wants to stay longer': 'approved/open ++: grant.extending',
    'five minutes are left': 'same: note ending',
    'the time is over': over('++', '09:36'),
  }),
  'open, and nobody was asked': decided({
    ...keepsExpiry,
    ...close(over('++')),
    ...notYours,
    'nobody has looked at it': 'same: set unsigned 09:10, note unsigned',
    'Bob signs': 'approved/open ++: request.signed; drop unsigned, show, note signed',
    'somebody removed rule A': overByOthers('++'),
    'the VM is gone': overByOthers('++'),
    'an operator stops everything': overByOthers('++'),
    'somebody changed rule A': overByOthers('++'),
    'Alice wants to stay longer': 'approved/open ++: grant.extending',
    'five minutes are left': 'same: note ending',
    'the time is over': over('++', '09:36'),
  }),
  closing: decided({
    ...close('no: already closing'),
    ...notYours,
    'rule A is gone': 'approved/closing -+: ',
    'rule B is gone': 'approved/closing +-: ',
    'closing takes too long': `approved/closing ++: grant.stuck; ${pages}`,
  }),
  'closing, one rule gone': decided({
    ...close('no: already closing'),
    ...notYours,
    'rule B is gone': closedNow,
    'closing takes too long': `approved/closing -+: grant.stuck; ${pages}`,
  }),
  'closing, and it pages': decided({
    ...close('no: already closing'),
    ...notYours,
    'rule B is gone': closedNow,
    'closing takes too long': `same: ${pages}`,
  }),
  closed: decided({
    ...close('no: already closed'),
    ...notYours,
    'rule A came back': 'same: note came back',
  }),
}

const cases: Record<string, Case | null> = states
const happenings: Record<string, readonly [Event, string?]> = events

const rows = Object.entries(table).flatMap(([state, row]) => {
  const expected: Record<string, string> = { ...(cases[state] && submitted), ...row }
  return Object.entries(happenings).map(([name, [event, time = '09:10']]) => ({
    state,
    name,
    event,
    at: clock(time),
    before: cases[state] ?? null,
    expected: expected[name] ?? 'same',
  }))
})

describe('every event in every state', () => {
  it.each(rows)('$state; $name → $expected', ({ before, event, at, expected }) => {
    expect(told(before, decide(before, event, at))).toBe(expected)
  })

  it.each(rows)('$state; $name, twice: the second one changes nothing', ({ before, event, at }) => {
    const first = decide(before, event, at)
    if (!first.ok) return
    const second = decide(first.next, event, at)
    // Two things that are said are two.
    if (!second.ok || event.type === 'comment' || event.type === 'extend') return
    expect(second.next).toEqual(first.next)
    expect(second.audit).toEqual([])
  })

  it('covers every kind of event and every state', () => {
    const kinds: Record<Event['type'], true> = {
      submit: true,
      review: true,
      cancel: true,
      comment: true,
      extend: true,
      panic: true,
      sign: true,
      unsigned: true,
      deadline: true,
      reminder: true,
      escalation: true,
      start: true,
      'rules planned': true,
      'could not open': true,
      'rule repriced': true,
      'rule present': true,
      'rule absent': true,
      'rule missing': true,
      'rule changed': true,
      'rule came back': true,
      'vm gone': true,
      warning: true,
      stuck: true,
      expiry: true,
      close: true,
    }
    expect(new Set(Object.values(events).map(([event]) => event.type))).toEqual(new Set(Object.keys(kinds)))
    const seen = new Set(Object.values(states).flatMap((one) => [one?.request.state, one?.grant?.state]))
    expect([...seen].filter((state) => state !== undefined).toSorted()).toEqual(
      [
        'approved',
        'canceled',
        'closed',
        'closing',
        'denied',
        'lapsed',
        'open',
        'opening',
        'pending',
      ].toSorted(),
    )
  })
})
