import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import { globMatches } from '../../src/core/glob.ts'
import { judge } from '../../src/core/pick.ts'
import type { Match, PolicyRule, Reason, Subject } from '../../src/core/policy.ts'
import { azureRolesNamed, entraGroupsNamed, groupsNamed } from '../../src/core/policy.ts'
import type { Port } from '../../src/core/service.ts'
import { person, policy, subject, terms, vm } from '../support/cases.ts'

const tcp = (number: number): Port => ({ number, protocol: 'tcp' })
const hour = 3_600_000

const rule = (
  name: string,
  match: Partial<Match> = {},
  but: Parameters<typeof terms>[0] = {},
): PolicyRule => ({
  name,
  match: { vm: {}, requester: {}, ...match },
  reason: { kind: 'optional' },
  quota: {},
  extension: { kind: 'same' },
  terms: terms({ rule: name, ...but }),
})

const answer = (rules: readonly PolicyRule[], about: Partial<Subject> = {}) =>
  evaluate(policy(rules), subject(about))

/** The tree as a person reads it. */
const lines = (reason: Reason, depth = 0): string =>
  [
    `${'  '.repeat(depth)}${reason.result}: ${reason.check} (${reason.because})`,
    ...reason.children.map((child) => lines(child, depth + 1)),
  ].join('\n')

describe('which rule decides', () => {
  it('the first that matches, even when a later one would be kinder', () => {
    const given = answer([rule('strict', {}, { approvals: 2 }), rule('kind', {}, { approvals: 0 })])
    expect(given).toMatchObject({ outcome: 'needs approval', terms: { rule: 'strict' } })
  })

  it('none: no', () => {
    expect(answer([])).toMatchObject({ outcome: 'deny', terms: null, policyHash: 'hash-1' })
    expect(answer([rule('other', { vm: { name: ['db-*'] } })])).toMatchObject({
      outcome: 'deny',
      terms: null,
    })
  })

  it('a rule that wants nobody’s yes allows', () => {
    expect(answer([rule('kind', {}, { approvals: 0 })])).toMatchObject({
      outcome: 'allow',
      terms: { rule: 'kind' },
    })
  })

  it.each([
    ['exactly as long as the rule allows', hour, 'needs approval'],
    ['one millisecond longer', hour + 1, 'deny'],
    ['no time', 0, 'deny'],
    ['less than no time', -1, 'deny'],
    ['no number', Number.NaN, 'deny'],
    ['without an end', Number.POSITIVE_INFINITY, 'deny'],
  ])('%s', (_, durationMs, outcome) => {
    const given = answer([rule('r', {}, { maxDurationMs: hour })], { durationMs })
    expect(given.outcome).toBe(outcome)
    expect(given.terms === null).toBe(outcome === 'deny')
  })

  it('asking for too long is a no, not a reason to look at the next rule', () => {
    const given = answer([rule('short', {}, { maxDurationMs: hour }), rule('long')], { durationMs: 2 * hour })
    expect(given.outcome).toBe('deny')
  })
})

const tags = (given: Record<string, string>) => ({ vm: vm({ tags: given }) })

describe('what a rule matches', () => {
  it.each<[string, Partial<Match>, Partial<Subject>, boolean]>([
    ['a name by a glob', { vm: { name: ['vm-*'] } }, {}, true],
    ['a name in another case', { vm: { name: ['VM-JUMP01'] } }, {}, true],
    ['one of several names', { vm: { name: ['db-*', '*jump??'] } }, {}, true],
    ['no name at all', { vm: { name: [] } }, {}, false],
    ['half a name', { vm: { name: ['jump'] } }, {}, false],
    ['a resource group', { vm: { resourceGroup: ['rg-*'] } }, {}, true],
    ['another resource group', { vm: { resourceGroup: ['rg'] } }, {}, false],
    ['a subscription by name', { vm: { subscription: ['shop'] } }, {}, true],
    ['a subscription by id', { vm: { subscription: ['s1'] } }, {}, true],
    ['another subscription', { vm: { subscription: ['bank'] } }, {}, false],
    ['a tag', { vm: { tags: { env: ['prod'] } } }, {}, true],
    ['a tag whose key has another case', { vm: { tags: { env: ['prod'] } } }, tags({ ENV: 'Prod' }), true],
    ['a tag with another value', { vm: { tags: { env: ['prod'] } } }, tags({ env: 'production' }), false],
    ['a tag that is missing', { vm: { tags: { env: ['*'] } } }, tags({}), false],
    ['a tag that is empty', { vm: { tags: { env: ['*'] } } }, tags({ env: '' }), true],
    ['a tag that every object has', { vm: { tags: { constructor: ['*'] } } }, tags({}), false],
    [
      'two tags, both there',
      { vm: { tags: { env: ['prod'], tier: ['1'] } } },
      tags({ env: 'prod', tier: '1' }),
      true,
    ],
    ['two tags, one there', { vm: { tags: { env: ['prod'], tier: ['1'] } } }, tags({ env: 'prod' }), false],
    ['a name and a tag that is wrong', { vm: { name: ['*'], tags: { env: ['dev'] } } }, {}, false],
    ['a person', { requester: { users: ['UALICE'] } }, {}, true],
    ['another person', { requester: { users: ['UBOB'] } }, {}, false],
    ['a person in other letters', { requester: { users: ['ualice'] } }, {}, false],
    ['a group', { requester: { groups: ['SDEV'] } }, { groups: ['SX', 'SDEV'] }, true],
    ['another group', { requester: { groups: ['SDEV'] } }, { groups: ['SX'] }, false],
    ['a person or a group', { requester: { users: ['UBOB'], groups: ['SDEV'] } }, { groups: ['SDEV'] }, true],
    ['nobody', { requester: { users: [] } }, {}, false],
    ['its own port', { ports: [tcp(3389)] }, {}, true],
    ['fewer ports than it names', { ports: [tcp(22), tcp(3389)] }, {}, true],
    ['more ports than it names', { ports: [tcp(3389)] }, { ports: [tcp(3389), tcp(22)] }, false],
    ['the port over udp', { ports: [tcp(3389)] }, { ports: [{ number: 3389, protocol: 'udp' }] }, false],
  ])('%s', (_, match, about, yes) => {
    expect(answer([rule('r', match)], about).outcome).toBe(yes ? 'needs approval' : 'deny')
  })
})

describe('the explanation', () => {
  it('shows what was tried, what decided and what was not looked at', () => {
    const { tree } = answer([
      rule('it is a database', { vm: { name: ['db-*'], tags: { tier: ['1'] } } }),
      rule('somebody in the shop asks for the desktop', {
        vm: { resourceGroup: ['rg-shop'], subscription: ['Shop'], tags: { env: ['prod'] } },
        requester: { users: ['UALICE'] },
        ports: [tcp(3389)],
      }),
      rule('anything else'),
    ])
    expect(lines(tree)).toMatchInlineSnapshot(`
      "yes: Access is granted if … (the rule “somebody in the shop asks for the desktop” asks for 1 approval)
        no: it is a database (the VM’s name: vm-jump01 is not among db-*; its tag tier: the VM has no such tag)
          no: the VM’s name (vm-jump01 is not among db-*)
          no: its tag tier (the VM has no such tag)
        yes: somebody in the shop asks for the desktop (everything it asks for holds)
          yes: its resource group (rg-shop is among rg-shop)
          yes: its subscription (Shop is among Shop)
          yes: its tag env (prod is among prod)
          yes: the requester (named in the rule)
          yes: the ports (3389/tcp is within 3389/tcp)
          yes: the duration (30 min is within the 8 h that the rule allows)
        skipped: anything else (an earlier rule decided)"
    `)
  })

  it('says that no rule matches, and why not', () => {
    const given = answer([
      rule('the night shift asks', { requester: { groups: ['SNIGHT'] }, ports: [tcp(22)] }),
      rule('its owner asks', { vm: { tags: { owner: ['alice'] } } }),
    ])
    expect(lines(given.tree)).toMatchInlineSnapshot(`
      "no: Access is granted if … (no rule of the policy matches)
        no: the night shift asks (the requester: neither named in the rule nor in one of its groups; the ports: 3389/tcp is not within 22/tcp)
          no: the requester (neither named in the rule nor in one of its groups)
          no: the ports (3389/tcp is not within 22/tcp)
        no: its owner asks (its tag owner: the VM has no such tag)
          no: its tag owner (the VM has no such tag)"
    `)
  })

  it('says that it is for too long', () => {
    const short = [rule('an hour at most', {}, { maxDurationMs: hour })]
    const because = (durationMs: number) => answer(short, { durationMs }).tree.because
    expect([because(2 * hour), because(hour + 1), because(0)]).toMatchInlineSnapshot(`
      [
        "the rule “an hour at most” applies, but the duration: 2 h is more than the 1 h that the rule allows; ask for at most 1 h",
        "the rule “an hour at most” applies, but the duration: a little over 1 h is more than the 1 h that the rule allows; ask for at most 1 h",
        "the rule “an hour at most” applies, but the duration: no time is left in what was asked for",
      ]
    `)
  })

  it('counts approvals in good grammar', () => {
    expect(answer([rule('r', {}, { approvals: 1 })]).tree.because).toBe('the rule “r” asks for 1 approval')
    expect(answer([rule('r', {}, { approvals: 2 })]).tree.because).toBe('the rule “r” asks for 2 approvals')
    expect(answer([rule('r', {}, { approvals: 0 })]).tree.because).toBe('the rule “r” allows it')
  })
})

describe('globs', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['**', '', true],
    ['?', '', false],
    ['?', 'ä', true],
    ['?', '💻', true],
    ['a*', 'b', false],
    ['*a', 'ba', true],
    ['*a', 'ab', false],
    ['*ab', 'aab', true],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'acb', false],
    ['a?c', 'ac', false],
    ['*', 'line\nbreak', true],
    ['PROD', 'prod', true],
  ])('%j for %j', (glob, text, yes) => {
    expect(globMatches(glob, text)).toBe(yes)
  })

  it.each(Array.from('.+^${}()|[]\\/-,:#&'))('%s stands for itself', (sign) => {
    expect(globMatches(`a${sign}b`, `a${sign}b`)).toBe(true)
    expect(globMatches(`a${sign}b`, 'axb')).toBe(false)
    expect(globMatches(`a${sign}b`, 'ab')).toBe(false)
    expect(globMatches(`${sign}*`, `${sign}x`)).toBe(true)
    expect(globMatches(`${sign}*`, 'x')).toBe(false)
  })

  it('answers for a tag that was written to keep it busy', () => {
    expect(globMatches('*a*a*a*a*a*a*a*a*b', 'a'.repeat(256))).toBe(false)
    expect(globMatches(`${'*'.repeat(200)}b`, 'a'.repeat(256))).toBe(false)
  })

  /** As simple as can be: try everything. */
  const matches = (glob: string, text: string): boolean => {
    if (glob === '') return text === ''
    const [first, rest] = [glob.charAt(0), glob.slice(1)]
    if (first === '*') return matches(rest, text) || (text !== '' && matches(glob, text.slice(1)))
    return text !== '' && (first === '?' || first === text.charAt(0)) && matches(rest, text.slice(1))
  }

  it('agrees with a matcher that tries everything', () => {
    const glob = fc.stringMatching(/^[ab.*?]{0,9}$/)
    const text = fc.stringMatching(/^[ab.]{0,9}$/)
    fc.assert(
      fc.property(glob, text, (pattern, given) => {
        expect(globMatches(pattern, given)).toBe(matches(pattern, given))
      }),
      { numRuns: 20_000 },
    )
  })
})

const globs = fc.array(fc.constantFrom('*', 'vm-*', 'db-?', 'prod', 'dev', 'rg-*', 's1'), { maxLength: 2 })
const port = fc.constantFrom<Port>(tcp(22), tcp(3389), { number: 53, protocol: 'udp' })
const groups = fc.subarray(['SDEV', 'SOPS'])
const vmMatch = fc.record(
  {
    name: globs,
    resourceGroup: globs,
    subscription: globs,
    tags: fc.dictionary(fc.constantFrom('env', 'Tier'), globs),
  },
  { requiredKeys: [] },
)
const requesterMatch = fc.record({ users: fc.subarray(['UALICE', 'UBOB']), groups }, { requiredKeys: [] })
const portsMatch = fc.record({ ports: fc.array(port, { minLength: 1, maxLength: 3 }) }, { requiredKeys: [] })

const toRule = (
  [given, approvals, maxDurationMs]: readonly [
    Pick<Match, 'vm' | 'requester'> & { portsMatch: Pick<Match, 'ports'> },
    number,
    number,
  ],
  index: number,
): PolicyRule =>
  rule(
    `rule ${index}`,
    { vm: given.vm, requester: given.requester, ...given.portsMatch },
    { approvals, maxDurationMs },
  )

const within = (list: readonly string[] | undefined, values: readonly string[]) =>
  !list || values.some((value) => list.some((glob) => globMatches(glob, value)))
/** The matchers once more, as one plain condition. */
const holds = ({ match }: PolicyRule, one: Subject): boolean => {
  const lower = new Map(Object.entries(one.vm.tags).map(([key, value]) => [key.toLowerCase(), value]))
  const { users: named, groups: listed } = match.requester
  return (
    within(match.vm.name, [one.vm.name]) &&
    within(match.vm.resourceGroup, [one.vm.resourceGroup]) &&
    within(match.vm.subscription, [one.vm.subscriptionId, one.vm.subscriptionName]) &&
    Object.entries(match.vm.tags ?? {}).every(([key, list]) => {
      const value = lower.get(key.toLowerCase())
      return value !== undefined && within(list, [value])
    }) &&
    ((!named && !listed) ||
      (named ?? []).includes(one.requester.userId) ||
      (listed ?? []).some((group) => one.groups.includes(group))) &&
    (!match.ports ||
      one.ports.every((asked) =>
        match.ports?.some((p) => p.number === asked.number && p.protocol === asked.protocol),
      ))
  )
}

describe('any policy and any request', () => {
  const matchOf = fc.record({ vm: vmMatch, requester: requesterMatch, portsMatch })
  const rules = fc
    .array(fc.tuple(matchOf, fc.nat(2), fc.constantFrom(hour, 2 * hour)), { maxLength: 5 })
    .map((drawn) => drawn.map(toRule))
  const about = fc
    .record({
      requester: fc.constantFrom('UALICE', 'UBOB', 'UCAROL').map(person),
      groups,
      vm: fc
        .record({
          name: fc.constantFrom('vm-1', 'db-1', 'other'),
          resourceGroup: fc.constantFrom('rg-shop', 'shop'),
          subscriptionName: fc.constantFrom('prod', 'dev'),
          tags: fc.dictionary(fc.constantFrom('ENV', 'tier', 'x'), fc.constantFrom('prod', 'dev', '')),
        })
        .map(vm),
      ports: fc.array(port, { minLength: 1, maxLength: 2 }),
      durationMs: fc.constantFrom(0, 1, hour, hour + 1, 2 * hour, 3 * hour, Number.NaN),
    })
    .map(subject)

  it('is decided by the first rule whose conditions hold, and by nothing else', () => {
    fc.assert(
      fc.property(rules, about, (all, one) => {
        const decided = evaluate(policy(all), one)
        const first = all.find((candidate) => holds(candidate, one))
        const yes = first !== undefined && one.durationMs > 0 && one.durationMs <= first.terms.maxDurationMs
        expect(decided.terms).toEqual(yes ? first.terms : null)
        expect(decided.outcome).toBe(
          !yes ? 'deny' : first.terms.stages.length > 0 ? 'needs approval' : 'allow',
        )
      }),
      { numRuns: 3_000 },
    )
  })

  it('gets the same answer each time, with every rule in the explanation, in order', () => {
    fc.assert(
      fc.property(rules, about, (all, one) => {
        const decided = evaluate(policy(all), one)
        expect(evaluate(policy(all), one)).toEqual(decided)
        expect(decided.tree.children.map(({ check }) => check)).toEqual(all.map(({ name }) => name))
        expect(decided.tree.result).toBe(decided.outcome === 'deny' ? 'no' : 'yes')
        const yes = decided.tree.children.filter(({ result }) => result === 'yes').map(({ check }) => check)
        expect(yes).toEqual(decided.terms ? [decided.terms.rule] : [])
      }),
    )
  })
})

describe('the groups to ask the directory about', () => {
  it('are those of requesters and of approvers, each once', () => {
    const all = [
      rule('a', { requester: { groups: ['S1', 'S2'] } }, { approvers: { users: [], groups: ['S2', 'S3'] } }),
      rule('b', {}, { approvers: { users: ['U1'], groups: [] } }),
    ]
    expect(groupsNamed(policy(all))).toEqual(['S1', 'S2', 'S3'])
  })
})

describe('an Azure role', () => {
  const strict = rule('strict', { azureRole: 'Owner' })
  const asked = (azureRoles?: Subject['azureRoles']) => answer([strict], azureRoles ? { azureRoles } : {})

  it.each([
    ['held', 'needs approval', 'yes', 'they hold Owner on this VM'],
    ['not held', 'deny', 'no', 'they do not hold Owner on this VM'],
    ['denied', 'deny', 'no', 'a deny assignment takes Owner away from them on this VM'],
  ] as const)('that is %s: %s', (known, outcome, result, because) => {
    const given = asked(new Map([['Owner', known]]))
    expect(given.outcome).toBe(outcome)
    expect(lines(given.tree)).toContain(`${result}: the requester’s Azure role (${because})`)
  })

  it.each([
    ['nothing is known', undefined],
    ['another role is known', new Map([['Contributor', 'held']] as const)],
  ])('grants nothing when %s', (_, known) => {
    const given = asked(known)
    expect(given.outcome).toBe('deny')
    expect(lines(given.tree)).toContain('no: the requester’s Azure role (whether they hold Owner on this VM')
    expect(lines(given.tree)).toContain('is not known')
  })

  it.each([new Map([['Owner', 'held']] as const), new Map([['Owner', 'denied']] as const), undefined])(
    'decides alike with and without words (%#)',
    (azureRoles) => {
      const about = subject(azureRoles ? { azureRoles } : {})
      const given = policy([strict, rule('kind', { vm: { name: ['db-*'] } })])
      const { outcome, terms: decided } = evaluate(given, about)
      expect(judge(given, about)).toEqual({ outcome, terms: decided })
    },
  )

  it('and Entra groups are those that are asked about, each once', () => {
    const given = policy(
      [
        rule('a', { azureRole: 'Owner', requester: { entraGroups: ['g1', 'g2'] } }),
        rule('b', { azureRole: 'Owner', not: { requester: { entraGroups: ['g2', 'g3'] } } }),
        rule('c', { azureRole: 'Reader' }),
      ],
      [{ name: 'd', match: { vm: {}, requester: { entraGroups: ['g4'] } } }],
    )
    expect(azureRolesNamed(given)).toEqual(['Owner', 'Reader'])
    expect(entraGroupsNamed(given).toSorted()).toEqual(['g1', 'g2', 'g3', 'g4'])
  })
})
