import { describe, expect, it } from 'vitest'
import type { LiveRule } from '../../src/core/live-rule.ts'
import { stillOpen } from '../../src/core/still-open.ts'
import { hop, live } from '../support/protections.ts'

const surrounds = { virtualNetwork: ['10.0.0.0/16'], members: {} }
const ports = [
  { number: 22, protocol: 'tcp' },
  { number: 3389, protocol: 'tcp' },
] as const
const deny = (changes: Partial<LiveRule> = {}) =>
  live({
    name: 'deny',
    access: 'Deny',
    priority: 3500,
    destinations: ['10.0.0.4'],
    ports: ['22', '3389'],
    protocol: 'Tcp',
    ...changes,
  })
const said = (nic: readonly LiveRule[], subnet?: readonly LiveRule[]) =>
  stillOpen(
    [
      { hop: hop('nic', 'network interface', '10.0.0.4'), rules: nic },
      ...(subnet ? [{ hop: hop('subnet', 'subnet', '10.0.0.4'), rules: subnet }] : []),
    ],
    ports,
    surrounds,
  ).map(
    ({ rule, from, ports: open, sure }) =>
      `${rule}: ${from.join()} on ${open.map(({ number }) => number).join()}${sure ? '' : ' perhaps'}`,
  )

describe('what still lets somebody in', () => {
  it('is the virtual network where nothing denies, and nobody where a rule denies everybody', () => {
    expect(said([])).toEqual(['AllowVnetInBound: VirtualNetwork on 22,3389'])
    expect(said([deny()])).toEqual([])
    expect(said([deny({ ports: ['22'] })])).toEqual(['AllowVnetInBound: VirtualNetwork on 3389'])
  })

  it.each<[string, Partial<LiveRule>, string[]]>([
    ['for everybody, in front', {}, ['theirs: * on 22,3389']],
    ['behind', { priority: 3600 }, []],
    ['for the internet', { sources: ['Internet'], ports: ['0-1000'] }, ['theirs: Internet on 22']],
    [
      'for a range',
      { sources: ['192.168.7.0/24', '10.9.0.0/16'] },
      ['theirs: 192.168.7.0/24,10.9.0.0/16 on 22,3389'],
    ],
    ['for the virtual network', { sources: ['VirtualNetwork'] }, ['theirs: VirtualNetwork on 22,3389']],
    ['for another address', { destinations: ['10.0.0.5'] }, []],
    ['for udp', { protocol: 'Udp' }, []],
    ['outward', { direction: 'Outbound' }, []],
    [
      'for a tag that nobody here can judge',
      { sources: ['AzureCloud'] },
      ['theirs: AzureCloud on 22,3389 perhaps'],
    ],
    ['for such a tag, behind', { sources: ['AzureCloud'], priority: 3600 }, []],
  ])('a rule %s', (_, changes, open) => {
    expect(said([deny(), live(changes)])).toEqual(open)
  })

  it('a rule of somebody else’s that denies a part of it leaves the rest open', () => {
    const part = live({ name: 'part', access: 'Deny', priority: 200, sources: ['8.0.0.0/8'] })
    expect(said([part, deny(), live()])).toEqual(['theirs: * on 22,3389'])
    expect(said([live({ ...part, sources: ['*'] }), deny(), live()])).toEqual([])
  })

  it('every group on the way must let it in', () => {
    const closed = [live({ name: 'no', access: 'Deny', priority: 100 })]
    expect(said([deny(), live()], closed)).toEqual([])
    expect(said([deny(), live()], [live({ name: 'wide' })])).toEqual(['theirs: * on 22,3389'])
  })

  it('grants are left out: they end by themselves', () => {
    const grant = live({ name: 'jit-abc-1700000000', description: 'jitney request r1', priority: 3000 })
    expect(said([deny(), grant])).toEqual([])
  })

  it('knows IPv6 as well', () => {
    const rules = [live({ ports: ['22'] })]
    const ways = stillOpen([{ hop: hop('nic', 'network interface', 'fd00::4'), rules }], ports, surrounds)
    expect(ways.map(({ rule }) => rule)).toEqual(['theirs'])
  })
})
