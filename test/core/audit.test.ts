import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AuditEvent, canonical, chainText, type Json } from '../../src/core/audit.ts'
import { alice, clock } from '../support/cases.ts'

const event: AuditEvent = {
  type: 'request.pending',
  at: clock('09:00'),
  requestId: 'r1',
  grantId: null,
  actor: alice,
  details: { vm: 'vm-jump01', ports: ['3389/tcp'] },
}

const proto: Json = JSON.parse('{"__proto__":1}')
/** The same JSON with the keys of every object in the opposite order. */
const reversed = (text: string): Json =>
  JSON.parse(text, (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toReversed())
      : value,
  )

describe('one text for one value', () => {
  it.each<[string, Json, string]>([
    ['nothing', null, 'null'],
    ['a number', 1.5, '1.5'],
    ['no number', Number.NaN, 'null'],
    ['minus nothing', -0, '0'],
    ['a text with signs', 'a"b\\c\nd', '"a\\"b\\\\c\\nd"'],
    ['half a letter', '\uD800', '"\\ud800"'],
    ['a list, in its own order', [3, 1, 2], '[3,1,2]'],
    ['an empty list', [], '[]'],
    ['an empty object', {}, '{}'],
    ['keys in order', { b: 1, a: 2, B: 3 }, '{"B":3,"a":2,"b":1}'],
    ['keys in order, deep down', { x: [{ b: 1, a: { d: 1, c: 2 } }] }, '{"x":[{"a":{"c":2,"d":1},"b":1}]}'],
    ['numbers as keys, by their letters', { 10: 1, 9: 2 }, '{"10":1,"9":2}'],
    ['a key named __proto__', proto, '{"__proto__":1}'],
  ])('%s', (_, value, text) => {
    expect(canonical(value)).toBe(text)
  })

  it('is JSON, and says the same whatever order the keys came in', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const value: Json = JSON.parse(json)
        expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)))
        expect(canonical(reversed(json))).toBe(canonical(value))
      }),
      { numRuns: 500 },
    )
  })
})

describe('the text that is hashed', () => {
  it('holds the place in the chain and every field', () => {
    expect(chainText(7, 'abc', event)).toBe(
      `{"actor":{"enterpriseId":null,"teamId":"T1","userId":"UALICE"},"at":${clock('09:00')},"details":{"ports":["3389/tcp"],"vm":"vm-jump01"},"grantId":null,"previous":"abc","requestId":"r1","seq":7,"type":"request.pending"}`,
    )
  })

  it('names those who are no people', () => {
    expect(chainText(1, '', { ...event, actor: 'jitney' })).toContain('"actor":"jitney"')
  })

  it.each<[string, string]>([
    ['place', chainText(8, 'abc', event)],
    ['predecessor', chainText(7, 'abd', event)],
    ['type', chainText(7, 'abc', { ...event, type: 'request.denied' })],
    ['time', chainText(7, 'abc', { ...event, at: event.at + 1 })],
    ['request', chainText(7, 'abc', { ...event, requestId: 'r2' })],
    ['grant', chainText(7, 'abc', { ...event, grantId: 'g1' })],
    ['actor', chainText(7, 'abc', { ...event, actor: 'policy' })],
    ['team of the actor', chainText(7, 'abc', { ...event, actor: { ...alice, teamId: 'T2' } })],
    ['details', chainText(7, 'abc', { ...event, details: { vm: 'vm-jump02', ports: ['3389/tcp'] } })],
  ])('changes with the %s', (_, text) => {
    expect(text).not.toBe(chainText(7, 'abc', event))
  })

  it('is the same for a record that comes back from the database with more fields', () => {
    const record = { ...event, seq: 7, previous: 'abc', hash: 'def' }
    expect(chainText(record.seq, record.previous, record)).toBe(chainText(7, 'abc', event))
  })
})
