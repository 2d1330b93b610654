import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { Event } from '../../src/core/event.ts'
import type { Grant } from '../../src/core/grant.ts'
import type { Transition } from '../../src/core/outcome.ts'
import { alice, bob, clock, granted, member, rule, told } from '../support/cases.ts'

function done(before: Case, event: Event, time: string): Transition {
  const outcome = decide(before, event, clock(time))
  if (!outcome.ok) throw new Error(`refused: ${outcome.refusal.code}`)
  return outcome
}

const bothThere = [rule('A', 'present'), rule('B', 'present')]
type Why = Pick<Extract<Grant, { state: 'closing' }>, 'reason' | 'by' | 'detail'>
const reprice = (nsgId: string): Event => ({ type: 'rule repriced', nsgId, priority: 3010 })
const closeBy = (who = alice): Event => ({ type: 'close', by: member(who) })

describe('opening', () => {
  it('keeps the plan word for word before anything is written', () => {
    const rules = [rule('A'), rule('B')]
    const { next, audit } = done(granted('opening'), { type: 'rules planned', rules }, '09:06')
    expect(next.grant).toEqual({ ...granted('opening').grant, rules })
    expect(audit).toEqual([])
  })

  it('does not forget a rule when it is planned a second time, after a crash', () => {
    const before = granted('opening', [rule('A', 'present'), rule('B')])
    const { next } = done(before, { type: 'rules planned', rules: [rule('C')] }, '09:06')
    expect(next).toEqual(before)
  })

  it('plans nothing any more once the end has come', () => {
    const { next, effects } = done(granted('opening'), { type: 'rules planned', rules: [rule('A')] }, '09:35')
    expect(next.grant).toMatchObject({ state: 'closed', reason: 'expired', rules: [], openedAt: null })
    expect(effects.filter(({ kind }) => kind === 'write rules')).toEqual([])
  })

  it('is open when the last rule is there, and says so with the end', () => {
    const before = granted('opening', [rule('A', 'present'), rule('B')])
    const { next, audit, effects } = done(before, { type: 'rule present', nsgId: 'B' }, '09:06')
    expect(next.grant).toEqual({
      ...before.grant,
      state: 'open',
      openedAt: clock('09:06'),
      rules: bothThere,
    })
    expect(audit).toEqual([
      {
        type: 'grant.open',
        at: clock('09:06'),
        requestId: 'r1',
        grantId: 'g1',
        actor: 'jitney',
        details: {
          expiresAt: clock('09:35'),
          rules: ['A', 'B'].map((nsg) => ({
            name: 'jit-g1-1795426500',
            nsg,
            priority: 3000,
            source: '81.2.69.142',
            destinations: ['10.0.0.4'],
            ports: ['3389/tcp'],
          })),
        },
      },
    ])
    expect(effects).toEqual([
      { kind: 'show', requestId: 'r1' },
      {
        kind: 'note',
        requestId: 'r1',
        note: { type: 'opened', at: clock('09:06'), expiresAt: clock('09:35') },
      },
      { kind: 'verify flow', requestId: 'r1', of: 'open' },
    ])
  })

  it('takes another priority only for a rule that is not there yet', () => {
    const before = granted('opening', [rule('A', 'present'), rule('B')])
    expect(done(before, reprice('B'), '09:06').next.grant?.rules.map(({ priority }) => priority)).toEqual([
      3000, 3010,
    ])
    expect(done(before, reprice('A'), '09:06').next).toEqual(before)
  })

  it('never says “open” before there is a rule', () => {
    const before = granted('opening')
    expect(told(before, decide(before, { type: 'rule present', nsgId: 'A' }, clock('09:06')))).toBe('same')
  })

  it('closes when no security group was found, because nobody could ever come in', () => {
    const { next } = done(granted('opening'), { type: 'rules planned', rules: [] }, '09:06')
    expect(next.grant).toMatchObject({
      state: 'closed',
      reason: 'could not open',
      detail: 'no security group was found to put a rule in',
    })
  })
})

describe('closing', () => {
  it.each<[string, Case, Event, string, Why, unknown]>([
    [
      'time is over',
      granted('open', bothThere),
      { type: 'expiry' },
      '09:35',
      { reason: 'expired', by: null, detail: null },
      'jitney',
    ],
    [
      'the requester is done',
      granted('open', bothThere),
      closeBy(),
      '09:20',
      { reason: 'closed early', by: alice, detail: null },
      alice,
    ],
    [
      'an approver ends it',
      granted('open', bothThere),
      closeBy(bob),
      '09:20',
      { reason: 'closed early', by: bob, detail: null },
      bob,
    ],
    [
      'Azure refused',
      granted('opening', bothThere),
      { type: 'could not open', detail: 'it is locked' },
      '09:06',
      { reason: 'could not open', by: null, detail: 'it is locked' },
      'jitney',
    ],
  ])('%s: keeps why, who and since when', (_, before, event, time, why, actor) => {
    const { next, audit, effects } = done(before, event, time)
    expect(next.grant).toEqual({ ...before.grant, ...why, state: 'closing', closingSince: clock(time) })
    const { reason, detail } = why
    expect(audit).toEqual([
      {
        type: 'grant.closing',
        at: clock(time),
        requestId: 'r1',
        grantId: 'g1',
        actor,
        details: { reason, detail },
      },
    ])
    expect(effects).toEqual([
      { kind: 'drop timer', timer: 'expiry', requestId: 'r1' },
      { kind: 'drop timer', timer: 'warning', requestId: 'r1' },
      { kind: 'write rules', nsgId: 'A', want: 'absent' },
      { kind: 'write rules', nsgId: 'B', want: 'absent' },
      { kind: 'set timer', timer: 'stuck', requestId: 'r1', at: clock(time) + 60_000 },
      // A close that came by itself is shown once it takes a while; what a person or a fault ended, at once.
      { kind: 'show', requestId: 'r1', ...(reason === 'expired' && { at: clock(time) + 2_000 }) },
    ])
  })

  it('removes rules that were only planned too, because a write may have been under way', () => {
    const { effects } = done(granted('opening', [rule('A'), rule('B')]), { type: 'expiry' }, '09:35')
    expect(effects.filter(({ kind }) => kind === 'write rules')).toEqual([
      { kind: 'write rules', nsgId: 'A', want: 'absent' },
      { kind: 'write rules', nsgId: 'B', want: 'absent' },
    ])
  })

  it.each([Number.NaN, 0, Number.POSITIVE_INFINITY])('counts an end of %s as over', (expiresAt) => {
    const before = granted('open', bothThere, { expiresAt })
    expect(done(before, { type: 'expiry' }, '09:10').next.grant).toMatchObject({ state: 'closing' })
  })

  it('counts a missing end as over', () => {
    const before = granted('open', bothThere, { expiresAt: JSON.parse('null') })
    expect(done(before, { type: 'expiry' }, '09:10').next.grant).toMatchObject({ state: 'closing' })
  })

  it('does not come back when a rule turns out to be there after all', () => {
    const before = granted('closing', bothThere)
    expect(done(before, { type: 'rule present', nsgId: 'A' }, '09:10').next).toEqual(before)
  })
})

describe('closed', () => {
  it('is said when the last rule is gone, with how late that was', () => {
    const before = granted('closing', [rule('A', 'absent'), rule('B', 'present')])
    const { next, audit, effects } = done(before, { type: 'rule absent', nsgId: 'B' }, '09:36')
    expect(next.grant).toEqual({
      ...before.grant,
      rules: [rule('A', 'absent'), rule('B', 'absent')],
      state: 'closed',
      closedAt: clock('09:36'),
    })
    expect(audit).toMatchObject([
      {
        type: 'grant.closed',
        actor: 'jitney',
        details: { reason: 'closed early', detail: null, expiresAt: clock('09:35'), latenessMs: 60_000 },
      },
    ])
    expect(effects).toEqual([
      { kind: 'drop timer', timer: 'stuck', requestId: 'r1' },
      { kind: 'show', requestId: 'r1' },
      {
        kind: 'note',
        requestId: 'r1',
        note: {
          type: 'closed',
          at: clock('09:36'),
          expiresAt: clock('09:35'),
          reason: 'closed early',
          by: alice,
          detail: null,
          opened: true,
        },
      },
      { kind: 'verify flow', requestId: 'r1', of: 'closed' },
    ])
  })

  it('says of access that never opened that it never opened', () => {
    const { effects } = done(granted('opening'), { type: 'expiry' }, '09:35')
    expect(effects.at(-1)).toMatchObject({ note: { type: 'closed', opened: false, reason: 'expired' } })
  })

  it('is not late when it ends early', () => {
    const before = granted('closing', [rule('A', 'present')])
    const { audit } = done(before, { type: 'rule absent', nsgId: 'A' }, '09:10')
    expect(audit).toMatchObject([{ details: { latenessMs: 0 } }])
  })

  it('tells a second closer since when', () => {
    const closing = granted('closing', [rule('A', 'present')])
    expect(decide(closing, closeBy(), clock('09:20'))).toMatchObject({
      refusal: { code: 'already closing', since: clock('09:08') },
    })
    expect(decide(granted('closed'), closeBy(), clock('09:20'))).toMatchObject({
      refusal: { code: 'already closed', at: clock('09:09') },
    })
  })
})

describe('a rule that somebody else touched', () => {
  const differences = [
    { what: 'source', before: '81.2.69.142', after: '*' },
    { what: 'destination', before: '10.0.0.4', after: '' },
  ] as const
  const removed: Event = { type: 'rule missing', nsgId: '/subscriptions/s1/nsg-a' }
  const changed: Event = { type: 'rule changed', nsgId: '/subscriptions/s1/nsg-a', differences }
  const touched: [Event, string][] = [
    [removed, 'its rule in nsg-a was removed by somebody else'],
    [
      changed,
      'its rule in nsg-a was changed by somebody else: source was 81.2.69.142 and is now *; destination was 10.0.0.4 and is now nothing',
    ],
  ]

  it.each(touched)('ends the access and says at once why: $type', (event, detail) => {
    const before = granted('open', bothThere)
    const { next, audit, effects } = done(before, event, '09:10')
    const why = { reason: 'changed outside', by: null, detail } as const
    expect(next.grant).toEqual({ ...before.grant, ...why, state: 'closing', closingSince: clock('09:10') })
    expect(audit).toMatchObject([
      { type: 'grant.closing', actor: 'jitney', details: { reason: 'changed outside', detail } },
    ])
    expect(effects.filter(({ kind }) => kind === 'write rules' || kind === 'note')).toEqual([
      { kind: 'write rules', nsgId: 'A', want: 'absent' },
      { kind: 'write rules', nsgId: 'B', want: 'absent' },
      { kind: 'note', requestId: 'r1', note: { type: 'closing', at: clock('09:10'), ...why } },
    ])
  })

  it('is told when it stands there again after the close, and the grant stays closed', () => {
    const before = granted('closed', [rule('A', 'absent')])
    const came: Event = { type: 'rule came back', nsgId: 'A', name: 'jit-g1-1795426500' }
    expect(done(before, came, '09:40')).toEqual({
      ok: true,
      next: before,
      audit: [],
      effects: [
        {
          kind: 'note',
          requestId: 'r1',
          note: { type: 'came back', at: clock('09:40'), nsgId: 'A', name: 'jit-g1-1795426500' },
        },
      ],
    })
  })
})

describe('a close that takes too long', () => {
  const before = granted('closing', [rule('A', 'absent'), rule('B', 'present')])
  const first = done(before, { type: 'stuck' }, '09:10')

  it('calls the operators and is on record with what is left', () => {
    expect(first.next.grant).toEqual({ ...before.grant, stuckSince: clock('09:10') })
    expect(first.audit).toEqual([
      {
        type: 'grant.stuck',
        at: clock('09:10'),
        requestId: 'r1',
        grantId: 'g1',
        actor: 'jitney',
        details: {
          expiresAt: clock('09:35'),
          closingSince: clock('09:08'),
          left: [{ name: 'jit-g1-1795426500', nsg: 'B' }],
        },
      },
    ])
    expect(first.effects).toEqual([
      { kind: 'page', requestId: 'r1' },
      { kind: 'set timer', timer: 'stuck', requestId: 'r1', at: clock('09:15') },
      { kind: 'show', requestId: 'r1' },
    ])
  })

  it('calls again every five minutes, and keeps since when', () => {
    const second = done(first.next, { type: 'stuck' }, '09:15')
    expect(second.next).toEqual(first.next)
    expect(second.audit).toEqual([])
    expect(second.effects).toEqual([
      { kind: 'page', requestId: 'r1' },
      { kind: 'set timer', timer: 'stuck', requestId: 'r1', at: clock('09:20') },
      { kind: 'show', requestId: 'r1' },
    ])
  })

  it('stays known when it is closed after all', () => {
    const { next } = done(first.next, { type: 'rule absent', nsgId: 'B' }, '09:40')
    expect(next.grant).toMatchObject({ state: 'closed', stuckSince: clock('09:10') })
    const { next: prompt } = done(before, { type: 'rule absent', nsgId: 'B' }, '09:40')
    expect(prompt.grant).not.toHaveProperty('stuckSince')
  })
})

describe('the warning', () => {
  it('says the end, and changes nothing', () => {
    const before = granted('open', bothThere)
    expect(done(before, { type: 'warning' }, '09:30')).toEqual({
      ok: true,
      next: before,
      audit: [],
      effects: [{ kind: 'note', requestId: 'r1', note: { type: 'ending', expiresAt: clock('09:35') } }],
    })
  })
})
