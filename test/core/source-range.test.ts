import { isIP } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressesIn, countText, holds, parseSource } from '../../src/core/source.ts'

describe('a range that somebody connects from', () => {
  it.each([
    ['81.2.69.128/28', '81.2.69.128/28', 16],
    ['81.2.69.142/31', '81.2.69.142/31', 2],
    ['81.2.69.142/32', '81.2.69.142', 1],
    ['81.2.69.142', '81.2.69.142', 1],
    ['2A00:1450::10/124', '2a00:1450::10/124', 16],
    ['2a00:1450::1/128', '2a00:1450::1', 1],
  ])('%s is taken as %s', (text, address, count) => {
    const family = text.includes(':') ? 'IPv6' : 'IPv4'
    expect(parseSource(text, 16)).toEqual({ ok: true, address, family })
    expect(addressesIn(address)).toBe(count)
  })

  it.each([
    ['81.2.69.128/27', 'stands for 32 addresses; the policy allows at most 16 at once.'],
    ['81.0.0.0/8', 'stands for 16,777,216 addresses'],
    ['0.0.0.0/0', 'stands for “no address”'],
    ['::/0', 'stands for “no address”'],
    ['2a00:1450::/64', 'stands for 18,446,744,073,709,552,000 addresses'],
    ['81.2.69.142/28', 'does not begin at 81.2.69.142; write 81.2.69.128/28.'],
    ['10.0.0.0/28', 'is private'],
    ['192.0.2.0/28', 'is reserved for special purposes'],
    ['81.2.69.128/33', 'is not a range. A range is written as in 81.2.69.128/28.'],
    ['81.2.69.128/', 'is not a range'],
    ['81.2.69.128/28/28', 'is not a range'],
    ['81.2.69.128/028', 'is not a range'],
    ['81.2.69.128/0028', 'is not a range'],
    ['81.2.69.128/-1', 'is not a range'],
    ['/28', 'No address was given.'],
    ['81.2.69.128/28,8.8.8.8', 'is a list; give one address.'],
    ['office/28', 'is not an IP address'],
  ])('%s is not: it %s', (text, why) => {
    const answer = parseSource(text, 16)
    expect(answer.ok ? answer.address : answer.why).toContain(why)
  })

  it('is no answer where the policy lets in one address at a time', () => {
    for (const text of [
      '81.2.69.142/31',
      '81.2.69.128/28',
      '0.0.0.0/0',
      '::/0',
      '2a00:1450::1/32',
      '8.8.8.8/',
    ]) {
      const answer = parseSource(text, 1)
      expect(answer.ok ? answer.address : answer.why).toContain('is a range; give the one address')
    }
  })

  it('is one address where it is a range of one, also there', () => {
    expect(parseSource('81.2.69.142/32', 1)).toMatchObject({ ok: true, address: '81.2.69.142' })
    expect(parseSource('2a00:1450:4001::1/128', 1)).toMatchObject({ ok: true, address: '2a00:1450:4001::1' })
    expect(parseSource('0.0.0.0/32', 1)).toMatchObject({ ok: false })
    expect(parseSource('8.8.8.8/32/32', 1)).toMatchObject({ ok: false })
    expect(parseSource('8.8.8.8/325', 1)).toMatchObject({ ok: false })
    expect(parseSource('2a00:1450::1/1280', 1)).toMatchObject({ ok: false })
  })

  it('says what to give instead of a private address', () => {
    expect(parseSource('10.0.0.5', 1)).toEqual({
      ok: false,
      why: '10.0.0.5 is private: it does not exist on the internet. Give the public address that you connect from.',
    })
    expect(parseSource('127.0.0.1', 1)).toEqual({
      ok: false,
      why: '127.0.0.1 means “this computer” (loopback).',
    })
  })

  it('must be public at both ends', () => {
    const answer = parseSource('100.0.0.0/9', 2 ** 23)
    expect(answer).toMatchObject({ ok: false, why: expect.stringContaining('100.127.255.255 is shared') })
  })

  it('is counted in words', () => {
    expect([countText(1), countText(2), countText(1_024)]).toEqual([
      'one address',
      '2 addresses',
      '1,024 addresses',
    ])
  })
})

describe('whatever range is typed', () => {
  const v4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => parts.join('.'))
  const range = fc.tuple(v4, fc.integer({ min: 20, max: 33 })).map(([base, bits]) => `${base}/${bits}`)

  it('is never more than the policy allows, and means itself when it is read again', () => {
    let taken = 0
    fc.assert(
      fc.property(range, fc.constantFrom(2, 16, 256), (text, most) => {
        const answer = parseSource(text, most)
        if (!answer.ok) return
        taken += 1
        expect(addressesIn(answer.address)).toBeLessThanOrEqual(most)
        expect(holds(text, answer.address) && holds(answer.address, text)).toBe(true)
        expect(parseSource(answer.address, most)).toEqual(answer)
        expect(isIP(answer.address.split('/', 1)[0] ?? '')).toBe(4)
      }),
      { numRuns: 5_000 },
    )
    expect(taken).toBeGreaterThan(100)
  })
})

describe('a range that holds another', () => {
  it.each([
    ['81.2.69.128/28', '81.2.69.128/28', true],
    ['81.2.69.128/28', '81.2.69.130/31', true],
    ['81.2.69.128/28', '81.2.69.143', true],
    ['81.2.69.128/28', '81.2.69.144', false],
    ['81.2.69.128/28', '81.2.69.128/27', false],
    ['81.2.69.142', '81.2.69.142', true],
    ['81.2.69.142', '81.2.69.142/31', false],
    ['0.0.0.0/0', '2a00::1', false],
    ['::/0', '2a00::1', true],
    ['::/0', '81.2.69.142', false],
    ['81.2.69.128/28', 'nothing', false],
    ['', '81.2.69.142', false],
  ])('%s and %s: %s', (wide, narrow, yes) => {
    expect(holds(wide, narrow)).toBe(yes)
  })

  it('counts as one address what cannot be read', () => {
    expect(addressesIn('')).toBe(1)
  })
})
