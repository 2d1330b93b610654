import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSeals } from '../../src/web/sealed.ts'
import {
  type AddressSite,
  formOf,
  from,
  mallory,
  otherTeam,
  robin,
  startAddressSite,
  titleOf,
} from '../support/address-page.ts'
import { client } from '../support/openid.ts'
import type { Visitor } from '../support/visitor.ts'

const home = '81.2.69.142'
const cafe = '81.2.69.160'
const v6 = '2a02:6b8::2:242'

describe('the address page', () => {
  let site: AddressSite
  beforeEach(async () => {
    site = await startAddressSite()
  })
  afterEach(() => site?.close())

  const pageOf = (token: string) => `${site.url}/ip/${token}`
  const reads = async (who: Visitor, token: string) => (await who.send(pageOf(token))).text()
  async function signsIn(who: Visitor, token: string, as = robin) {
    site.openId.signsIn(as)
    return who.goes(`${pageOf(token)}/sign-in`)
  }

  test('shows what it sees and what it is for, and has no button before the sign-in', async () => {
    const page = await reads(from(home), site.makes())
    expect(page).toContain(home)
    expect(page).toContain('IPv4')
    expect(page).toMatch(/Remote Desktop \(RDP\).*vm-jump01.*30 minutes/)
    expect(page).toMatch(/VPN.*proxy.*Private Relay.*phone/)
    expect(page).toContain('Sign in with Slack')
    expect(page).toContain('until 09:10 UTC')
    expect(formOf(page)).toBeNull()
  })

  test('binds the address of the one who asked, once they have signed in and said yes', async () => {
    const token = site.makes()
    const robinsBrowser = from(home)
    const { text, url } = await signsIn(robinsBrowser, token)
    expect(url).toBe(pageOf(token))
    expect(text).toContain('You are signed in as <bdi>Robin Okafor</bdi>')
    expect(site.links.bound).toEqual([])

    const answer = await robinsBrowser.presses(url, { form: formOf(text) ?? '' })
    expect(answer.status).toBe(200)
    expect(titleOf(await answer.text())).toBe('Your address is confirmed')
    expect(site.links.bound).toEqual([{ address: home, by: robin.userId }])
    expect([...robinsBrowser.jar(site.url).keys()]).toEqual([])
  })

  test('asks the provider with state, nonce, PKCE and the team, and for nothing but who it is', async () => {
    const { url } = await signsIn(from(home), site.makes())
    const [asked] = site.openId.asked
    expect(asked?.get('code_challenge_method')).toBe('S256')
    expect(asked?.get('scope')).toBe('openid profile')
    expect(asked?.get('team')).toBe(robin.teamId)
    expect(asked?.get('redirect_uri')).toBe(`${site.url}/ip/signed-in`)
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(asked?.get(name)?.length).toBeGreaterThan(40)
    expect(url).not.toContain('code=')
  })

  test('shows an IPv6 address as a person writes it', async () => {
    const page = await reads(from('2A02:06B8:0000:0000:0000:0000:0002:0242'), site.makes())
    expect(page).toContain(`<dd>${v6}</dd>`)
  })

  test('says when others come from the same address', async () => {
    site.links.shared.add(home)
    expect(await reads(from(home), site.makes())).toContain('everybody behind it is let in')
    expect(await reads(from(cafe), site.makes())).not.toContain('everybody behind it is let in')
  })

  test('leads somebody else nowhere, and has the one who asked told', async () => {
    const token = site.makes()
    const theirs = from(cafe)
    const { text, response, url } = await signsIn(theirs, token, mallory)
    expect(response.status).toBe(404)
    // At the end of the sign-in itself, so that no session of theirs was ever handed out.
    expect(new URL(url).pathname).toBe('/ip/signed-in')
    expect(titleOf(text)).toBe('This link cannot be used')
    expect(site.links.told).toEqual(['U0MALLORY of T0TEAM'])
    expect([...theirs.jar(site.url).keys()]).toEqual([])
    expect((await theirs.presses(pageOf(token), { form: 'x' })).status).toBe(403)
    expect(site.links.bound).toEqual([])
    expect(site.link(token)?.state).toBe('waiting')
  })

  test('offers the sign-in again in the browser in which somebody took the wrong account', async () => {
    const token = site.makes()
    const browser = from(home)
    await signsIn(browser, token, mallory)
    expect(await reads(browser, token)).toContain('Sign in with Slack')
    const { text, url } = await signsIn(browser, token, robin)
    expect((await browser.presses(url, { form: formOf(text) ?? '' })).status).toBe(200)
    expect(site.links.bound).toEqual([{ address: home, by: robin.userId }])
    expect(site.links.told).toEqual(['U0MALLORY of T0TEAM'])
  })

  test('drops a session of somebody else that a browser brings, and confirms nothing with it', async () => {
    const token = site.makes()
    const { text } = await signsIn(from(home), token)
    const theirs = from(cafe)
    const [tokenHash = ''] = site.links.lookedUp
    const { name: _, ...who } = mallory
    const session = { id: 'x', tokenHash, ...who, name: null }
    const seals = createSeals(client.secret, () => Date.UTC(2026, 10, 23, 9))
    for (const press of [true, false]) {
      theirs.jar(site.url).set('__Host-jitney-session', seals.seal('session', session))
      const answer = press
        ? await theirs.presses(pageOf(token), { form: formOf(text) ?? '' })
        : await theirs.send(pageOf(token))
      expect([answer.status, titleOf(await answer.text())]).toEqual([404, 'This link cannot be used'])
      expect([...theirs.jar(site.url).keys()]).toEqual([])
    }
    expect(site.links.told).toEqual(['U0MALLORY of T0TEAM'])
    expect(site.links.bound).toEqual([])
  })

  test('takes no button of the one who asked from the session of somebody else', async () => {
    const token = site.makes()
    const { text } = await signsIn(from(home), token)
    const theirs = from(cafe)
    await signsIn(theirs, token, mallory)
    expect((await theirs.presses(pageOf(token), { form: formOf(text) ?? '' })).status).toBe(403)
    expect(site.links.bound).toEqual([])
  })

  test('wants the team as well as the user', async () => {
    const token = site.makes({ person: { enterpriseId: null, ...otherTeam } })
    const { response } = await signsIn(from(home), token, robin)
    expect(response.status).toBe(404)
    expect(site.links.told).toEqual(['U0ROBIN of T0TEAM'])
  })

  test('lets whoever took the wrong account sign in anew with the next link', async () => {
    const browser = from(home)
    await signsIn(browser, site.makes(), mallory)
    const page = await reads(browser, site.makes())
    expect(page).toContain('Sign in with Slack')
    expect(site.links.told).toHaveLength(1)
  })

  test('does nothing but ask again when the address is another one at the button', async () => {
    const token = site.makes()
    const browser = from(home)
    const { text } = await signsIn(browser, token)
    const moved = await browser.presses(
      pageOf(token),
      { form: formOf(text) ?? '' },
      { 'x-forwarded-for': cafe },
    )
    expect(moved.status).toBe(409)
    const page = await moved.text()
    expect(page).toContain(`<dd>${cafe}</dd>`)
    expect(page).toContain(home)
    expect(site.links.bound).toEqual([])

    const again = await browser.presses(
      pageOf(token),
      { form: formOf(page) ?? '' },
      { 'x-forwarded-for': cafe },
    )
    expect(again.status).toBe(200)
    expect(site.links.bound).toEqual([{ address: cafe, by: robin.userId }])
  })

  test('has no button for an address that may not be let in, and says why', async () => {
    const token = site.makes()
    const { text } = await signsIn(from('10.1.2.3'), token)
    expect(titleOf(text)).toBe('This address cannot be let in')
    expect(text).toContain('10.1.2.3 is private')
    expect(formOf(text)).toBeNull()
  })

  test('passes on what the binding says against the address, and the link waits on', async () => {
    const token = site.makes()
    const browser = from(home)
    const { text } = await signsIn(browser, token)
    site.links.late = 'The policy no longer allows this address.'
    const answer = await browser.presses(pageOf(token), { form: formOf(text) ?? '' })
    expect(answer.status).toBe(422)
    expect(await answer.text()).toContain('The policy no longer allows this address.')
    expect(site.link(token)?.state).toBe('waiting')
  })

  test('says that the address cannot be seen when the proxy does not say it', async () => {
    const { text } = await signsIn(from('unknown'), site.makes())
    expect(titleOf(text)).toBe('Your address cannot be seen')
    expect(formOf(text)).toBeNull()
  })

  describe('for a VM that only IPv4 reaches', () => {
    test('offers the name that is reached by IPv4, where the sign-in works as well', async () => {
      const token = site.makes({ family: 'IPv4' })
      const page = await reads(from(v6), token)
      expect(titleOf(page)).toBe('This VM needs an IPv4 address')
      expect(page).toContain(`href="${site.urlV4}/ip/${token}"`)

      site.openId.signsIn(robin)
      const browser = from(home)
      const { text, url } = await browser.goes(`${site.urlV4}/ip/${token}/sign-in`)
      expect(url).toBe(`${site.urlV4}/ip/${token}`)
      expect((await browser.presses(url, { form: formOf(text) ?? '' })).status).toBe(200)
      expect(site.links.bound).toEqual([{ address: home, by: robin.userId }])
    })

    test('offers no button to IPv6 and takes none from it', async () => {
      const token = site.makes({ family: 'IPv4' })
      const browser = from(home)
      const { text } = await signsIn(browser, token)
      const sent = await browser.presses(
        pageOf(token),
        { form: formOf(text) ?? '' },
        { 'x-forwarded-for': v6 },
      )
      expect(titleOf(await sent.text())).toBe('This VM needs an IPv4 address')
      expect(site.links.bound).toEqual([])
    })

    test('says what to do when even the other name is reached by IPv6', async () => {
      const token = site.makes({ family: 'IPv4' })
      const page = await (await from(v6).send(`${site.urlV4}/ip/${token}`)).text()
      expect(page).toContain('Turn IPv6 off')
      expect(page).not.toContain('href=')
    })
  })

  describe('a link that does not lead anywhere', () => {
    test('is one and the same page, whatever became of it', async () => {
      const browser = from(home)
      const used = site.makes()
      const { text } = await signsIn(browser, used)
      const form = formOf(text) ?? ''
      await browser.presses(pageOf(used), { form })
      const foreign = site.makes()
      const atTheSignIn = (await signsIn(from(cafe), foreign, mallory)).text
      const expired = site.makes()
      const replaced = site.makes({ state: 'replaced' })
      site.passes(10 * 60_000)
      const answers = [
        await browser.send(pageOf(used)),
        await from(home).send(pageOf(used)),
        await from(home).send(pageOf(expired)),
        await from(home).send(`${pageOf(expired)}/sign-in`),
        await from(home).send(pageOf(replaced)),
        await from(home).send(pageOf('AAAAAAAAAAAAAAAAAAAAAA')),
        await from(home).send(pageOf('short')),
        await from(home).send(pageOf('a%00b')),
        await from(home).send(`${site.url}/ip/`),
      ]
      const texts = [atTheSignIn, ...(await Promise.all(answers.map((each) => each.text())))]
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
      expect(new Set(texts).size).toBe(1)
      expect(texts[0]).toMatch(
        /If you have just confirmed your address.*look in Slack.*start again in Slack/s,
      )
      expect(texts[0]).not.toMatch(/type the command|request/)
    })

    test('is what a second press of the button gets', async () => {
      const token = site.makes()
      const browser = from(home)
      const { text } = await signsIn(browser, token)
      const session = browser.jar(site.url).get('__Host-jitney-session') ?? ''
      const form = formOf(text) ?? ''
      expect((await browser.presses(pageOf(token), { form })).status).toBe(200)
      browser.jar(site.url).set('__Host-jitney-session', session)
      const replay = await browser.presses(pageOf(token), { form })
      expect(replay.status).toBe(404)
      expect(site.links.bound).toHaveLength(1)
    })

    test('is one that is not waiting, even where the look-up hands it out', async () => {
      const [late, done] = [
        site.makes(),
        site.makes({ state: 'confirmed', expiresAt: Number.MAX_SAFE_INTEGER }),
      ]
      site.passes(10 * 60_000)
      site.links.find = async (tokenHash) => site.links.kept.get(tokenHash) ?? null
      for (const token of [late, done]) expect((await from(home).send(pageOf(token))).status).toBe(404)
    })

    test('is looked up by the hash of its token alone', async () => {
      const token = site.makes()
      await reads(from(home), token)
      expect(site.links.lookedUp).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
    })
  })

  test.each(['GET', 'HEAD'])(
    'a scanner changes nothing by %s, however often and whatever it follows',
    async (method) => {
      const token = site.makes()
      const before = site.link(token)
      for (let visit = 0; visit < 25; visit++) {
        const scanner = from(`81.2.70.${visit}`)
        const headers = { 'user-agent': 'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)' }
        const seen = await scanner.send(pageOf(token), { method, headers })
        expect(seen.status).toBe(200)
        expect((await seen.text()) === '').toBe(method === 'HEAD')
        const away = await scanner.send(`${pageOf(token)}/sign-in`, { method, headers })
        expect(away.status).toBe(303)
      }
      site.openId.signsIn(null)
      await from(cafe).goes(`${pageOf(token)}/sign-in`, method)
      expect(site.link(token)).toEqual(before)
      expect([site.links.bound, site.links.told]).toEqual([[], []])
    },
  )
})
