import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import { decide } from '../../src/core/decide.ts'
import type { FlushAnswer } from '../../src/core/flush.ts'
import { approvedRequest, clock, granted, rule, terms, told } from './../support/cases.ts'

const closing = (flush: boolean): Case => {
  const kase = granted('closing', [rule('A', 'absent'), rule('B', 'present')])
  const request = approvedRequest()
  if (request.state !== 'approved') throw new Error('not approved')
  return { ...kase, request: { ...request, terms: { ...terms(), ...(flush && { flushConnections: true }) } } }
}

const after = (kase: Case, nsgId: string, answer: FlushAnswer, at = '09:36') => {
  const outcome = decide(kase, { type: 'flushed', nsgId, answer }, clock(at))
  if (!outcome.ok) throw new Error(outcome.refusal.code)
  return outcome
}

const close = (kase: Case) => {
  const outcome = decide(kase, { type: 'rule absent', nsgId: 'B' }, clock('09:35'))
  if (!outcome.ok) throw new Error(outcome.refusal.code)
  return outcome
}

describe('cutting open sessions', () => {
  it('is asked for in every group once the last rule is gone, and only where the rule says so', () => {
    expect(told(closing(true), close(closing(true)))).toMatch(/note closed, verify closed, flush A, flush B$/)
    expect(told(closing(false), close(closing(false)))).not.toMatch(/flush/)
  })

  it('is told once, when every group has been asked about, with each answer on record', () => {
    const closed = close(closing(true)).next
    const first = after(closed, 'A', { kind: 'flushed' })
    expect(told(closed, first)).toBe('approved/closed --: grant.flushed')
    const second = after(first.next, 'B', { kind: 'refused', code: 'x', why: 'y' })
    expect(told(first.next, second)).toBe('approved/closed --: grant.flushed; show, note flushed')
    expect(second.audit[0]?.details).toMatchObject({ nsg: 'B', detail: 'B: refused' })
  })

  it('takes one answer a group: a second one changes nothing', () => {
    const closed = close(closing(true)).next
    const first = after(closed, 'A', { kind: 'flushed' })
    const again = after(first.next, 'A', { kind: 'not done', why: 'late' })
    expect(again).toMatchObject({ next: first.next, audit: [], effects: [] })
    expect(after(closed, 'Z', { kind: 'flushed' }).next).toEqual(closed)
  })
})
