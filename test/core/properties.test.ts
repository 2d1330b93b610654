import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isApprover, membershipProblem } from '../../src/core/approval.ts'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { Event } from '../../src/core/event.ts'
import { isExpired } from '../../src/core/expiry.ts'
import { type Grant, type Rule, ruleName } from '../../src/core/grant.ts'
import { samePerson } from '../../src/core/person.ts'
import { approvalsOf } from '../../src/core/pick.ts'
import { clock, granted, pending, rule, told } from '../support/cases.ts'
import { always, type Moment, minute, nsgId, nsgs, others, someTerms, submit } from '../support/histories.ts'

const grantsOf = (moments: readonly Moment[]) =>
  moments.flatMap(({ after }) => (after?.grant ? [after.grant] : []))
const effectsOf = ({ outcome }: Moment): readonly Effect[] => (outcome.ok ? outcome.effects : [])
const auditOf = ({ outcome }: Moment) => (outcome.ok ? outcome.audit : [])
const yeses = (given: Case) => given.request.reviews.filter(({ verdict: said }) => said === 'approve')

/** What of a rule nothing may change. */
const fixed = ({ name, nsgId: id, source, ports, destinations }: Rule) => ({
  name,
  id,
  source,
  ports,
  destinations,
})

/** Which states of a grant lie between two looks at it: from nothing at all to `closed` takes three. */
const ladder = ['none', 'opening', 'open', 'closing', 'closed']
function steps(before: Grant | null, after: Grant | null): number {
  const [from, to] = [before?.state ?? 'none', after?.state ?? 'none']
  // Opening may end without having been open.
  const skipped = from === 'opening' && ladder.indexOf(to) > ladder.indexOf('open') ? 1 : 0
  return ladder.indexOf(to) - ladder.indexOf(from) - skipped
}

const stuckSince = (given: Case | null) =>
  given?.grant && 'stuckSince' in given.grant ? given.grant.stuckSince : undefined

/** What may be done again when an event comes a second time: it is harmless, and the engine tells things once. */
const harmless = new Set(['write rules', 'ending', 'came back', 'set timer'])
/** A close that is stuck calls each time it is asked, because nothing but its own timer asks. */
const calls = ['page', 'show']

describe('in every history', () => {
  it('reaches each state at some time, so that what follows is about something', () => {
    const seen = new Set<string>()
    always((moments) => {
      for (const { after } of moments) {
        if (after) seen.add(`${after.request.state} ${after.grant?.state ?? '-'}`)
        if (stuckSince(after) !== undefined && after?.grant?.state === 'closing') seen.add('stuck')
      }
    }, 1_000)
    expect([...seen].toSorted()).toEqual([
      'approved closed',
      'approved closing',
      'approved open',
      'approved opening',
      'canceled -',
      'denied -',
      'lapsed -',
      'pending -',
      'stuck',
    ])
  })

  it('every grant ends closed once its rules are seen to be gone, and stays closed', () => {
    always((moments) => {
      const grant = grantsOf(moments).at(-1)
      const last = moments.at(-1)
      if (!grant || !last?.after) return
      let current = last.after
      const happens = (event: Event) => {
        const outcome = decide(current, event, Math.max(last.now, grant.expiresAt))
        if (!outcome.ok) throw new Error(outcome.refusal.code)
        current = outcome.next
      }
      happens({ type: 'expiry' })
      for (const id of nsgs) {
        const left = current.grant?.rules.filter(({ state }) => state !== 'absent') ?? []
        expect(current.grant?.state).toBe(left.length > 0 ? 'closing' : 'closed')
        happens({ type: 'rule absent', nsgId: id })
      }
      expect(current.grant?.state).toBe('closed')
      expect(current.grant?.rules.every(({ state }) => state === 'absent')).toBe(true)
      for (const { event, now } of moments) {
        const again = decide(current, event, now)
        if (again.ok) expect(again.next).toEqual(current)
      }
    })
  })

  it('a grant closes only when no rule of it is left', () => {
    always((moments) => {
      for (const grant of grantsOf(moments))
        if (grant.state === 'closed')
          expect(grant.rules.filter(({ state }) => state !== 'absent')).toEqual([])
    })
  })

  it('the end is fixed at the approval: after it, within the length, and never past the end that was named', () => {
    always((moments) => {
      const ends = new Set(grantsOf(moments).map(({ expiresAt, approvedAt }) => `${expiresAt} ${approvedAt}`))
      expect(ends.size).toBeLessThanOrEqual(1)
      for (const { after } of moments) {
        if (!after?.grant) continue
        const { expiresAt, approvedAt } = after.grant
        expect(expiresAt).toBeGreaterThan(approvedAt)
        expect(expiresAt).toBeLessThanOrEqual(approvedAt + after.request.durationMs)
        expect(expiresAt).toBeLessThanOrEqual(after.request.until ?? Number.POSITIVE_INFINITY)
        expect(ruleName(after.grant.id, expiresAt)).toMatch(/^jit-g1-\d+$/)
      }
    })
  })

  it('there is no grant without an approved request, and no approval without a grant', () => {
    always((moments) => {
      for (const { after } of moments) {
        if (!after) continue
        expect(after.grant !== null).toBe(after.request.state === 'approved')
        if (after.request.state === 'approved') expect(after.grant?.approvedAt).toBe(after.request.approvedAt)
      }
    })
  })

  it('only full members whom the policy names at the click count, never the requester, and each once', () => {
    always((moments) => {
      for (const { before, after, event } of moments) {
        if (!after) continue
        const said = yeses(after)
        expect(new Set(said.map(({ by }) => by.userId)).size).toBe(said.length)
        expect(said.some(({ by }) => samePerson(by, after.request.requester))).toBe(false)
        const reviews = before ? after.request.reviews.length - before.request.reviews.length : 0
        if (reviews === 0) continue
        if (event.type !== 'review' || before?.request.state !== 'pending')
          throw new Error('no click, no review')
        expect(reviews).toBe(1)
        expect(after.request.reviews.slice(0, -1)).toEqual(before.request.reviews)
        const asked = event.policy.terms?.stages.length ? event.policy.terms : before.request.terms
        expect(asked.stages.some(({ approvers }) => isApprover(approvers, event.by))).toBe(true)
        expect(membershipProblem(event.by)).toBeNull()
      }
    })
  })

  it('access begins only with enough different people, by the policy of that moment, before the deadline', () => {
    always((moments) => {
      for (const { before, after, event, now } of moments) {
        if (!after?.grant || before?.grant) continue
        if (event.type === 'submit') {
          expect(event.verdict.outcome).toBe('allow')
          continue
        }
        if (event.type !== 'review' || before?.request.state !== 'pending') throw new Error('nobody said yes')
        expect(event.policy.outcome).not.toBe('deny')
        expect(membershipProblem(event.requester)).toBeNull()
        expect(yeses(after).length).toBeGreaterThanOrEqual(
          event.policy.terms ? approvalsOf(event.policy.terms) : Number.NaN,
        )
        expect(now).toBeLessThan(before.request.deadlineAt)
      }
    })
  })

  it('there is one audit event for each change of state and each yes that was not the last', () => {
    always((moments) => {
      for (const moment of moments) {
        const { before, after } = moment
        const changed = (before?.request.state ?? '–') === (after?.request.state ?? '–') ? 0 : 1
        const waits = before?.request.state === 'pending' && after?.request.state === 'pending'
        const counted = waits && before.request.reviews.length < after.request.reviews.length ? 1 : 0
        const climbed = steps(before?.grant ?? null, after?.grant ?? null)
        expect(climbed).toBeGreaterThanOrEqual(0)
        const stuck = stuckSince(before) === undefined && stuckSince(after) !== undefined ? 1 : 0
        expect(auditOf(moment)).toHaveLength(changed + counted + climbed + stuck)
        for (const one of auditOf(moment)) expect(one).toMatchObject({ at: moment.now, requestId: 'r1' })
      }
    })
  })

  it('the same event a second time changes nothing and is not on record again', () => {
    always((moments) => {
      for (const { event, now, outcome } of moments) {
        if (!outcome.ok) continue
        const again = decide(outcome.next, event, now)
        if (!again.ok) continue
        expect(again.next).toEqual(outcome.next)
        expect(again.audit).toEqual([])
        const kinds = again.effects.map((effect) => (effect.kind === 'note' ? effect.note.type : effect.kind))
        const pages = event.type === 'stuck' && outcome.next.grant?.state === 'closing'
        expect(kinds.filter((kind) => !harmless.has(kind))).toEqual(pages ? calls : [])
      }
    })
  })

  it('a refusal leaves everything as it was, and the same question gets the same answer', () => {
    always((moments) => {
      for (const { before, event, now, outcome } of moments) {
        const kept = structuredClone(before)
        expect(decide(before, event, now)).toEqual(outcome)
        expect(before).toEqual(kept)
      }
    })
  })

  it('a rule that was planned is never forgotten, nor is its name, its address or its place changed', () => {
    always((moments) => {
      for (const { before, after } of moments) {
        const known = before?.grant?.rules ?? []
        if (known.length === 0) continue
        expect(after?.grant?.rules.map(fixed)).toEqual(known.map(fixed))
      }
    })
  })

  it('a rule only goes forward: planned, there, gone', () => {
    const order = ['planned', 'present', 'absent']
    always((moments) => {
      for (const { before, after } of moments) {
        for (const [index, was] of (before?.grant?.rules ?? []).entries()) {
          const is = after?.grant?.rules[index]
          expect(order.indexOf(is?.state ?? '')).toBeGreaterThanOrEqual(order.indexOf(was.state))
          if (was.state !== 'planned') expect(is?.priority).toBe(was.priority)
        }
      }
    })
  })

  it('what begins to close has a write for each rule that may exist, and what is planned has one to open', () => {
    always((moments) => {
      for (const moment of moments) {
        const [was, is] = [moment.before?.grant?.state, moment.after?.grant]
        const writes = effectsOf(moment).flatMap((effect) => (effect.kind === 'write rules' ? [effect] : []))
        const left = is?.rules.filter(({ state }) => state !== 'absent').map(({ nsgId: id }) => id) ?? []
        const closes = (was === 'opening' || was === 'open') && is?.state === 'closing'
        if (closes)
          expect(writes).toEqual(left.map((id) => ({ kind: 'write rules', nsgId: id, want: 'absent' })))
        const planned = moment.before?.grant?.rules.length === 0 && left.length > 0
        if (planned)
          expect(writes).toEqual(left.map((id) => ({ kind: 'write rules', nsgId: id, want: 'present' })))
        if (is?.state !== 'opening') expect(writes.filter(({ want }) => want === 'present')).toEqual([])
        if (is && isExpired(is.expiresAt, moment.now))
          expect(writes.every(({ want }) => want === 'absent')).toBe(true)
      }
    })
  })

  it('whatever waits has its timer: a request its deadline, a grant its end, a close its call for help', () => {
    always((moments) => {
      const timers = new Map<string, number>()
      for (const moment of moments) {
        for (const effect of effectsOf(moment)) {
          if (effect.kind === 'set timer') timers.set(effect.timer, effect.at)
          if (effect.kind === 'drop timer') timers.delete(effect.timer)
        }
        const { request, grant } = moment.after ?? {}
        expect(timers.get('deadline')).toBe(request?.state === 'pending' ? request.deadlineAt : undefined)
        const runs = grant?.state === 'opening' || grant?.state === 'open'
        expect(timers.get('expiry')).toBe(runs ? grant.expiresAt : undefined)
        if (!runs) expect(timers.has('warning')).toBe(false)
        expect(timers.has('stuck')).toBe(grant?.state === 'closing')
      }
    })
  })

  it('operators are called only about a close that has begun and is not over, and it is known since when', () => {
    always((moments) => {
      for (const moment of moments) {
        const { grant } = moment.after ?? {}
        if (effectsOf(moment).some(({ kind }) => kind === 'page')) expect(grant?.state).toBe('closing')
        const since = stuckSince(moment.before)
        if (since !== undefined) expect(stuckSince(moment.after)).toBe(since)
      }
    })
  })

  it('what somebody else ended is told before it is closed', () => {
    always((moments) => {
      for (const moment of moments) {
        const { grant } = moment.after ?? {}
        const begins = moment.before?.grant?.state !== 'closing' && grant?.state === 'closing'
        const notes = effectsOf(moment).flatMap((one) => (one.kind === 'note' ? [one.note.type] : []))
        if (begins)
          expect(notes).toEqual(['changed outside', 'vm deleted'].includes(grant.reason) ? ['closing'] : [])
      }
    })
  })

  it('nothing is called open unless each of its rules is there and time is left', () => {
    always((moments) => {
      for (const moment of moments) {
        const { grant } = moment.after ?? {}
        const opened = effectsOf(moment).some((one) => one.kind === 'note' && one.note.type === 'opened')
        expect(opened).toBe(grant?.state === 'open' && moment.before?.grant?.state === 'opening')
        if (!opened) continue
        expect(grant?.rules.length).toBeGreaterThan(0)
        expect(grant?.rules.every(({ state }) => state === 'present')).toBe(true)
        expect(grant?.expiresAt).toBeGreaterThan(moment.now)
      }
    })
  })

  it('every change can be seen: the card is drawn again', () => {
    always((moments) => {
      for (const moment of moments)
        if (auditOf(moment).length > 0) {
          const shown = effectsOf(moment).find((one) => one.kind === 'show' && one.requestId === 'r1')
          expect(shown).toBeDefined()
          expect((shown?.kind === 'show' && shown.at) || moment.now).toBeLessThanOrEqual(moment.now + 2_000)
        }
    })
  })
})

describe('the end', () => {
  const states = fc.constantFrom('opening' as const, 'open' as const)
  const some = fc.constantFrom([], [rule('A')], [rule('A', 'present'), rule('B', 'present')])

  it('before it, its timer is only set again; from then on, it closes', () => {
    fc.assert(
      fc.property(
        states,
        some,
        fc.integer({ min: -40 * minute, max: 40 * minute }),
        (state, given, offset) => {
          const before = granted(state, given)
          const outcome = decide(before, { type: 'expiry' }, clock('09:35') + offset)
          const closes =
            outcome.ok && (outcome.next.grant?.state === 'closing' || outcome.next.grant?.state === 'closed')
          expect(closes).toBe(offset >= 0)
          if (offset < 0) expect(told(before, outcome)).toBe('same: set expiry 09:35')
        },
      ),
    )
  })

  it('counts as come when it is missing, zero or no number', () => {
    fc.assert(
      fc.property(
        states,
        some,
        fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY),
        (state, given, end) => {
          const outcome = decide(
            granted(state, given, { expiresAt: end }),
            { type: 'expiry' },
            clock('09:10'),
          )
          expect(outcome.ok && outcome.next.grant?.state).toBe(given.length > 0 ? 'closing' : 'closed')
        },
      ),
    )
  })
})

describe('decide', () => {
  const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, 0, -0, clock('09:10')))
  const anyRules = fc.array(
    fc
      .tuple(nsgId, fc.constantFrom('planned' as const, 'present' as const, 'absent' as const))
      .map(([id, state]) => rule(id, state)),
    { maxLength: 4 },
  )
  const anyCase: fc.Arbitrary<Case | null> = fc.oneof(
    fc.constant(null),
    someTerms.map((given) => pending(given)),
    fc
      .tuple(
        fc.constantFrom('opening' as const, 'open' as const, 'closing' as const, 'closed' as const),
        anyRules,
        number,
      )
      .map(([state, given, expiresAt]) => granted(state, given, { expiresAt })),
  )

  it('never throws, whatever the case, the event and the time', () => {
    fc.assert(
      fc.property(anyCase, fc.oneof(submit, others), number, (given, event, now) => {
        expect(decide(given, event, now)).toHaveProperty('ok')
      }),
      { numRuns: 5_000 },
    )
  })
})
