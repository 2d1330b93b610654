import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { Event } from '../../src/core/event.ts'
import type { Terms } from '../../src/core/policy.ts'
import {
  alice,
  bob,
  carol,
  clock,
  dave,
  member,
  pending,
  review,
  terms,
  told,
  verdict,
} from '../support/cases.ts'

const named = (...users: string[]) => ({ users, groups: [] })
const standing = (given: Terms, earlier = [member(bob)]) => ({
  policy: verdict('needs approval', given),
  requester: member(alice),
  earlier,
})

describe('who is called while it waits', () => {
  const two = terms({ approvals: 2 })
  const before = pending(two, [review(bob)])
  const notes = (event: Event) => {
    const outcome = decide(before, event, clock('09:30'))
    if (!outcome.ok) throw new Error(outcome.refusal.code)
    const said = outcome.effects.flatMap((effect) => (effect.kind === 'note' ? [effect.note] : []))
    return { said, request: outcome.next.request }
  }

  it('is whoever may still say the yes that is missing, by the policy of that moment', () => {
    const given = terms({ approvals: 2, approvers: named(bob.userId, dave.userId) })
    const { said, request } = notes({ type: 'reminder', standing: standing(given) })
    expect(said).toEqual([{ type: 'waiting', at: clock('09:30'), ...named(dave.userId) }])
    expect(request).toMatchObject({ state: 'pending', terms: given, progress: { stage: 0, approvals: 1 } })
    const gone = notes({
      type: 'reminder',
      standing: standing(terms({ approvals: 2, approvers: named('UDAVE') })),
    })
    expect(gone.request).toMatchObject({ progress: { stage: 0, approvals: 0 } })
  })

  it('stays as it was where enough have said yes by now: only a click opens', () => {
    const { said, request } = notes({ type: 'reminder', standing: standing(terms()) })
    expect(request).toBe(before.request)
    expect(said).toMatchObject([{ type: 'waiting', users: [carol.userId] }])
  })

  it('is whom the rule asks as well at that moment, and nobody when it asks nobody else', () => {
    const escalation = { afterMs: 1, approvers: named('UDAVE') }
    const { said, request } = notes({
      type: 'escalation',
      standing: standing(terms({ approvals: 2, escalation })),
    })
    expect(said).toMatchObject([{ type: 'escalated', users: ['UDAVE'] }])
    expect(request).toMatchObject({ escalatedAt: clock('09:30') })
    expect(notes({ type: 'escalation', standing: standing(two) })).toEqual({
      said: [],
      request: before.request,
    })
  })
})

it('what is left of more time is never less than there was', () => {
  const extending = { requestId: 'r0', endsAt: clock('09:30'), extraMs: 30 * 60_000 }
  const { request } = pending()
  const before: Case = {
    request: { ...request, durationMs: 50 * 60_000, until: clock('10:00'), extends: extending },
    grant: null,
  }
  const left = (minutes: number) =>
    told(
      before,
      decide(
        before,
        {
          type: 'review',
          by: member(bob),
          verdict: 'approve',
          grantId: 'g1',
          ...standing(terms(), []),
          less: { durationMs: minutes * 60_000, ports: request.ports },
        },
        clock('09:10'),
      ),
    )
  expect(left(20)).toBe('no: no extra time')
  expect(left(50)).toBe('no: not less')
  expect(left(30)).toMatch(/^approved\/opening: request.narrowed.*set expiry 09:40/)
})
