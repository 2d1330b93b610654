import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchCovers } from '../../src/core/coverage.ts'
import { judge } from '../../src/core/pick.ts'
import type { Match } from '../../src/core/policy.ts'
import { policy } from '../support/cases.ts'
import { anyMatch, anySubject, parts, refusal, rule, tcp, together } from '../support/policies.ts'

const berlin = (hours: { from: number; to: number }, days?: number[]): Partial<Match> => ({
  time: { hours, ...(days && { days }), zone: 'Europe/Berlin' },
})
const office = { from: 480, to: 1080 }

describe('what one match covers of another', () => {
  it.each<[string, Partial<Match>, Partial<Match>, boolean]>([
    ['everything', {}, { vm: { name: ['db-*'] }, ports: [tcp(22)] }, true],
    ['not everything, by a part', { vm: { name: ['db-*'] } }, {}, false],
    ['a narrower name', { vm: { name: ['vm-*'] } }, { vm: { name: ['vm-prod-*', 'VM-1'] } }, true],
    ['not a wider name', { vm: { name: ['vm-prod-*'] } }, { vm: { name: ['vm-*'] } }, false],
    ['not more than one letter by one sign', { vm: { name: ['vm-?'] } }, { vm: { name: ['vm-*'] } }, false],
    ['one letter by a star', { vm: { name: ['vm-*'] } }, { vm: { name: ['vm-?'] } }, true],
    ['a tag in another case', { vm: { tags: { ENV: ['p*'] } } }, { vm: { tags: { env: ['prod'] } } }, true],
    ['not a tag that the other does not ask for', { vm: { tags: { env: ['*'] } } }, {}, false],
    ['not a tenant that may be unknown', { vm: { tenant: ['*'] } }, {}, false],
    ['fewer people', { requester: { users: ['U1', 'U2'] } }, { requester: { users: ['U1'] } }, true],
    [
      'not a group besides',
      { requester: { users: ['U1'] } },
      { requester: { users: ['U1'], groups: ['S1'] } },
      false,
    ],
    ['fewer ports', { ports: [tcp(22), tcp(80)] }, { ports: [tcp(22)] }, true],
    ['not any port', { ports: [tcp(22)] }, {}, false],
    [
      'a smaller range',
      { source: { within: ['81.2.0.0/16'] } },
      { source: { within: ['81.2.69.0/24'] } },
      true,
    ],
    ['not the other family', { source: { within: ['0.0.0.0/0'] } }, { source: { within: ['::/0'] } }, false],
    ['fewer days', berlin(office, [1, 2]), berlin(office, [1]), true],
    ['not other hours, which the clocks may move', berlin({ from: 0, to: 1439 }), berlin(office), false],
    ['hours, when it asks for a zone alone', { time: { zone: 'UTC' } }, berlin(office), true],
    ['a shorter time', { duration: { atMostMs: 9 } }, { duration: { atMostMs: 8, atLeastMs: 2 } }, true],
    ['not any time', { duration: { atMostMs: 9 } }, {}, false],
    ['what excludes more', { not: { vm: { name: ['db-1'] } } }, { not: { vm: { name: ['db-*'] } } }, true],
    [
      'not what excludes less',
      { not: { vm: { name: ['db-*'] } } },
      { not: { vm: { name: ['db-1'] } } },
      false,
    ],
    ['not what excludes nothing', { not: { requester: { users: ['U1'] } } }, {}, false],
  ])('%s', (_, wide, narrow, yes) => {
    expect(matchCovers(rule('a', wide).match, rule('b', narrow).match)).toBe(yes)
  })

  it('is never said of a rule that could decide, whatever is asked', () => {
    let proven = 0
    fc.assert(
      fc.property(
        parts(2),
        parts(2),
        fc.array(anySubject, { minLength: 12, maxLength: 12 }),
        (some, more, asked) => {
          const [wide, narrow] = [together(some), together([...some, ...more])]
          if (!matchCovers(wide, narrow)) return
          const [first, second] = [rule('first', wide), rule('second', narrow)]
          for (const one of asked) {
            if (judge(policy([second]), one).terms === null) continue
            proven += 1
            expect(judge(policy([first, second]), one).terms?.rule).toBe('first')
            expect(judge(policy([second], [refusal('no', wide)]), one).outcome).toBe('deny')
          }
        },
      ),
      { numRuns: 400 },
    )
    expect(proven).toBeGreaterThan(200)
  })

  it('is never said of two rules that have nothing to do with each other but by accident', () => {
    fc.assert(
      fc.property(anyMatch, anyMatch, anySubject, (wide, narrow, one) => {
        if (!matchCovers(wide, narrow)) return
        if (judge(policy([rule('second', narrow)]), one).terms === null) return
        expect(judge(policy([rule('first', wide), rule('second', narrow)]), one).terms?.rule).toBe('first')
      }),
      { numRuns: 1_500 },
    )
  })
})
