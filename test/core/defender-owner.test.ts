import { describe, expect, test } from 'vitest'
import type { DefenderState, Rivals } from '../../src/core/defender.ts'
import { ownerOf } from '../../src/core/defender-owner.ts'

const open = { kind: 'initiated' } as const
const newer = { kind: 'revoked', why: 'newer request' } as const
const over = { kind: 'revoked', why: 'expired' } as const
const owner = (state: DefenderState, rivals?: Partial<Rivals> | null, known = 0, asked = true) =>
  ownerOf({
    state: {
      ...state,
      ...(rivals !== undefined && { rivals: rivals && { earlier: 0, later: 0, ...rivals } }),
    },
    asked,
    known,
  })

describe('a rule of Defender’s that appeared after we asked', () => {
  test('is ours while nobody else asked for the same', () => {
    expect([open, over, { kind: 'unknown' } as const].map((state) => owner(state))).toEqual([
      'ours',
      'ours',
      'ours',
    ])
  })

  test('is never ours before anything was asked for', () => {
    expect(owner(open, undefined, 0, false)).toBe('another')
  })

  test('is the newer request’s once that has replaced ours', () => {
    expect(owner(newer, { later: 1 })).toBe('another')
  })

  test('may be anybody’s where a newer request stands beside ours, or has replaced it unseen', () => {
    expect([owner(open, { later: 1 }), owner(over, { later: 1 }), owner(newer)]).toEqual([
      'unknowable',
      'unknowable',
      'unknowable',
    ])
  })

  test('is not an older request’s whose rule is known', () => {
    expect([
      owner(open, { earlier: 1 }, 1),
      owner(open, { earlier: 1 }),
      owner(open, { earlier: 2 }, 1),
    ]).toEqual(['ours', 'unknowable', 'unknowable'])
  })

  test('may be anybody’s where there is no record', () => {
    expect(owner({ kind: 'unknown' }, null)).toBe('unknowable')
  })
})
