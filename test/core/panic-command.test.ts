import { describe, expect, it } from 'vitest'
import { panicText, parsePanic } from '../../src/core/panic-command.ts'

const begun = (kind: string, name: string, reason: string) => ({
  kind: 'begin',
  scope: { kind, name },
  reason,
})

describe('a stop is read', () => {
  it.each([
    ['panic all because the jump host is compromised', begun('all', '', 'the jump host is compromised')],
    ['PANIC  All\nbecause: x', begun('all', '', 'x')],
    ['panic vm vm-jump01 because it is because of them', begun('vm', 'vm-jump01', 'it is because of them')],
    ['panic vm `vm-jump01` because x', begun('vm', 'vm-jump01', 'x')],
    ['panic vm “*vm-jump01*” because x', begun('vm', 'vm-jump01', 'x')],
    ['panic vm <http://vm1.corp|vm1.corp> because x', begun('vm', 'vm1.corp', 'x')],
    ['panic subscription R&amp;D because x', begun('subscription', 'R&D', 'x')],
    ['panic subscription Shop  EU because a &lt; b', begun('subscription', 'Shop EU', 'a < b')],
    [
      'panic person <@U0ROBIN|robin> because <@U0ALEX|alex> said so',
      begun('person', 'U0ROBIN', '@alex said so'),
    ],
    ['panic person <@W0ROBIN> because it’s lost', begun('person', 'W0ROBIN', "it's lost")],
    ['panic vm vm\u200b-jump01 bec\u00adause x', begun('vm', 'vm-jump01', 'x')],
    ['panic lift because it is clean', { kind: 'lift', reason: 'it is clean' }],
  ])('%s', (text, command) => {
    expect(parsePanic(text)).toEqual(command)
    expect(parsePanic(panicText(text))).toEqual(command)
  })

  it.each([
    ['panic', 'Say what to stop'],
    ['panic all', 'Say what to stop'],
    ['panic all because', 'Say what to stop'],
    ['because panic all', 'Say what to stop'],
    ['panic because x', 'I know all, subscription'],
    ['panic everything because x', 'I know all, subscription'],
    ['panic all of it because x', '“all” takes no name'],
    ['panic lift it because x', 'Lifting takes no name'],
    ['panic vm because x', 'Say which vm'],
    ['panic person @robin because x', 'Name the person with @'],
    ['panic person <@U0ROBIN> <@U0ALEX> because x', 'Name the person with @'],
  ])('not from “%s”', (text, wrong) => {
    expect(parsePanic(text)).toMatchObject({ kind: 'mistake', wrong: expect.stringContaining(wrong) })
  })
})

describe('a text that somebody made to be slow', () => {
  it.each([' ', '\t', '_ ', ' because:x', '<@U1|'])('of many “%s” is read like any other', (unit) => {
    expect(parsePanic(`panic${unit.repeat(20_000)}x`)).toMatchObject({ kind: 'mistake' })
    expect(parsePanic(`panic all because ${unit.repeat(20_000)}x`).kind).toMatch(/begin|mistake/)
  })

  it('is not carried on as long as it is', () => {
    const long = `panic all because ${'they are inside '.repeat(5000)}`
    const command = parsePanic(long)
    expect(command.kind === 'begin' && command.reason.length).toBeLessThan(1000)
    expect(panicText(long).length).toBeLessThanOrEqual(1000)
  })
})
