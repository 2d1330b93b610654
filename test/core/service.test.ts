import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { builtInServices, covers, parsePort, parsePorts, portsText } from '../../src/core/service.ts'

const tcp = (number: number) => ({ number, protocol: 'tcp' }) as const
const udp = (number: number) => ({ number, protocol: 'udp' }) as const

describe('one port', () => {
  it.each([
    ['22', tcp(22)],
    ['443/tcp', tcp(443)],
    ['443/TCP', tcp(443)],
    ['53/udp', udp(53)],
    ['1', tcp(1)],
    ['65535', tcp(65_535)],
    ['00022', tcp(22)],
  ])('%j is read', (text, port) => {
    expect(parsePort(text)).toEqual(port)
  })

  it.each([
    '',
    '0',
    '65536',
    '99999',
    '100000',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x16',
    '22/',
    '22/icmp',
    '22/tcp/udp',
    ' 22',
    '22 ',
    '22-23',
    '*',
    '２２',
  ])('%j is not', (text) => {
    expect(parsePort(text)).toBeNull()
  })
})

describe('what a person asks for', () => {
  it.each([
    ['rdp', 'rdp', [tcp(3389)]],
    ['RDP', 'rdp', [tcp(3389)]],
    ['winrm', 'winrm', [tcp(5985), tcp(5986)]],
    ['3389', '3389/tcp', [tcp(3389)]],
    ['ssh,443/tcp', 'ssh, 443/tcp', [tcp(22), tcp(443)]],
    ['ssh,22', 'ssh, 22/tcp', [tcp(22)]],
    ['ssh,ssh', 'ssh', [tcp(22)]],
    [',ssh,,', 'ssh', [tcp(22)]],
    ['53/udp,53/tcp', '53/udp, 53/tcp', [udp(53), tcp(53)]],
  ])('%j', (text, label, ports) => {
    expect(parsePorts(text, builtInServices)).toEqual({ ok: true, value: { label, ports } })
  })

  it.each([
    ['rpd', 'rpd'],
    ['ssh,rpd,foo', 'rpd'],
    ['ssh, 443', ' 443'],
    ['', ''],
    [',', ','],
    ['70000', '70000'],
    ['constructor', 'constructor'],
    ['__proto__', '__proto__'],
  ])('%j names the word that nobody knows', (text, unknown) => {
    expect(parsePorts(text, builtInServices)).toEqual({ ok: false, unknown })
  })

  it('uses a service that the policy names', () => {
    const services = [...builtInServices, { name: 'pg', ports: [tcp(5432)] }]
    expect(parsePorts('pg', services)).toEqual({ ok: true, value: { label: 'pg', ports: [tcp(5432)] } })
  })

  it('reads back what it wrote', () => {
    const port = fc.record({
      number: fc.integer({ min: 1, max: 65_535 }),
      protocol: fc.constantFrom('tcp', 'udp'),
    })
    fc.assert(
      fc.property(fc.uniqueArray(port, { minLength: 1, selector: (one) => portsText([one]) }), (ports) => {
        const text = portsText(ports).replaceAll(' ', '')
        expect(parsePorts(text, builtInServices)).toEqual({
          ok: true,
          value: { label: portsText(ports), ports },
        })
      }),
    )
  })
})

describe('ports within ports', () => {
  it.each([
    ['the same', [tcp(22)], [tcp(22)], true],
    ['fewer', [tcp(22), tcp(443)], [tcp(443)], true],
    ['one too many', [tcp(22)], [tcp(22), tcp(443)], false],
    ['another protocol', [tcp(53)], [udp(53)], false],
    ['something of nothing', [], [tcp(22)], false],
  ])('%s', (_, allowed, asked, yes) => {
    expect(covers(allowed, asked)).toBe(yes)
  })
})
