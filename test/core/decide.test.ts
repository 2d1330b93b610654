import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { Event } from '../../src/core/event.ts'
import { clock, told } from '../support/cases.ts'
import { events, states } from './happenings.ts'

type Row = Partial<Record<keyof typeof events, string>>

const opens = 'set expiry 09:40, plan until 09:40, set warning 09:35, show'
const becomesGrant = (drops = '') => `approved/opening: request.approved, grant.opening; ${drops}${opens}`
const noWaiting = 'drop deadline, drop reminder, drop escalation, '
const becomesLess = `approved/opening: request.narrowed, request.approved, grant.opening; drop deadline, drop reminder, drop escalation, set expiry 09:20, plan until 09:20, set warning 09:15, show`
const ends = (state: string) =>
  `${state}: request.${state}; drop deadline, drop reminder, drop escalation, show, note decided`
/** Whatever has become of it, people may say something about it. */
const heard: Row = {
  'Alice signs': 'no: nothing to sign',
  'Bob signs': 'no: not yours to sign',
  'Carol says something': 'same: request.commented; note said',
  'Dave says something': 'no: not yours to comment',
}
/** What Azure says of the traffic changes nothing but what is known. */
const traffic: Row = {
  'traffic passes': 'approved/open ++: grant.verified; show',
  'another rule denies it': 'approved/open ++: grant.unverified; show, note flow',
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
  'what it follows is closed': ends('canceled'),
  'the deadline comes': ends('lapsed'),
}
const decided = (row: Row): Row => ({
  ...Object.fromEntries(
    Object.entries(events)
      .filter(([, [event]]) => event.type === 'review' || event.type === 'cancel')
      .map(([name]) => [name, 'no: already decided']),
  ),
  // How it came out is not for everybody to hear.
  'Carol says yes, and Slack cannot tell who she is': 'no: not a member',
  'Carol says yes, and has left': 'no: not a member',
  ...row,
})
/** Alice may end what is hers, whatever the directory thinks of her now. */
const close = (row: string): Row => ({
  'Alice closes': row,
  'Bob closes': row,
  'Dave, an operator, closes': row,
  'Alice closes, and is a guest now': row,
})
const stays: Row = {
  'Alice comes from another address': 'no: address stays',
  'Bob gives it another address': 'no: not yours to move',
  'Alice asks for it from another address': 'no: address stays',
  'Bob asks for it from another address': 'no: not yours to move',
}
const movesPending: Row = {
  'it is open from the new address':
    'canceled: request.canceled; drop deadline, drop reminder, drop escalation, show, note decided',
  'Alice comes from another address':
    'pending: request.address; set reminder 09:35, drop escalation, show, gather context, note address changed',
}
const movesOpen: Row = {
  'Alice asks for it from another address': 'approved/open ++: grant.address; show',
}
const notYours: Row = {
  ...stays,
  'Alice wants to stay longer': 'no: nothing to extend',
  'Bob wants Alice to stay longer': 'no: not yours to extend',
  'Dave closes': 'no: not yours to close',
}
const nothing: Row = {
  ...stays,
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
const openNow = 'approved/open ++: grant.open; show, note opened, verify open'
const closedNow = 'approved/closed --: grant.closed; drop stuck, show, note closed, verify closed'

/** A timer that told its moment too early is set again: it is gone with the event. */
const keepsDeadline: Row = { 'the deadline’s timer runs early': 'same: set deadline 10:00' }
const reminds: Row = { 'half of the time is over': 'same: note waiting' }
/** Whoever waits for a yes learns more; for what is decided it comes too late. */
const learns: Row = { 'Defender has answered': 'pending: show' }
const keepsExpiry: Row = { 'the expiry’s timer runs early': 'same: set expiry 09:35' }

/** What comes of each event; one that a row does not name changes nothing. */
const table: Record<keyof typeof states, Row> = {
  'nothing was asked': {
    ...Object.fromEntries(Object.keys(events).map((name) => [name, unknown])),
    'asks, and the policy allows it': becomesGrant(),
    'asks, and the policy wants a yes':
      'pending: request.pending; set deadline 10:10, set reminder 09:40, gather context, show',
    'asks, and the policy says no': 'denied: request.denied; show',
  },
  'waits for two people': {
    ...keepsDeadline,
    ...reminds,
    ...learns,
    ...nobodyElse,
    ...nothing,
    ...movesPending,
    'Bob says yes': 'pending: request.reviewed; show',
    'Carol says yes': 'pending: request.reviewed; show',
    'Carol says yes to ten minutes': 'pending: request.narrowed, request.reviewed; show',
    'Dave, now in the group, says yes': 'pending: request.reviewed; show',
  },
  'waits for one more': {
    ...keepsDeadline,
    ...reminds,
    ...learns,
    ...nobodyElse,
    ...nothing,
    ...movesPending,
    'Bob says yes': 'no: already reviewed',
    'Carol says yes': becomesGrant(noWaiting),
    'Carol says yes to ten minutes': becomesLess,
    'Dave, now in the group, says yes': becomesGrant(noWaiting),
  },
  'waits for one more, with others to ask': {
    ...keepsDeadline,
    ...reminds,
    ...learns,
    ...nobodyElse,
    ...nothing,
    ...movesPending,
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
    'it is open from the new address': overAtOnce,
    'rule B is there too late': overAtOnce,
    'the rules are planned': 'approved/opening ??: write A present, write B present',
    'the rules are planned too late': overAtOnce,
    'no place for a rule is found': overAtOnce,
    'the VM is gone': overAtOnce,
    'an operator stops everything': overAtOnce,
    'what it follows is closed': overAtOnce,
    'somebody changed rule A': overAtOnce,
    'Azure refuses': overAtOnce,
    'the time is over': overAtOnce,
  }),
  'approved for later': decided({
    ...keepsExpiry,
    ...close(laterOver),
    ...notYours,
    'it is open from the new address': laterOver,
    'the start’s timer runs early': 'same: set start 09:10',
    'the start comes': 'same: plan until 09:35, show',
    'the start comes, and the policy now says no': laterOver,
    'the start comes, and Alice has left': laterOver,
    'the start comes after the end': laterOver,
    'Entra does not answer at the start': 'approved/opening: show, note start waits',
    'rule B is there too late': laterOver,
    'the rules are planned': 'approved/opening ??: write A present, write B present',
    'the rules are planned too late': laterOver,
    'no place for a rule is found': laterOver,
    'the VM is gone': laterOver,
    'an operator stops everything': laterOver,
    'what it follows is closed': laterOver,
    'somebody changed rule A': laterOver,
    'Azure refuses': laterOver,
    'the time is over': laterOver,
  }),
  'opening, both rules planned': decided({
    ...keepsExpiry,
    ...close(over('??')),
    ...notYours,
    'it is open from the new address': over('??'),
    'the rules are planned': 'same: write A present, write B present',
    'the rules are planned too late': over('??', '09:36'),
    'no place for a rule is found': 'same: write A present, write B present',
    'Azure refuses': over('??'),
    'the VM is gone': overByOthers('??'),
    'an operator stops everything': overByOthers('??'),
    'what it follows is closed': over('??'),
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
    'it is open from the new address': over('+?'),
    'the rules are planned': 'same: write A present, write B present',
    'the rules are planned too late': over('+?', '09:36'),
    'no place for a rule is found': 'same: write A present, write B present',
    'Azure refuses': over('+?'),
    'the VM is gone': overByOthers('+?'),
    'an operator stops everything': overByOthers('+?'),
    'what it follows is closed': over('+?'),
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
    ...movesOpen,
    'it is open from the new address': over('++'),
    'somebody removed rule A': overByOthers('++'),
    'the VM is gone': overByOthers('++'),
    'an operator stops everything': overByOthers('++'),
    'what it follows is closed': over('++'),
    'somebody changed rule A': overByOthers('++'),
    'Alice wants to stay longer': 'approved/open ++: grant.extending; show',
    'five minutes are left': 'same: note ending',
    ...traffic,
    'the time is over': over('++', '09:36'),
  }),
  'open, with more to follow': decided({
    ...keepsExpiry,
    ...close(`${over('++')}, end r2, end r3`),
    ...notYours,
    ...movesOpen,
    'it is open from the new address': `${over('++')}, close moved r2, close moved r3`,
    'somebody removed rule A': overByOthers('++'),
    'the VM is gone': overByOthers('++'),
    'an operator stops everything': `${overByOthers('++')}, end r2, end r3`,
    'what it follows is closed': `${over('++')}, end r2, end r3`,
    'somebody changed rule A': overByOthers('++'),
    'Alice wants to stay longer': 'approved/open ++: grant.extending; show',
    'five minutes are left': 'same: note ending',
    ...traffic,
    'the time is over': over('++', '09:36'),
  }),
  'open, and nobody was asked': decided({
    ...keepsExpiry,
    ...close(over('++')),
    ...notYours,
    ...movesOpen,
    'it is open from the new address': over('++'),
    'nobody has looked at it': 'same: set unsigned 09:10, note unsigned',
    'Alice signs': 'no: own emergency',
    'Bob signs': 'approved/open ++: request.signed; drop unsigned, show, note signed',
    'somebody removed rule A': overByOthers('++'),
    'the VM is gone': overByOthers('++'),
    'an operator stops everything': overByOthers('++'),
    'what it follows is closed': over('++'),
    'somebody changed rule A': overByOthers('++'),
    'Alice wants to stay longer': 'approved/open ++: grant.extending; show',
    'five minutes are left': 'same: note ending',
    ...traffic,
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
    'traffic does not pass any more': 'approved/closed --: grant.verified; show',
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
      context: true,
      flushed: true,
      extend: true,
      'address changed': true,
      'address moves': true,
      'address moved': true,
      panic: true,
      'predecessor closed': true,
      sign: true,
      unsigned: true,
      deadline: true,
      reminder: true,
      escalation: true,
      start: true,
      'start waits': true,
      'rules planned': true,
      'defender asking': true,
      'defender asked': true,
      'defender opened': true,
      'defender waits': true,
      'defender late': true,
      'defender seen': true,
      'defender removed': true,
      'defender doubtful': true,
      'defender revoked': true,
      'rule of our own': true,
      'rule moved': true,
      'could not open': true,
      'rule repriced': true,
      'rule present': true,
      'rule absent': true,
      'rule missing': true,
      'rule changed': true,
      'rule came back': true,
      'vm gone': true,
      'flow proved': true,
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
