import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Grounds, type JudgedVm, judgeVm, managementPorts } from '../../src/core/compliance.ts'
import type { VmEntry, VmInterface } from '../../src/core/inventory.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import { ruleAbout } from '../../src/core/policy-about.ts'
import { judgeInbound, passes } from '../../src/core/security-groups.ts'
import { changesSince, kept, standingAccess } from '../../src/core/standing.ts'
import { vm } from '../support/cases.ts'
import { rule as policyRule, refusal, tcp } from '../support/policies.ts'

const nic = (changes: Partial<VmInterface> = {}): VmInterface => ({
  id: '/nics/nic1',
  nsgId: '/nsgs/nic',
  subnetNsgIds: ['/nsgs/subnet'],
  privateAddresses: ['10.20.1.10'],
  publicAddresses: ['52.166.10.10'],
  whole: true,
  ...changes,
})
const entry = (changes: Partial<VmEntry> = {}): VmEntry => ({
  vm: vm({ name: 'vm-1' }),
  interfaces: [nic()],
  power: 'running',
  jit: null,
  ...changes,
})
const rule = (name: string, priority: number, changes: Partial<LiveRule> = {}): LiveRule => ({
  name,
  description: '',
  priority,
  direction: 'Inbound',
  access: 'Allow',
  sources: ['*'],
  destinations: ['*'],
  ports: ['3389'],
  protocol: 'Tcp',
  provisioning: 'Succeeded',
  ...changes,
})
const ports = managementPorts([{ name: 'postgres', ports: [tcp(5432)] }])
type Rules = Readonly<Record<string, readonly LiveRule[] | null>>
const grounds = (rules: Rules, about: string | null = 'a colleague agrees'): Grounds => ({
  rulesOf: (id) => rules[id] ?? null,
  ports,
  ruleAbout: () => about,
})
const judge = (rules: Rules, changes: Partial<VmEntry> = {}, about?: string | null): JudgedVm =>
  judgeVm(entry(changes), grounds(rules, about))
const both = (...rules: readonly LiveRule[]): Rules => ({ '/nsgs/nic': rules, '/nsgs/subnet': rules })
/** `any 3389 by nic/rdp`. */
const shown = ({ exposures }: JudgedVm): string[] =>
  exposures.map(
    ({ breadth, ports: open, rules }) =>
      `${breadth} ${open.map(({ number }) => number).join(' ')} by ${rules.map(({ nsgId, name }) => `${nsgId.slice(6)}/${name}`).join(' ')}`,
  )
const openAll = rule('all', 4000, { ports: ['*'], protocol: '*' })

describe('what stands open on a VM', () => {
  test.each<[string, Rules, string[]]>([
    ['nothing, by the rules that every group has', both(), []],
    ['a rule in both groups', both(rule('rdp', 300)), ['any 3389 by subnet/rdp nic/rdp']],
    ['not what one of the two groups denies', { '/nsgs/nic': [rule('rdp', 300)], '/nsgs/subnet': [] }, []],
    [
      'a different rule in each, by the narrower of the two',
      { '/nsgs/nic': [rule('rdp', 300, { sources: ['Internet'] })], '/nsgs/subnet': [openAll] },
      ['internet 3389 by subnet/all nic/rdp'],
    ],
    [
      'every port that is looked at, together',
      both(openAll),
      ['any 3389 22 5985 5986 5432 by subnet/all nic/all'],
    ],
    ['not behind a stronger deny', both(rule('no', 200, { access: 'Deny' }), rule('rdp', 300)), []],
    [
      'behind a deny of a few',
      both(rule('no', 200, { access: 'Deny', sources: ['9.9.9.0/24'] }), rule('rdp', 300)),
      ['any 3389 by subnet/rdp nic/rdp'],
    ],
    [
      'a deny that goes by the port somebody comes from keeps nobody out',
      both(rule('no', 200, { access: 'Deny', sourcePorts: ['1024-65535'] }), rule('rdp', 300)),
      ['any 3389 by subnet/rdp nic/rdp'],
    ],
    [
      'two halves of the internet',
      both(rule('low', 300, { sources: ['0.0.0.0/1'] }), rule('high', 301, { sources: ['128.0.0.0/1'] })),
      ['wide 3389 by subnet/low subnet/high nic/low nic/high'],
    ],
    [
      'an office',
      both(rule('office', 300, { sources: ['81.2.69.0/24'] })),
      ['narrow 3389 by subnet/office nic/office'],
    ],
    [
      'more than an office',
      both(rule('isp', 300, { sources: ['81.2.68.0/23'] })),
      ['wide 3389 by subnet/isp nic/isp'],
    ],
    [
      'a service tag',
      both(rule('cloud', 300, { sources: ['AzureCloud'] })),
      ['tag 3389 by subnet/cloud nic/cloud'],
    ],
    [
      'no service tag where one group lets only an office in',
      {
        '/nsgs/nic': [rule('cloud', 300, { sources: ['AzureCloud'] })],
        '/nsgs/subnet': [rule('office', 300, { sources: ['81.2.69.0/24'] })],
      },
      [],
    ],
    [
      'nothing from the virtual network or from a load balancer',
      both(rule('in', 300, { sources: ['VirtualNetwork', 'AzureLoadBalancer', '10.0.0.0/8'] })),
      [],
    ],
    [
      'no rule of ours, which has an end',
      both(rule('jit-abc-1790000000', 3000, { description: 'jitney request 1' })),
      [],
    ],
    [
      'a rule that only looks like ours',
      both(rule('jit-abc-1790000000', 3000)),
      ['any 3389 by subnet/jit-abc-1790000000 nic/jit-abc-1790000000'],
    ],
    ['no grant of Defender’s', both(rule('MicrosoftDefenderForCloud-JITRule-1-2', 100)), []],
    ['not another machine', both(rule('other', 300, { destinations: ['10.20.1.11'] })), []],
    ['another port', both(rule('web', 300, { ports: ['443', '80'] })), []],
    [
      'a range of ports',
      both(rule('high', 300, { ports: ['5000-6000'] })),
      ['any 5985 5986 5432 by subnet/high nic/high'],
    ],
    ['not for the other protocol', both(rule('udp', 300, { protocol: 'Udp' })), []],
  ])('%s', (_, rules, expected) => {
    expect(shown(judge(rules))).toEqual(expected)
  })

  test('where one address is open and another is not, the VM is open', () => {
    const rules = both(rule('second', 300, { destinations: ['10.20.1.11'] }))
    expect(
      shown(judge(rules, { interfaces: [nic({ privateAddresses: ['10.20.1.10', '10.20.1.11'] })] })),
    ).toHaveLength(1)
  })

  test('an IPv6 address is looked at by its own rules', () => {
    const interfaces = [nic({ privateAddresses: ['fd00:20:0:1::10'] })]
    expect(shown(judge(both(rule('v6', 300, { sources: ['::/0'] })), { interfaces }))).toHaveLength(1)
    expect(shown(judge(both(rule('v4', 300, { sources: ['0.0.0.0/0'] })), { interfaces }))).toEqual([])
  })
})

const jit = { id: '/x/jitnetworkaccesspolicies/default', ports: [], lastAccess: { by: 'bob@x', at: 5 } }
const asg = rule('to the group', 300, { destinations: ['asg:/asgs/web'] })

describe('the group that a VM is in', () => {
  test.each<[string, JudgedVm, JudgedVm['group'], RegExp | null]>([
    ['closed, and the policy file is about it', judge(both()), 'configured', null],
    ['under a Defender policy', judge(both(), { jit }, null), 'configured', null],
    ['under a Defender policy and open all the same', judge(both(openAll), { jit }), 'configured', null],
    ['open', judge(both(rule('rdp', 300))), 'recommended', null],
    [
      'open, although only one of its ways could be read',
      judge(
        { '/nsgs/nic': [openAll] },
        { interfaces: [nic({ subnetNsgIds: [null] }), nic({ id: '/nics/nic2', nsgId: '/nsgs/x' })] },
      ),
      'recommended',
      null,
    ],
    [
      'no group in front',
      judge({}, { interfaces: [nic({ nsgId: null, subnetNsgIds: [null] })] }),
      'unsupported',
      /no security group is in front of nic1/,
    ],
    [
      'no group in front of one of two',
      judge(both(), { interfaces: [nic(), nic({ id: '/nics/nic2', nsgId: null, subnetNsgIds: [null] })] }),
      'unsupported',
      /in front of nic2/,
    ],
    ['no network interface', judge({}, { interfaces: [] }), 'unsupported', /no network interface/],
    [
      'closed, and nobody may ask for it',
      judge(both(), {}, null),
      'unsupported',
      /no rule of the policy file/,
    ],
    [
      'closed, nobody may ask, and Defender’s policies are not known',
      judge(both(), { jit: 'not known' }, null),
      'not known',
      /policy of Defender/,
    ],
    [
      'rules that could not be read',
      judge({ '/nsgs/nic': [openAll] }),
      'not known',
      /the rules of subnet could not be read/,
    ],
    [
      'one group could not be read, and the other lets nobody in',
      judge({ '/nsgs/nic': [] }),
      'configured',
      null,
    ],
    [
      'an interface that Azure did not show whole',
      judge(both(openAll), { interfaces: [nic({ whole: false })] }),
      'not known',
      /did not show everything in front of nic1/,
    ],
    [
      'an interface that Azure did not show at all',
      judge({}, { interfaces: [nic({ whole: false, nsgId: null, subnetNsgIds: [], privateAddresses: [] })] }),
      'not known',
      /did not show everything/,
    ],
    [
      'a rule that speaks of an application security group',
      judge(both(asg)),
      'not known',
      /application security group/,
    ],
    [
      'a deny that speaks of one',
      judge(both({ ...asg, access: 'Deny', priority: 200, ports: ['*'], protocol: '*' }, openAll)),
      'not known',
      /application security group/,
    ],
  ])('%s', (_, judged, group, why) => {
    expect(judged.group).toBe(group)
    if (why) expect(judged.why).toMatch(why)
    else expect(judged.why).toBeNull()
  })

  test('names what guards it, and by whom Defender’s policy was used last', () => {
    expect(judge(both(), { jit }).guardedBy).toEqual({
      kind: 'defender',
      policy: 'default',
      lastAccess: jit.lastAccess,
    })
    expect(judge(both()).guardedBy).toEqual({ kind: 'policy file', rule: 'a colleague agrees' })
    expect(judge(both(openAll)).guardedBy).toBeNull()
  })

  test('a policy that could be defeated by what was not read is doubted', () => {
    expect(judge({}, { jit })).toMatchObject({ group: 'configured', doubt: true })
    expect(judge(both(), { jit })).toMatchObject({ group: 'configured', doubt: false })
  })
})

const sources = [
  '*',
  'Internet',
  '0.0.0.0/0',
  '::/0',
  '0.0.0.0/1',
  '81.2.0.0/16',
  '81.2.69.128/25',
  '81.2.69.142',
  '9.9.9.9/32',
  '10.0.0.0/8',
  'VirtualNetwork',
  'AzureLoadBalancer',
  'AzureCloud',
  '2a02::/16',
  '8000::/1',
]
const destinations = [
  '*',
  '10.20.1.10',
  '10.20.1.0/24',
  '10.20.1.11',
  'VirtualNetwork',
  'asg:/asgs/web',
  'fd00:20:0:1::10',
  '10.0.0.0/8',
]
const anyRule = fc
  .record({
    priority: fc.integer({ min: 100, max: 4096 }),
    direction: fc.constantFrom(
      'Inbound' as const,
      'Inbound' as const,
      'Inbound' as const,
      'Outbound' as const,
    ),
    access: fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const),
    sources: fc.subarray(sources, { minLength: 1, maxLength: 2 }),
    destinations: fc.subarray(destinations, { minLength: 1, maxLength: 2 }),
    ports: fc.subarray(['*', '3389', '22', '0-65535', '3000-4000', '443', '5432'], {
      minLength: 1,
      maxLength: 2,
    }),
    protocol: fc.constantFrom('*', 'Tcp', 'Udp'),
    sourcePorts: fc.option(fc.constantFrom(['1024-65535'], ['53']), { freq: 1 }),
  })
  .map(({ sourcePorts, priority, ...rest }) =>
    rule(`r${priority}`, priority, { ...rest, ...(sourcePorts && { sourcePorts }) }),
  )
const anyRules = fc.uniqueArray(anyRule, { maxLength: 5, selector: ({ priority }) => priority })
const anybody = fc.oneof(
  fc.constantFrom('81.2.69.142', '81.2.69.1', '9.9.9.9', '200.1.1.1', '1.1.1.1', '2a02::1', '2001:4860::8'),
  fc.constantFrom('81.2.69.142', '9.9.9.9'),
  fc.ipV4(),
)

describe('a port that the evaluation lets in from a public address', () => {
  test('is never called fine, whatever the rules', () => {
    let passed = 0
    fc.assert(
      fc.property(
        fc.option(anyRules, { freq: 1 }),
        anyRules,
        anybody,
        fc.constantFrom(...ports),
        fc.constantFrom(...[1, 53, 40_000]),
        fc.boolean(),
        (subnet, own, source, port, sourcePort, inGroup) => {
          const destination = source.includes(':') ? 'fd00:20:0:1::10' : '10.20.1.10'
          const interfaces = [
            nic({
              subnetNsgIds: [subnet ? '/nsgs/subnet' : null],
              privateAddresses: ['10.20.1.10', 'fd00:20:0:1::10'],
            }),
          ]
          const guards = [
            ...(subnet ? [{ nsgId: '/nsgs/subnet', rules: subnet }] : []),
            { nsgId: '/nsgs/nic', rules: own },
          ]
          const surrounds = {
            virtualNetwork: ['10.20.0.0/16', 'fd00:20::/48'],
            members: { '/asgs/web': inGroup ? [destination] : [] },
          }
          const packet = {
            protocol: port.protocol,
            source,
            sourcePort,
            destination,
            destinationPort: port.number,
          }
          const outside = passes(
            judgeInbound(
              { ...packet, sourcePort: null },
              [{ nsgId: '', rules: [rule('net', 100, { sources: ['Internet'], ports: ['*'] })] }],
              surrounds,
            ),
          )
          if (!outside || !passes(judgeInbound(packet, guards, surrounds))) return
          passed += 1
          const judged = judge(
            { '/nsgs/nic': own, ...(subnet && { '/nsgs/subnet': subnet }) },
            { interfaces },
          )
          const named = judged.exposures.some((one) => one.ports.includes(port))
          expect(judged.doubt || named).toBe(true)
          expect(['recommended', 'not known']).toContain(judged.group)
        },
      ),
      { numRuns: 5_000 },
    )
    expect(passed).toBeGreaterThan(300)
  })

  test('and what is named as open is open to somebody', () => {
    fc.assert(
      fc.property(anyRules, (own) => {
        // What goes by the port that somebody comes from is taken to let in more than it may.
        const plain = own.filter(
          ({ destinations: to, sourcePorts }) => !sourcePorts && !to.some((word) => word.startsWith('asg:')),
        )
        const judged = judge({ '/nsgs/nic': plain }, { interfaces: [nic({ subnetNsgIds: [null] })] })
        const surrounds = { virtualNetwork: ['10.20.0.0/16'], members: {} }
        const tried = [
          '0.0.0.1',
          '1.1.1.1',
          '9.9.9.9',
          '81.2.0.1',
          '81.2.69.142',
          '81.2.69.143',
          '127.255.255.255',
          '200.1.1.1',
        ]
        for (const { ports: open, breadth } of judged.exposures) {
          if (breadth === 'tag') continue
          for (const { number, protocol } of open) {
            const lets = [53, 2000].some((sourcePort) =>
              tried.some((source) =>
                passes(
                  judgeInbound(
                    { protocol, source, sourcePort, destination: '10.20.1.10', destinationPort: number },
                    [{ nsgId: '/nsgs/nic', rules: plain }],
                    surrounds,
                  ),
                ),
              ),
            )
            expect(lets).toBe(true)
          }
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('by which rule of the policy file somebody may ask', () => {
  const policy = {
    hash: '',
    services: [],
    auditChannel: '',
    pages: { channel: '', users: [], groups: [] },
    operators: { users: [], groups: [] },
    addressWindowMs: 0,
    showTags: [],
    deny: [
      refusal('never the vault', { vm: { name: ['vault*'] } }),
      refusal('not from there', { vm: { name: ['vm-*'] }, source: { kind: ['typed'] } }),
    ],
    rules: [
      policyRule('leads', {
        vm: { tags: { env: ['prod'] } },
        requester: { users: ['U0LEAD'] },
        ports: [tcp(22)],
      }),
      policyRule('others', { vm: { name: ['vm-*', 'vault*'] }, not: { vm: { name: ['*-old'] } } }),
    ],
  }
  test.each([
    ['vm-1', { env: 'prod' }, 'leads'],
    ['vm-1', {}, 'others'],
    ['vm-old', {}, null],
    ['vault1', {}, null],
    ['db-1', {}, null],
  ])('%s %o: %s', (name, tags, expected) => {
    expect(ruleAbout(policy)(vm({ name, tags }))).toBe(expected)
  })
})

describe('standing access', () => {
  const named = (name: string, changes: Partial<VmEntry>, rules: Rules) =>
    judgeVm({ ...entry(changes), vm: vm({ name, id: `/vms/${name}` }) }, grounds(rules))
  const inside = { interfaces: [nic({ publicAddresses: [] })] }
  const order = [
    named('a-rdp', {}, both(rule('any', 300))),
    named('a-winrm', {}, both(rule('any', 300, { ports: ['5985'] }))),
    named('a-stopped', { power: 'deallocated' }, both(rule('any', 300, { ports: ['5985'] }))),
    named('b-inside', inside, both(rule('any', 300))),
    named('b-internet', {}, both(rule('net', 300, { sources: ['Internet'] }))),
    named('c-wide', {}, both(rule('isp', 300, { sources: ['81.0.0.0/8'] }))),
    named('d-tag', {}, both(rule('cloud', 300, { sources: ['AzureCloud'] }))),
    named('e-narrow', {}, both(rule('office', 300, { sources: ['81.2.69.0/24'] }))),
  ]
  test('is told in this order: anybody before some, with a public address, RDP and SSH, running', () => {
    const ranked = standingAccess(order.toReversed()).map(({ judged }) => judged.vm.name)
    expect(ranked).toEqual(order.map((one) => one.vm.name))
  })

  test('is new, or gone, or nobody can say', () => {
    const [one, two, three] = standingAccess(order)
    if (!one || !two || !three) throw new Error('There should be three.')
    const before = [one, two].map(kept)
    const changes = changesSince(before, [one, three], () => false)
    expect(changes.fresh).toEqual([three])
    expect(changes.gone.map(({ vm: name }) => name)).toEqual(['a-winrm'])
    expect(changesSince(before, [one], () => true)).toMatchObject({ gone: [], unsure: [{ vm: 'a-winrm' }] })
  })
})
