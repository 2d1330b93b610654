import { describe, expect, test } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { Event } from '../../src/core/event.ts'
import {
  alice,
  bob,
  carol,
  clock,
  granted,
  member,
  pending,
  review,
  terms,
  verdict,
} from '../support/cases.ts'

const elsewhere = { address: '89.160.20.112', family: 'IPv4', learnt: 'confirmed', learntAt: 0 } as const
const two = terms({ approvals: 2 })
const asked = pending(two, [review(bob)])

const changed = (more: Partial<Extract<Event, { type: 'address changed' }>> = {}): Event => ({
  type: 'address changed',
  by: member(alice),
  change: { source: elsewhere, hops: [], connectTo: null },
  verdict: verdict('needs approval', two),
  ...more,
})

const after = (kase: Case, event: Event, at = '09:10') => {
  const outcome = decide(kase, event, clock(at))
  if (!outcome.ok) throw new Error(outcome.refusal.code)
  return outcome
}
const requestAfter = (kase: Case, event: Event) => after(kase, event).next.request

const learnt = (seen?: number): Event => ({
  type: 'context',
  context: { defender: { kind: 'unread', at: 0, why: 'away' } },
  partial: false,
  ...(seen !== undefined && { seen }),
})

const yes = (seen?: number, more: Partial<Extract<Event, { type: 'review' }>> = {}): Event => ({
  type: 'review',
  by: member(carol),
  verdict: 'approve',
  policy: verdict('needs approval', two),
  requester: member(alice),
  earlier: [],
  grantId: 'g1',
  ...(seen !== undefined && { seen }),
  ...more,
})

describe('another address before the approval', () => {
  test('voids every yes, and the trail says whose', () => {
    const { next, audit } = after(asked, changed())
    expect(next.request).toMatchObject({
      state: 'pending',
      source: elsewhere,
      reviews: [],
      progress: { stage: 0, approvals: 0 },
      addressChange: { count: 1, before: '81.2.69.142', voided: [bob] },
    })
    expect(audit).toMatchObject([
      {
        type: 'request.address',
        actor: alice,
        details: {
          before: '81.2.69.142',
          source: '89.160.20.112',
          learnt: 'confirmed',
          voided: [bob.userId],
        },
      },
    ])
  })

  test('a yes counts only for the address that its card showed', () => {
    const once = after(asked, changed()).next
    expect(decide(once, yes(), clock('09:11'))).toMatchObject({
      ok: false,
      refusal: { code: 'address changed', address: '89.160.20.112' },
    })
    expect(decide(once, yes(1), clock('09:11'))).toMatchObject({ ok: true })
    const back = { source: { ...elsewhere, address: '81.2.69.142' }, hops: [], connectTo: null }
    const twice = after(once, changed({ change: back })).next
    expect(decide(twice, yes(1), clock('09:11'))).toMatchObject({ refusal: { code: 'address changed' } })
    expect(decide(twice, yes(2), clock('09:11'))).toMatchObject({ ok: true })
  })

  test('the address that it has already changes nothing, and keeps every yes', () => {
    const { request } = asked
    const same = { source: { ...elsewhere, address: request.source.address }, hops: [], connectTo: null }
    expect(after(asked, changed({ change: same })).next.request).toBe(request)
  })

  test('whoever was asked is still asked where the policy would ask nobody', () => {
    const nobody = changed({ verdict: verdict('allow', terms({ approvals: 0 })) })
    expect(requestAfter(asked, nobody)).toMatchObject({ state: 'pending', terms: two })
  })

  test('what a yes that is void had left is all there again', () => {
    const both = [...asked.request.ports, { number: 22, protocol: 'tcp' }] as const
    const whole = { ...asked.request, reviews: [], label: 'rdp, ssh', ports: both, until: clock('12:00') }
    const less = yes(undefined, {
      by: member(bob),
      less: { durationMs: 600_000, ports: asked.request.ports },
    })
    const narrowed = after({ request: whole, grant: null }, less).next
    expect(narrowed.request).toMatchObject({ durationMs: 600_000, label: '3389/tcp' })
    const next = requestAfter(narrowed, changed())
    const { label, ports, durationMs, until } = whole
    expect(next).toMatchObject({ label, ports, durationMs, until })
    expect(next.askedFor).toBeUndefined()
  })

  test('of an older request, whose ports are not on record, the ports that were left stay', () => {
    const askedFor = { label: 'rdp, ssh', durationMs: 3_600_000, source: '81.2.69.128/28', by: bob }
    const narrowed = { ...asked, request: { ...asked.request, label: '3389/tcp', askedFor } }
    const next = requestAfter(narrowed, changed())
    const { ports } = asked.request
    expect(next).toMatchObject({ label: '3389/tcp', ports, durationMs: 3_600_000 })
    expect(next.askedFor).toBeUndefined()
  })

  test('what was learnt of the address before is not taken for this one', () => {
    const once = after(asked, changed()).next
    expect(after(once, learnt()).next).toBe(once)
    expect(requestAfter(once, learnt(1)).context).toMatchObject({ defender: { why: 'away' } })
  })

  test('comes too late at the deadline', () => {
    expect(decide(asked, changed(), clock('10:00'))).toMatchObject({ refusal: { code: 'address stays' } })
  })
})

const moves = (requestId: string, last: string | null, more: { readonly learntAt?: number } = {}): Event => ({
  type: 'address moves',
  by: member(alice),
  requestId,
  source: { ...elsewhere, ...more },
  last,
})

describe('another address while it is open', () => {
  const open = granted('open', [])
  test('is asked for once at a time: whoever looked before somebody else did looks again', () => {
    const first = after(open, moves('r5', null)).next
    expect(first.request.movesTo).toEqual(['r5'])
    expect(decide(first, moves('r6', null), clock('09:11'))).toEqual({
      ok: false,
      refusal: { code: 'moved meanwhile' },
    })
    expect(after(first, moves('r6', 'r5')).next.request.movesTo).toEqual(['r5', 'r6'])
    expect(after(first, moves('r5', null)).next).toEqual(first)
  })

  test('an older confirmation does not take the place of a newer one', () => {
    const source = { ...elsewhere, address: '85.214.132.117', learntAt: clock('09:05') }
    const newer = { ...open, request: { ...open.request, source } }
    expect(decide(newer, moves('r5', null, { learntAt: clock('09:04') }), clock('09:11'))).toEqual({
      ok: false,
      refusal: { code: 'newer address', address: '85.214.132.117' },
    })
    expect(decide(newer, moves('r5', null, { learntAt: clock('09:06') }), clock('09:11')).ok).toBe(true)
  })
})

describe('another request in the place of one that waits', () => {
  const took = (by = member(alice), learntAt = 0): Event => ({
    type: 'address moved',
    to: 'r5',
    source: { ...elsewhere, learntAt },
    instead: { by },
  })
  const source = { ...elsewhere, address: '85.214.132.117', learntAt: clock('09:05') }
  const newer = { ...asked, request: { ...asked.request, source } }

  test('ends that one, and says by which', () => {
    expect(requestAfter(asked, took())).toMatchObject({ state: 'canceled', movedTo: 'r5', instead: true })
  })

  test('gives way to an address that was confirmed later', () => {
    expect(decide(newer, took(member(alice), clock('09:04')), clock('09:11'))).toEqual({
      ok: false,
      refusal: { code: 'newer address', address: '85.214.132.117' },
    })
    expect(requestAfter(newer, took(member(alice), clock('09:06')))).toMatchObject({ state: 'canceled' })
  })

  test('comes too late at the deadline, and so gets it no more time', () => {
    expect(decide(asked, took(), clock('10:00'))).toEqual({ ok: false, refusal: { code: 'address stays' } })
  })

  test('is nobody else’s to make', () => {
    expect(decide(asked, took(member(bob)), clock('09:11'))).toMatchObject({
      refusal: { code: 'not yours to move' },
    })
  })

  test('is not made where the one that waits has got that address meanwhile', () => {
    const same = { ...asked, request: { ...asked.request, source: elsewhere } }
    expect(decide(same, took(), clock('09:11'))).toMatchObject({ refusal: { code: 'address stays' } })
  })
})

describe('access from another address that is open', () => {
  const opened: Event = {
    type: 'address moved',
    to: 'r5',
    source: { ...elsewhere, learntAt: clock('09:04') },
  }
  const from = <R extends Case>(kase: R, learntAt: number) => ({
    ...kase,
    request: { ...kase.request, source: { ...elsewhere, address: '85.214.132.117', learntAt } },
  })

  test('leaves what has an address that was confirmed later', () => {
    const [waits, open] = [from(asked, clock('09:05')), from(granted('open', []), clock('09:05'))]
    expect(after(waits, opened).next).toEqual(waits)
    expect(after(open, opened).next).toEqual(open)
    expect(requestAfter(from(asked, clock('09:03')), opened)).toMatchObject({ state: 'canceled' })
  })
})
