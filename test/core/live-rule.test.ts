import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Rule } from '../../src/core/grant.ts'
import { differences, differencesText } from '../../src/core/live-rule.ts'
import { live, rule, touches } from '../support/cases.ts'

const written = rule('A', 'present')

describe('a rule that nobody touched', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6())
  const port = fc.record({
    number: fc.integer({ min: 1, max: 65_535 }),
    protocol: fc.constant('tcp' as const),
  })
  const anyRule: fc.Arbitrary<Rule> = fc
    .record({
      source: address,
      destinations: fc.array(address, { minLength: 1, maxLength: 4 }),
      ports: fc.oneof(
        fc.array(port, { minLength: 1, maxLength: 4 }),
        fc.constant([{ number: 53, protocol: 'udp' as const }]),
      ),
      priority: fc.integer({ min: 100, max: 4096 }),
      description: fc.string(),
    })
    .map((but) => ({ ...written, ...but }))

  it('has no differences, in whatever order Azure tells its addresses and ports', () => {
    fc.assert(
      fc.property(anyRule, fc.boolean(), (given, turned) => {
        const seen = live(given)
        const order = <T>(list: readonly T[]) => (turned ? list.toReversed() : list)
        expect(
          differences(given, { ...seen, destinations: order(seen.destinations), ports: order(seen.ports) }),
        ).toEqual([])
      }),
    )
  })

  it.each([
    ['a prefix for one address', { sources: ['81.2.69.142/32'], destinations: ['10.0.0.4/32'] }],
    ['the protocol in capitals', { protocol: 'TCP' }],
    ['the protocol in small letters', { protocol: 'tcp' }],
    ['an address twice', { destinations: ['10.0.0.4', '10.0.0.4/32'] }],
    ['a write that is not finished', { provisioning: 'Updating' }],
  ] as const)('may be spelt differently: %s', (_, but) => {
    expect(differences(written, live(written, but))).toEqual([])
  })

  it('may have a wide source when that is what was written', () => {
    const range = { ...written, source: '81.2.69.0/24' }
    expect(differences(range, live(range))).toEqual([])
    expect(differences(range, live(range, { sources: ['81.2.69.0'] }))).toHaveLength(1)
  })

  it('is a TCP rule when it has no ports', () => {
    const empty = { ...written, ports: [] }
    expect(differences(empty, live(empty))).toEqual([])
  })
})

describe('a rule that somebody touched', () => {
  it.each(touches)('%j is told as %j and as nothing else', (but, difference) => {
    expect(differences(written, live(written, but))).toEqual([difference])
  })

  it('is told whole when several things were changed', () => {
    const all = touches.map(([but]) => but)
    const found = differences(written, live(written, Object.assign({}, ...all)))
    expect(found.map(({ what }) => what)).toEqual([...new Set(touches.map(([, { what }]) => what))])
  })

  it('cannot hide a wide address behind one that was written twice', () => {
    const twice = { ...written, destinations: ['10.0.0.4', '10.0.0.4/32'] }
    expect(differences(twice, live(twice, { destinations: ['10.0.0.4', '*'] }))).toEqual([
      { what: 'destination', before: '10.0.0.4, 10.0.0.4/32', after: '10.0.0.4, *' },
    ])
  })

  it('is known by one of several addresses or ports', () => {
    const several: Rule = {
      ...written,
      destinations: ['10.0.0.4', '10.0.0.5'],
      ports: [5985, 5986].map((number) => ({ number, protocol: 'tcp' })),
    }
    expect(
      differences(several, live(several, { destinations: ['10.0.0.4', '10.0.0.6'], ports: ['5985'] })),
    ).toEqual([
      { what: 'destination', before: '10.0.0.4, 10.0.0.5', after: '10.0.0.4, 10.0.0.6' },
      { what: 'ports', before: '5985, 5986', after: '5985' },
    ])
  })
})

describe('the sentence about it', () => {
  it('has before and after, and a word for nothing', () => {
    expect(
      differencesText([
        { what: 'source', before: '81.2.69.142', after: '*' },
        { what: 'description', before: 'jitney request r1', after: '' },
      ]),
    ).toBe('source was 81.2.69.142 and is now *; description was jitney request r1 and is now nothing')
    expect(differencesText([])).toBe('')
  })
})
