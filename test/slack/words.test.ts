import { describe, expect, it } from 'vitest'
import {
  clip,
  count,
  cut,
  group,
  person,
  plain,
  refusalAnswer,
  seconds,
  time,
  user,
  words,
} from '../../src/slack/words.ts'
import { bob, noon, someone } from './a-case.ts'

describe('somebody else’s words', () => {
  it('lose their markup and what cannot be seen', () => {
    expect(words('<!channel> & \u202etxt\u0000\n next')).toBe('&lt;!channel&gt; &amp; txt next')
    expect(plain('<!channel> & \u202etxt', 99)).toBe('<!channel> & txt')
  })

  it('are cut at whole characters', () => {
    expect(clip('abcdef', 6)).toBe('abcdef')
    expect(clip('abcdefg', 6)).toBe('abcde…')
    expect(clip('🙂🙂🙂🙂', 6)).toBe('🙂🙂…')
  })
})

describe('our own markup', () => {
  it.each([
    ['plain text', 8, 'plain t…'],
    ['see <@U0ALICE> now', 12, 'see …'],
    ['see <@U0ALICE> now', 17, 'see <@U0ALICE> n…'],
    ['a &lt; b', 5, 'a …'],
    ['a &lt; b', 7, 'a &lt;…'],
    ['🙂🙂', 2, '…'],
  ])('“%s” is cut to %i between tokens', (text, most, expected) => {
    expect(cut(text, most)).toBe(expected)
  })
})

describe('who and when', () => {
  it('are tokens only for real ids', () => {
    expect([person(bob), user('W0GRID'), group('S0OPS')]).toEqual([
      '<@U0BOB>',
      '<@W0GRID>',
      '<!subteam^S0OPS>',
    ])
    expect([person(someone('U0> <!here')), user('bob'), group('U0BOB')]).toEqual([
      'U0&gt; &lt;!here',
      'bob',
      'U0BOB',
    ])
  })

  it('show UTC where a client cannot show local time', () => {
    expect(time(noon + 999)).toBe('<!date^1795348800^{date_short_pretty} at {time}|2026-11-22 12:00 UTC>')
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300])('never make a date token of %d', (at) => {
    expect(time(at)).toBe('an unknown time')
  })

  it.each([
    [0, '0.0 s'],
    [1, '0.1 s'],
    [420, '0.5 s'],
    [9900, '9.9 s'],
    [9901, '10 s'],
    [61_001, '62 s'],
  ])('%i ms of lateness are never made smaller', (ms, text) => {
    expect(seconds(ms)).toBe(text)
  })

  it('count', () => {
    expect([count(1, 'approval'), count(2, 'approval')]).toEqual(['1 approval', '2 approvals'])
  })
})

describe('a refusal', () => {
  it('reads as a sentence with people and times in it', () => {
    const decided = { code: 'already decided', state: 'denied', by: [bob], at: noon } as const
    expect(refusalAnswer(decided)).toBe(
      'Too late: this request was already denied by <@U0BOB> at <!date^1795348800^{time} on {date_short}|2026-11-22 12:00 UTC>. Nothing changed.',
    )
  })

  it('names who may approve', () => {
    const refusal = { code: 'not an approver', users: ['U0BOB'], groups: ['S0OPS'] } as const
    expect(refusalAnswer(refusal)).toContain('The policy names <@U0BOB>, <!subteam^S0OPS>.')
  })
})
