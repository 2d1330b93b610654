import { describe, expect, it } from 'vitest'
import { attackOf, contextWaitMs, type DefenderAlert, worstFirst } from '../../src/core/context.ts'
import { decide } from '../../src/core/decide.ts'
import { clock, pending } from '../support/cases.ts'

const alert = (type: string, severity = 'Medium', startedAt: number | null = 0): DefenderAlert => ({
  type,
  title: type,
  severity,
  startedAt,
})

describe('alerts', () => {
  it('stand worst first: who got in, who tries to, then by what Defender thinks, then the newest', () => {
    const ordered = [
      alert('VM_LoginBruteForceSuccess', 'Low'),
      alert('RDP_Incoming_BF_ManyToOne', 'Low', 9),
      alert('SSH_Incoming_BF_OneToOne', 'High', 8),
      alert('VM_Other', 'High', 2),
      alert('VM_Other', 'High', null),
      alert('VM_Other', 'Medium', 7),
      alert('VM_Other', 'Informational'),
      alert('VM_Other', 'Unheard'),
    ]
    expect(worstFirst(ordered.toReversed())).toEqual(ordered)
  })

  it('about what comes in are attacks, and about what goes out are not', () => {
    expect(attackOf(alert('rdp_incoming_bf_onetoone'))).toBe('guessing RDP')
    expect(attackOf(alert('RDP_Outgoing_BF_OneToOne'))).toBeNull()
  })
})

const learns = (partial: boolean, at: string, context = {}) => {
  const outcome = decide(pending(), { type: 'context', context, partial }, clock(at))
  if (!outcome.ok) throw new Error(outcome.refusal.code)
  return outcome
}

describe('what approvers should know', () => {
  it('lets the card wait a second for the rest, and never longer', () => {
    expect(learns(true, '09:00').effects).toEqual([
      { kind: 'show', requestId: 'r1', at: clock('09:00') + contextWaitMs },
    ])
    expect(learns(true, '09:05').effects).toEqual([{ kind: 'show', requestId: 'r1', at: clock('09:05') }])
    expect(learns(false, '09:00').effects).toEqual([{ kind: 'show', requestId: 'r1', at: clock('09:00') }])
  })

  it('adds to what was known, and touches nothing else', () => {
    const { next } = learns(false, '09:05', { defender: null })
    expect(next).toEqual({ ...pending(), request: { ...pending().request, context: { defender: null } } })
  })
})
