import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { authorise, isApprover, sameHuman } from '../../src/core/approval.ts'
import { decide } from '../../src/core/decide.ts'
import type { Member } from '../../src/core/person.ts'
import { approvalsOf } from '../../src/core/pick.ts'
import type { Stage, Terms } from '../../src/core/policy.ts'
import { countAgain, isComplete, progressOf } from '../../src/core/quorum.ts'
import { clock, member, pending, person, terms, verdict } from '../support/cases.ts'

const ids = ['U1', 'U2', 'U3', 'U4', 'U5']
const groupIds = ['SA', 'SB', 'SC']

const anyStage: fc.Arbitrary<Stage> = fc.record({
  approvers: fc.record({ users: fc.subarray(ids), groups: fc.subarray(groupIds) }),
  approvals: fc.integer({ min: 1, max: 2 }),
  fromDifferentGroups: fc.boolean(),
})
const anyTerms: fc.Arbitrary<Terms> = fc
  .array(anyStage, { minLength: 1, maxLength: 3 })
  .map((stages) => terms({ stages }))
/** Most have an account of their own; some have two. */
const anyYeses: fc.Arbitrary<Member[]> = fc
  .tuple(
    fc.shuffledSubarray(ids),
    fc.record(Object.fromEntries(ids.map((id) => [id, fc.subarray(groupIds)]))),
    fc.boolean(),
  )
  .map(([said, groups, twins]) =>
    said.map((id) =>
      member(person(id), {
        groups: groups[id] ?? [],
        entraId: twins && (id === 'U1' || id === 'U2') ? 'e1' : null,
      }),
    ),
  )

/** The accounts of each human. */
const humansIn = (yeses: readonly Member[]): Member[][] =>
  yeses.reduce<Member[][]>((humans, one) => {
    const known = humans.find(([first]) => first && sameHuman(first, one))
    known?.push(one)
    return known ? humans : [...humans, [one]]
  }, [])

/** Tries every way of seating people, one after another, each on one seat or on none. */
function canBeFilled(stages: readonly Stage[], yeses: readonly Member[]): boolean {
  const place = (
    [first, ...rest]: readonly Member[][],
    left: readonly number[],
    used: readonly string[],
  ): boolean => {
    if (left.every((seats) => seats === 0)) return true
    if (!first) return false
    const seated = stages.some((stage, at) => {
      if ((left[at] ?? 0) === 0) return false
      const fewer = left.with(at, (left[at] ?? 0) - 1)
      const may = first.filter((account) => isApprover(stage.approvers, account))
      if (!stage.fromDifferentGroups) return may.length > 0 && place(rest, fewer, used)
      const voices = may.flatMap((account) => [
        ...stage.approvers.groups.filter((id) => account.groups.includes(id)),
        ...stage.approvers.users.filter((id) => id === account.person.userId),
      ])
      return voices.some((voice) => {
        const name = `${voice} ${at}`
        return !used.includes(name) && place(rest, fewer, [...used, name])
      })
    })
    return seated || place(rest, left, used)
  }
  return place(
    humansIn(yeses),
    stages.map(({ approvals }) => approvals),
    [],
  )
}

const far = (given: Terms, yeses: readonly Member[]): number => {
  const { stage, approvals } = progressOf(given, yeses)
  return approvalsOf({ stages: given.stages.slice(0, stage) }) + approvals
}

describe('counting yeses', () => {
  it('comes to the end exactly when different people can fill every stage', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, yeses) => {
        expect(isComplete(given, progressOf(given, yeses))).toBe(canBeFilled(given.stages, yeses))
      }),
      { numRuns: 2000 },
    )
  })

  it('asks a stage exactly when different people can fill those before it, and not it as well', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, yeses) => {
        const { stage } = progressOf(given, yeses)
        expect(canBeFilled(given.stages.slice(0, stage), yeses)).toBe(true)
        if (stage < given.stages.length)
          expect(canBeFilled(given.stages.slice(0, stage + 1), yeses)).toBe(false)
      }),
      { numRuns: 1000 },
    )
  })

  it('comes equally far in whatever order they were given', () => {
    const inTwoOrders = anyYeses.chain((yeses) =>
      fc.tuple(
        fc.constant(yeses),
        fc.shuffledSubarray(yeses, { minLength: yeses.length, maxLength: yeses.length }),
      ),
    )
    fc.assert(
      fc.property(anyTerms, inTwoOrders, (given, [yeses, other]) => {
        expect(progressOf(given, other)).toEqual(progressOf(given, yeses))
      }),
    )
  })

  it('never goes back with one more, and never counts more people than said yes', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, yeses) => {
        for (let many = 1; many <= yeses.length; many += 1) {
          const [before, after] = [yeses.slice(0, many - 1), yeses.slice(0, many)]
          expect(far(given, after)).toBeGreaterThanOrEqual(far(given, before))
          expect(far(given, after)).toBeLessThanOrEqual(humansIn(after).length)
        }
      }),
    )
  })

  it('shows those who count in the order in which they came, no human twice', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, yeses) => {
        const { counted } = countAgain(given, yeses)
        expect(counted).toEqual(yeses.filter((one) => counted.includes(one)))
        expect(humansIn(counted)).toHaveLength(counted.length)
        expect(counted).toHaveLength(far(given, yeses))
      }),
    )
  })

  it('asks an earlier stage, too, exactly where somebody new there would bring it further', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, yeses) => {
        const { stage: waiting, also = [] } = progressOf(given, yeses)
        const before = waiting < given.stages.length ? given.stages.slice(0, waiting) : []
        expect(waiting < given.stages.length || also.length === 0).toBe(true)
        const said = yeses.map(({ person: { userId } }) => userId)
        for (const [at, stage] of before.entries()) {
          const { users, groups } = stage.approvers
          if (stage.fromDifferentGroups || (groups.length === 0 && users.every((id) => said.includes(id))))
            continue
          const approvers = { users: [...users, 'UNEW'], groups }
          const wider = { ...given, stages: given.stages.with(at, { ...stage, approvers }) }
          const helps = far(wider, [...yeses, member(person('UNEW'))]) > far(given, yeses)
          expect(also.includes(at)).toBe(helps)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('clicks, one after another', () => {
  const requester = person('UALICE')

  /** Everybody who may clicks, again and again, until nobody’s click changes anything. */
  function click(given: Terms, people: readonly Member[]) {
    let current = pending(given)
    const told: string[] = []
    for (let round = 0; round <= people.length; round += 1) {
      for (const by of people) {
        if (current.request.state !== 'pending') return { current, told }
        const outcome = decide(
          current,
          {
            type: 'review',
            by,
            verdict: 'approve',
            policy: verdict('needs approval', given),
            requester: member(requester),
            earlier: people,
            grantId: 'g1',
          },
          clock('09:10'),
        )
        if (outcome.ok) current = outcome.next
        else told.push(outcome.refusal.code)
      }
    }
    return { current, told }
  }

  it('open access exactly when these people can fill every stage: nobody’s early yes is in the way', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, people) => {
        const { current } = click(given, people)
        expect(current.request.state === 'approved').toBe(canBeFilled(given.stages, people))
      }),
      { numRuns: 500 },
    )
  })

  it('open it in whatever order they come', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, people) => {
        const [one, other] = [click(given, people), click(given, people.toReversed())]
        expect(other.current.request.state).toBe(one.current.request.state)
      }),
    )
  })

  it('never count the requester, whoever the approvers are', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, people) => {
        const own = member(requester, { groups: groupIds })
        const [without, withOwn] = [click(given, people), click(given, [own, ...people])]
        expect(withOwn.current.request.state).toBe(without.current.request.state)
        expect(withOwn.current.request.reviews.some(({ by }) => by.userId === requester.userId)).toBe(false)
      }),
    )
  })

  it('are asked of people who may give them: whoever is waited for is not refused', () => {
    fc.assert(
      fc.property(anyTerms, anyYeses, (given, yeses) => {
        const progress = progressOf(given, yeses)
        const asked = [progress.stage, ...(progress.also ?? [])]
        for (const at of asked)
          for (const id of given.stages[at]?.approvers.groups ?? [])
            expect(
              authorise('approve', member(person('UNEW'), { groups: [id] }), {
                request: { requester },
                terms: given,
                ...progress,
              }),
            ).toBeNull()
      }),
    )
  })
})
