import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/evaluate.ts'
import type { Match, Subject } from '../../src/core/policy.ts'
import { clock, policy, subject, vm } from '../support/cases.ts'
import { rule, tcp } from '../support/policies.ts'

const minute = 60_000
const hour = 60 * minute
type About = Partial<Subject>

/** What the explanation says of the one thing that a rule asks. */
function words(match: Partial<Match>, about: About = {}): string[] {
  const { tree } = evaluate(policy([rule('r', match)]), subject(about))
  return (tree.children[0]?.children ?? [])
    .filter(({ check }) => check !== 'the duration')
    .map(({ check, result, because }) => `${result}: ${check}: ${because}`)
}
const of = (but: Parameters<typeof vm>[0]): About => ({ vm: vm(but) })
const from = (address: string, learnt: 'typed' | 'remembered' = 'typed'): About => ({
  source: { address, learnt },
})
const office = { hours: { from: 9 * 60, to: 10 * 60 }, zone: 'UTC' }

describe('what the explanation says of each thing that a rule asks', () => {
  it.each<[Partial<Match>, About, string]>([
    [
      { vm: { name: ['VM-*', 'db'] } },
      of({ name: 'VM-One' }),
      'yes: the VM’s name: VM-One is among VM-*, db',
    ],
    [
      { vm: { resourceGroup: ['rg-x'] } },
      of({ resourceGroup: 'RG-Shop' }),
      'no: its resource group: RG-Shop is not among rg-x',
    ],
    [
      { vm: { subscription: ['shop'] } },
      of({ subscriptionName: 'Shop' }),
      'yes: its subscription: Shop is among shop',
    ],
    [
      { vm: { subscription: ['s2'] } },
      of({ subscriptionName: '', subscriptionId: 'S1' }),
      'no: its subscription: S1 is not among s2',
    ],
    [
      { vm: { subscription: ['s1'] } },
      of({ subscriptionName: 'x', subscriptionId: 'S1' }),
      'yes: its subscription: x is among s1',
    ],
    [{ vm: { tenant: ['t-1'] } }, of({ tenantId: 'T-1' }), 'yes: its tenant: T-1 is among t-1'],
    [{ vm: { tenant: ['t-1'] } }, {}, 'no: its tenant: its tenant is not known'],
    [{ vm: { region: ['east*'] } }, of({ location: 'EastUS' }), 'yes: its region: EastUS is among east*'],
    [{ vm: { os: ['linux', 'windows'] } }, {}, 'yes: its operating system: windows is among linux, windows'],
    [{ vm: { os: ['linux'] } }, {}, 'no: its operating system: windows is not among linux'],
    [
      { vm: { os: ['linux'] } },
      of({ os: null }),
      'no: its operating system: its operating system is not known',
    ],
    [
      { vm: { tags: { Env: ['Prod'] } } },
      of({ tags: { ENV: 'PROD' } }),
      'yes: its tag Env: PROD is among Prod',
    ],
    [
      { vm: { tags: { env: ['prod'] } } },
      of({ tags: { env: '' } }),
      'no: its tag env: nothing is not among prod',
    ],
    [{ vm: { tags: { env: ['prod'] } } }, of({ tags: {} }), 'no: its tag env: the VM has no such tag'],
    [{ requester: { groups: ['S1', 'S2'] } }, { groups: ['S2'] }, 'yes: the requester: in the group S2'],
    [
      { requester: { entraGroups: ['e1', 'e2'] } },
      { entraGroups: ['e2'] },
      'yes: the requester: in the group e2',
    ],
    [
      { requester: { entraGroups: ['e1'] } },
      { entraGroups: null },
      'no: the requester: whether they are in one of its Entra groups is not known',
    ],
    [
      { requester: { groups: ['S1', 'S2'] } },
      { unknownGroups: ['S2', 'S9'] },
      'no: the requester: the group S2 could not be read in Slack, so whether they are in it is not known',
    ],
    [
      { not: { requester: { groups: ['S1', 'S2'] } } },
      { unknownGroups: ['S1', 'S2'] },
      'no: not: the requester: the groups S1, S2 could not be read in Slack, so whether they are in one of them is not known',
    ],
    [
      { requester: { entraGroups: ['e1', 'e2'] } },
      { entraGroups: [], unknownEntraGroups: ['e2', 'e9'] },
      'no: the requester: Entra does not know the group e2, so whether they are in it is not known',
    ],
    [
      { not: { requester: { entraGroups: ['e1', 'e2'] } } },
      { entraGroups: [], unknownEntraGroups: ['e1', 'e2'] },
      'no: not: the requester: Entra does not know the groups e1, e2, so whether they are in one of them is not known',
    ],
    [
      { requester: { users: ['UBOB'], entraGroups: ['e1'] } },
      { entraGroups: ['e2'] },
      'no: the requester: neither named in the rule nor in one of its groups',
    ],
    [
      { ports: [tcp(22)] },
      { ports: [tcp(22), tcp(80)] },
      'no: the ports: 22/tcp, 80/tcp is only in part within 22/tcp',
    ],
    [
      { ports: [tcp(22), tcp(443)] },
      { ports: [tcp(22)] },
      'yes: the ports: 22/tcp is within 22/tcp, 443/tcp',
    ],
    [{ source: { kind: ['typed'] } }, {}, 'yes: how the address is known: it was typed'],
    [
      { source: { kind: ['typed'] } },
      from('81.2.69.142', 'remembered'),
      'no: how the address is known: it was given before',
    ],
    [
      { source: { within: ['81.2.69.0/24', '9.0.0.0/8'] } },
      {},
      'yes: the address: 81.2.69.142 is among 81.2.69.0/24, 9.0.0.0/8',
    ],
    [{ source: { within: ['9.0.0.0/8'] } }, {}, 'no: the address: 81.2.69.142 is not among 9.0.0.0/8'],
    [{ source: { within: ['9.0.0.0/8'] } }, from(''), 'no: the address: the address is not known'],
    [
      { time: office },
      {},
      'yes: the time: Monday 09:00 to Monday 09:30 is within every day 09:00 to 10:00 (UTC)',
    ],
    [
      { time: office },
      { startsAt: clock('09:45') },
      'no: the time: Monday 09:45 to Monday 10:15 is only in part within every day 09:00 to 10:00 (UTC)',
    ],
    [
      { time: office },
      { startsAt: clock('12:00') },
      'no: the time: Monday 12:00 to Monday 12:30 is not within every day 09:00 to 10:00 (UTC)',
    ],
    [{ duration: { atLeastMs: 20 * minute } }, {}, 'yes: how long: 30 min is at least 20 min'],
    [{ duration: { atMostMs: 20 * minute } }, {}, 'no: how long: 30 min is not at most 20 min'],
    [
      { duration: { atLeastMs: hour, atMostMs: 2 * hour } },
      {},
      'no: how long: 30 min is not at least 1 h and at most 2 h',
    ],
    [{ not: { vm: { name: ['vm-*'] } } }, {}, 'no: not: the VM’s name: vm-jump01 is among vm-*'],
    [{ not: { vm: { name: ['db'] } } }, {}, 'yes: not: the VM’s name: vm-jump01 is not among db'],
    [
      { not: { requester: { entraGroups: ['e1'] } } },
      {},
      'no: not: the requester: whether they are in one of its Entra groups is not known',
    ],
    [
      { not: { time: office } },
      { startsAt: clock('12:00') },
      'yes: not: the time: Monday 12:00 to Monday 12:30 is not within every day 09:00 to 10:00 (UTC)',
    ],
    [
      { not: { time: office } },
      {},
      'no: not: the time: Monday 09:00 to Monday 09:30 is within every day 09:00 to 10:00 (UTC)',
    ],
    [
      { not: { source: { within: ['81.0.0.0/8'] } } },
      {},
      'no: not: the address: 81.2.69.142 is among 81.0.0.0/8',
    ],
  ])('%j, %j: %s', (match, about, expected) => {
    expect(words(match, about)).toEqual([expected])
  })

  it('is nothing where a rule asks nothing', () => {
    expect(words({})).toEqual([])
    expect(words({ not: {} })).toEqual([])
    expect(words({ source: {} })).toEqual([])
  })

  it('stands in the order in which it is asked', () => {
    const match: Match = {
      vm: {
        name: ['*'],
        resourceGroup: ['*'],
        subscription: ['*'],
        tenant: ['*'],
        region: ['*'],
        os: [],
        tags: { a: ['*'] },
      },
      requester: { users: [] },
      ports: [tcp(22)],
      source: { kind: ['typed'], within: ['0.0.0.0/0'] },
      duration: { atMostMs: hour },
      not: { vm: { os: [] }, requester: { users: [] }, source: { kind: [] }, time: office },
      time: office,
      azureRole: 'Owner',
    }
    expect(words(match).map((line) => line.replace(/^\w+: (not: )?([^:]*):.*/, '$1$2'))).toEqual([
      'the VM’s name',
      'its resource group',
      'its subscription',
      'its tenant',
      'its region',
      'its operating system',
      'its tag a',
      'the requester',
      'the ports',
      'how the address is known',
      'the address',
      'how long',
      'not: its operating system',
      'not: the requester',
      'not: how the address is known',
      'the time',
      'not: the time',
      'the requester’s Azure role',
    ])
  })
})

const grants = (within: readonly string[], address: string) =>
  evaluate(policy([rule('r', { source: { within } })]), subject(from(address))).outcome !== 'deny'

describe('a range that a rule names', () => {
  it.each<[string[], string, boolean]>([
    [['81.2.69.142'], '81.2.69.142', true],
    [['81.2.69.142'], '81.2.69.143', false],
    [['2a00::1'], '2a00::1', true],
    [['2a00::1'], '2a00::2', false],
    [['nonsense', '81.2.69.142'], '81.2.69.142', true],
    [['nonsense'], '81.2.69.142', false],
    [['2a00::/16', '81.2.69.0/24'], '81.2.69.142', true],
  ])('%j, from %s: %s', (within, address, yes) => {
    expect(grants(within, address)).toBe(yes)
  })
})
