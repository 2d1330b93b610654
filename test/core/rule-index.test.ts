import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { factsOf } from '../../src/core/check.ts'
import { checksOf } from '../../src/core/checks.ts'
import type { Match, VmMatch } from '../../src/core/policy.ts'
import { indexRules } from '../../src/core/rule-index.ts'
import { subject, vm } from '../support/cases.ts'

const asking = (of: VmMatch): Match => ({ vm: of, requester: {} })
const globs = fc.array(fc.constantFrom('a*', 'AB*', 'ab-*', 'b?', 'b', '*', '*a', 'ΑΣ*', '?s', 'İ*'), {
  minLength: 1,
  maxLength: 2,
})
const anyAsking = fc
  .record(
    {
      name: globs,
      resourceGroup: globs,
      tags: fc.dictionary(fc.constantFrom('App', 'env'), globs),
    },
    { requiredKeys: [] },
  )
  .map(asking)
const text = fc.constantFrom('a', 'ab-1', 'AB', 'b', 'bc', 'c', '', 'ΑΣΑ', 'ας', 'İs', 'i')
const anyVm = fc.record({
  name: text,
  resourceGroup: text,
  tags: fc.dictionary(fc.constantFrom('APP', 'env', 'x'), text),
})

describe('which rules are worth asking about a VM', () => {
  it('every rule that might fit, each once, in their order', () => {
    let fitting = 0
    let passedOver = 0
    fc.assert(
      fc.property(fc.array(anyAsking, { maxLength: 6 }), anyVm, (matches, given) => {
        const facts = factsOf(subject({ vm: vm(given) }))
        const found = indexRules(matches)(facts)
        const fits = matches.flatMap((match, at) =>
          checksOf(match).some((check) => check.fit(facts) === 'none') ? [] : [at],
        )
        expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b))
        expect(found).toEqual(expect.arrayContaining(fits))
        fitting += fits.length
        passedOver += matches.length - found.length
      }),
      { numRuns: 2_000 },
    )
    expect(fitting).toBeGreaterThan(100)
    expect(passedOver).toBeGreaterThan(100)
  })

  it('passes over the others by the longest beginning that they ask for', () => {
    const index = indexRules([
      asking({ name: ['vm-*'], tags: { app: ['shop-*'] } }),
      asking({ name: ['vm-*'], tags: { app: ['sales-*'] } }),
      asking({ os: ['linux'] }),
      asking({ resourceGroup: ['rg-other*'] }),
    ])
    const of = (tags: Record<string, string>) =>
      index(factsOf(subject({ vm: vm({ name: 'vm-1', resourceGroup: 'rg-a', tags }) })))
    expect(of({ App: 'Sales-web' })).toEqual([1, 2])
    expect(of({})).toEqual([2])
  })
})
