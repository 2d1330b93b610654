import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { Event } from '../../src/core/event.ts'
import type { Transition } from '../../src/core/outcome.ts'
import type { Terms, Verdict } from '../../src/core/policy.ts'
import type { Ask } from '../../src/core/request.ts'
import {
  alice,
  ask,
  base,
  bob,
  carol,
  clock,
  dave,
  member,
  pending,
  person,
  review,
  terms,
  told,
  verdict,
} from '../support/cases.ts'

const submit = (answer: Verdict, but: Partial<Ask> = {}): Event => ({
  type: 'submit',
  ask: ask(but),
  verdict: answer,
  grantId: 'g1',
})

const yes = (by = bob, but: Partial<Extract<Event, { type: 'review' }>> = {}): Event => ({
  type: 'review',
  by: member(by),
  verdict: 'approve',
  policy: verdict('needs approval'),
  requester: member(alice),
  earlier: [],
  grantId: 'g1',
  ...but,
})

function done(before: Case | null, event: Event, time: string): Transition {
  const outcome = decide(before, event, clock(time))
  if (!outcome.ok) throw new Error(`refused: ${outcome.refusal.code}`)
  return outcome
}

describe('asking', () => {
  it('keeps every word of what was asked, with the time and the policy’s answer', () => {
    const { next } = done(null, submit(verdict('needs approval')), '09:00')
    expect(next).toEqual({
      request: {
        ...ask(),
        state: 'pending',
        requestedAt: clock('09:00'),
        verdict: verdict('needs approval'),
        reviews: [],
        context: {},
        terms: terms(),
        progress: { stage: 0, approvals: 0 },
        escalatedAt: null,
        deadlineAt: clock('10:00'),
      },
      grant: null,
    })
  })

  it('puts who, what, whence and why on record once', () => {
    const { audit } = done(null, submit(verdict('needs approval')), '09:00')
    expect(audit).toEqual([
      {
        type: 'request.pending',
        at: clock('09:00'),
        requestId: 'r1',
        grantId: null,
        actor: alice,
        details: {
          requester: 'UALICE',
          vm: ask().vm.id,
          ports: ['3389/tcp'],
          source: '81.2.69.142',
          learnt: 'typed',
          durationMs: 1_800_000,
          until: null,
          reason: 'the shop is down',
          rule: 'a colleague agrees',
          policy: 'hash-1',
          because: 'the test says needs approval',
          deadlineAt: clock('10:00'),
        },
      },
    ])
  })

  it('says on record that the policy denied, and why', () => {
    const { audit, next } = done(null, submit(verdict('deny')), '09:00')
    expect(audit).toMatchObject([
      { type: 'request.denied', actor: 'policy', details: { because: 'the test says deny', rule: null } },
    ])
    expect(next.request).toMatchObject({ state: 'denied', by: 'policy', terms: null })
  })

  it('takes an answer without terms for a no', () => {
    const broken: Verdict = { ...verdict('allow'), terms: null }
    expect(told(null, decide(null, submit(broken), clock('09:00')))).toBe('denied: request.denied; show')
  })

  it('begins access at once when the policy allows it, with the same grant on both records', () => {
    const { next, audit } = done(null, submit(verdict('allow')), '09:00')
    expect(next.grant).toEqual({
      id: 'g1',
      requestId: 'r1',
      approvedAt: clock('09:00'),
      expiresAt: clock('09:30'),
      rules: [],
      openedAt: null,
      state: 'opening',
    })
    expect(audit.map(({ type, actor, grantId }) => ({ type, actor, grantId }))).toEqual([
      { type: 'request.approved', actor: 'policy', grantId: 'g1' },
      { type: 'grant.opening', actor: 'jitney', grantId: 'g1' },
    ])
    expect(audit[1]?.details).toEqual({ expiresAt: clock('09:30') })
  })

  it.each([
    ['no time', 0],
    ['less than no time', -60_000],
    ['a length that is no number', Number.NaN],
    ['a length without an end', Number.POSITIVE_INFINITY],
  ])('opens nothing for %s', (_, durationMs) => {
    expect(told(null, decide(null, submit(verdict('allow'), { durationMs }), clock('09:00')))).toBe(
      'no: no time left',
    )
  })

  it('gives approvers no longer than the end that was asked for', () => {
    const { effects } = done(null, submit(verdict('needs approval'), { until: clock('09:20') }), '09:00')
    expect(effects).toEqual([
      { kind: 'set timer', timer: 'deadline', requestId: 'r1', at: clock('09:20') },
      { kind: 'set timer', timer: 'reminder', requestId: 'r1', at: clock('09:10') },
      { kind: 'gather context', requestId: 'r1' },
      // The card waits for it, but no longer than a second.
      { kind: 'show', requestId: 'r1', at: clock('09:00:01') },
    ])
  })
})

describe('a yes', () => {
  it('fixes the end at the moment of the yes, and sets its timer in the same breath', () => {
    const { next, effects } = done(pending(), yes(), '09:10')
    expect(next.grant).toMatchObject({ approvedAt: clock('09:10'), expiresAt: clock('09:40') })
    expect(effects).toEqual([
      { kind: 'drop timer', timer: 'deadline', requestId: 'r1' },
      { kind: 'drop timer', timer: 'reminder', requestId: 'r1' },
      { kind: 'drop timer', timer: 'escalation', requestId: 'r1' },
      { kind: 'set timer', timer: 'expiry', requestId: 'r1', at: clock('09:40') },
      { kind: 'plan rules', requestId: 'r1', expiresAt: clock('09:40') },
      { kind: 'set timer', timer: 'warning', requestId: 'r1', at: clock('09:35') },
      { kind: 'show', requestId: 'r1' },
    ])
  })

  it('leaves nothing of the waiting behind, and keeps the rest', () => {
    const { request } = done(pending(), yes(), '09:10').next
    expect(request).toEqual({
      ...base({
        reviews: [{ ...review(bob, 'approve', clock('09:10')), groups: [], entraId: null }],
      }),
      state: 'approved',
      terms: terms(),
      approvedAt: clock('09:10'),
    })
  })

  it('never reaches past the end that the person named', () => {
    const before = done(null, submit(verdict('needs approval'), { until: clock('09:20') }), '09:00').next
    expect(done(before, yes(), '09:10').next.grant?.expiresAt).toBe(clock('09:20'))
  })

  it('sets no warning for access that is nearly over when it begins', () => {
    const before = done(null, submit(verdict('needs approval'), { durationMs: 6 * 60_000 }), '09:00').next
    expect(done(before, yes(), '09:10').effects.filter((one) => one.kind === 'set timer')).toEqual([
      { kind: 'set timer', timer: 'expiry', requestId: 'r1', at: clock('09:16') },
    ])
  })

  it('is on record with how many there are and how many the rule wants', () => {
    const two = terms({ approvals: 2, rule: 'two agree' })
    const now = { policy: verdict('needs approval', two) }
    const first = done(pending(two), yes(bob, now), '09:10')
    expect(first.audit).toMatchObject([
      { type: 'request.reviewed', actor: bob, details: { approvals: 1, needed: 2, rule: 'two agree' } },
    ])
    const second = done(first.next, yes(carol, now), '09:11')
    expect(second.audit[0]).toMatchObject({
      type: 'request.approved',
      actor: carol,
      grantId: 'g1',
      details: { approvals: 2, needed: 2 },
    })
    expect(second.next.request.reviews.map(({ by, at }) => [by, at])).toEqual([
      [bob, clock('09:10')],
      [carol, clock('09:11')],
    ])
  })

  const stricter: [string, Terms, string][] = [
    ['wants one more person', terms({ approvals: 2 }), 'pending: request.reviewed; show'],
    ['names other approvers', terms({ approvers: { users: ['UCAROL'], groups: [] } }), 'no: not an approver'],
  ]
  it.each(stricter)('is judged by the policy of this moment, which now %s', (_, now, expected) => {
    const event = yes(bob, { policy: verdict('needs approval', now) })
    expect(told(pending(), decide(pending(), event, clock('09:10')))).toBe(expected)
  })

  it('remembers the terms under which it was given', () => {
    const now = terms({ approvals: 3, rule: 'three agree' })
    const { next } = done(pending(), yes(bob, { policy: verdict('needs approval', now) }), '09:10')
    expect(next.request).toMatchObject({ state: 'pending', terms: now })
  })

  it('counts people, not clicks and not teams', () => {
    const again = { ...bob, teamId: 'T2', enterpriseId: 'E1' }
    const before = pending(terms({ approvals: 2 }), [review(bob)])
    const event = yes(again, { policy: verdict('needs approval', terms({ approvals: 2 })) })
    expect(told(before, decide(before, event, clock('09:10')))).toBe('no: already reviewed')
  })

  it('is not taken while Entra cannot say who the requester is, or who says it', () => {
    const before = pending()
    for (const but of [
      { requester: member(alice, { entraUnread: true }) },
      { by: member(bob, { entraUnread: true }) },
    ] as const) {
      const event = yes(bob, but)
      expect(told(before, decide(before, event, clock('09:10')))).toBe('no: identity unknown')
    }
  })

  it('is not taken while Entra cannot say whether the requester is still active, whoever may approve', () => {
    const given = terms({ selfApproval: true })
    const event = yes(bob, {
      policy: verdict('needs approval', given),
      requester: member(alice, { entraId: 'e1', entraUnread: true }),
    })
    expect(told(pending(given), decide(pending(given), event, clock('09:10')))).toBe('no: requester gone')
  })

  it('is not taken while Entra cannot say whether those before it are still active', () => {
    const given = terms({ approvals: 2, selfApproval: true })
    const before = pending(given, [review(bob)])
    const event = yes(carol, {
      policy: verdict('needs approval', given),
      earlier: [member(bob, { entraId: 'e1', entraUnread: true })],
    })
    expect(told(before, decide(before, event, clock('09:10')))).toBe('no: approvers unknown')
  })

  it('does not count any more when Entra says that it was the requester’s own', () => {
    const before = pending(terms({ approvals: 2 }), [review(bob)])
    const event = yes(carol, {
      policy: verdict('needs approval', terms({ approvals: 2 })),
      requester: member(alice, { entraId: 'e1' }),
      earlier: [member(bob, { entraId: 'e1' })],
    })
    expect(done(before, event, '09:10').next.request).toMatchObject({
      state: 'pending',
      progress: { stage: 0, approvals: 1 },
    })
    const other = { ...event, earlier: [member(bob, { entraId: 'e2' })] }
    expect(done(before, other, '09:10').next.request.state).toBe('approved')
  })

  it.each([
    ['bot', { bot: true }],
    ['guest', { guest: true }],
    ['deleted', { deleted: true }],
    ['foreign', { foreign: true }],
    ['unknown', { known: false }],
  ])('does not count while the requester is %s', (_, but) => {
    const event = yes(bob, { requester: member(alice, but) })
    expect(told(pending(), decide(pending(), event, clock('09:10')))).toBe('no: requester gone')
  })

  it.each([Number.NaN, 0])('opens nothing when the deadline on record is broken (%s)', (deadlineAt) => {
    const broken = pending(terms(), [], deadlineAt)
    expect(done(broken, yes(), '09:10').next).toMatchObject({ request: { state: 'lapsed' }, grant: null })
    expect(done(broken, { type: 'deadline' }, '09:10').next.request.state).toBe('lapsed')
  })

  it('opens nothing when the end that was asked for has come before it', () => {
    const { request } = pending()
    const before = { request: { ...request, until: clock('09:10') }, grant: null }
    expect(told(before, decide(before, yes(), clock('09:10')))).toBe('no: no time left')
  })
})

describe('an end without access', () => {
  it('says who denied, in the request, on record and to the requester', () => {
    const { next, audit, effects } = done(pending(), yes(bob, { verdict: 'deny' }), '09:10')
    expect(next.request).toMatchObject({
      state: 'denied',
      by: bob,
      deniedAt: clock('09:10'),
      reviews: [review(bob, 'deny', clock('09:10'))],
    })
    expect(audit).toMatchObject([{ type: 'request.denied', actor: bob, at: clock('09:10') }])
    expect(effects.at(-1)).toEqual({
      kind: 'note',
      requestId: 'r1',
      note: { type: 'decided', state: 'denied', at: clock('09:10'), by: bob },
    })
  })

  it('lets somebody who said yes change their mind', () => {
    const before = pending(terms({ approvals: 2 }), [review(bob)])
    expect(done(before, yes(bob, { verdict: 'deny' }), '09:10').next.request.state).toBe('denied')
  })

  it('says that it lapsed by itself', () => {
    const { next, audit, effects } = done(pending(), { type: 'deadline' }, '10:00')
    expect(next.request).toMatchObject({ state: 'lapsed', lapsedAt: clock('10:00') })
    expect(audit).toMatchObject([{ type: 'request.lapsed', actor: 'jitney' }])
    expect(effects.at(-1)).toMatchObject({ note: { type: 'decided', state: 'lapsed', by: null } })
  })

  it('says that the requester canceled', () => {
    const { next, audit, effects } = done(pending(), { type: 'cancel', by: member(alice) }, '09:10')
    expect(next.request).toMatchObject({ state: 'canceled', canceledAt: clock('09:10') })
    expect(audit).toMatchObject([{ type: 'request.canceled', actor: alice }])
    expect(effects.at(-1)).toMatchObject({ note: { type: 'decided', state: 'canceled', by: alice } })
  })
})

describe('a click that comes too late is told what was decided, by whom and when', () => {
  const lateTo = (event: Event, time: string) =>
    decide(done(pending(), event, time).next, yes(carol), clock('10:30'))

  it.each<[string, Event, string, readonly ReturnType<typeof person>[]]>([
    ['approved', yes(bob), '09:10', [bob]],
    ['denied', yes(bob, { verdict: 'deny' }), '09:10', [bob]],
    ['canceled', { type: 'cancel', by: member(alice) }, '09:10', [alice]],
    ['lapsed', { type: 'deadline' }, '10:00', []],
  ])('%s', (state, event, time, by) => {
    expect(lateTo(event, time)).toEqual({
      ok: false,
      refusal: { code: 'already decided', state, by, at: clock(time) },
    })
  })

  it('and whoever wanted to cancel what is open, how it is closed', () => {
    const open = done(pending(), yes(bob), '09:10').next
    const cancels = (by: typeof alice) => decide(open, { type: 'cancel', by: member(by) }, clock('09:11'))
    expect(cancels(alice)).toMatchObject({ refusal: { state: 'approved', closes: open.request.id } })
    expect(cancels(bob)).not.toHaveProperty('refusal.closes')
    const closed = done(open, { type: 'close', by: member(alice) }, '09:11').next
    const late = decide(closed, { type: 'cancel', by: member(alice) }, clock('09:12'))
    expect(late).not.toHaveProperty('refusal.closes')
  })

  it('denied by the policy, so by nobody', () => {
    const { next } = done(null, submit(verdict('deny')), '09:00')
    expect(decide(next, yes(), clock('09:10'))).toMatchObject({ refusal: { state: 'denied', by: [] } })
  })
})

const onCallNow = (userId: string | null, unsure = false): Terms => {
  const users = userId === null ? [] : [userId]
  const problems = unsure ? ['PagerDuty could not be reached'] : []
  const up = [{ kind: 'on call', name: 'Nights', users, groups: [], until: null, problems, unsure } as const]
  const named = { users: ['UDAVE'], groups: [] }
  const approvers = { users: ['UDAVE', ...users], groups: [], onCall: ['P1'], looked: { up, named } }
  return terms({ approvals: 2, approvers })
}

describe('approvers that are looked up at each click', () => {
  const before = pending(onCallNow('UBOB'), [review(bob)])
  const click = (by: typeof bob, given: Terms) =>
    told(
      before,
      decide(
        before,
        yes(by, { policy: verdict('needs approval', given), earlier: [member(bob)] }),
        clock('09:10'),
      ),
    )

  it('an earlier yes of somebody who is still on call counts', () => {
    expect(click(dave, onCallNow('UBOB'))).toMatch(/^approved/)
  })

  it('an earlier yes of somebody whose shift is over does not, and they are not told that it does', () => {
    expect(click(dave, onCallNow('UCAROL'))).toMatch(/^pending: request.reviewed/)
    expect(click(bob, onCallNow('UCAROL'))).toBe('no: not an approver')
    expect(click(bob, onCallNow('UBOB'))).toBe('no: already reviewed')
  })

  it('nothing is counted while it is not known whether an earlier yes still holds', () => {
    expect(click(dave, onCallNow(null, true))).toBe('no: approvers unknown')
  })

  it('are those of the request where the policy would ask nobody any more', () => {
    const asking = pending(onCallNow('UBOB'))
    const allowed = verdict('allow', terms({ approvals: 0 }))
    const now = (by: typeof bob, asked: Terms) =>
      told(asking, decide(asking, yes(by, { policy: allowed, asked }), clock('09:10')))
    expect(now(bob, onCallNow('UCAROL'))).toBe('no: not an approver')
    expect(now(carol, onCallNow('UCAROL'))).toMatch(/^pending: request.reviewed/)
  })
})

describe('a yes to one’s own request', () => {
  const approvers = { users: [alice.userId, bob.userId, carol.userId], groups: [] }
  const own = terms({ approvals: 2, approvers, selfApproval: true })
  const before = pending(own, [review(alice)])
  const click = (by: typeof bob, given: Terms) =>
    told(
      before,
      decide(
        before,
        yes(by, { policy: verdict('needs approval', given), earlier: [member(alice)] }),
        clock('09:10'),
      ),
    )

  it('counts where the rule says so, and once', () => {
    expect(click(alice, own)).toBe('no: already reviewed')
    expect(click(bob, own)).toMatch(/^approved/)
  })

  it('no longer counts when the rule has changed', () => {
    const strict = { ...own, selfApproval: false }
    expect(click(alice, strict)).toBe('no: own request')
    expect(click(bob, strict)).toMatch(/^pending: request.reviewed/)
  })
})
