import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeInbound, passes } from '../../src/core/security-groups.ts'
import { judge, nic, ports, rule } from '../support/exposures.ts'

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
/** Most rules are about most packets, so that they meet and are not only passed by. */
const mostly = (word: string, otherwise: fc.Arbitrary<string[]>) => fc.oneof(fc.constant([word]), otherwise)
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
    sources: mostly('*', fc.subarray(sources, { minLength: 1, maxLength: 2 })),
    destinations: mostly('*', fc.subarray(destinations, { minLength: 1, maxLength: 2 })),
    ports: mostly(
      '*',
      fc.subarray(['*', '3389', '22', '0-65535', '3000-4000', '443', '5432'], {
        minLength: 1,
        maxLength: 2,
      }),
    ),
    protocol: fc.constantFrom('*', 'Tcp', 'Udp'),
    sourcePorts: fc.option(fc.constantFrom(['1024-65535'], ['53']), { freq: 2 }),
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
        fc.option(anyRules, { freq: 2 }),
        anyRules,
        anybody,
        fc.constantFrom(...ports),
        fc.constantFrom(1, 53, 40_000),
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
          const [said] = judgeInbound(
            { ...packet, sourcePort: null },
            [{ nsgId: '', rules: [rule('net', 100, { sources: ['Internet'], ports: ['*'] })] }],
            surrounds,
          )
          const outside = said?.rule === 'net'
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
