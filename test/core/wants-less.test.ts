import { describe, expect, it } from 'vitest'
import { evaluate, limitRefused } from '../../src/core/evaluate.ts'
import { emergencyNow } from '../../src/core/pick.ts'
import type { PolicyRule, Subject } from '../../src/core/policy.ts'
import { policy, subject } from '../support/cases.ts'
import { refusal, rule } from '../support/policies.ts'

const minute = 60_000
const hour = 60 * minute

const short: PolicyRule = { ...rule('a colleague agrees', {}, { maxDurationMs: hour }), maxAddresses: 16 }
const saying: PolicyRule = { ...short, reason: { kind: 'required' } }
const needsGlass = { emergency: true, durationMs: 30 * minute }
const range = { source: { address: '81.2.69.128/27', learnt: 'typed' as const } }
const longer = (durationMs: number, extraMs: number) => ({ durationMs, extension: { extraMs, first: true } })

const answer = (
  one: PolicyRule,
  about: Partial<Subject>,
  deny = [refusal('nobody', { vm: { name: ['db-*'] } })],
) => evaluate(policy([one], deny), subject(about))

describe('whether less is all that a rule wants', () => {
  it.each<[string, PolicyRule, Partial<Subject>, true | undefined]>([
    ['too long', short, { durationMs: 2 * hour }, true],
    ['too many addresses', short, range, true],
    ['too many addresses, for a length that is allowed', short, { ...range, durationMs: 1 }, true],
    ['as long as it may be', short, { durationMs: hour }, undefined],
    ['no time at all', short, { durationMs: 0 }, undefined],
    ['less than no time', short, { durationMs: -1 }, undefined],
    ['too many addresses for no time', short, { ...range, durationMs: 0 }, undefined],
    [
      'too long, and no reason where one is asked for',
      saying,
      { durationMs: 2 * hour, reason: null },
      undefined,
    ],
    ['too long, with a reason', saying, { durationMs: 2 * hour }, true],
    ['no reason', saying, { reason: null }, undefined],
    ['an emergency that the rule does not know', short, needsGlass, undefined],
    ['more time than is left', short, longer(90 * minute, 60 * minute), true],
    ['more time where a minute is left', short, longer(89 * minute, 30 * minute), true],
    ['more time where none is left', short, longer(90 * minute, 30 * minute), undefined],
    [
      'another VM',
      { ...short, match: { vm: { name: ['db-*'] }, requester: {} } },
      { durationMs: 2 * hour },
      undefined,
    ],
  ])('%s', (_, one, about, less) => {
    expect(answer(one, about).less).toBe(less)
  })

  it('is not so where a refusal applies', () => {
    const refused = answer(short, { durationMs: 2 * hour }, [refusal('nobody')])
    expect([refused.outcome, refused.less]).toEqual(['deny', undefined])
  })

  it.each<[string, Partial<Subject>, RegExp]>([
    ['at most as long', { durationMs: 2 * hour }, /; ask for at most 1 h$/],
    ['at most as much longer', longer(90 * minute, 60 * minute), /; ask for at most 30 min longer$/],
    ['nothing more where no time is left', longer(90 * minute, 30 * minute), /that the rule allows$/],
    ['fewer addresses, and nothing of the time', range, /that the rule allows at once$/],
  ])('says to ask for %s', (_, about, words) => {
    expect(answer(short, about).tree.because).toMatch(words)
  })

  it('knows its own sentence again', () => {
    const { tree } = answer(short, { durationMs: 2 * hour })
    const [, ours] = tree.children
    expect(ours && [limitRefused(tree, ours), limitRefused(tree, { ...ours, check: 'another' })]).toEqual([
      true,
      false,
    ])
  })
})

describe('whom an emergency passes over by now', () => {
  const reviewers = { users: ['UREVIEW'], groups: [] }
  const sealed = { ...rule('the shift asks'), breakGlass: { maxDurationMs: hour, reviewers } }
  const now = policy([rule('anyone asks'), sealed])

  it('is whom the rule of that name names now, and nobody where it knows no emergency', () => {
    expect(emergencyNow(now, 'the shift asks')).toEqual({
      skipped: { users: ['UBOB', 'UCAROL'], groups: ['SOPS'] },
      reviewers,
    })
    expect(emergencyNow(now, 'anyone asks')).toBeNull()
    expect(emergencyNow(now, 'a rule that is gone')).toBeNull()
  })
})
