import { describe, expect, it } from 'vitest'
import type { VmEntry } from '../../src/core/inventory.ts'
import { VmIndex } from '../../src/core/vm-index.ts'
import { slips } from '../support/plain-search.ts'

const entryNamed = (name: string): VmEntry => ({
  vm: {
    id: `/${name}`,
    name,
    resourceGroup: 'rg',
    subscriptionId: 's',
    subscriptionName: 'S',
    location: 'westeurope',
    os: null,
    tags: {},
  },
  interfaces: [],
  power: null,
  jit: null,
})

describe('the nearest names', () => {
  const index = VmIndex.of(['Web-01', 'web-02', 'api-web-01', 'db-01', 'web-01', 'jumphost'].map(entryNamed))

  it.each([
    ['web', 9, ['Web-01', 'web-02', 'api-web-01']],
    ['WEB-0', 1, ['Web-01']],
    ['web-01', 9, ['Web-01', 'api-web-01', 'web-02', 'db-01']],
    ['wbe-02', 9, ['web-02', 'Web-01']],
    ['jumphots', 9, ['jumphost']],
    ['rg/jumphst', 9, ['jumphost']],
    ['dc-1', 9, []],
    ['db-1', 9, ['db-01']],
    ['nothing-like-it', 9, []],
    ['', 9, []],
  ])('to “%s”, at most %i', (text, most, names) => {
    expect(index.nearest(text, most)).toEqual(names)
  })

  it.each([
    ['web', 'web', 0],
    ['web', 'wbe', 1],
    ['web', 'we', 1],
    ['web', 'weeb', 1],
    ['web', 'wab', 1],
    ['web', 'bew', 2],
    ['web', 'api', 3],
    ['web', 'website', 3],
  ])('are counted by slips: %s and %s, %i', (one, other, count) => {
    expect(slips(one, other, 2)).toBe(count)
  })
})
