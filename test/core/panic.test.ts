import { describe, expect, it } from 'vitest'
import { decide } from '../../src/core/decide.ts'
import type { Event } from '../../src/core/event.ts'
import { type Panic, panicOn, panicOver, type Scope } from '../../src/core/panic.ts'
import { alice, ask, bob, clock, dave, member, pending, person, verdict } from '../support/cases.ts'

const panic = (scope: Scope): Panic => ({
  id: 'p1',
  scope,
  reason: 'the laptop is lost',
  by: dave,
  at: clock('09:00'),
})
const onAlice = panic({ kind: 'person', person: alice, entraId: 'e-alice' })
const onBob = panic({ kind: 'person', person: bob, entraId: 'e-bob' })
const second = person('USECOND')
const now = clock('09:05')

const refused = (
  event: Event,
  panics: readonly Panic[],
  current: Parameters<typeof decide>[0] = pending(),
) => {
  const outcome = decide(current, event, now, panics)
  return outcome.ok ? null : outcome.refusal.code
}

const reviewed = (by = member(bob), said: 'approve' | 'deny' = 'approve'): Event => ({
  type: 'review',
  by,
  verdict: said,
  policy: verdict('needs approval'),
  requester: member(alice),
  earlier: [],
  grantId: 'g1',
})

const submit = (requesterEntraId: string | null): Event => ({
  type: 'submit',
  ask: ask({ requester: second }),
  verdict: verdict('allow'),
  grantId: 'g1',
  requesterEntraId,
})

describe('a stop of a person', () => {
  it('means their accounts that Entra knows to be theirs, and no other', () => {
    const over = (requester: typeof alice, entraId: string | null) =>
      panicOver([onAlice], ask({ requester }), entraId)
    expect(over(alice, null)).toBe(onAlice)
    expect(over(second, 'e-alice')).toBe(onAlice)
    expect(over(second, null)).toBeNull()
    expect(over(second, 'e-bob')).toBeNull()
    const unmapped = panic({ kind: 'person', person: alice })
    expect(panicOver([unmapped], ask({ requester: second }), null)).toBeNull()
  })

  it('stops nobody by a stop of something else', () => {
    expect(panicOn([panic({ kind: 'all' }), onAlice], member(bob))).toBeNull()
    expect(panicOn([onAlice], member(second, { entraId: 'e-alice' }))).toBe(onAlice)
  })

  it('refuses what they ask for under another account', () => {
    expect(refused(submit('e-alice'), [onAlice], null)).toBe('panic')
    expect(refused(submit(null), [onAlice], null)).toBeNull()
  })

  it('lets them approve nothing, also under another account; a no still counts', () => {
    expect(refused(reviewed(), [onBob])).toBe('stopped')
    expect(refused(reviewed(member(person('UCAROL'), { entraId: 'e-bob' })), [onBob])).toBe('stopped')
    expect(refused(reviewed(member(person('UCAROL'))), [onBob])).toBeNull()
    expect(refused(reviewed(member(bob), 'deny'), [onBob])).toBeNull()
  })

  it('lets them sign nothing', () => {
    const signed: Event = {
      type: 'sign',
      by: member(bob),
      justified: true,
      operators: { users: [], groups: [] },
      requesterEntraId: null,
    }
    expect(refused(signed, [onBob])).toBe('stopped')
    expect(refused(signed, [onAlice])).not.toBe('stopped')
  })
})
