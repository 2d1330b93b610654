import { describe, expect, test } from 'vitest'
import type { JudgedVm } from '../../src/core/compliance.ts'
import { both, judge, nic, type Rules, rule } from '../support/exposures.ts'

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
      'nothing where each group lets in another office',
      {
        '/nsgs/nic': [rule('one', 300, { sources: ['81.2.69.0/24'] })],
        '/nsgs/subnet': [rule('other', 300, { sources: ['81.2.70.0/24'] })],
      },
      [],
    ],
    [
      'the office of one group, where the other lets in anybody',
      { '/nsgs/nic': [openAll], '/nsgs/subnet': [rule('office', 300, { sources: ['81.2.69.0/24'] })] },
      ['narrow 3389 by subnet/office nic/all'],
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
