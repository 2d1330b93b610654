import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { Event } from '../../src/core/event.ts'
import type { ByDefender, Rule } from '../../src/core/grant.ts'
import { clock, granted, rule, told } from '../support/cases.ts'

const at = clock('09:10')
const policyId = '/subscriptions/s1/…/jitNetworkAccessPolicies/default'
const found = [{ name: 'JIT-1', priority: 100, ports: [3389] }]

const theirs = (nsgId: string, state: Rule['state']): Rule => ({
  ...rule(nsgId, state),
  defender: { before: [], found: state === 'planned' ? [] : found },
})

function byDefender(
  state: Parameters<typeof granted>[0],
  rules: readonly Rule[],
  but: Partial<ByDefender> = {},
): Case {
  const kase = granted(state)
  if (!kase.grant) throw new Error('There is no grant.')
  const asked = { askingAt: clock('09:06'), askedAt: clock('09:06') }
  return { ...kase, grant: { ...kase.grant, rules, defender: { policyId, ...asked, ...but } } }
}
const opening = byDefender('opening', [theirs('A', 'planned'), theirs('B', 'planned')])
const open = byDefender('open', [theirs('A', 'present')])
const closing = byDefender('closing', [theirs('A', 'present')])
const unasked = (kase: Case): Case =>
  kase.grant ? { ...kase, grant: { ...kase.grant, defender: { policyId } } } : kase

const says = (kase: Case, event: Event, now = at) => told(kase, decide(kase, event, now))
const next = (kase: Case, event: Event, now = at) => {
  const outcome = decide(kase, event, now)
  return outcome.ok ? outcome.next : kase
}

describe('a plan by Defender', () => {
  const fresh = byDefender('opening', [])
  const planned: Event = { type: 'rules planned', rules: [theirs('A', 'planned')], defender: policyId }

  it('asks it, and writes nothing', () => {
    expect(says(fresh, planned)).toBe('approved/opening ?: ask defender')
    expect(next(fresh, planned).grant?.defender).toEqual({ policyId })
  })

  it('planned again after a crash asks again while it is not known to be asked, and looks once it is', () => {
    expect(says(unasked(opening), planned)).toBe('same: ask defender')
    expect(says(opening, planned)).toMatch(/^same: write A present, write B present$/)
  })
})

describe('asking', () => {
  it('is on record before it is done, and not once it is too late', () => {
    const asking = next(unasked(opening), { type: 'defender asking' })
    expect(asking.grant?.defender).toEqual({ policyId, askingAt: at })
    expect(next(unasked(opening), { type: 'defender asking' }, clock('09:35'))).toEqual(unasked(opening))
    expect(next(unasked(closing), { type: 'defender asking' })).toEqual(unasked(closing))
  })

  it('once taken has the groups looked at, also when it is closing meanwhile', () => {
    expect(says(unasked(opening), { type: 'defender asked' })).toMatch(
      /grant\.asked; write A present, write B present, show$/,
    )
    expect(says(unasked(closing), { type: 'defender asked' })).toMatch(/grant\.asked; write A absent, show$/)
    expect(says(opening, { type: 'defender asked' })).toBe('same')
  })

  it('that is surely refused leaves nothing that may still come', () => {
    const refused: Event = { type: 'could not open', detail: 'no', unasked: true }
    expect(next(opening, refused).grant?.defender).toEqual({ policyId })
    const { unasked: _, ...unsure } = refused
    expect(next(opening, unsure).grant?.defender).toMatchObject({ askedAt: clock('09:06') })
  })
})

const opened = (nsgId: string): Event => ({ type: 'defender opened', nsgId, found })
const gone = (nsgId: string, by: 'defender' | 'jitney'): Event => ({ type: 'rule absent', nsgId, by })

/** After how long it is looked again whether it is stuck. */
const again = (kase: Case, now = at) => {
  const outcome = decide(kase, { type: 'stuck' }, now)
  return outcome.ok && outcome.effects.flatMap((one) => (one.kind === 'set timer' ? [one.at - now] : []))
}

describe('what Defender does', () => {
  it('opens once its rules stand in every group, which are on record by their names', () => {
    const half = next(opening, opened('A'))
    expect(half.grant?.state).toBe('opening')
    const whole = next(half, opened('B'))
    expect(whole.grant).toMatchObject({
      state: 'open',
      openedAt: at,
      rules: [
        { name: 'JIT-1', priority: 100, state: 'present', defender: { found } },
        { name: 'JIT-1', priority: 100, state: 'present', defender: { found } },
      ],
    })
    expect(says(half, opened('B'))).toMatch(/grant\.open; show, note opened, verify open$/)
  })

  it('too late is closed at once', () => {
    const last = byDefender('opening', [theirs('A', 'planned')])
    expect(next(last, opened('A'), clock('09:35')).grant?.state).toBe('closing')
  })

  it('takes long: that is said once', () => {
    const slow: Event = { type: 'defender waits' }
    expect(says(opening, slow)).toMatch(/show, note defender waits$/)
    expect(says(next(opening, slow), slow)).toBe('same')
    expect(says(open, slow)).toBe('same')
  })

  it('does not close: that is on record once, before anything is removed for it', () => {
    const late: Event = { type: 'defender late' }
    expect(says(closing, late)).toMatch(/grant\.late; show, note defender late$/)
    expect(says(next(closing, late), late)).toBe('same')
    expect(says(open, late)).toBe('same')
  })

  it('writes anew while it closes: that is on record, and is what is removed and paged from then on', () => {
    const anew = [{ name: 'JIT-2', priority: 101, ports: [3389] }]
    const seen: Event = { type: 'defender seen', nsgId: 'A', found: anew }
    expect(next(closing, seen).grant?.rules).toMatchObject([
      { name: 'JIT-2', priority: 101, defender: { found: [...found, ...anew] } },
    ])
    expect(next(next(closing, seen), seen)).toEqual(next(closing, seen))
    expect(says(closing, seen)).toMatch(/show, set stuck/)
    expect(next(open, seen)).toEqual(open)
  })

  it('leaves a rule that may be anybody’s: that is on record and said once for each', () => {
    const doubtful: Event = { type: 'defender doubtful', nsgId: 'A', name: 'JIT-3' }
    expect(says(closing, doubtful)).toMatch(/grant\.doubtful; show, note defender doubtful$/)
    expect(says(opening, doubtful)).toMatch(/grant\.doubtful; show, note defender doubtful$/)
    expect(says(next(closing, doubtful), doubtful)).toBe('same')
    expect(says(open, doubtful)).toBe('same')
    expect(next(next(closing, doubtful), { ...doubtful, name: 'JIT-4' }).grant?.defender?.left).toEqual([
      'JIT-3',
      'JIT-4',
    ])
  })

  it('opens nothing while it closes: the operators are called again only now and then until its end', () => {
    const waiting = byDefender('closing', [theirs('A', 'planned')])
    const minute = 60_000
    expect(again(waiting)).toEqual([30 * minute])
    expect(again(waiting, clock('09:35'))).toEqual([5 * minute])
    expect(again(closing)).toEqual([5 * minute])
  })

  it.each([
    ['newer request', 'superseded'],
    ['asked to', 'changed outside'],
    ['expired', 'changed outside'],
  ] as const)('revokes it (%s): it ends as %s', (why, reason) => {
    expect(next(open, { type: 'defender revoked', why }).grant).toMatchObject({ state: 'closing', reason })
    expect(next(open, { type: 'defender revoked', why }, clock('09:35')).grant).toMatchObject({
      reason: 'expired',
    })
    expect(says(closing, { type: 'defender revoked', why })).toBe('same')
  })

  it('or Jitney closed it: what Jitney removed anywhere was not closed by Defender', () => {
    const two = byDefender('closing', [theirs('A', 'present'), theirs('B', 'present')])
    const closedBy = (...events: Event[]) =>
      events.reduce((kase, event) => next(kase, event), two).grant?.defender?.closedBy
    expect(closedBy(gone('A', 'defender'), gone('B', 'defender'))).toBe('defender')
    expect(closedBy(gone('A', 'jitney'), gone('B', 'defender'))).toBe('jitney')
    expect(closedBy(gone('A', 'defender'), gone('B', 'jitney'))).toBe('jitney')
    expect(closedBy({ type: 'rule absent', nsgId: 'A' }, { type: 'rule absent', nsgId: 'B' })).toBeUndefined()
  })

  it('has a minute more than a rule of ours before the operators are called', () => {
    expect(says(open, { type: 'expiry' }, clock('09:35'))).toMatch(/set stuck 09:37/)
    expect(says(open, { type: 'vm gone' })).toMatch(/set stuck 09:11/)
  })
})

function withOwn(state: Parameters<typeof granted>[0]): Case {
  const kase = granted(state)
  return kase.grant ? { ...kase, grant: { ...kase.grant, rules: [rule('A', 'present')] } } : kase
}

describe('a group into which Defender does not write', () => {
  const own: Event = { type: 'rule of our own', rule: rule('B') }

  it('gets a rule of our own, as long as Defender’s is not found there', () => {
    const half = next(opening, { type: 'defender opened', nsgId: 'A', found })
    expect(says(half, own)).toBe('approved/opening +?: write B present')
    expect(next(half, own).grant?.rules[1]).toEqual(rule('B'))
    expect(says(next(half, own), own)).toBe('same')
    expect(says(open, own)).toBe('same')
    expect(says(half, { type: 'rule of our own', rule: rule('A') })).toBe('same')
  })
})

describe('a rule of ours that has moved', () => {
  it('is on record at its new place, and told once', () => {
    const ours = withOwn('open')
    const moved: Event = { type: 'rule moved', nsgId: 'A', priority: 3007 }
    expect(says(ours, moved)).toMatch(/grant\.moved; note moved$/)
    expect(next(ours, moved).grant?.rules[0]).toMatchObject({ priority: 3007 })
    expect(says(next(ours, moved), moved)).toBe('same')
    expect(says(withOwn('closed'), moved)).toBe('same')
  })
})
