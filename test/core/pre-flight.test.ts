import { describe, expect, test } from 'vitest'
import type { AdminRule, Around, Flight, GroupFacts, Known } from '../../src/core/around.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import { type PreFlight, preFlight } from '../../src/core/pre-flight.ts'
import { vm } from '../support/cases.ts'

const is = <T>(value: T): Known<T> => ({ known: true, value })
const unknown = { known: false, why: 'no right' } as const
const nic = '/subscriptions/s/resourcegroups/rg/providers/microsoft.network/networksecuritygroups/nsg-nic'
const subnet = nic.replace('nsg-nic', 'nsg-subnet')

const rule = (name: string, changes: Partial<LiveRule> = {}): LiveRule => ({
  name,
  description: '',
  priority: 500,
  direction: 'Inbound',
  access: 'Allow',
  sources: ['*'],
  destinations: ['*'],
  ports: ['3389'],
  protocol: 'Tcp',
  provisioning: 'Succeeded',
  ...changes,
})
const group = (changes: Partial<GroupFacts> = {}, nsgId = nic): GroupFacts => ({
  hop: {
    nsgId,
    attachedTo: nsgId === nic ? 'network interface' : 'subnet',
    destinations: ['10.0.0.4'],
  },
  rules: is([]),
  taken: new Set(),
  locks: is([]),
  denials: is([]),
  ...changes,
})
const around = (changes: Partial<Around> = {}): Around => ({
  groups: [group()],
  power: is('running'),
  virtualNetwork: is(['10.0.0.0/16']),
  adminRules: is([]),
  members: {},
  ...changes,
})
const flight = (changes: Partial<Flight> = {}): Flight => ({
  vm: vm({ name: 'vm-1' }),
  source: '81.2.69.142',
  ports: [{ number: 3389, protocol: 'tcp' }],
  connectTo: '52.1.1.1',
  later: false,
  band: { from: 3000, to: 3499 },
  at: 1000,
  ...changes,
})
const planned = (given: Around, of: Flight = flight()): PreFlight => {
  const answer = preFlight(given, of)
  if (!answer.ok) throw new Error(answer.defeats.map(({ says }) => says).join(' '))
  return answer.preFlight
}
const warnings = (given: Around, of?: Flight) => planned(given, of).warnings.map(({ code }) => code)
const defeats = (given: Around, of: Flight = flight()) => {
  const answer = preFlight(given, of)
  return answer.ok ? [] : answer.defeats.map(({ code }) => code)
}
const admin = (access: AdminRule['access'], changes: Partial<Omit<AdminRule, 'access'>> = {}): AdminRule => ({
  ...rule(`admin-${access}`, { priority: 10, ...changes }),
  access,
})

describe('what was planned', () => {
  test('is one rule in each group, at the first free priority, and nothing to warn of', () => {
    const groups = [group({}, subnet), group({ taken: new Set([3000]) })]
    expect(planned(around({ groups }))).toEqual({
      at: 1000,
      rules: [
        { nsgId: subnet, priority: 3000 },
        { nsgId: nic, priority: 3001 },
      ],
      warnings: [],
    })
  })

  test('names the strongest Deny behind it, and none that is about something else', () => {
    const rules = is([
      rule('other', { access: 'Deny', priority: 3600, ports: ['22'] }),
      rule('late', { access: 'Deny', priority: 4096 }),
      rule('first', { access: 'Deny', priority: 4000 }),
    ])
    expect(planned(around({ groups: [group({ rules })] })).rules).toEqual([
      { nsgId: nic, priority: 3000, inFrontOf: { name: 'first', priority: 4000 } },
    ])
  })

  test.each([
    [112, [], 111],
    [111, [], null],
    [105, [], null],
    [300, [299, 298], 297],
  ])('in front of a Deny at %i, with %j taken, is %s where the policy says so', (priority, taken, free) => {
    const rules = is([
      rule('theirs', { access: 'Deny', priority }),
      rule('behind', { access: 'Deny', priority: 2000 }),
      ...taken.map((at) => rule(`taken-${at}`, { priority: at, ports: ['443'] })),
    ])
    const band = { from: 3000, to: 3499, beatDenies: true }
    const given = around({ groups: [group({ rules })] })
    if (free === null) expect(defeats(given, flight({ band }))).toEqual(['denied by a rule'])
    else
      expect(planned(given, flight({ band })).rules).toEqual([
        { nsgId: nic, priority: free, inFrontOf: { name: 'theirs', priority } },
      ])
    expect(defeats(given)).toEqual(['denied by a rule'])
  })
})

describe('what defeats it', () => {
  const scope = '/subscriptions/s/resourcegroups/rg'
  test.each([
    ['the group', nic, true],
    ['its resource group, in another case', scope.toUpperCase(), true],
    ['the subscription', '/subscriptions/s', true],
    ['a resource group whose name begins alike', '/subscriptions/s/resourcegroups/r', false],
    ['a rule in the group', `${nic}/securityrules/x`, false],
  ])('a lock on %s', (_, at, holds) => {
    const locks = is([{ name: 'keep', level: 'CanNotDelete' as const, scope: at }])
    expect(defeats(around({ groups: [group({ locks })] }))).toEqual(holds ? ['locked'] : [])
  })

  test('everything that does is told at once', () => {
    const locks = is([{ name: 'keep', level: 'ReadOnly' as const, scope }])
    const rules = is([rule('no', { access: 'Deny' })])
    const given = around({
      groups: [group({ locks, rules })],
      adminRules: is([admin('Deny')]),
      power: is('stopped'),
    })
    expect(defeats(given)).toEqual(['locked', 'security admin rule', 'denied by a rule', 'not running'])
  })

  test.each(['stopped', 'stopping', 'deallocated', 'deallocating'])(
    'a VM that is %s, unless it is for later',
    (power) => {
      expect(defeats(around({ power: is(power) }))).toEqual(['not running'])
      expect(warnings(around({ power: is(power) }), flight({ later: true }))).toEqual(['not running'])
    },
  )

  test.each<[string, AdminRule[], string[]]>([
    ['a Deny', [admin('Deny')], ['security admin rule']],
    ['a Deny for other ports', [admin('Deny', { ports: ['22'] })], []],
    ['a Deny for others', [admin('Deny', { sources: ['9.9.9.9'] })], []],
    ['a Deny behind an Allow', [admin('Deny', { priority: 20 }), admin('Allow')], []],
    ['a Deny beside an Allow of the same number', [admin('Allow'), admin('Deny')], ['security admin rule']],
    ['a Deny for outward traffic', [admin('Deny', { direction: 'Outbound' })], []],
  ])('among security admin rules: %s', (_, rules, codes) => {
    expect(defeats(around({ adminRules: is(rules) }))).toEqual(codes)
  })

  test('a Deny for one address of a range, and for one port of several', () => {
    const adminRules = is([admin('Deny', { sources: ['81.2.69.130'], ports: ['22'] })])
    const ports = [3389, 22].map((number) => ({ number, protocol: 'tcp' as const }))
    expect(defeats(around({ adminRules }), flight({ source: '81.2.69.128/28', ports }))).toEqual([
      'security admin rule',
    ])
    expect(defeats(around({ adminRules }), flight({ ports }))).toEqual([])
  })

  test('nothing that is not known', () => {
    const groups = [group({ rules: unknown, locks: unknown, denials: unknown })]
    const given = around({ groups, power: unknown, adminRules: unknown, virtualNetwork: unknown })
    const { rules, warnings: said } = planned(given)
    expect(rules).toEqual([{ nsgId: nic, priority: null }])
    expect(said.map(({ code }) => code)).toEqual(['not known'])
    expect(said[0]?.says).toBe(
      'Azure did not let these be read, so they are not checked: the rules of nsg-nic; locks on nsg-nic; what Azure Policy says of a rule in nsg-nic; whether the VM is running; security admin rules; the addresses of the virtual network',
    )
  })
})

describe('what makes it pointless', () => {
  const open = (...rules: LiveRule[]) => around({ groups: [group({ rules: is(rules) })] })
  test.each<[string, boolean, Around, Partial<Flight>?]>([
    ['a rule for everybody', true, open(rule('all'))],
    ['a rule for that address', true, open(rule('him', { sources: ['81.2.69.0/24'] }))],
    ['a rule for others', false, open(rule('them', { sources: ['9.9.9.9'] }))],
    ['a rule for other ports', false, open(rule('ssh', { ports: ['22'] }))],
    [
      'a rule for half of the range',
      false,
      open(rule('half', { sources: ['81.2.69.128/29'] })),
      { source: '81.2.69.128/28' },
    ],
    [
      'a rule for the whole range',
      true,
      open(rule('all', { sources: ['81.2.69.128/25'] })),
      { source: '81.2.69.128/28' },
    ],
    [
      'a rule of ours, which has an end',
      false,
      open(rule('jit-abc-1790000000', { description: 'jitney request x' })),
    ],
    [
      'a rule in only one of two groups',
      false,
      around({ groups: [group({}, subnet), group({ rules: is([rule('all')]) })] }),
    ],
    [
      'rules in both groups',
      true,
      around({ groups: [group({ rules: is([rule('a')]) }, subnet), group({ rules: is([rule('b')]) })] }),
    ],
    [
      'a group that could not be read',
      false,
      around({ groups: [group({ rules: is([rule('a')]) }, subnet), group({ rules: unknown })] }),
    ],
    [
      'a rule for the application security group of the VM',
      true,
      { ...open(rule('asg', { destinations: ['asg:/web'] })), members: { '/web': ['10.0.0.4'] } },
    ],
    ['a rule for another one', false, open(rule('asg', { destinations: ['asg:/web'] }))],
    ['an address inside the network', true, open(), { source: '10.0.3.3' }],
    ['a security admin rule', true, around({ adminRules: is([admin('AlwaysAllow')]) })],
    [
      'a security admin rule that leaves it to the groups',
      false,
      around({ adminRules: is([admin('Allow')]) }),
    ],
  ])('%s: %s', (_, pointless, given, of = {}) => {
    expect(warnings(given, flight(of)).includes('already open')).toBe(pointless)
  })

  test('the rules of both groups are named, and only the ports that are open', () => {
    const groups = [group({ rules: is([rule('a')]) }, subnet), group({ rules: is([rule('b')]) })]
    const ports = [22, 3389].map((number) => ({ number, protocol: 'tcp' as const }))
    expect(planned(around({ groups }), flight({ ports })).warnings.map(({ says }) => says)).toEqual([
      'Already open without this: 3389/tcp, by a in nsg-subnet and b in nsg-nic. It stays so when this ends, until somebody changes that',
    ])
  })
})
