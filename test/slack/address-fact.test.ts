import { describe, expect, it } from 'vitest'
import type { Source } from '../../src/core/source.ts'
import { addressFact } from '../../src/slack/facts.ts'
import { base, cases, noon } from './a-case.ts'

const said = (but: Partial<Source>) =>
  addressFact({
    ...cases.pending.request,
    source: { ...base.source, learntAt: noon, ...but },
  }).replace(/<!date[^>]*>/, 'then')

const shared = '; shared address: others come from it too'

describe('the card says how the address was learnt', () => {
  it.each<[Partial<Source>, string]>([
    [{ learnt: 'typed' }, '81.2.69.142 (typed, not confirmed)'],
    [{ learnt: 'remembered' }, '81.2.69.142 (typed earlier, then, not confirmed)'],
    [{ learnt: 'confirmed' }, '81.2.69.142 (confirmed in the browser then)'],
    [{ learnt: 'named', name: 'office' }, '81.2.69.142 (of the policy’s range office)'],
    [{ learnt: 'confirmed', isShared: true }, `81.2.69.142 (confirmed in the browser then${shared})`],
    [{ learnt: 'typed', isShared: true }, `81.2.69.142 (typed, not confirmed${shared})`],
    [
      { learnt: 'named', name: '<!here>', address: '81.2.69.0/28' },
      '81.2.69.0/28, 16 addresses (of the policy’s range &lt;!here&gt;)',
    ],
  ])('%j', (but, text) => expect(said(but)).toBe(text))
})
