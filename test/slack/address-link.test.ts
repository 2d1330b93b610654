import { describe, expect, it } from 'vitest'
import type { KeptLink } from '../../src/core/kept-link.ts'
import { linkMessage } from '../../src/slack/address-link.ts'
import { alice, clock } from '../support/cases.ts'

const link: KeptLink = {
  id: 'l1',
  person: alice,
  askedAt: clock('09:00'),
  expiresAt: clock('09:10'),
  ask: null,
  requestId: null,
  about: { label: 'rdp', vm: 'vm-jump01', howLong: '30 min' },
  family: null,
  state: 'confirmed',
  place: null,
  confirmed: { address: '81.2.69.142', at: clock('09:05') },
  outcome: null,
  others: [],
}

describe('what became of what waited for an address', () => {
  it('keeps our own tokens, and nothing that Azure or a policy may have put there', () => {
    const date = '<!date^1763888400^{time}|2025-11-23 09:00 UTC>'
    const outcome = `Your request was made at ${date}. Azure: <!channel> <https://bad.example|look> <b>`
    const { text, blocks } = linkMessage({ ...link, outcome }, null)
    for (const shown of [text, JSON.stringify(blocks)]) {
      expect(shown).toContain(date)
      expect(shown).toContain('&lt;!channel&gt; &lt;https://bad.example|look&gt; &lt;b&gt;')
    }
  })

  it('is still known to be a confirmation where the address is forgotten', () => {
    const { text } = linkMessage({ ...link, confirmed: { address: '', at: clock('09:05') } }, null)
    expect(text).toMatch(/^\*An address was confirmed .*,\* and forgotten since\./)
  })
})
