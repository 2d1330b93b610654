import * as fc from 'fast-check'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { Event } from '../../src/core/event.ts'
import type { Rule } from '../../src/core/grant.ts'
import type { Outcome } from '../../src/core/outcome.ts'
import type { Member } from '../../src/core/person.ts'
import type { Terms, Verdict } from '../../src/core/policy.ts'
import { ask, clock, member, person, rule, terms, verdict } from './cases.ts'

const people = ['U1', 'U2', 'U3', 'U4'].map(person)
export const minute = 60_000
export const nsgs = ['A', 'B', 'C']

/* ---- what can happen, at random ---- */

const clicker: fc.Arbitrary<Member> = fc
  .tuple(
    fc.constantFrom(...people),
    fc.subarray(['SOPS', 'SDEV']),
    fc.oneof(
      { weight: 9, arbitrary: fc.constant({}) },
      fc.constantFrom({ known: false }, { deleted: true }, { bot: true }, { guest: true }, { foreign: true }),
    ),
  )
  .map(([who, groups, but]) => member(who, { groups, ...but }))

export const someTerms: fc.Arbitrary<Terms> = fc
  .record({
    approvals: fc.integer({ min: 1, max: 3 }),
    approvers: fc.record({
      users: fc.subarray(['U1', 'U2', 'U3', 'U4'], { minLength: 2 }),
      groups: fc.subarray(['SOPS']),
    }),
    deadlineMs: fc.constantFrom(5 * minute, 60 * minute),
  })
  .map(terms)

const someVerdict: fc.Arbitrary<Verdict> = fc.oneof(
  { weight: 8, arbitrary: someTerms.map((given) => verdict('needs approval', given)) },
  { weight: 1, arbitrary: fc.constant(verdict('deny')) },
  { weight: 3, arbitrary: someTerms.map((given) => verdict('allow', { ...given, stages: [] })) },
)

export const submit: fc.Arbitrary<Event> = fc
  .record({
    requester: fc.constantFrom(...people),
    durationMs: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 10 * minute, max: 120 * minute }) },
      fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY),
    ),
    until: fc.option(fc.integer({ min: -5, max: 120 }).map((offset) => clock('09:00') + offset * minute)),
    answer: someVerdict,
  })
  .map(({ answer, ...but }) => ({ type: 'submit', ask: ask(but), verdict: answer, grantId: 'g1' }))

export const nsgId = fc.constantFrom(...nsgs)
const rules = fc
  .oneof({ weight: 4, arbitrary: fc.subarray(nsgs, { minLength: 1, maxLength: 2 }) }, fc.subarray(nsgs))
  .map((ids): Rule[] => ids.map((id) => rule(id)))

export const others: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant('review' as const),
      by: clicker,
      verdict: fc.oneof(
        { weight: 15, arbitrary: fc.constant('approve' as const) },
        fc.constant('deny' as const),
      ),
      policy: someVerdict,
      requester: fc.oneof({ weight: 6, arbitrary: fc.constant(member(person('U1'))) }, clicker),
      earlier: fc.array(clicker, { maxLength: 2 }),
      grantId: fc.constant('g1'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), by: clicker }) },
  fc.record({ type: fc.constant('close' as const), by: clicker }),
  {
    weight: 2,
    arbitrary: fc.constantFrom<Event>({ type: 'deadline' }, { type: 'expiry' }, { type: 'warning' }),
  },
  { weight: 8, arbitrary: rules.map((planned): Event => ({ type: 'rules planned', rules: planned })) },
  fc.constant<Event>({ type: 'could not open', detail: 'it is locked' }),
  fc.record({ type: fc.constant('rule repriced' as const), nsgId, priority: fc.nat(4096) }),
  { weight: 16, arbitrary: fc.record({ type: fc.constant('rule present' as const), nsgId }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('rule absent' as const), nsgId }) },
  fc.record({ type: fc.constant('rule missing' as const), nsgId }),
  fc.record({
    type: fc.constant('rule changed' as const),
    nsgId,
    differences: fc.constantFrom([], [{ what: 'source' as const, before: '81.2.69.142', after: '*' }]),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('rule came back' as const),
      nsgId,
      name: fc.constant('jit-g1-1795426500'),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom<Event>({ type: 'stuck' }, { type: 'vm gone' }) },
)

/** Time mostly creeps, sometimes jumps, and sometimes steps back as clocks do. */
const step = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: minute }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 * minute }) },
  { weight: 1, arbitrary: fc.integer({ min: -minute, max: 0 }) },
)
const history = fc.tuple(
  submit,
  fc.array(fc.tuple(fc.oneof({ weight: 12, arbitrary: others }, submit), step), {
    maxLength: 40,
    size: 'max',
  }),
)

/* ---- a history, played ---- */

/** One event of a history, and what came of it. */
export interface Moment {
  readonly before: Case | null
  readonly event: Event
  readonly now: number
  readonly outcome: Outcome
  readonly after: Case | null
}

function play([first, rest]: readonly [Event, readonly (readonly [Event, number])[]]): Moment[] {
  const moments: Moment[] = []
  let [current, now]: [Case | null, number] = [null, clock('09:00')]
  for (const [event, wait] of [[first, 0] as const, ...rest]) {
    now += wait
    const outcome = decide(current, event, now)
    const after: Case | null = outcome.ok ? outcome.next : current
    moments.push({ before: current, event, now, outcome, after })
    current = after
  }
  return moments
}

/** Checks something in many histories. */
export const always = (check: (moments: readonly Moment[]) => void, numRuns = 400) =>
  fc.assert(
    fc.property(history, (drawn) => check(play(drawn))),
    { numRuns },
  )
