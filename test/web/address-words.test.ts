import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AddressLink } from '../../src/core/address-link.ts'
import { type AddressSite, formOf, from, robin, startAddressSite } from '../support/address-page.ts'

const home = '81.2.69.142'
const about = { label: 'ssh', vm: 'vm-jump01', howLong: '30 minutes' }
const nobodyWaits = /approver|go(?:es)? on|Access that is open/

const none = async () => null
const plain = (page: string) => page.replace(/<style>.*?<\/style>|<[^>]+>/gs, '').replaceAll(/\s+/g, ' ')

describe('what the address page says', () => {
  let site: AddressSite
  let name: () => Promise<string | null>
  beforeEach(async () => {
    name = async () => 'robin <b>'
    site = await startAddressSite({
      names: { name: (person) => (person.userId === robin.userId ? name() : none()) },
    })
  })
  afterEach(() => site?.close())

  const reads = async (more: Partial<AddressLink> = {}) =>
    plain(await (await from(home).send(`${site.url}/ip/${site.makes(more)}`)).text())

  async function walks(more: Partial<AddressLink>): Promise<{ asked: string; done: string; label: string }> {
    site.openId.signsIn(robin)
    const browser = from(home)
    const { text, url } = await browser.goes(`${site.url}/ip/${site.makes(more)}/sign-in`)
    const done = await (await browser.presses(url, { form: formOf(text) ?? '' })).text()
    const label = /<button[^>]*>([^<]*)</.exec(text)?.[1] ?? ''
    return { asked: plain(text), done: plain(done), label }
  }

  test('names who asked to whoever opens the link, and says “you” only to them', async () => {
    expect(await reads({ about })).toContain(
      'robin &lt;b&gt; asked in Slack for ssh on vm-jump01, for 30 minutes. ',
    )
    expect(await reads({ about })).toContain('so that nobody but robin &lt;b&gt; can confirm it')
    expect(await reads({ about: null })).toContain(
      'robin &lt;b&gt; asked in Slack to confirm the address that they connect from. ',
    )
    expect((await walks({ about })).asked).toContain('You asked in Slack for ssh on vm-jump01')
    expect((await walks({ about: null })).asked).toContain('the address that you connect from')
  })

  test.each<[string, () => Promise<string | null>]>([
    ['says none', none],
    ['does not answer', () => Promise.reject(new Error('Slack is away'))],
    ['never comes to an end', () => new Promise(() => {})],
  ])('names nobody where Slack %s', async (_, says) => {
    name = says
    expect(await reads({ about })).toContain('Somebody asked in Slack for ssh on vm-jump01')
    expect(await reads({ about })).toContain('so that nobody but the one who asked can confirm it')
  })

  test('names the request whose address changed, and says what holds of it pending and open', async () => {
    const { asked, label } = await walks({ about, requestId: 'x7k2m' })
    expect(asked).toContain('(request x7k2m), and now for another address there. ')
    expect(asked).toContain('If approvers had agreed already, they are asked again.')
    expect(asked).toContain(
      'Access that is open from your old address stays until the new one is open, or until its end.',
    )
    expect(asked).not.toMatch(/in place of the one before/)
    expect(label).toBe('Yes, this is my address')
  })

  test('promises nothing to whoever only wants their address known', async () => {
    const { asked, done, label } = await walks({ about: null, ask: null })
    expect(asked).toContain(
      'Nothing opens by this. The policy says how long it may be used again; Slack tells you.',
    )
    expect(`${asked} ${done}`).not.toMatch(/next request/)
    expect(asked).not.toMatch(nobodyWaits)
    expect(label).toBe('Yes, this is my address')
  })

  test('says of a new ask that it goes on, and not that the button lets anybody in', async () => {
    const { asked, label } = await walks({ about })
    expect(asked).toContain('Then your request goes on in Slack, with this address and no other.')
    expect(asked).not.toMatch(/breaking the glass|old address/)
    expect(label).toBe('Yes, this is my address')
  })

  test('says of a broken glass that it opens at once', async () => {
    const { asked } = await walks({ about: { ...about, emergency: true } })
    expect(asked).toContain(
      'You are breaking the glass: your yes opens this at once, and those who would have been asked are told.',
    )
    expect(asked).not.toMatch(/approver|goes on in Slack/)
  })

  test('says until when the link works, in whole minutes that it does', async () => {
    expect(await reads({ expiresAt: Date.UTC(2026, 10, 23, 9, 9, 59) })).toContain(
      'This link works until 09:09 UTC.',
    )
  })
})
