import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { conversionOf, portsWithout } from '../../src/core/convert.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import { judgeInbound, passes } from '../../src/core/security-groups.ts'
import { both, entry, grounds, nic, type Rules, rule } from '../support/exposures.ts'

const convert = (rules: Rules, vms: Readonly<Record<string, number>> = {}, about?: string | null) =>
  conversionOf(entry(), grounds(rules, about), (id) => vms[id] ?? 1, 7)
/** `nic/rdp sources: VirtualNetwork`. */
const shown = (of: ReturnType<typeof conversionOf>): string[] =>
  of.changes.map(
    ({ nsgId, rule: { name }, ...change }) =>
      `${nsgId.slice(6)}/${name} ${change.kind}${change.kind === 'delete' ? '' : `: ${change.to.join(' ')}`}`,
  )

describe('the change that would close what stands open', () => {
  test.each<[string, readonly LiveRule[], string[]]>([
    ['nothing, where nothing stands open', [rule('web', 300, { ports: ['443'] })], []],
    ['any source becomes whoever is inside', [rule('rdp', 300)], ['subnet/rdp sources: VirtualNetwork']],
    [
      'a rule for people outside only goes',
      [rule('rdp', 300, { sources: ['Internet'] })],
      ['subnet/rdp delete'],
    ],
    [
      'whoever is inside stays',
      [rule('rdp', 300, { sources: ['81.2.0.0/16', '10.0.0.0/8', 'AzureCloud', 'AzureLoadBalancer'] })],
      ['subnet/rdp sources: 10.0.0.0/8 AzureLoadBalancer'],
    ],
    [
      'the other ports stay, for whoever has them',
      [rule('both', 300, { ports: ['443', '3389', '5980-5990'] })],
      ['subnet/both ports: 443 5980-5984 5987-5990'],
    ],
    [
      'what comes to light behind it is closed too',
      [rule('first', 300), rule('second', 310, { sources: ['9.9.9.9'] })],
      ['subnet/first sources: VirtualNetwork', 'subnet/second delete'],
    ],
  ])('%s', (_, rules, expected) => {
    const found = convert(both(...rules))
    expect(shown(found)).toEqual(expected)
    expect(found.left).toEqual([])
  })

  test('is made in the group that stands in front of the fewest VMs', () => {
    const found = convert(both(rule('rdp', 300)), { '/nsgs/subnet': 40, '/nsgs/nic': 2 })
    expect(shown(found)).toEqual(['nic/rdp sources: VirtualNetwork'])
    expect(found.changes[0]?.vms).toBe(2)
  })

  test('says by what people may ask afterwards, or that nobody may, and what is not known', () => {
    expect(convert(both(rule('rdp', 300))).askBy).toBe('a colleague agrees')
    expect(convert(both(rule('rdp', 300)), {}, null).askBy).toBeNull()
    expect(convert({ '/nsgs/nic': [rule('rdp', 300)] })).toMatchObject({ changes: [], doubt: true })
  })

  test('ports are taken out of ranges as Azure writes them', () => {
    expect(portsWithout(['*'], [22, 3389, 0, 65_535])).toEqual(['1-21', '23-3388', '3390-65534'])
    expect(portsWithout(['22', '20-24', '23-23'], [22])).toEqual(['20-21', '23-24', '23-23'])
    expect(portsWithout(['22'], [22, 22])).toEqual([])
  })
})

const anyRule = fc
  .record({
    priority: fc.integer({ min: 100, max: 4096 }),
    access: fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const),
    sources: fc.subarray(['*', 'Internet', '0.0.0.0/1', '81.2.69.0/24', '10.0.0.0/8', 'VirtualNetwork'], {
      minLength: 1,
    }),
    ports: fc.subarray(['*', '3389', '22', '3000-6000', '443'], { minLength: 1 }),
    protocol: fc.constantFrom('*', 'Tcp'),
  })
  .map(({ priority, ...rest }) => rule(`r${priority}`, priority, rest))
const anyRules = fc.uniqueArray(anyRule, { maxLength: 5, selector: ({ priority }) => priority })

describe('whatever the rules', () => {
  const surrounds = { virtualNetwork: ['10.20.0.0/16'], members: {} }
  const lets = (rules: readonly LiveRule[], source: string, port: number) =>
    passes(
      judgeInbound(
        { protocol: 'tcp', source, sourcePort: null, destination: '10.20.1.10', destinationPort: port },
        [{ nsgId: '/nsgs/nic', rules }],
        surrounds,
      ),
    )

  test('after the changes nobody outside gets in, and on other ports nothing has changed', () => {
    fc.assert(
      fc.property(anyRules, (before) => {
        const alone = { ...entry(), interfaces: [nic({ subnetNsgIds: [null] })] }
        const found = conversionOf(alone, grounds({ '/nsgs/nic': before }), () => 1, 7)
        expect(found.left).toEqual([])
        let after = before
        for (const change of found.changes) {
          after = after.flatMap((one) => {
            if (one.name !== change.rule.name) return [one]
            if (change.kind === 'delete') return []
            return [change.kind === 'ports' ? { ...one, ports: change.to } : { ...one, sources: change.to }]
          })
        }
        for (const source of ['1.1.1.1', '81.2.69.1', '200.1.1.1'])
          for (const port of [22, 3389, 5985, 5986, 5432]) expect(lets(after, source, port)).toBe(false)
        for (const source of ['1.1.1.1', '81.2.69.1', '10.20.9.9', '10.99.1.1'])
          for (const port of [80, 443, 4000])
            expect(lets(after, source, port)).toBe(lets(before, source, port))
      }),
      { numRuns: 500 },
    )
  })
})
