import { describe, expect, test } from 'vitest'
import { overStray } from '../../src/engine/block-stray.ts'
import type { LiveRule } from '../../src/ports.ts'
import { live, rule } from '../support/cases.ts'

const over = (but: Partial<LiveRule>) => {
  const { source, destinations } = overStray('A', live(rule('A', 'present'), but))
  return { source, destinations }
}
const v6 = '2a02:3102::7'

describe('what is written over a stray that a lock keeps', () => {
  test('keeps the one source and the destinations that it can say', () => {
    expect(over({})).toEqual({ source: '81.2.69.142', destinations: ['10.0.0.4'] })
    expect(over({ sources: [v6], destinations: ['fd00::4'] })).toEqual({
      source: v6,
      destinations: ['fd00::4'],
    })
  })

  test.each([
    ['every source', { sources: ['*'] }],
    ['several sources', { sources: ['81.2.69.142', '8.8.8.8'] }],
    ['a group of machines', { sources: ['asg:web'] }],
    ['none', { sources: [] }],
  ])('names an address that nobody has in place of %s', (_, but) => {
    expect(over(but)).toEqual({ source: '192.0.2.1', destinations: ['10.0.0.4'] })
  })

  test('names one of the same family as what stands beside it, or Azure would refuse the whole', () => {
    expect(over({ sources: ['*'], destinations: ['fd00::4'] })).toEqual({
      source: '2001:db8::1',
      destinations: ['fd00::4'],
    })
    expect(over({ sources: [v6, '2a02::8'], destinations: ['asg:web'] })).toEqual({
      source: '2001:db8::1',
      destinations: ['2001:db8::1'],
    })
    expect(over({ sources: [v6], destinations: ['asg:web'] })).toEqual({
      source: v6,
      destinations: ['2001:db8::1'],
    })
    expect(over({ destinations: ['asg:web'] })).toEqual({
      source: '81.2.69.142',
      destinations: ['192.0.2.1'],
    })
  })

  test('takes the id of a group of machines for no address, whatever it holds', () => {
    expect(over({ sources: ['asg:a:b'], destinations: ['asg:c:d'] })).toEqual({
      source: '192.0.2.1',
      destinations: ['192.0.2.1'],
    })
  })
})
