import { describe, expect, it } from 'vitest'
import { removeCommand } from '../../src/core/by-hand.ts'
import { parseRuleName } from '../../src/core/grant.ts'
import { defenderCannot, policyEntry, sameEntry } from '../../src/core/policy-entry.ts'
import {
  beyondProtection,
  isShield,
  lastOfBands,
  nearestHops,
  placeBehind,
  planShield,
  readLongest,
  readPorts,
  readSources,
  shieldDifferences,
  shieldName,
} from '../../src/core/protection.ts'
import { isSweepable } from '../../src/core/reconcile.ts'
import { alice, terms, vm } from '../support/cases.ts'
import { hop, live, nsgOf, protection, shieldRule } from '../support/protections.ts'

const tcp = (number: number) => ({ number, protocol: 'tcp' }) as const
const udp = (number: number) => ({ number, protocol: 'udp' }) as const
const hour = 60 * 60_000

const ruleTo = (to?: number) => ({ terms: { ...terms(), ...(to && { priorities: { from: 200, to } }) } })
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only these parts of a policy are looked at.
const policyOf = (...rules: object[]) => ({ rules }) as Parameters<typeof lastOfBands>[0]

describe('what the form says', () => {
  it.each([
    ['22, 3389', ['tcp'] as const, [tcp(22), tcp(3389)]],
    ['22 22', ['tcp', 'udp'] as const, [tcp(22), udp(22)]],
    ['53/udp;22', ['tcp'] as const, [udp(53), tcp(22)]],
  ])('%s is read for each protocol', (text, protocols, value) => {
    expect(readPorts(text, protocols)).toEqual({ ok: true, value })
  })
  it.each([
    ['', /at least one/],
    ['0', /is not a port/],
    ['65536', /is not a port/],
    ['22-25', /is not a port/],
    [Array.from({ length: 21 }, (_, at) => at + 1).join(), /at most 20/],
  ])('%s is no list of ports', (text, why) => {
    expect(readPorts(text, ['tcp'])).toMatchObject({ ok: false, why: expect.stringMatching(why) })
  })
  it('takes any address, or some, and no IPv6 for Defender', () => {
    expect(readSources('', 'nsg')).toEqual({ ok: true, value: ['*'] })
    expect(readSources('Any', 'nsg')).toEqual({ ok: true, value: ['*'] })
    expect(readSources('10.0.0.0/8, 81.2.69.142', 'defender')).toEqual({
      ok: true,
      value: ['10.0.0.0/8', '81.2.69.142'],
    })
    expect(readSources('2a02::/32', 'nsg')).toEqual({ ok: true, value: ['2a02::/32'] })
    expect(readSources('2a02::/32', 'defender')).toMatchObject({
      ok: false,
      why: expect.stringMatching(/does not take/),
    })
    expect(readSources('20.20.20.20/16', 'nsg')).toMatchObject({
      ok: false,
      why: expect.stringMatching(/write 20\.20\.0\.0\/16/),
    })
    expect(readSources('Internet', 'nsg').ok).toBe(false)
    expect(readSources('10', 'nsg').ok).toBe(false)
    expect(readSources('10.0.0.0/33', 'nsg').ok).toBe(false)
  })
  it('takes five minutes to a day', () => {
    expect(['5m', '24h'].map((text) => readLongest(text))).toEqual([
      { ok: true, value: 5 * 60_000 },
      { ok: true, value: 24 * hour },
    ])
    expect(['4m', '25h', 'until 18:00', 'long'].map((text) => readLongest(text).ok)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })
})

describe('a rule that protects', () => {
  it('has a name that is never taken for a grant’s, and is ours by name and description', () => {
    const name = shieldName('7k3m9x2pqr', 'tcp', true)
    expect(name).toBe('jitney-protect-7k3m9x2pqr-tcp6')
    expect(parseRuleName(name)).toBeNull()
    expect(isSweepable(live({ name, description: 'jitney protection 7k3m9x2pqr' }), 9e15)).toBe(false)
    expect(isShield({ name, description: 'jitney protection 7k3m9x2pqr of x' })).toBe(true)
    expect(isShield({ name, description: 'mine' })).toBe(false)
    expect(isShield({ name: 'jit-abc-1700000000', description: 'jitney protection x' })).toBe(false)
  })

  it('stands in the group nearest to each address', () => {
    const nic = hop('nic', 'network interface', '10.0.0.4')
    expect(nearestHops([hop('subnet', 'subnet', '10.0.0.4', '10.0.0.5'), nic])).toEqual([
      hop('subnet', 'subnet', '10.0.0.5'),
      nic,
    ])
    expect(nearestHops([hop('subnet', 'subnet', '10.0.0.4'), nic])).toEqual([nic])
  })

  it('stands behind every band of the policy, and behind every rule of a grant', () => {
    expect(lastOfBands(policyOf(ruleTo(), ruleTo(3700)))).toBe(3700)
    expect(lastOfBands(policyOf(ruleTo(299)))).toBe(299)
    const grant = live({ name: 'jit-abc-1700000000', description: 'jitney request', priority: 3600 })
    expect(placeBehind([grant], 3499)).toBe(3601)
    expect(
      placeBehind(
        [live({ priority: 3500 }), live({ priority: 3501, direction: 'Outbound' })],
        3499,
        new Set([3502]),
      ),
    ).toBe(3501)
    expect(placeBehind([], 50)).toBe(111)
    expect(placeBehind([live({ priority: 4096 })], 4095)).toBeNull()
  })

  it('is one for each group, protocol and family, for the VM’s own addresses', () => {
    const wanted = protection({ terms: { ...protection().terms, ports: [tcp(22), udp(22), tcp(3389)] } })
    const place = {
      hop: hop('nic', 'network interface', '10.0.0.4', 'fd00::4'),
      existing: [],
      taken: new Set([3501]),
    }
    const plan = planShield(wanted, [place], 3499)
    expect(
      plan.ok &&
        plan.rules.map(({ name, priority, destinations, ports, source }) => [
          name,
          priority,
          destinations,
          ports.length,
          source,
        ]),
    ).toEqual([
      ['jitney-protect-p1-tcp', 3500, ['10.0.0.4'], 2, '*'],
      ['jitney-protect-p1-tcp6', 3502, ['fd00::4'], 2, '*'],
      ['jitney-protect-p1-udp', 3503, ['10.0.0.4'], 1, '*'],
      ['jitney-protect-p1-udp6', 3504, ['fd00::4'], 1, '*'],
    ])
    expect(
      plan.ok &&
        plan.rules.every(
          ({ description }) => description.startsWith('jitney protection p1 of') && description.length <= 140,
        ),
    ).toBe(true)
    expect(planShield(wanted, [place], 4095)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/no priority behind 4095 is free/),
    })
    expect(planShield(wanted, [], 3499).ok).toBe(false)
  })

  it('is changed when it does not deny the same any more', () => {
    const rule = shieldRule()
    const same = live({
      name: rule.name,
      description: rule.description,
      priority: 3500,
      access: 'Deny',
      destinations: ['10.0.0.4/32'],
      ports: ['22'],
      protocol: 'TCP',
    })
    expect(shieldDifferences(rule, same)).toEqual([])
    expect(
      shieldDifferences(rule, { ...same, access: 'Allow', priority: 3600 }).map(({ what }) => what),
    ).toEqual(['access', 'priority'])
    expect(shieldDifferences(rule, { ...same, sources: ['10.0.0.0/8'] }).map(({ what }) => what)).toEqual([
      'source',
    ])
  })
})

describe('who asks for access to a protected VM', () => {
  const shut = protection({ terms: { way: 'nsg', ports: [tcp(22)], sources: ['81.2.69.0/24'], maxMs: hour } })
  const source = { address: '81.2.69.142', family: 'IPv4', learnt: 'typed', learntAt: 0 } as const
  it.each([
    [{}, null],
    [{ durationMs: hour + 1 }, /at most 1 h/],
    [{ source: { ...source, address: '81.2.70.1' } }, /only from 81\.2\.69\.0\/24/],
    [{ ports: [udp(22)], durationMs: 9 * hour }, null],
    [{ ports: [tcp(443), tcp(22)], durationMs: 9 * hour }, /at most 1 h/],
  ])('%j', (but, why) => {
    const said = beyondProtection(shut, { ports: [tcp(22)], source, durationMs: hour, ...but })
    if (why === null) expect(said).toBeNull()
    else expect(said).toMatch(why)
  })
})

describe('what Defender’s policy is to say', () => {
  const wanted = {
    way: 'defender',
    ports: [tcp(22), udp(22), tcp(3389)],
    sources: ['*'],
    maxMs: 3 * hour,
  } as const
  it('keeps what else stood in the entry', () => {
    expect(JSON.parse(policyEntry(vm(), wanted, null))).toEqual({
      id: vm().id,
      ports: [
        { number: 22, protocol: '*', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT3H' },
        { number: 3389, protocol: 'TCP', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT3H' },
      ],
    })
    const before = JSON.stringify({ id: '/VM', publicIpAddress: 'x', ports: [{ number: 1 }] })
    expect(
      JSON.parse(
        policyEntry(
          vm(),
          { ...wanted, ports: [tcp(22)], sources: ['1.2.3.4', '5.6.7.8'], maxMs: 90 * 60_000 },
          before,
        ),
      ),
    ).toEqual({
      id: '/VM',
      publicIpAddress: 'x',
      ports: [
        {
          number: 22,
          protocol: 'TCP',
          allowedSourceAddressPrefixes: ['1.2.3.4', '5.6.7.8'],
          maxRequestAccessDuration: 'PT1H30M',
        },
      ],
    })
  })
  it('is the same whatever Azure adds, and no other', () => {
    const text = policyEntry(vm(), wanted, null)
    const shape = JSON.parse(text)
    expect(sameEntry(JSON.stringify({ more: 1, ...shape, id: shape.id.toUpperCase() }), text)).toBe(true)
    expect(sameEntry(JSON.stringify({ ...shape, ports: shape.ports.slice(1) }), text)).toBe(false)
    expect(sameEntry(null, text)).toBe(false)
    expect(sameEntry(text, null)).toBe(false)
    expect(sameEntry(null, null)).toBe(true)
  })
  it('is not taken without Plan 2, nor with names that are too long', () => {
    expect(defenderCannot({ name: 'vm1' }, '/x/default', true)).toBeNull()
    expect(defenderCannot({ name: 'vm1' }, '/x/default', null)).toBeNull()
    expect(defenderCannot({ name: 'vm1' }, '/x/default', false)).toMatch(/lacks Defender for Servers Plan 2/)
    expect(defenderCannot({ name: 'v'.repeat(49) }, '/x/default', true)).toBeNull()
    expect(defenderCannot({ name: 'v'.repeat(50) }, '/x/default', true)).toMatch(/more than 56 letters/)
  })
})

it('a name that could mean something else to a shell is in no command', () => {
  expect(removeCommand(nsgOf('nsg-1'), 'allow-all')).toBe(
    'az network nsg rule delete --subscription s1 --resource-group "rg" --nsg-name nsg-1 --name allow-all',
  )
  expect(removeCommand(nsgOf('nsg-1'), 'a; rm -rf /')).toBeNull()
  expect(removeCommand(nsgOf('$(x)'), 'allow-all')).toBeNull()
  expect(alice.userId).toBe('UALICE')
})
