import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Browser, openBrowser } from '../e2e/browser.ts'
import { type AddressSite, mallory, robin, startAddressSite } from '../support/address-page.ts'
import { looksGood } from './looks.ts'

const home = '81.2.69.142'

/** A page of somebody else, on another site than ours. */
async function startElsewhere(html: string) {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(html)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export function addressPageInBrowser(): void {
  let browser: Browser
  let site: AddressSite
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())
  beforeEach(async () => {
    site = await startAddressSite({ names: { name: async () => robin.name } })
    await browser.context.clearCookies()
    await comesFrom(home)
    page = await browser.context.newPage()
    page.setDefaultTimeout(15_000)
    complaints = []
    page.on('console', (message) => {
      const { url } = message.location()
      // The provider's page has no icon, and that is no concern of ours.
      if (message.type() === 'error' && !url.startsWith(`${site.openId.issuer}/favicon`))
        complaints.push(`${message.text()} ${url}`)
    })
  })
  afterEach(async () => {
    await page?.close()
    await site?.close()
  })

  const comesFrom = (address: string) => browser.context.setExtraHTTPHeaders({ 'x-forwarded-for': address })
  const title = () => page.locator('h1').innerText()
  const opens = async (token: string) => {
    await page.goto(`${site.url}/ip/${token}`)
  }
  const signsInAs = async ({ name }: { name: string }) => {
    await page.getByRole('link', { name: 'Sign in with Slack' }).click()
    await page.getByRole('button', { name }).click()
    await page.waitForURL(`${site.url}/ip/**`)
  }
  const yes = () => page.getByRole('button', { name: 'Yes, this is my address' })

  test('the person signs in, says yes, and is told that it is done', async () => {
    await opens(site.makes())
    expect(await title()).toBe('Is this your address?')
    expect(await page.locator('.address dd').innerText()).toBe(home)
    await looksGood(page, 'before')
    await signsInAs(robin)
    expect(await page.getByText('You are signed in as Robin Okafor').count()).toBe(1)
    expect(await page.getByRole('button').count()).toBe(1)
    await looksGood(page, 'signed-in')
    await yes().click()
    expect(await title()).toBe('Your address is confirmed')
    await looksGood(page, 'confirmed')
    expect(site.links.bound).toEqual([{ address: home, by: robin.userId }])
    expect(complaints).toEqual([])
    await page.goBack()
    await page.reload()
    expect(await title()).toBe('This link cannot be used')
  })

  test('all of it can be done with the keyboard, and shows where it is', async () => {
    await opens(site.makes())
    await page.keyboard.press('Tab')
    const focused = () =>
      page.evaluate(() => {
        const { activeElement } = document
        return [
          activeElement?.textContent?.trim(),
          activeElement && getComputedStyle(activeElement).outlineStyle,
        ]
      })
    expect(await focused()).toEqual(['Sign in with Slack', 'solid'])
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: robin.name }).press('Enter')
    await page.waitForURL(`${site.url}/ip/**`)
    await page.keyboard.press('Tab')
    expect(await focused()).toEqual(['Yes, this is my address', 'solid'])
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
    expect(site.links.bound).toHaveLength(1)
  })

  test('somebody else is led nowhere, the one who asked is told, and can sign in there after all', async () => {
    const token = site.makes()
    await opens(token)
    await signsInAs(mallory)
    expect(await title()).toBe('This link cannot be used')
    expect(site.links.told).toEqual(['U0MALLORY of T0TEAM'])
    expect(site.links.bound).toEqual([])
    await opens(token)
    await signsInAs(robin)
    await yes().click()
    expect(await title()).toBe('Your address is confirmed')
    expect(site.links.bound).toEqual([{ address: home, by: robin.userId }])
  })

  test('a scanner that runs scripts and follows everything leaves the link as it was', async () => {
    const token = site.makes()
    const before = site.link(token)
    await opens(token)
    const [hrefs, forms] = await page.evaluate(() => [
      [...document.querySelectorAll('a')].map(({ href }) => href),
      [...document.querySelectorAll('form')].map((form) => form.submit()),
    ])
    expect(forms).toEqual([])
    for (const href of hrefs) await page.goto(href)
    expect(await title()).toBe('Who are you?')
    expect(site.link(token)).toEqual(before)
    await opens(token)
    await signsInAs(robin)
    await yes().click()
    expect(await title()).toBe('Your address is confirmed')
  })

  test('an old link leads nowhere and says what to do', async () => {
    const token = site.makes()
    site.passes(10 * 60_000)
    await opens(token)
    expect(await title()).toBe('This link cannot be used')
    expect(await page.getByText('start again in Slack').count()).toBe(1)
    await looksGood(page, 'nowhere')
  })

  test('a VM that only IPv4 reaches leads from IPv6 to the other name, where all of it works', async () => {
    await comesFrom('2a02:6b8::2:242')
    await opens(site.makes({ family: 'IPv4' }))
    expect(await title()).toBe('This VM needs an IPv4 address')
    await looksGood(page, 'needs-ipv4')
    await comesFrom(home)
    await page.getByRole('link', { name: 'Go on by IPv4' }).click()
    await page.getByRole('link', { name: 'Sign in with Slack' }).click()
    await page.getByRole('button', { name: robin.name }).click()
    await page.waitForURL(`${site.urlV4}/ip/**`)
    await yes().click()
    expect(await title()).toBe('Your address is confirmed')
    expect(site.links.bound).toEqual([{ address: home, by: robin.userId }])
  })

  test('an address that became another one is shown and asked for again', async () => {
    await opens(site.makes())
    await signsInAs(robin)
    await comesFrom('81.2.69.160')
    await yes().click()
    expect(await title()).toBe('Your address is another one now')
    await looksGood(page, 'changed')
    expect(site.links.bound).toEqual([])
    await yes().click()
    expect(site.links.bound).toEqual([{ address: '81.2.69.160', by: robin.userId }])
  })

  test('a changed address and a broken glass are spoken of as what they are', async () => {
    const about = { label: 'Remote Desktop (RDP)', vm: 'vm-jump01', howLong: '30 minutes' }
    await opens(site.makes({ about, requestId: 'x7k2m4q9w3' }))
    await looksGood(page, 'another')
    await signsInAs(robin)
    expect(await page.getByText('Access that is open from your old address stays').count()).toBe(1)
    await looksGood(page, 'another-signed-in')
    await opens(site.makes({ about: { ...about, emergency: true } }))
    await signsInAs(robin)
    expect(await page.getByText('You are breaking the glass').count()).toBe(1)
    await looksGood(page, 'emergency')
  })

  test('an address that may not be let in has no button', async () => {
    await comesFrom('10.1.2.3')
    await opens(site.makes())
    expect(await title()).toBe('This address cannot be let in')
    await looksGood(page, 'refused')
    expect(await page.getByRole('link').count()).toBe(0)
  })

  test('a form of another site is refused, and no other site can frame the page', async () => {
    const token = site.makes()
    await opens(token)
    await signsInAs(robin)
    const form = await page.locator('input[name=form]').inputValue()
    const elsewhere = await startElsewhere(
      `<iframe src="${site.url}/ip/${token}"></iframe><form method="post" action="${site.url}/ip/${token}"><input name="form" value="${form}"><button>Win</button></form>`,
    )
    try {
      await page.goto(elsewhere.url)
      await expect.poll(() => complaints.join()).toMatch(/frame-ancestors/)
      await page.getByRole('button', { name: 'Win' }).click()
      expect(await title()).toBe('That came from somewhere else')
      expect(site.links.bound).toEqual([])
    } finally {
      elsewhere.close()
    }
  })
}
