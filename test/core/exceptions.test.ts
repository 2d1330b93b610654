import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import { judge, ruleFor } from '../../src/core/pick.ts'
import type { BreakGlass, Extension, PolicyRule, Quota, Reason, Subject } from '../../src/core/policy.ts'
import { policy, subject, terms } from '../support/cases.ts'
import { refusal, rule } from '../support/policies.ts'

const minute = 60_000
const hour = 60 * minute
type About = Partial<Subject>

const lines = (reason: Reason, depth = 0): string[] => [
  `${'  '.repeat(depth)}${reason.result}: ${reason.check} (${reason.because})`,
  ...reason.children.flatMap((child) => lines(child, depth + 1)),
]
const told = (rules: readonly PolicyRule[], about: About) => {
  const given = evaluate(policy(rules), subject(about))
  expect(judge(policy(rules), subject(about))).toEqual({ outcome: given.outcome, terms: given.terms })
  return [given.outcome, given.tree.because]
}

const breakGlass: BreakGlass = { maxDurationMs: hour, reviewers: { users: ['UREVIEW'], groups: ['SREVIEW'] } }
const sealed: PolicyRule = { ...rule('the shift asks', {}, { maxDurationMs: 4 * hour }), breakGlass }
const emergency: About = { emergency: true, durationMs: hour }

describe('breaking the glass', () => {
  it('asks nobody, and remembers whom it passed over and who must look at it', () => {
    const given = evaluate(policy([sealed]), subject(emergency))
    expect(given.outcome).toBe('allow')
    expect(given.terms).toStrictEqual({
      ...sealed.terms,
      stages: [],
      emergency: {
        skipped: { users: ['UBOB', 'UCAROL'], groups: ['SOPS'] },
        reviewers: breakGlass.reviewers,
      },
    })
  })

  it('passes over owners and people on call of any stage, whom nobody has looked up yet', () => {
    const approvers = { users: ['U1'], groups: [] }
    const stages = [
      { approvers, approvals: 1, fromDifferentGroups: false },
      { approvers: { ...approvers, onCall: ['P1'] }, approvals: 1, fromDifferentGroups: false },
      {
        approvers: { ...approvers, ownerTag: 'owner', onCall: ['P2'] },
        approvals: 1,
        fromDifferentGroups: false,
      },
    ]
    const given = { ...sealed, terms: terms({ stages }) }
    expect(judge(policy([given]), subject(emergency)).terms?.emergency?.skipped).toEqual({
      users: ['U1'],
      groups: [],
      ownerTag: 'owner',
      onCall: ['P1', 'P2'],
    })
  })

  it('is explained, with its own longest time and with the reason that it always needs', () => {
    const { tree } = evaluate(policy([sealed]), subject(emergency))
    expect(lines(tree)).toEqual([
      'yes: Access is granted if … (the rule “the shift asks” lets people break the glass)',
      '  yes: the shift asks (everything it asks for holds)',
      '    yes: breaking the glass (the rule allows it)',
      '    yes: the duration (1 h is within the 1 h that the rule allows without a yes)',
      '    yes: the reason (it is given)',
    ])
  })

  const applies = 'the rule “the shift asks” applies, but'
  const ticket = { kind: 'pattern', globs: ['inc-*'], help: 'name the incident' } as const
  it.each<[string, PolicyRule, About, string, string]>([
    [
      'for longer than the glass allows',
      sealed,
      { durationMs: hour + minute },
      'deny',
      `${applies} the duration: 1 h 1 min is more than the 1 h that the rule allows without a yes; ask for at most 1 h`,
    ],
    [
      'for longer than the rule allows, though the glass would allow it',
      { ...sealed, breakGlass: { ...breakGlass, maxDurationMs: 9 * hour } },
      { durationMs: 5 * hour },
      'deny',
      `${applies} the duration: 5 h is more than the 4 h that the rule allows; ask for at most 4 h`,
    ],
    [
      'without a reason, which the rule does not ask for otherwise',
      sealed,
      { reason: null },
      'deny',
      `${applies} the reason: none is given; say why after “because”`,
    ],
    [
      'with another reason than the rule asks for',
      { ...sealed, reason: ticket },
      {},
      'deny',
      `${applies} the reason: name the incident`,
    ],
    [
      'where the rule does not allow it',
      rule('the shift asks'),
      {},
      'deny',
      `${applies} breaking the glass: the rule does not allow it`,
    ],
    [
      'where nobody would have been asked anyway',
      { ...sealed, terms: terms({ approvals: 0, rule: 'the shift asks' }) },
      {},
      'allow',
      'the rule “the shift asks” lets people break the glass',
    ],
  ])('%s', (_, given, about, outcome, because) => {
    expect(told([given, rule('kind', {}, { approvals: 0 })], { ...emergency, ...about })).toEqual([
      outcome,
      because,
    ])
  })

  it('is no part of a request that is no emergency', () => {
    expect(told([sealed], { durationMs: 4 * hour, reason: null })).toEqual([
      'needs approval',
      'the rule “the shift asks” asks for 1 approval',
    ])
    expect(judge(policy([sealed]), subject()).terms).toEqual(sealed.terms)
  })

  it('does not help against a refusal, nor where no rule fits', () => {
    const refused = policy([sealed], [refusal('it is frozen')])
    expect(judge(refused, subject(emergency))).toEqual({ outcome: 'deny', terms: null })
    const other = { ...sealed, match: rule('x', { vm: { name: ['db-*'] } }).match }
    expect(told([other], emergency)).toEqual(['deny', 'no rule of the policy matches'])
  })
})

const by = (extension: Extension): PolicyRule => ({ ...rule('r'), extension })
const longer = (extraMs: number, first = true): About => ({ extension: { extraMs, first } })

describe('staying longer', () => {
  const once = by({ kind: 'free once', mostMs: 30 * minute })
  const free = ['allow', 'the rule “r” lets people stay longer without asking']
  const asks = ['needs approval', 'the rule “r” asks for 1 approval']
  it.each<[string, PolicyRule, About, string[]]>([
    ['asks again where the rule says so', by({ kind: 'same' }), longer(minute), asks],
    ['asks nobody where the rule says so', by({ kind: 'none' }), longer(9 * hour, false), free],
    ['asks nobody the first time', once, longer(30 * minute), free],
    ['asks for a moment too much', once, longer(30 * minute + 1), asks],
    ['asks the second time', once, longer(minute, false), asks],
    ['is not what a first request does', by({ kind: 'none' }), {}, asks],
  ])('%s', (_, given, about, expected) => {
    expect(told([given], about)).toEqual(expected)
  })

  it('keeps the rest of the terms', () => {
    const given = by({ kind: 'none' })
    expect(judge(policy([given]), subject(longer(minute))).terms).toEqual({ ...given.terms, stages: [] })
  })
})

const limited = (quota: Quota): PolicyRule => ({ ...rule('by itself', {}, { approvals: 0 }), quota })

describe('the explanation of a quota', () => {
  it('names each limit that the rule has, with what is used of it', () => {
    const usage = new Map([['by itself', { byPerson: 1, ofVm: 2, ofRule: 3 }]])
    const given = evaluate(policy([limited({ perPerson: 2, perVm: 2, perRule: 4 })]), subject({ usage }))
    expect(lines(given.tree).slice(1)).toEqual([
      '  no: by itself (the quota for this VM: 2 of 2 in the last 24 hours are used)',
      '    yes: the quota for this person (1 of 2 in the last 24 hours are used)',
      '    no: the quota for this VM (2 of 2 in the last 24 hours are used)',
      '    yes: the quota for the rule (3 of 4 in the last 24 hours are used)',
    ])
  })
})

describe('the rule that decides', () => {
  it('says itself what limit is passed, and no rule before it does', () => {
    const rules = [rule('first', { vm: { name: ['db-*'] } }), rule('second', {}, { maxDurationMs: hour })]
    expect(told(rules, { durationMs: 2 * hour })).toEqual([
      'deny',
      'the rule “second” applies, but the duration: 2 h is more than the 1 h that the rule allows; ask for at most 1 h',
    ])
  })

  it('is the first that fits, also where a limit is passed; none where a refusal decides or nothing fits', () => {
    const [first, second] = [rule('first', { vm: { name: ['db-*'] } }), rule('second')]
    const about = subject({ durationMs: 400 * hour })
    expect(ruleFor(policy([first, second]), about)).toBe(second)
    expect(ruleFor(policy([first]), about)).toBeNull()
    expect(ruleFor(policy([second], [refusal('never')]), about)).toBeNull()
  })
})

describe('the explanation of several refusals', () => {
  it('names those that apply, and what keeps the others from it', () => {
    const given = policy(
      [rule('any')],
      [
        refusal('it is a database', { vm: { name: ['db-*'], os: ['linux'] } }),
        refusal('it is frozen'),
        refusal('Alice asks', { requester: { users: ['UALICE'] } }),
      ],
    )
    expect(lines(evaluate(given, subject()).tree)).toEqual([
      'no: Access is granted if … (access is refused if it is frozen)',
      '  no: no refusal applies (this refusal applies: “it is frozen”, “Alice asks”)',
      '    no: it is a database (the VM’s name: vm-jump01 is not among db-*; its operating system: windows is not among linux)',
      '      no: the VM’s name (vm-jump01 is not among db-*)',
      '      no: its operating system (windows is not among linux)',
      '    yes: it is frozen (everything it asks for holds)',
      '    yes: Alice asks (everything it asks for holds)',
      '      yes: the requester (named in the rule)',
      '  skipped: any (a refusal decided)',
    ])
  })
})
