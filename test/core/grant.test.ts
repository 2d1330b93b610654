import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isOurs, latenessMs, parseRuleName, ruleDescription, ruleName } from '../../src/core/grant.ts'
import { alice, clock, person } from '../support/cases.ts'

describe('a rule’s name', () => {
  it('holds the grant and the second in which it ends', () => {
    expect(ruleName('g1', clock('09:35'))).toBe('jit-g1-1795426500')
    expect(parseRuleName('jit-g1-1795426500')).toEqual({ grantId: 'g1', expiresAt: clock('09:35') })
  })

  it('never promises more time than the grant has', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9]{1,40}$/),
        fc.integer({ min: 100_000_000_000, max: 99_999_999_999_999 }),
        (grantId, expiresAt) => {
          const name = ruleName(grantId, expiresAt)
          const read = parseRuleName(name)
          expect(read?.grantId).toBe(grantId)
          expect(expiresAt - (read?.expiresAt ?? 0)).toBeGreaterThanOrEqual(0)
          expect(expiresAt - (read?.expiresAt ?? 0)).toBeLessThan(1000)
          expect(name.length).toBeLessThanOrEqual(80)
        },
      ),
    )
  })

  it.each([
    '',
    'jit',
    'jit--1795426500',
    'jit-g1',
    'jit-g1-',
    'jit-g1-12345678',
    'jit-g1-123456789012',
    'jit-g1-NaN',
    'jit-g1-Infinity',
    'jit-G1-1795426500',
    'JIT-g1-1795426500',
    'jit-g_1-1795426500',
    'jit-a-b-1795426500',
    ' jit-g1-1795426500',
    'jit-g1-1795426500\n',
    'xjit-g1-1795426500',
    'jit-g1-1795426500x',
    'jit-g1-１７９５８５８５００',
  ])('%j is none of ours', (name) => {
    expect(parseRuleName(name)).toBeNull()
  })
})

describe('whose rule it is', () => {
  const ours = 'jit-g1-1795426500'
  it.each([
    ['our name and our mark', ours, 'jitney request r1 for UALICE', true],
    ['our name alone', ours, undefined, false],
    ['our name with somebody else’s words', ours, 'for the night shift', false],
    ['our mark alone', 'allow-rdp', 'jitney request r1 for UALICE', false],
    ['the mark in the middle', ours, 'not jitney', false],
  ])('%s', (_, name, description, yes) => {
    expect(isOurs(name, description)).toBe(yes)
  })

  it('is told by the description that we write', () => {
    expect(ruleDescription('r1', alice)).toBe('jitney request r1 for UALICE')
    expect(isOurs(ours, ruleDescription('r1', alice))).toBe(true)
  })

  it('fits into what Azure allows', () => {
    expect(ruleDescription('r'.repeat(200), person('U1'))).toHaveLength(140)
  })
})

describe('how late a close was', () => {
  it.each([
    ['in time', '09:35', 0],
    ['early', '09:20', 0],
    ['late', '09:36', 60_000],
  ])('%s', (_, closed, late) => {
    expect(latenessMs({ expiresAt: clock('09:35'), closedAt: clock(closed) })).toBe(late)
  })
})
