import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/core/case.ts'
import type { Note } from '../../src/core/effect.ts'
import { besideFollowing } from '../../src/core/following.ts'
import type { CloseReason } from '../../src/core/grant.ts'
import type { Ask } from '../../src/core/request.ts'
import { clock, granted } from '../support/cases.ts'

const first = granted('open')
const end = first.grant?.expiresAt ?? 0
const after = (state: 'opening' | 'open' | 'closed', more: Partial<Ask> = {}, until = 30): Case => {
  const { request, grant } = granted(state)
  return {
    request: { ...request, id: 'r2', ...more },
    grant: grant && { ...grant, requestId: 'r2', expiresAt: end + until * 60_000 },
  }
}
const ending: Note = { type: 'ending', expiresAt: end }
const closed = (reason: CloseReason): Note => ({
  type: 'closed',
  at: end,
  expiresAt: end,
  reason,
  by: null,
  detail: null,
  opened: true,
})
const beside = (note: Note, ...cases: Case[]) => besideFollowing(note, first, cases, clock('09:30'))

describe('what is said of access that something follows on from', () => {
  it('is no warning while that is opening or open for longer', () => {
    expect(beside(ending)).toBe(ending)
    expect(beside(ending, after('opening'))).toBeNull()
    expect(beside(ending, after('open'))).toBeNull()
    expect(beside(ending, after('closed'))).toBe(ending)
    expect(beside(ending, after('open', {}, 0))).toBe(ending)
  })

  it('is a warning where it lets in less', () => {
    expect(beside(ending, after('open', { ports: [{ number: 1, protocol: 'tcp' }] }))).toBe(ending)
    const { source } = first.request
    expect(beside(ending, after('open', { source: { ...source, address: '8.8.8.8' } }))).toBe(ending)
  })

  it('is how it goes on, once Azure has confirmed that, and nothing of it where all of it ends', () => {
    const until = end + 30 * 60_000
    expect(beside(closed('expired'), after('opening'), after('open'))).toEqual({
      ...closed('expired'),
      goesOn: { requestId: 'r2', until },
    })
    expect(beside(closed('changed outside'), after('open'))).toHaveProperty('goesOn')
    expect(beside(closed('expired'), after('opening'))).toEqual(closed('expired'))
    for (const reason of ['closed early', 'panic', 'vm deleted'] as const)
      expect(beside(closed(reason), after('open'))).toEqual(closed(reason))
  })
})
