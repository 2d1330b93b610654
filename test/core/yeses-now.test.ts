import { describe, expect, it } from 'vitest'
import { escalated } from '../../src/core/approval.ts'
import type { Member } from '../../src/core/person.ts'
import type { Approvers, Stage, Terms } from '../../src/core/policy.ts'
import type { Request } from '../../src/core/request.ts'
import { nowMissing } from '../../src/core/yeses-now.ts'
import {
  alice,
  approvedRequest,
  bob,
  carol,
  clock,
  member,
  pending,
  review,
  terms,
  verdict,
} from '../support/cases.ts'

const users = (...ids: string[]): Approvers => ({ users: ids, groups: [] })
const stage = (approvers: Approvers, approvals = 1): Stage => ({
  approvers,
  approvals,
  fromDifferentGroups: false,
})
const asking = (stages: readonly Stage[], but: Partial<Terms> = {}): Terms => ({ ...terms(), stages, ...but })
const onDuty = (who: string): Approvers => ({
  users: [who],
  groups: [],
  onCall: ['PABC123'],
  looked: { up: [], named: users() },
})

function approved(given: Terms | null, by = [bob]): Request {
  const request = approvedRequest()
  if (request.state !== 'approved') throw new Error('It is not approved.')
  const reviews = by.map((who) => review(who))
  return { ...request, terms: given, requestedAt: clock('09:00'), approvedAt: clock('09:20'), reviews }
}

const missing = (request: Request, now: Terms, earlier: readonly Member[] = [member(bob)]) =>
  nowMissing(request, verdict('needs approval', now), member(alice), earlier)

describe('whether the yeses of a request are enough for what the policy asks now', () => {
  const one = asking([stage(users(bob.userId))])

  it.each<[string, Terms | null, Terms]>([
    ['the rule asks the same', one, one],
    ['its deadline has changed', one, { ...one, deadlineMs: 1 }],
    ['nobody is asked any more', one, asking([])],
    ['somebody else is on duty now', asking([stage(onDuty('UBOB'))]), asking([stage(onDuty('UCAROL'))])],
    [
      'more people had been asked',
      escalated(asking([stage(users('UX'))], { escalation: { afterMs: 1, approvers: users(bob.userId) } })),
      asking([stage(users('UX'))], { escalation: { afterMs: 1, approvers: users(bob.userId) } }),
    ],
    ['another one is asked as well', one, asking([stage(users(carol.userId, bob.userId))])],
    [
      'whoever said yes is asked after a while only, and it was late enough',
      one,
      asking([stage(users('UX'))], { escalation: { afterMs: 20 * 60_000, approvers: users(bob.userId) } }),
    ],
  ])('they are: %s', (_, given, now) => {
    expect(missing(approved(given), now)).toBeNull()
  })

  it.each<[string, Terms | null, Terms]>([
    ['nobody had been asked', null, one],
    ['two people are asked now', one, asking([stage(users(bob.userId, carol.userId), 2)])],
    ['somebody else is asked now', one, asking([stage(users(carol.userId))])],
    ['another stage follows now', one, asking([...one.stages, stage(users(carol.userId))])],
    [
      'whoever said yes is asked after a while only, and it was too early',
      one,
      asking([stage(users('UX'))], {
        escalation: { afterMs: 20 * 60_000 + 1, approvers: users(bob.userId) },
      }),
    ],
  ])('they are not: %s', (_, given, now) => {
    expect(missing(approved(given, given ? [bob] : []), now)).toMatch(
      /^the rule “.*” asks for other approvals now than it did, and \d of the \d that it asks for were given$/,
    )
  })

  it('they are not, when whoever gave one is deactivated and the rule has changed', () => {
    const now = asking([stage(users(bob.userId, carol.userId))])
    expect(missing(approved(one), now, [{ ...member(bob), deleted: true }])).toMatch(/0 of the 1/)
  })

  it('they are only as long as whoever gave one may still do so, although the rule asks the same', () => {
    const both = asking([stage(users(bob.userId, carol.userId), 2)])
    const gone = { ...member(bob), deleted: true }
    const said = [bob, carol]
    expect(missing(approved(both, said), both, [member(bob), member(carol)])).toBeNull()
    expect(missing(approved(both, said), both, [gone, member(carol)])).toBe(
      'somebody who approved it may not do so any more, and 1 of the 2 approvals that the rule “a colleague agrees” asks for are left',
    )
    const either = asking([stage(users(bob.userId, carol.userId))])
    expect(missing(approved(either, said), either, [gone, member(carol)])).toBeNull()
    expect(missing(approved(either, said), either, [gone, { ...member(carol), bot: true }])).toMatch(
      /0 of the 1/,
    )
  })

  it('nothing is asked of a request that is not approved, or where nobody is asked any more', () => {
    expect(missing(pending(one, [review(bob)]).request, asking([stage(users(carol.userId))]))).toBeNull()
    const gone = [{ ...member(bob), deleted: true }]
    expect(missing(approved(one), asking([]), gone)).toBeNull()
    expect(
      nowMissing(approved(one), { ...verdict('allow', one), terms: null }, member(alice), gone),
    ).toBeNull()
  })

  it('a yes to one’s own request counts only while the rule says so', () => {
    const self = { selfApproval: true }
    const own = approved(asking([stage(users(alice.userId))], self), [alice])
    const now = (but: Partial<Terms>) => asking([stage(users(alice.userId, bob.userId))], but)
    expect(missing(own, now(self), [member(alice)])).toBeNull()
    expect(missing(own, now({}), [member(alice)])).toMatch(/0 of the 1/)
  })
})
