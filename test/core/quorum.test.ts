import { describe, expect, it } from 'vitest'
import type { Member, Person } from '../../src/core/person.ts'
import type { Stage } from '../../src/core/policy.ts'
import { countAgain, isSameProgress, progressOf, whoIsAsked } from '../../src/core/quorum.ts'
import { bob, carol, dave, member, person, review, terms } from '../support/cases.ts'

const stage = (
  users: readonly string[],
  groups: readonly string[] = [],
  approvals = 1,
  fromDifferentGroups = false,
): Stage => ({ approvers: { users, groups }, approvals, fromDifferentGroups })
const inGroups = (who: Person, ...groups: string[]) => member(who, { groups })
const erin = person('UERIN')

describe('counting', () => {
  const two = terms({ approvals: 2 })

  it('counts people, each once, and only those who may', () => {
    const sameBob = member({ ...bob, teamId: 'T2' })
    expect(progressOf(two, [])).toEqual({ stage: 0, approvals: 0 })
    expect(progressOf(two, [member(bob), sameBob])).toEqual({ stage: 0, approvals: 1 })
    expect(progressOf(two, [member(bob), member(dave)])).toEqual({ stage: 0, approvals: 1 })
    expect(progressOf(two, [member(bob), member(carol)])).toEqual({ stage: 1, approvals: 0 })
  })

  it('counts two accounts of one Entra user once', () => {
    const both = [member(bob, { entraId: 'e1' }), member(carol, { entraId: 'e1' })]
    expect(progressOf(two, both)).toEqual({ stage: 0, approvals: 1 })
  })

  it('no longer counts who has left since', () => {
    expect(progressOf(two, [member(bob, { deleted: true }), member(carol)])).toEqual({
      stage: 0,
      approvals: 1,
    })
    expect(progressOf(two, [member(bob, { known: false }), member(carol)])).toEqual({
      stage: 0,
      approvals: 1,
    })
  })

  it('takes one stage after the other, and nobody counts in two', () => {
    const given = terms({ stages: [stage(['UBOB', 'UCAROL']), stage(['UBOB', 'UDAVE'])] })
    expect(progressOf(given, [member(dave)])).toEqual({ stage: 0, approvals: 0 })
    expect(progressOf(given, [member(bob), member(bob)])).toEqual({ stage: 1, approvals: 0, also: [0] })
    expect(progressOf(given, [member(carol), member(bob)])).toEqual({ stage: 2, approvals: 0 })
  })

  it('from different groups: as many as can each speak for another one', () => {
    const given = terms({ stages: [stage(['UDAVE'], ['SA', 'SB'], 2, true)] })
    const left = (...people: Member[]) => progressOf(given, people)
    expect(left(inGroups(bob, 'SA'), inGroups(carol, 'SA'))).toEqual({ stage: 0, approvals: 1 })
    // Bob can speak for either group, so Carol takes the one that is hers.
    expect(left(inGroups(bob, 'SA', 'SB'), inGroups(carol, 'SA'))).toEqual({ stage: 1, approvals: 0 })
    expect(left(inGroups(bob, 'SA'), member(dave))).toEqual({ stage: 1, approvals: 0 })
  })
})

describe('a yes counts where it lets the most come about', () => {
  const given = terms({ stages: [stage(['UBOB', 'UCAROL']), stage(['UBOB'])] })

  it('so the only one who can fill a later stage is moved there once somebody else fills the earlier one', () => {
    expect(progressOf(given, [member(bob)])).toEqual({ stage: 1, approvals: 0, also: [0] })
    expect(progressOf(given, [member(bob), member(carol)])).toEqual({ stage: 2, approvals: 0 })
  })

  it('over as many stages as it takes', () => {
    const chain = terms({ stages: [stage(['UBOB', 'UCAROL']), stage(['UCAROL', 'UDAVE']), stage(['UDAVE'])] })
    const two = [member(carol), member(dave)]
    expect(progressOf(chain, two)).toEqual({ stage: 2, approvals: 0, also: [0] })
    expect(progressOf(chain, [...two, member(bob)])).toEqual({ stage: 3, approvals: 0 })
  })

  it('but a later stage is not asked before the earlier ones have enough', () => {
    const strict = terms({ stages: [stage(['UCAROL']), stage(['UBOB'])] })
    expect(progressOf(strict, [member(bob)])).toEqual({ stage: 0, approvals: 0 })
    expect(progressOf(strict, [member(bob), member(carol)])).toEqual({ stage: 2, approvals: 0 })
  })

  it('and no other stage is asked where one more yes there would move nobody', () => {
    const apart = terms({ stages: [stage(['UBOB', 'UCAROL']), stage(['UDAVE'])] })
    expect(progressOf(apart, [member(bob)])).toEqual({ stage: 1, approvals: 0 })
    const full = terms({ stages: [stage(['UBOB']), stage(['UBOB', 'UDAVE'])] })
    expect(progressOf(full, [member(bob)])).toEqual({ stage: 1, approvals: 0 })
  })

  it('whoever came first keeps a seat, and who is one too many has none', () => {
    const one = terms({ stages: [stage(['UBOB', 'UCAROL']), stage(['UDAVE'])] })
    expect(countAgain(one, [member(carol), member(bob)]).counted).toEqual([member(carol)])
    expect(countAgain(one, [member(bob), member(carol)]).counted).toEqual([member(bob)])
  })

  it('two accounts of one Entra user speak for both, and sit once', () => {
    const yeses = [member(bob, { entraId: 'e1' }), member(dave, { entraId: 'e1' })]
    const both = terms({ stages: [stage(['UBOB', 'UCAROL']), stage(['UDAVE'])] })
    expect(progressOf(both, yeses)).toEqual({ stage: 1, approvals: 0, also: [0] })
    expect(progressOf(both, [...yeses, member(carol)])).toEqual({ stage: 2, approvals: 0 })
  })

  it('two people who turn out to be one are one', () => {
    const three = terms({ approvals: 3, approvers: { users: ['UBOB', 'UCAROL', 'UDAVE'], groups: [] } })
    const linked = [
      member(bob, { entraId: 'e1' }),
      member(carol, { entraId: 'e2' }),
      member({ ...bob, teamId: 'T2' }, { entraId: 'e2' }),
      member(dave),
    ]
    expect(progressOf(three, linked)).toEqual({ stage: 0, approvals: 2 })
  })
})

describe('who is waited for', () => {
  const stages = [stage(['UBOB', 'UCAROL'], ['SOPS']), stage(['UBOB', 'UERIN'], ['SDBA'])]
  const asked = (...yeses: Member[]) => {
    const given = terms({ stages })
    const reviews = yeses.map(({ person: by }) => review(by))
    return whoIsAsked({ terms: given, progress: progressOf(given, yeses), reviews })
  }

  it('is the stage that waits', () => {
    expect(asked()).toEqual({ users: ['UBOB', 'UCAROL'], groups: ['SOPS'] })
    expect(asked(member(carol))).toEqual({ users: ['UBOB', 'UERIN'], groups: ['SDBA'] })
  })

  it('and an earlier one from which somebody can move; whoever has said yes is not asked again', () => {
    expect(asked(member(bob))).toEqual({ users: ['UERIN', 'UCAROL'], groups: ['SDBA', 'SOPS'] })
  })

  it('is nobody when every stage has enough', () => {
    expect(asked(member(bob), member(erin))).toEqual({ users: [], groups: [] })
  })
})

describe('nothing has moved', () => {
  const at = { stage: 1, approvals: 1, also: [0] }

  it('only where stage, yeses and where else a yes helps are the same', () => {
    expect(isSameProgress(at, { ...at, also: [0] })).toBe(true)
    expect(
      [{ stage: 0 }, { approvals: 2 }, { also: [] }].map((but) => isSameProgress(at, { ...at, ...but })),
    ).toEqual([false, false, false])
  })
})
