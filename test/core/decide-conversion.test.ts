import { describe, expect, test } from 'vitest'
import {
  type AskedConversion,
  askingProblem,
  nextChange,
  proposalJson,
  ruleAfter,
} from '../../src/core/conversion.ts'
import { type ConversionEvent, decideConversion, proposed } from '../../src/core/decide-conversion.ts'
import { bob, clock } from '../support/cases.ts'
import { conversion, narrowed, proposal } from '../support/conversions.ts'
import { nsgOf } from '../support/protections.ts'

const now = clock('09:20')
const decided = (from: AskedConversion, event: ConversionEvent) => {
  const made = decideConversion(from, event, now)
  return made && { ...made, audit: made.audit.map(({ type }) => type) }
}
const next = (from: AskedConversion, event: ConversionEvent): AskedConversion => {
  const made = decideConversion(from, event, now)
  if (!made) throw new Error('That was no news.')
  return made.next
}
const two = { changes: [narrowed('rdp', 'nic'), narrowed('ssh', 'subnet')] }
const yes = { type: 'decided', by: bob, agrees: true } as const
const agreed = next(conversion({}, two), yes)
const done = (index: number) => ({ type: 'change done', index }) as const
const given = (index: number) =>
  ({ type: 'change void', index, detail: 'It is another one by now.' }) as const
const write = (nsg: string) => ({ kind: 'write', nsgId: nsgOf(nsg) })
const show = { kind: 'show' }
const look = { kind: 'look' }

describe('what is asked for', () => {
  test('is put on record with each rule as it was and as it is to be, and shown', () => {
    const { audit, effects } = proposed(conversion())
    expect(effects).toEqual([show, { kind: 'set deadline', at: clock('09:10') + 24 * 60 * 60_000 }])
    expect(audit).toMatchObject([
      {
        type: 'conversion.proposed',
        actor: conversion().by,
        details: {
          conversion: 'c1',
          changes: [
            {
              nsg: nsgOf('nic'),
              before: { name: 'rdp', sources: ['*'], ports: ['3389'], priority: 500 },
              after: { name: 'rdp', sources: ['VirtualNetwork'], ports: ['3389'], priority: 500 },
            },
          ],
        },
      },
    ])
  })

  test('lapses only while nobody has decided, and for good', () => {
    const lapsed = decideConversion(conversion(), { type: 'lapsed', because: 'so it is' }, now)
    expect(lapsed).toMatchObject({
      next: { state: 'lapsed', lapsedBecause: 'so it is', endedAt: now, changes: [{ state: 'kept' }] },
      audit: [{ type: 'conversion.lapsed', actor: 'jitney', details: { detail: 'so it is' } }],
      effects: [show, { kind: 'look' }],
    })
    for (const state of ['agreed', 'kept', 'lapsed', 'ended'] as const)
      expect(decideConversion(conversion({ state }), { type: 'lapsed', because: 'so it is' }, now)).toBeNull()
    expect(
      lapsed && decideConversion(lapsed.next, { type: 'decided', by: bob, agrees: true }, now),
    ).toBeNull()
  })

  test('is made by a yes, one change after the other in their order', () => {
    expect(decided(conversion({}, two), yes)).toMatchObject({
      next: {
        state: 'agreed',
        decided: { by: bob, at: now },
        changes: [{ state: 'agreed' }, { state: 'agreed' }],
      },
      audit: ['conversion.agreed'],
      effects: [show, write('nic')],
    })
    expect(nextChange(agreed)).toMatchObject({ conversionId: 'c1', index: 0, attempts: 0, nextTryAt: 0 })
    expect(decided(agreed, done(0))).toMatchObject({
      next: { state: 'agreed', changes: [{ state: 'done', at: now }, { state: 'agreed' }] },
      audit: ['conversion.changed'],
      effects: [show, write('subnet')],
    })
    expect(decided(next(agreed, done(0)), done(1))).toMatchObject({
      next: { state: 'ended', endedAt: now },
      audit: ['conversion.changed', 'conversion.ended'],
      effects: [show, look],
    })
  })

  test('is left by a no, for good', () => {
    const no = { ...yes, agrees: false }
    expect(decided(conversion({}, two), no)).toMatchObject({
      next: { state: 'kept', endedAt: now, changes: [{ state: 'kept' }, { state: 'kept' }] },
      audit: ['conversion.kept'],
      effects: [show],
    })
    const kept = next(conversion(), no)
    expect([decided(kept, yes), decided(kept, no), decided(kept, done(0)), nextChange(kept)]).toEqual([
      null,
      null,
      null,
      null,
    ])
  })

  test('goes on where one change is given up, and tells how much was done', () => {
    expect(decided(agreed, given(0))).toMatchObject({
      next: { state: 'agreed', changes: [{ state: 'void', detail: 'It is another one by now.' }, {}] },
      audit: ['conversion.void'],
      effects: [show, write('subnet')],
    })
    const last = decideConversion(next(agreed, given(0)), done(1), now)
    expect(last?.audit.at(-1)).toMatchObject({ type: 'conversion.ended', details: { done: 1, void: 1 } })
    expect(decideConversion(agreed, given(0), now)?.audit).toMatchObject([
      { details: { rule: 'rdp', detail: 'It is another one by now.', before: {}, after: {} } },
    ])
  })

  test('is decided once, and nothing is made before that', () => {
    expect(decided(agreed, yes)).toBeNull()
    expect(decided(agreed, { ...yes, agrees: false })).toBeNull()
    expect(decided(conversion(), done(0))).toBeNull()
    expect(decided(conversion(), given(0))).toBeNull()
    expect(nextChange(conversion())).toBeNull()
    expect(decided(next(agreed, done(0)), done(0))).toBeNull()
    expect(decided(agreed, done(7))).toBeNull()
  })

  test('is shown once for each reason why it waits', () => {
    const later = { type: 'change postponed', index: 0, nextTryAt: now + 250, met: 'Azure is away' } as const
    expect(decided(agreed, later)).toMatchObject({
      next: { changes: [{ state: 'agreed', attempts: 1, nextTryAt: now + 250, met: 'Azure is away' }, {}] },
      audit: [],
      effects: [show],
    })
    const waits = next(agreed, later)
    expect(nextChange(waits)).toMatchObject({ index: 0, attempts: 1, nextTryAt: now + 250 })
    expect(decided(waits, later)?.effects).toEqual([])
    expect(decided(waits, { ...later, met: null })).toMatchObject({
      next: { changes: [{ attempts: 1 }, {}] },
      effects: [],
    })
    expect(decided(conversion(), later)).toBeNull()
  })

  test('is looked at once, after the last change', () => {
    const after = { at: now, open: [], doubt: false, askBy: null, unread: null }
    const over = next(next(agreed, done(0)), done(1))
    expect(decided(agreed, { type: 'looked', after })).toBeNull()
    expect(decided(over, { type: 'looked', after })).toMatchObject({ next: { after }, effects: [show] })
    expect(decided(next(over, { type: 'looked', after }), { type: 'looked', after })).toBeNull()
  })
})

type Shown = Parameters<typeof proposal>[0]
const problem = (changes: Shown) => askingProblem(proposal(changes))
const json = (changes: Shown) => JSON.stringify(proposalJson(proposal(changes)))
const sources = (...to: string[]) => ({ changes: [{ ...narrowed(), kind: 'sources' as const, to }] })

const asg = (name: string, subscription = '1') =>
  `asg:/subscriptions/${subscription}/resourcegroups/rg/providers/microsoft.network/applicationsecuritygroups/${name}`
const why = (changes: Parameters<typeof narrowed>[2]) =>
  problem({ changes: [narrowed('rdp', 'nic', changes)] })

describe('what can be asked for', () => {
  test('is a change of other people’s rules that is sure', () => {
    expect(problem({})).toBeNull()
    expect(problem({ changes: [] })).toMatch(/^no rule is to change/)
    expect(problem({ doubt: true })).toMatch(/^not everything in front of it could be read/)
    expect(problem({ changes: Array.from({ length: 13 }, (_, at) => narrowed(`r${at}`)) })).toMatch(
      /more than 12 changes/,
    )
    expect(problem({ changes: [narrowed('rdp', 'nic', { provisioning: 'Updating' })] })).toMatch(
      /Azure is not done with the rule rdp/,
    )
  })

  test.each([
    ['jit-01kb3x9y7z-1795447000', 'jitney request 01kb3x9y7z for U0ALICE'],
    ['jitney-protect-p1-tcp', 'jitney protection p1 of vm1 by U0ALICE'],
    ['MicrosoftDefenderForCloud-JITRule_100_9F1C2B7A5D1E4B0CA6F3D8E2B4C6A801', ''],
  ])('is never the rule %s', (name, description) => {
    expect(problem({ changes: [narrowed(name, 'nic', { description })] })).toMatch(/comes and goes by itself/)
  })

  test('is only what Azure takes: a tag stands alone', () => {
    expect(problem(sources('10.0.0.0/8', 'fd00::/8'))).toBeNull()
    expect(problem(sources('asg:/a', 'asg:/b'))).toBeNull()
    expect(problem(sources('VirtualNetwork', '10.0.0.0/8'))).toMatch(/Azure takes no rule with all/)
    expect(problem(sources('asg:/a', '10.0.0.0/8'))).toMatch(/Azure takes no rule with all/)
  })

  test('is only what a message shows whole', () => {
    expect(why({ sources: [asg('a'), asg('b')] })).toBeNull()
    expect(why({ sources: [asg('a'), asg('a', '2')] })).toMatch(/have the same name, so no message shows/)
    expect(why({ sources: Array.from({ length: 13 }, (_, at) => `10.0.${at}.0/24`) })).toMatch(/more than 12/)
    expect(why({ sources: [asg('a'.repeat(120))] })).toMatch(
      /too long, so no message shows the rule rdp whole/,
    )
    expect(why({ description: 'a'.repeat(151) })).toMatch(/its description is too long/)
  })

  test('is another thing as soon as anything that was shown is', () => {
    const same = json({})
    expect(json({ at: 5, askBy: null })).toBe(same)
    const [open] = proposal().open
    for (const other of [
      { changes: [narrowed('rdp', 'nic', { description: 'Ours.' })] },
      { changes: [narrowed('rdp', 'nic', { sourcePorts: ['1024-65535'] })] },
      { changes: [{ ...narrowed(), vms: 2 }] },
      { changes: [narrowed('rdp', 'subnet')] },
      sources('10.0.0.0/8'),
      { left: open ? [open] : [] },
    ])
      expect(json(other)).not.toBe(same)
  })

  test('leaves everything of the rule but what changes', () => {
    const { rule } = narrowed()
    expect(ruleAfter(narrowed())).toEqual({ ...rule, sources: ['VirtualNetwork'] })
    expect(ruleAfter({ nsgId: nsgOf('nic'), rule, vms: 1, kind: 'ports', to: ['443'] })).toEqual({
      ...rule,
      ports: ['443'],
    })
    expect(ruleAfter({ nsgId: nsgOf('nic'), rule, vms: 1, kind: 'delete' })).toBeNull()
  })
})
