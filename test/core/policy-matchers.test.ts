import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import { judge } from '../../src/core/pick.ts'
import type { Match, Quota, Reason, ReasonNeed, Subject, Usage } from '../../src/core/policy.ts'
import { policy, subject, vm } from '../support/cases.ts'
import { refusal, rule } from '../support/policies.ts'

const minute = 60_000
type About = Partial<Subject>

/** Whether a rule with this match grants, and whether a refusal with this match refuses. */
function does(match: Partial<Match>, about: About = {}): string {
  const asked = subject(about)
  const grants = judge(policy([rule('r', match)]), asked).outcome !== 'deny'
  const refuses = judge(policy([rule('any')], [refusal('d', match)]), asked).outcome === 'deny'
  return [...(grants ? ['grants'] : []), ...(refuses ? ['refuses'] : [])].join(', ') || 'neither'
}
const ofVm = (but: Parameters<typeof vm>[0]): About => ({ vm: vm(but) })
const from = (address: string, learnt: 'typed' | 'remembered' = 'typed'): About => ({
  source: { address, learnt },
})
const both = 'grants, refuses'
/** Not known: no rule grants by it, and every refusal refuses by it. */
const unknown = 'refuses'

describe('what a rule asks of the VM', () => {
  it.each<[string, Partial<Match>, About, string]>([
    ['its tenant', { vm: { tenant: ['t-*'] } }, ofVm({ tenantId: 'T-1' }), both],
    ['another tenant', { vm: { tenant: ['t-*'] } }, ofVm({ tenantId: 'x' }), 'neither'],
    ['a tenant that is not known', { vm: { tenant: ['*'] } }, ofVm({}), unknown],
    ['its region', { vm: { region: ['west*'] } }, ofVm({ location: 'WestEurope' }), both],
    ['another region', { vm: { region: ['west*'] } }, ofVm({ location: 'eastus' }), 'neither'],
    ['its operating system', { vm: { os: ['linux'] } }, ofVm({ os: 'linux' }), both],
    ['one of two operating systems', { vm: { os: ['linux', 'windows'] } }, ofVm({ os: 'windows' }), both],
    ['the other operating system', { vm: { os: ['linux'] } }, ofVm({ os: 'windows' }), 'neither'],
    [
      'an operating system that is not known',
      { vm: { os: ['linux', 'windows'] } },
      ofVm({ os: null }),
      unknown,
    ],
  ])('%s', (_, match, about, expected) => {
    expect(does(match, about)).toBe(expected)
  })
})

const excluding = (given: NonNullable<Match['not']>): Partial<Match> => ({ not: given })

describe('what a rule excludes', () => {
  it.each<[string, NonNullable<Match['not']>, About, string]>([
    ['a name that the VM has', { vm: { name: ['vm-*'] } }, {}, 'neither'],
    ['a name that it has not', { vm: { name: ['db-*'] } }, {}, both],
    ['a tag that it has', { vm: { tags: { env: ['prod'] } } }, ofVm({ tags: { ENV: 'prod' } }), 'neither'],
    ['a tag that it has not', { vm: { tags: { env: ['prod'] } } }, ofVm({ tags: {} }), both],
    [
      'one of two things that it has',
      { vm: { name: ['db-*'], os: ['windows'] } },
      ofVm({ os: 'windows' }),
      'neither',
    ],
    ['an operating system that is not known', { vm: { os: ['windows'] } }, ofVm({ os: null }), unknown],
    ['a tenant that is not known', { vm: { tenant: ['t1'] } }, ofVm({}), unknown],
    ['the person', { requester: { users: ['UALICE'] } }, {}, 'neither'],
    ['somebody else', { requester: { users: ['UBOB'] } }, {}, both],
    ['a group that they are in', { requester: { groups: ['SDEV'] } }, { groups: ['SDEV'] }, 'neither'],
    ['an Entra group that may be theirs', { requester: { entraGroups: ['e1'] } }, {}, unknown],
    ['an Entra group that is not theirs', { requester: { entraGroups: ['e1'] } }, { entraGroups: [] }, both],
    ['the range that the address is in', { source: { within: ['81.2.69.0/24'] } }, {}, 'neither'],
    ['another range', { source: { within: ['9.0.0.0/8'] } }, {}, both],
    ['a part of the range', { source: { within: ['81.2.69.0/24'] } }, from('81.2.0.0/16'), unknown],
    ['an address that was typed', { source: { kind: ['typed'] } }, {}, 'neither'],
  ])('%s', (_, given, about, expected) => {
    expect(does(excluding(given), about)).toBe(expected)
  })
})

describe('Entra groups of the requester', () => {
  const match = { requester: { users: ['UBOB'], entraGroups: ['e1', 'e2'] } }
  it.each<[string, About, string]>([
    ['one that they are in', { entraGroups: ['e2'] }, both],
    ['none that they are in', { entraGroups: ['e3'] }, 'neither'],
    ['no group at all', { entraGroups: [] }, 'neither'],
    ['groups that are not known', { entraGroups: null }, unknown],
  ])('%s', (_, about, expected) => {
    expect(does(match, about)).toBe(expected)
  })

  it('are not looked at for somebody who is named', () => {
    expect(does({ requester: { users: ['UALICE'], entraGroups: ['e1'] } }, { entraGroups: null })).toBe(both)
    expect(does({ requester: { groups: ['SDEV'], entraGroups: ['e1'] } }, { groups: ['SDEV'] })).toBe(both)
  })
})

describe('Slack groups of the requester that could not be read', () => {
  const off = { groups: ['SDEV'], unknownGroups: ['SOFF'] }
  it.each<[string, Partial<Match>, About, string]>([
    ['fit no rule that grants, and every refusal', { requester: { groups: ['SOFF'] } }, off, unknown],
    ['fit no rule that leaves them out', { not: { requester: { groups: ['SOFF'] } } }, off, unknown],
    ['make no difference in another group', { requester: { groups: ['SOFF', 'SDEV'] } }, off, both],
    ['make no difference where they are not named', { requester: { groups: ['SOPS'] } }, off, 'neither'],
    ['nor to who is named', { requester: { users: ['UALICE'], groups: ['SOFF'] } }, off, both],
    [
      'leave open what Entra says no to',
      { requester: { groups: ['SOFF'], entraGroups: ['e1'] } },
      { ...off, entraGroups: [] },
      unknown,
    ],
    [
      'make no difference to who is in the Entra group',
      { requester: { groups: ['SOFF'], entraGroups: ['e1'] } },
      { ...off, entraGroups: ['e1'] },
      both,
    ],
  ])('%s', (_, match, about, expected) => {
    expect(does(match, about)).toBe(expected)
  })
})

describe('groups of the requester that Entra does not know', () => {
  const gone = { entraGroups: ['e1'], unknownEntraGroups: ['e9'] }
  it.each<[string, Partial<Match>, About, string]>([
    ['fit no rule that grants, and every refusal', { requester: { entraGroups: ['e9'] } }, gone, unknown],
    ['fit no rule that leaves them out', { not: { requester: { entraGroups: ['e9'] } } }, gone, unknown],
    ['make no difference in another group', { requester: { entraGroups: ['e9', 'e1'] } }, gone, both],
    ['make no difference where they are not named', { requester: { entraGroups: ['e2'] } }, gone, 'neither'],
    ['nor to who is named', { requester: { users: ['UALICE'], entraGroups: ['e9'] } }, gone, both],
  ])('%s', (_, match, about, expected) => {
    expect(does(match, about)).toBe(expected)
  })
})

describe('where the request comes from', () => {
  it.each<[string, string[], string, string]>([
    ['the range itself', ['81.2.69.0/24'], '81.2.69.0/24', both],
    ['its first address', ['81.2.69.0/24'], '81.2.69.0', both],
    ['its last address', ['81.2.69.0/24'], '81.2.69.255', both],
    ['the address before it', ['81.2.69.0/24'], '81.2.68.255', 'neither'],
    ['the address after it', ['81.2.69.0/24'], '81.2.70.0', 'neither'],
    ['a range inside it', ['81.2.0.0/16'], '81.2.69.0/24', both],
    ['a range around it', ['81.2.69.0/24'], '81.2.0.0/16', unknown],
    ['a range around it with its base inside', ['81.2.69.0/24'], '81.2.69.0/16', unknown],
    ['the one address of a range that is named as an address', ['81.2.69.142'], '81.2.69.142/32', both],
    ['a range beside it', ['81.2.69.0/24'], '81.3.0.0/16', 'neither'],
    ['one of several ranges', ['9.0.0.0/8', '81.2.69.142/32'], '81.2.69.142', both],
    ['around one and inside another', ['81.2.69.0/24', '81.0.0.0/8'], '81.2.0.0/16', both],
    ['IPv6', ['2a00:1450::/32'], '2a00:1450:4001::1', both],
    ['the other family', ['0.0.0.0/0'], '2a00:1450::1', 'neither'],
    ['the other family again', ['::/0'], '81.2.69.142', 'neither'],
    ['an address that cannot be read', ['0.0.0.0/0'], 'nonsense', unknown],
    ['no address', ['0.0.0.0/0'], '', unknown],
  ])('%s', (_, within, address, expected) => {
    expect(does({ source: { within } }, from(address))).toBe(expected)
  })

  it('tells what was typed from what was given before', () => {
    expect(does({ source: { kind: ['typed'] } }, from('81.2.69.142', 'typed'))).toBe(both)
    expect(does({ source: { kind: ['typed'] } }, from('81.2.69.142', 'remembered'))).toBe('neither')
    expect(does({ source: { kind: ['remembered', 'typed'] } }, from('81.2.69.142', 'remembered'))).toBe(both)
  })
})

describe('how long is asked for', () => {
  it.each<[string, NonNullable<Match['duration']>, number, string]>([
    ['exactly the least', { atLeastMs: 30 * minute }, 30 * minute, both],
    ['a moment less', { atLeastMs: 30 * minute }, 30 * minute - 1, 'neither'],
    ['exactly the most', { atMostMs: 30 * minute }, 30 * minute, both],
    ['a moment more', { atMostMs: 30 * minute }, 30 * minute + 1, 'neither'],
    ['between', { atLeastMs: 10 * minute, atMostMs: 30 * minute }, 20 * minute, both],
    ['both at once', { atLeastMs: 30 * minute, atMostMs: 30 * minute }, 30 * minute, both],
  ])('%s', (_, duration, durationMs, expected) => {
    expect(does({ duration }, { durationMs })).toBe(expected)
  })

  it('lets the next rule decide, as the longest time of a rule does not', () => {
    const rules = [rule('short', { duration: { atMostMs: 15 * minute } }), rule('long')]
    expect(judge(policy(rules), subject({ durationMs: 16 * minute })).terms?.rule).toBe('long')
    const limited = [rule('short', {}, { maxDurationMs: 15 * minute }), rule('long')]
    expect(judge(policy(limited), subject({ durationMs: 16 * minute })).outcome).toBe('deny')
  })
})

const used = (byPerson: number, byVm: number, ofRule: number): Usage => ({
  byPerson,
  ofVm: byVm,
  ofRule,
})

const byQuota = (quota: Quota, usage: Usage | null) => {
  const rules = [{ ...rule('by itself', {}, { approvals: 0 }), quota }, rule('somebody agrees')]
  const counted = new Map(usage ? [['by itself', usage]] : [])
  return judge(policy(rules), subject({ usage: counted })).outcome
}

describe('a quota', () => {
  it.each<[string, Quota, Usage | null, string]>([
    ['is left', { perPerson: 3 }, used(2, 9, 9), 'allow'],
    ['is used up by this person', { perPerson: 3 }, used(3, 0, 0), 'needs approval'],
    ['is used up for this VM', { perVm: 1 }, used(0, 1, 0), 'needs approval'],
    ['is used up for the rule', { perRule: 2 }, used(0, 0, 2), 'needs approval'],
    [
      'is left in one way and used up in another',
      { perPerson: 3, perRule: 5 },
      used(0, 0, 5),
      'needs approval',
    ],
    ['of none', { perPerson: 0 }, used(0, 0, 0), 'needs approval'],
    ['that nobody counted', { perPerson: 3 }, null, 'needs approval'],
    ['that does not exist', {}, null, 'allow'],
  ])('that %s', (_, quota, usage, expected) => {
    expect(byQuota(quota, usage)).toBe(expected)
  })

  it('says how much of it is used', () => {
    const rules = [{ ...rule('by itself', {}, { approvals: 0 }), quota: { perPerson: 3 } }]
    const because = (usage: Subject['usage']) =>
      evaluate(policy(rules), subject({ usage })).tree.children[0]?.because
    expect(because(new Map([['by itself', used(3, 0, 0)]]))).toBe(
      'the quota for this person: 3 of 3 in the last 24 hours are used',
    )
    expect(because(new Map())).toBe('the quota for this person: how many were given is not known')
  })
})

const byReason = (need: ReasonNeed, reason: string | null) =>
  evaluate(policy([{ ...rule('r'), reason: need }]), subject({ reason }))

describe('the reason that a rule wants', () => {
  const ticket: ReasonNeed = {
    kind: 'pattern',
    globs: ['INC-????*', '*CHG-*'],
    help: 'name the ticket: INC-1234',
  }
  it.each<[string, ReasonNeed, string | null, boolean]>([
    ['none, and none is given', { kind: 'optional' }, null, true],
    ['any, and one is given', { kind: 'required' }, 'x', true],
    ['any, and none is given', { kind: 'required' }, null, false],
    ['any, and it is blank', { kind: 'required' }, ' \t', false],
    ['any, and it is a number', { kind: 'required' }, '7', true],
    ['any, and it is in another script', { kind: 'required' }, '障害', true],
    ['any, and it is a point', { kind: 'required' }, '.', false],
    ['any, and its letters show nothing', { kind: 'required' }, '\u3164\u115f \u1160\uffa0', false],
    ['a ticket by any text, and it shows nothing', { ...ticket, globs: ['*'] }, '\u3164', false],
    ['a ticket, and it is named', ticket, 'inc-1234 disk full', true],
    ['a ticket, and another kind is named', ticket, 'see chg-7', true],
    ['a ticket, and none is named', ticket, 'disk full', false],
    ['a ticket, and nothing is given', ticket, null, false],
  ])('%s', (_, need, reason, yes) => {
    expect(byReason(need, reason).outcome).toBe(yes ? 'needs approval' : 'deny')
  })

  it('is told to whoever says something else, in the operator’s own words', () => {
    expect(byReason(ticket, 'disk full').tree.because).toBe(
      'the rule “r” applies, but the reason: name the ticket: INC-1234',
    )
    expect(byReason({ kind: 'required' }, null).tree.because).toBe(
      'the rule “r” applies, but the reason: none is given; say why after “because”',
    )
    expect(byReason({ kind: 'required' }, '...').tree.because).toBe(
      'the rule “r” applies, but the reason: it has no letter and no digit; say why after “because”',
    )
  })

  it('that is missing is no reason to look at the next rule', () => {
    const rules = [{ ...rule('strict'), reason: { kind: 'required' } as const }, rule('kind')]
    expect(judge(policy(rules), subject({ reason: null })).outcome).toBe('deny')
  })
})

const refused = (deny: ReturnType<typeof refusal>[], about: About = {}) =>
  evaluate(policy([rule('any', {}, { approvals: 0 })], deny), subject(about))

const child = (tree: Reason) => tree.children[0]

describe('a refusal', () => {
  it('beats a rule that allows, and says which one did', () => {
    const given = refused([refusal('it is a database', { vm: { name: ['vm-*'] } })])
    expect(given).toMatchObject({ outcome: 'deny', terms: null })
    expect(given.tree.because).toBe('access is refused if it is a database')
    expect(child(given.tree)).toMatchObject({
      check: 'no refusal applies',
      result: 'no',
      because: 'this refusal applies: “it is a database”',
    })
    expect(given.tree.children[1]).toMatchObject({ result: 'skipped', because: 'a refusal decided' })
  })

  it('that does not apply is in the explanation and changes nothing', () => {
    const given = refused([refusal('it is a database', { vm: { name: ['db-*'] } })])
    expect(given.outcome).toBe('allow')
    expect(child(given.tree)).toMatchObject({ result: 'yes', because: 'none of them applies' })
    expect(child(given.tree)?.children[0]).toMatchObject({ check: 'it is a database', result: 'no' })
  })

  it('applies to what is not known, and says so', () => {
    const given = refused([refusal('it runs Windows', { vm: { os: ['windows'] } })], ofVm({ os: null }))
    expect(given.outcome).toBe('deny')
    expect(child(given.tree)?.children[0]?.children[0]).toEqual({
      check: 'its operating system',
      result: 'yes',
      because: 'its operating system is not known',
      children: [],
    })
  })

  it('that names some of the ports refuses a request for more of them', () => {
    const ports = [22, 3389].map((number) => ({ number, protocol: 'tcp' as const }))
    expect(refused([refusal('ssh', { ports: ports.slice(0, 1) })], { ports }).outcome).toBe('deny')
  })
})
