import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Rule, ruleName } from '../../src/core/grant.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import {
  compare,
  type Finding,
  isSweepable,
  type KnownRule,
  type SurveyedGroup,
} from '../../src/core/reconcile.ts'
import { clock, live, rule, touches } from '../support/cases.ts'

const surveyedAt = clock('09:10')
/** A list of rules may lag behind what was written for this long. */
const lagMs = 30_000
const end = clock('09:35')
const written = rule('A', 'present')

const onRecord = (but: Partial<KnownRule> = {}): KnownRule => ({
  requestId: 'r1',
  grantId: 'g1',
  grantState: 'open',
  openedAt: clock('09:06'),
  expiresAt: end,
  closedAt: null,
  rule: written,
  ...but,
})
const group = (nsgId: string, ...rules: readonly LiveRule[]): SurveyedGroup => ({ nsgId, rules })
/** What is found in group A when these stand in it. */
const findings = (
  rules: readonly LiveRule[],
  known: readonly KnownRule[],
  now = surveyedAt + 200,
): readonly Finding[] => compare([group('A', ...rules)], known, surveyedAt, now)

const isThere = { kind: 'not ours', nsgId: 'A', name: written.name }
const overdue = { kind: 'overdue', requestId: 'r1' }
const missing: Finding = { kind: 'missing', requestId: 'r1', nsgId: 'A', name: written.name }
const changed = {
  kind: 'changed',
  requestId: 'r1',
  nsgId: 'A',
  name: written.name,
  differences: [{ what: 'source', before: '81.2.69.142', after: '*' }],
}
const unknown = {
  kind: 'stray',
  nsgId: 'A',
  name: written.name,
  expiresAt: end,
  requestId: null,
  grantId: null,
  cameBack: false,
}
const back = { ...unknown, requestId: 'r1', grantId: 'g1', cameBack: true }

const always = (finding: object | null) => ({ before: finding, after: finding })
const untilTheEnd = (finding: object | null) => ({ before: finding, after: overdue })

describe('what is found', () => {
  const looks = {
    'as it was written': [live(written)],
    'with a wider source': [live(written, { sources: ['*'] })],
    'not at all': [],
  }
  type Look = keyof typeof looks
  const table: Record<
    KnownRule['grantState'] | 'half open' | 'unknown',
    Record<Look, { before: object | null; after: object | null }>
  > = {
    opening: {
      'as it was written': untilTheEnd(null),
      'with a wider source': untilTheEnd(null),
      'not at all': untilTheEnd(null),
    },
    'half open': {
      'as it was written': untilTheEnd(null),
      'with a wider source': untilTheEnd(changed),
      'not at all': untilTheEnd(null),
    },
    open: {
      'as it was written': untilTheEnd(null),
      'with a wider source': untilTheEnd(changed),
      'not at all': untilTheEnd(missing),
    },
    closing: {
      'as it was written': always(null),
      'with a wider source': always(null),
      'not at all': always(null),
    },
    closed: {
      'as it was written': always(back),
      'with a wider source': always(back),
      'not at all': always(null),
    },
    unknown: {
      'as it was written': always(unknown),
      'with a wider source': always(unknown),
      'not at all': always(null),
    },
  }
  const rows = Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row).flatMap(([look, { before, after }]) => [
      { state, look, when: 'before the end', now: end - 1, expected: before },
      { state, look, when: 'at the end', now: end, expected: after },
    ]),
  )
  const stands: Record<string, readonly LiveRule[]> = looks
  const grantStates: Record<string, readonly KnownRule[]> = {
    opening: [onRecord({ grantState: 'opening', openedAt: null, rule: rule('A') })],
    'half open': [onRecord({ grantState: 'opening', openedAt: null })],
    open: [onRecord()],
    closing: [onRecord({ grantState: 'closing' })],
    closed: [onRecord({ grantState: 'closed', closedAt: clock('09:09') })],
    unknown: [],
  }

  it.each(rows)('its grant is $state, it stands $look, $when → $expected.kind', (row) => {
    const found = findings(stands[row.look] ?? [], grantStates[row.state] ?? [], row.now)
    expect(found).toEqual(row.expected === null ? [] : [row.expected])
  })

  it.each(touches)('of an open grant whose rule somebody gave %j: %j', (but, difference) => {
    expect(findings([live(written, but)], [onRecord()])).toEqual([{ ...changed, differences: [difference] }])
  })

  it('is the end, however somebody changed the rule', () => {
    for (const [but] of touches) expect(findings([live(written, but)], [onRecord()], end)).toEqual([overdue])
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, JSON.parse('null')])(
    'is the end when a grant’s end is %s',
    (expiresAt) => {
      for (const grantState of ['opening', 'open'] as const) {
        const known = [onRecord({ grantState, expiresAt })]
        expect(findings([live(written)], known)).toEqual([overdue])
        expect(findings([], known)).toEqual([overdue])
      }
    },
  )

  it('is told for each group: the same name in another group is another rule', () => {
    const both = [onRecord(), onRecord({ rule: rule('B', 'present') })]
    const found = compare([group('A'), group('B', live(written))], both, surveyedAt, surveyedAt)
    expect(found).toEqual([missing])
    const strays = compare([group('A', live(written)), group('B', live(written))], [], surveyedAt, surveyedAt)
    expect(strays).toEqual([unknown, { ...unknown, nsgId: 'B' }])
  })
})

describe('what is not ours', () => {
  it('is told when its name has our shape, and never called anything else', () => {
    const byHand = live(written, { description: 'by hand' })
    expect(findings([byHand], [])).toEqual([isThere])
    expect(findings([live(written, { description: '' })], [])).toEqual([isThere])
    expect(findings([live(written, { description: 'my jitney' })], [], end)).toEqual([isThere])
    expect(findings([byHand], [onRecord({ grantState: 'closed' })])).toEqual([isThere])
  })

  it.each(['jit-g1', 'jit-G1-1795426500', 'xjit-g1-1795426500', 'jit-g1-1795426500x', 'jit-g1-17954', 'ssh'])(
    'is left in peace when its name has another shape: %s',
    (name) => {
      expect(findings([live(written, { name })], [])).toEqual([])
    },
  )
})

describe('the lag of lists', () => {
  it.each<[string, number, Finding[]]>([
    ['earlier', -1, [missing]],
    ['just as long ago as a list may lag', 0, []],
    ['when the list was read', lagMs, []],
    ['after it', lagMs + 100, []],
  ])('a rule that opened %s', (_, offset, expected) => {
    const known = [onRecord({ openedAt: surveyedAt - lagMs + offset, expiresAt: clock('12:00') })]
    expect(findings([], known)).toEqual(expected)
  })

  it('counts from the survey and not from now, which may be much later', () => {
    const known = [onRecord({ openedAt: surveyedAt - 1, expiresAt: clock('12:00') })]
    expect(findings([], known, surveyedAt + 10 * lagMs)).toEqual([])
  })

  it('never makes a rule missing when nobody knows since when it is open', () => {
    expect(findings([], [onRecord({ openedAt: null })])).toEqual([])
    expect(findings([], [onRecord({ openedAt: Number.NaN })])).toEqual([])
  })
})

/* ---- any world ---- */

interface World {
  readonly known: readonly KnownRule[]
  readonly live: ReadonlyMap<string, readonly LiveRule[]>
}
const nsgs = ['A', 'B', 'C']
const minute = 60_000

const anyGrant = fc.record({
  state: fc.constantFrom('opening' as const, 'open' as const, 'closing' as const, 'closed' as const),
  in: fc.subarray(nsgs, { minLength: 1 }),
  endsIn: fc.integer({ min: 1, max: 480 }),
  openFor: fc.integer({ min: 0, max: 480 }),
  /** Whether a rule that is being opened or closed stands there at this moment. */
  halfway: fc.boolean(),
})
const foreign: fc.Arbitrary<LiveRule> = fc
  .record({
    name: fc.oneof(
      fc.constantFrom('ssh', 'jit-x1', 'jit-x2-1795426500', 'jit-x3-1500000000', 'JIT-x4-1795426500'),
      fc.string(),
    ),
    description: fc.oneof(fc.constantFrom('', 'by hand', 'Jitney', ' jitney'), fc.string()),
    change: fc.constantFrom({}, ...touches.map(([but]) => but)),
  })
  .filter(({ description }) => !description.startsWith('jitney'))
  .map(({ name, description, change }) => live(written, { ...change, name, description }))

/** A world in which Azure is just as the grants want it. */
const worlds: fc.Arbitrary<World> = fc
  .tuple(fc.array(anyGrant, { maxLength: 6 }), fc.array(fc.tuple(fc.constantFrom(...nsgs), foreign)))
  .map(([grants, others]) => {
    const stands = new Map<string, LiveRule[]>(nsgs.map((nsgId) => [nsgId, []]))
    const known = grants.flatMap((grant, index): KnownRule[] => {
      const expiresAt = surveyedAt + grant.endsIn * minute
      const name = ruleName(`g${index}`, expiresAt)
      return grant.in.map((nsgId) => {
        const given: Rule = { ...rule(nsgId, 'present'), name }
        const there = grant.state === 'open' || (grant.state !== 'closed' && grant.halfway)
        if (there) stands.get(nsgId)?.push(live(given))
        return onRecord({
          requestId: `r${index}`,
          grantId: `g${index}`,
          grantState: grant.state,
          openedAt: grant.state === 'opening' ? null : surveyedAt - grant.openFor * minute,
          expiresAt,
          closedAt: grant.state === 'closed' ? surveyedAt : null,
          rule: given,
        })
      })
    })
    for (const [nsgId, other] of others) stands.get(nsgId)?.push(other)
    return { known, live: stands }
  })

const ofShape = /^jit-[a-z0-9]+-\d{9,11}$/
const look = ({ known, live: stands }: World, now = surveyedAt) =>
  compare(
    [...stands].map(([nsgId, rules]) => ({ nsgId, rules })),
    known,
    surveyedAt,
    now,
  )
const touched = (world: World, { rule: given }: KnownRule, but: Partial<LiveRule> | null): World => {
  const rules = (world.live.get(given.nsgId) ?? []).flatMap((one) => {
    if (one.name !== given.name) return [one]
    return but === null ? [] : [{ ...one, ...but }]
  })
  return { ...world, live: new Map([...world.live, [given.nsgId, rules]]) }
}
const ours = (found: readonly Finding[]) => found.filter(({ kind }) => kind !== 'not ours')
const openOf = ({ known }: World) => known.filter(({ grantState }) => grantState === 'open')

describe('in any world', () => {
  it('nothing is found while Azure is as the grants want it, except what only looks like ours', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const lookalikes = [...world.live].flatMap(([nsgId, rules]) =>
          rules
            .filter(({ name, description }) => ofShape.test(name) && !description.startsWith('jitney'))
            .map(({ name }) => ({ kind: 'not ours', nsgId, name })),
        )
        expect(look(world)).toEqual(lookalikes)
      }),
    )
  })

  it('one change of one open rule is found, as what it is, and nothing else is', () => {
    fc.assert(
      fc.property(worlds, fc.nat(), fc.constantFrom(...touches), (world, pick, [but, difference]) => {
        const open = openOf(world)
        const one = open[pick % Math.max(1, open.length)]
        fc.pre(one !== undefined)
        expect(ours(look(touched(world, one, but)))).toEqual([
          {
            kind: 'changed',
            requestId: one.requestId,
            nsgId: one.rule.nsgId,
            name: one.rule.name,
            differences: [difference],
          },
        ])
      }),
    )
  })

  it('one open rule that is gone is missed, unless it opened within the lag of a list', () => {
    fc.assert(
      fc.property(worlds, fc.nat(), fc.nat(2 * lagMs), (world, pick, openFor) => {
        const open = openOf(world)
        const one = open[pick % Math.max(1, open.length)]
        fc.pre(one !== undefined)
        const opened = { ...one, openedAt: surveyedAt - openFor }
        const known = world.known.map((other) => (other === one ? opened : other))
        const { requestId, rule: given } = one
        const expected = { kind: 'missing', requestId, nsgId: given.nsgId, name: given.name }
        expect(ours(look(touched({ ...world, known }, one, null)))).toEqual(openFor > lagMs ? [expected] : [])
      }),
    )
  })

  it('without any record each rule of ours is a stray of nobody, and nothing else is', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const standing = [...world.live.values()].flat().filter((one) => one.description.startsWith('jitney'))
        const found = ours(look({ ...world, known: [] }))
        expect(found.map(({ kind }) => kind)).toEqual(standing.map(() => 'stray'))
        expect(found.every((one) => 'requestId' in one && one.requestId === null)).toBe(true)
      }),
    )
  })

  it('what is closing is never told, whatever became of its rules', () => {
    const fate = fc.constantFrom(null, {}, ...touches.map(([but]) => but))
    fc.assert(
      fc.property(worlds, fate, fc.integer({ min: 0, max: 900 }), (world, but, later) => {
        const closing = world.known.map((one) => onRecord({ ...one, grantState: 'closing' }))
        const start: World = { ...world, known: closing }
        const given = closing.reduce((before, one) => touched(before, one, but), start)
        expect(ours(look(given, surveyedAt + later * minute))).toEqual([])
      }),
    )
  })

  it('after the end each unfinished grant is overdue, and no rule of it is told as anything else', () => {
    fc.assert(
      fc.property(worlds, fc.integer({ min: 0, max: 600 }), (world, later) => {
        const now = surveyedAt + later * minute
        const due = world.known.filter(
          ({ grantState, expiresAt }) =>
            (grantState === 'open' || grantState === 'opening') && expiresAt <= now,
        )
        const found = ours(look(world, now)).map(
          (one) => `${one.kind} ${'requestId' in one && one.requestId}`,
        )
        expect(found.toSorted()).toEqual(due.map(({ requestId }) => `overdue ${requestId}`).toSorted())
      }),
    )
  })
})

const sweepable = (name: string, description: string, now: number) =>
  isSweepable(live(written, { name, description }), now)

describe('the sweeper', () => {
  it('takes only what is ours by name and description and past the end that its name carries', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_500_000_000, max: 2_500_000_000 }),
        fc.integer({ min: -5_000, max: 5_000 }),
        (seconds, offset) => {
          const name = `jit-g1-${seconds}`
          const now = seconds * 1000 + offset
          expect(sweepable(name, 'jitney request r1 for U1', now)).toBe(offset >= 0)
          expect(sweepable(name, 'by hand', now)).toBe(false)
          expect(sweepable(name, '', now)).toBe(false)
          expect(sweepable(`x${name}`, 'jitney request r1 for U1', now)).toBe(false)
        },
      ),
    )
  })

  it('never takes what somebody else wrote, whatever it is called', () => {
    fc.assert(
      fc.property(foreign, (one) => {
        expect(isSweepable(one, Number.MAX_SAFE_INTEGER)).toBe(false)
      }),
    )
  })

  it('takes a rule with any of its fields changed: the wider it is now, the more it must go', () => {
    for (const [but, { what }] of touches) {
      expect(isSweepable(live(written, but), end)).toBe(what !== 'description')
      expect(isSweepable(live(written, but), end - 1)).toBe(false)
    }
  })
})
