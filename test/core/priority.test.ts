import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  choosePriority,
  defaultBand,
  type ExistingRule,
  samePrefix,
  type Wanted,
} from '../../src/core/priority.ts'

const wanted: Wanted = {
  source: '81.2.69.142',
  destinations: ['10.20.1.10'],
  ports: [{ number: 3389, protocol: 'tcp' }],
}

const deny = (changes: Partial<ExistingRule> = {}): ExistingRule => ({
  name: 'their-deny',
  priority: 500,
  direction: 'Inbound',
  access: 'Deny',
  sources: ['*'],
  destinations: ['*'],
  ports: ['*'],
  protocol: '*',
  ...changes,
})

const holder = (priority: number, direction: ExistingRule['direction'] = 'Inbound'): ExistingRule =>
  deny({ name: `rule-${priority}`, access: 'Allow', priority, direction })

describe('choosing a priority', () => {
  it('takes the first of the band when nothing is in the way', () => {
    expect(choosePriority([], wanted)).toEqual({ ok: true, priority: 3000 })
  })

  it('skips priorities that inbound rules have, and those that are promised', () => {
    const existing = [holder(3000), holder(3001, 'Outbound'), holder(3002)]
    expect(choosePriority(existing, wanted, defaultBand, new Set([3001]))).toEqual({
      ok: true,
      priority: 3003,
    })
    expect(choosePriority(existing, wanted)).toEqual({ ok: true, priority: 3001 })
  })

  it('uses both ends of the band and then says that it is full', () => {
    const band = { from: 3000, to: 3001 }
    expect(choosePriority([holder(3000)], wanted, band)).toEqual({ ok: true, priority: 3001 })
    expect(choosePriority([holder(3000), holder(3001)], wanted, band)).toEqual({
      ok: false,
      code: 'no free priority',
      rule: null,
      why: 'All priorities from 3000 to 3001 are in use.',
    })
  })

  it('leaves 100 to 110 to Defender, whatever the band says', () => {
    expect(choosePriority([], wanted, { from: 100, to: 200 })).toEqual({ ok: true, priority: 111 })
    expect(choosePriority([], wanted, { from: 99, to: 200 })).toEqual({ ok: true, priority: 99 })
    expect(choosePriority([], wanted, { from: 100, to: 110 })).toMatchObject({
      ok: false,
      code: 'no free priority',
    })
  })

  it('stays in front of a deny that has a larger number', () => {
    expect(choosePriority([deny({ priority: 3001 })], wanted)).toEqual({ ok: true, priority: 3000 })
  })

  it('never goes past somebody’s deny, and names it', () => {
    expect(choosePriority([deny({ name: 'other', priority: 600 }), deny()], wanted)).toEqual({
      ok: false,
      code: 'denied by a rule',
      rule: 'their-deny',
      why: 'The rule their-deny (priority 500) denies this traffic, and the first free priority for ours is 3000, behind it.',
    })
  })

  it('refuses when only priorities behind a deny inside the band are free', () => {
    const existing = [holder(3000), deny({ priority: 3001 })]
    expect(choosePriority(existing, wanted)).toMatchObject({ code: 'denied by a rule', rule: 'their-deny' })
  })

  it('refuses a mix of protocols, because one Azure rule has one', () => {
    const ports = [
      { number: 53, protocol: 'tcp' },
      { number: 53, protocol: 'udp' },
    ] as const
    expect(choosePriority([], { ...wanted, ports })).toMatchObject({ ok: false, code: 'mixed protocols' })
  })
})

const ipv6: Wanted = { ...wanted, source: '2a02:8109::1', destinations: ['fd00:20::10'] }
const udp: Wanted = { ...wanted, ports: [{ number: 3389, protocol: 'udp' }] }

describe('whether a deny stops the traffic', () => {
  const cases: [string, boolean, Partial<ExistingRule>, Wanted?][] = [
    ['everything', true, {}],
    ['everything outbound', false, { direction: 'Outbound' }],
    ['an allow of everything', false, { access: 'Allow' }],
    ['the address itself', true, { sources: ['81.2.69.142'] }],
    ['a range around it', true, { sources: ['81.2.0.0/16'] }],
    ['a range beside it', false, { sources: ['81.3.0.0/16'] }],
    ['one range of several', true, { sources: ['9.9.9.9/32', '81.2.69.0/24'] }],
    ['all of IPv4', true, { sources: ['0.0.0.0/0'] }],
    ['all of IPv6', false, { sources: ['::/0'] }],
    ['all of IPv6, for an IPv6 source', true, { sources: ['::/0'] }, ipv6],
    ['all of IPv4, for an IPv6 source', false, { sources: ['0.0.0.0/0'] }, ipv6],
    ['anything, for an IPv6 source', true, {}, ipv6],
    ['the tag Internet', true, { sources: ['Internet'] }],
    ['the tag Internet in another case', true, { sources: ['internet'] }],
    [
      'the tag Internet, for a private source',
      false,
      { sources: ['Internet'] },
      { ...wanted, source: '10.1.1.1' },
    ],
    ['the tag VirtualNetwork', false, { sources: ['VirtualNetwork'] }],
    [
      'the tag VirtualNetwork, for a private source',
      true,
      { sources: ['VirtualNetwork'] },
      { ...wanted, source: '10.1.1.1' },
    ],
    ['the tag AzureLoadBalancer', false, { sources: ['AzureLoadBalancer'] }],
    ['a tag that is not understood', false, { sources: ['AzureCloud.WestEurope'] }],
    ['an address that is none', false, { sources: ['789'] }],
    ['nothing at all', false, { sources: [] }],
    ['the VM', true, { destinations: ['10.20.1.10'] }],
    [
      'one of the VM’s addresses',
      true,
      { destinations: ['10.20.1.11'] },
      { ...wanted, destinations: ['10.20.1.10', '10.20.1.11'] },
    ],
    ['another VM', false, { destinations: ['10.20.1.11'] }],
    ['the VM’s subnet', true, { destinations: ['10.20.1.0/24'] }],
    ['the network as destination', true, { destinations: ['VirtualNetwork'] }],
    ['the internet as destination', false, { destinations: ['Internet'] }],
    ['an application security group as destination', true, { destinations: ['asg:/subscriptions/x/web'] }],
    ['the port', true, { ports: ['3389'] }],
    ['another port', false, { ports: ['22'] }],
    ['a range that begins with the port', true, { ports: ['3389-4000'] }],
    ['a range that ends with the port', true, { ports: ['3000-3389'] }],
    ['a range beside the port', false, { ports: ['3390-4000', '22'] }],
    ['its protocol', true, { protocol: 'Tcp' }],
    ['its protocol in another case', true, { protocol: 'TCP' }],
    ['another protocol', false, { protocol: 'Udp' }],
    ['another protocol on all ports', false, { protocol: 'Icmp', ports: ['*'] }],
    ['UDP, for UDP', true, { protocol: 'Udp' }, udp],
  ]

  it.each(cases)('%s: %s', (_what, stops, changes, traffic = wanted) => {
    expect(choosePriority([deny(changes)], traffic).ok).toBe(!stops)
  })
})

describe('every choice', () => {
  const rule = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    priority: fc.integer({ min: 100, max: 130 }),
    direction: fc.constantFrom('Inbound', 'Outbound'),
    access: fc.constantFrom('Allow', 'Deny'),
    sources: fc.constantFrom(['*'], ['81.2.69.0/24'], ['VirtualNetwork']),
    destinations: fc.constantFrom(['*'], ['10.20.1.10'], ['10.20.9.9']),
    ports: fc.constantFrom(['*'], ['3389'], ['22']),
    protocol: fc.constantFrom('*', 'Tcp', 'Udp'),
  }) satisfies fc.Arbitrary<ExistingRule>

  it('is in the band, free, outside Defender’s and in front of every deny that matters', () => {
    const band = { from: 105, to: 125 }
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 30 }),
        fc.array(fc.integer({ min: 100, max: 130 })),
        (rules, promised) => {
          const answer = choosePriority(rules, wanted, band, new Set(promised))
          if (!answer.ok) return
          const { priority } = answer
          expect(priority).toBeGreaterThan(110)
          expect(priority).toBeLessThanOrEqual(band.to)
          expect(promised).not.toContain(priority)
          const inbound = rules.filter((each) => each.direction === 'Inbound')
          expect(inbound.map((each) => each.priority)).not.toContain(priority)
          const before = inbound.filter((each) => each.priority < priority && each.access === 'Deny')
          for (const each of before)
            expect(choosePriority([each], wanted, { from: priority, to: priority }).ok).toBe(true)
        },
      ),
    )
  })
})

describe('samePrefix', () => {
  it.each([
    ['10.0.0.4', '10.0.0.4/32', true],
    ['2A02:8109:0::1', '2a02:8109::1', true],
    ['10.0.0.0/24', '10.0.0.0/25', false],
    ['10.0.0.4', '10.0.0.5', false],
    ['Internet', 'internet', true],
    ['Internet', '*', false],
    ['::1', '0.0.0.1', false],
  ])('%s and %s: %s', (one, other, same) => {
    expect(samePrefix(one, other)).toBe(same)
  })
})
