import { describe, expect, test } from 'vitest'
import type { ExistingRule } from '../../src/core/priority.ts'
import {
  judgeInbound,
  type Packet,
  passes,
  type Surrounds,
  samplesOf,
} from '../../src/core/security-groups.ts'
import { compare } from './rule-sets.ts'

const packet: Packet = {
  protocol: 'Tcp',
  source: '81.2.69.142',
  sourcePort: null,
  destination: '10.20.1.10',
  destinationPort: 3389,
}
const surrounds: Surrounds = {
  virtualNetwork: ['10.20.0.0/16', '10.30.0.0/16'],
  members: { '/asg/web': ['10.20.1.10'], '/asg/db': ['10.20.1.99'] },
}
const rule = (changes: Partial<ExistingRule> = {}): ExistingRule => ({
  name: 'theirs',
  priority: 500,
  direction: 'Inbound',
  access: 'Allow',
  sources: ['*'],
  destinations: ['*'],
  ports: ['*'],
  protocol: '*',
  ...changes,
})
const said = (changes: Partial<Packet>, ...groups: (readonly ExistingRule[])[]) =>
  judgeInbound(
    { ...packet, ...changes },
    groups.map((rules, at) => ({ nsgId: at === 0 ? 'subnet' : 'nic', rules })),
    surrounds,
  ).map(({ nsgId, access, rule: by }) => `${nsgId}: ${access} by ${by}`)

describe('what security groups say to a packet from outside', () => {
  test('the subnet’s group first, then the network interface’s, and both must allow', () => {
    const allow = [rule()]
    const deny = [rule({ name: 'no', access: 'Deny' })]
    expect(said({}, allow, allow)).toEqual(['subnet: Allow by theirs', 'nic: Allow by theirs'])
    expect(said({}, allow, deny)).toEqual(['subnet: Allow by theirs', 'nic: Deny by no'])
    expect(said({}, deny, allow)).toEqual(['subnet: Deny by no'])
    expect(said({}, allow, [])).toEqual(['subnet: Allow by theirs', 'nic: Deny by DenyAllInBound'])
    expect(passes(judgeInbound(packet, [], surrounds))).toBe(true)
  })

  test('the lowest number decides, wherever it stands in the list, and only inbound rules count', () => {
    const rules = [
      rule({ name: 'late', priority: 300 }),
      rule({ name: 'first', priority: 200, access: 'Deny' }),
      rule({ name: 'outward', priority: 100, direction: 'Outbound' }),
    ]
    expect(said({}, rules)).toEqual(['subnet: Deny by first'])
  })

  test.each([
    ['a peered network', { source: '10.30.4.4' }, 'Allow by AllowVnetInBound'],
    ['Azure’s own address', { source: '168.63.129.16' }, 'Allow by AllowVnetInBound'],
    [
      'Azure’s own address, to one outside the network',
      { source: '168.63.129.16', destination: '10.99.0.1' },
      'Allow by AllowAzureLoadBalancerInBound',
    ],
    ['the internet', {}, 'Deny by DenyAllInBound'],
    ['a network that is not connected', { source: '10.99.0.1' }, 'Deny by DenyAllInBound'],
  ])('without a rule of its own, a packet from %s', (_, changes, answer) => {
    expect(said(changes, [])).toEqual([`subnet: ${answer}`])
  })

  test.each<[string, boolean, Partial<ExistingRule>, Partial<Packet>?]>([
    ['Internet', true, { sources: ['Internet'] }],
    ['Internet, for a private address', false, { sources: ['Internet'] }, { source: '192.168.1.1' }],
    ['Internet, for the network itself', false, { sources: ['Internet'] }, { source: '10.20.1.4' }],
    ['Internet, by IPv6', true, { sources: ['Internet'] }, { source: '2a02:8109::1' }],
    ['VirtualNetwork as destination', true, { destinations: ['VirtualNetwork'] }],
    ['VirtualNetwork as source', false, { sources: ['VirtualNetwork'] }],
    ['a tag that is not understood', false, { sources: ['AzureCloud'] }],
    ['a list of prefixes', true, { sources: ['9.9.9.9', '81.2.69.0/24'] }],
    ['all of IPv6, for IPv4', false, { sources: ['::/0'] }],
    ['the application security group of the VM', true, { destinations: ['asg:/ASG/web'] }],
    ['another application security group', false, { destinations: ['asg:/asg/db'] }],
    ['a range of ports', true, { ports: ['22', '3000-4000'] }],
    ['a range beside the port', false, { ports: ['3390-4000'] }],
    ['the protocol in another case', true, { protocol: 'TCP' }],
    ['another protocol', false, { protocol: 'Udp' }],
    ['some ports of the other side, when nobody knows which', false, { sourcePorts: ['1024-65535'] }],
    ['every port of the other side, written as a range', true, { sourcePorts: ['0-65535'] }],
    ['the port of the other side', true, { sourcePorts: ['1024-65535'] }, { sourcePort: 50_000 }],
  ])('a rule about %s: %s', (_, isAbout, changes, other = {}) => {
    const answer = said(other, [rule({ ...changes, access: 'Allow', name: 'it' })])
    expect(answer.includes('subnet: Allow by it')).toBe(isAbout)
  })

  test('of a range those addresses are tried where a rule begins or has ended', () => {
    expect(samplesOf('81.2.69.128/28', ['81.2.69.130', '81.2.69.132/30', '81.2.0.0/16', 'Internet'])).toEqual(
      ['81.2.69.128', '81.2.69.130', '81.2.69.131', '81.2.69.132', '81.2.69.136'],
    )
    expect(samplesOf('81.2.69.142', ['0.0.0.0/0'])).toEqual(['81.2.69.142'])
  })
})

describe('the bot’s evaluation and the simulated Azure’s', () => {
  // A whole million: npm run rulesets.
  test('find no difference over many random rule sets and packets', { timeout: 120_000 }, () => {
    const seed = Number(process.env['RULE_SETS_SEED'] ?? Math.floor(Math.random() * 4_294_967_296))
    const { difference, answers } = compare(Number(process.env['RULE_SETS'] ?? 60_000), seed)
    expect({ seed, difference }).toEqual({ seed, difference: null })
    // Each default rule, and a rule of its own, in each group and with each answer.
    expect(answers.size).toBe(11)
  })
})
