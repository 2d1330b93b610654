import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator, Page, PageScreenshotOptions } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { type Demo, startDemo } from '../../src/demo.ts'
import { until } from '../support/local-slack.ts'
import { looksGood } from '../web/looks.ts'
import { type Browser, openBrowser } from './browser.ts'

const command = '/jit rdp vm-jump01 1m from 81.2.69.142 because the build is stuck'
/** Where to keep pictures of what a person sees, for the README and for a look; unset: none are taken. */
const pictures = process.env['SCREENSHOTS']

type Clip = NonNullable<PageScreenshotOptions['clip']>

/** Waits until the text is on the page; answers all of it. */
const reads = (where: Locator, text: RegExp, withinMs = 20_000) =>
  until(`${text} on the page`, withinMs, async () => {
    const shown = (await where.allInnerTexts()).join('\n')
    return text.test(shown) ? shown : undefined
  })

describe('a person in the browser', () => {
  let demo: Demo
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    browser = await openBrowser()
    demo = await startDemo({ slack: await freePort(), web: await freePort(), azure: 0, signIn: 0 })
    page = browser.context.pages()[0] ?? (await browser.context.newPage())
    page.setDefaultTimeout(15_000)
    await page.goto(demo.slackUrl)
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  const opens = (channel: string) => page.locator('.sidebar-item', { hasText: channel }).click()
  const actsAs = (person: string) => page.locator('.actas select').last().selectOption({ label: person })
  const card = () => page.locator('.messages .msg').first()
  const replies = () => page.locator('.thread-body .msg')

  async function picture(name: string, of: Page | Locator = page, clip?: Clip): Promise<void> {
    if (pictures === undefined) return
    await mkdir(pictures, { recursive: true })
    await page.mouse.move(0, 0)
    await of.screenshot({ path: join(pictures, `${name}.png`), ...(clip && { clip }) })
  }

  test('asks, approves as somebody else, and reads that it is open and then closed', async () => {
    await page.locator('.composer-input').fill(command)
    await page.keyboard.press('Enter')
    await reads(page.locator('.messages'), /waits for approval/)
    await picture('asked')

    await opens('approvals')
    await reads(card(), /vm-jump01/)
    await picture('pending')
    await picture('card-pending', card())
    await actsAs('approver1')
    await card().getByRole('button', { name: 'Approve', exact: true }).click()

    const open = await reads(card(), /Open until/)
    expect(open).toContain('81.2.69.142')
    await reads(card(), /1 reply/)
    await page.locator('.thread-summary').click()
    await reads(replies().last(), /Open until (today|tomorrow) at \d\d:\d\d/)
    await picture('open')
    await picture('card-open', card())
    await opens('requester')
    await reads(page.locator('.messages'), /mstsc \/v:/)
    await picture('direct-message')

    await opens('approvals')
    await page.locator('.thread-summary').click()
    const closed = await reads(replies().last(), /Closed/, 90_000)
    expect(closed).toContain('Azure confirms')
    await reads(card(), /Closed \(verified\)/, 60_000)
    await picture('closed')
    const size = page.viewportSize()
    // Tall enough for all of the thread.
    if (size) await page.setViewportSize({ ...size, height: 1000 })
    await page.locator('.thread-body .msg').last().scrollIntoViewIfNeeded()
    await picture('story', page, { x: 220, y: 44, width: 960, height: 890 })
    if (size) await page.setViewportSize(size)
    await opens('audit')
    await reads(page.locator('.messages'), /#7/)
    await picture('audit')
  })

  test('asks without an address, confirms it on the page, and gets in', async () => {
    await actsAs('requester')
    await opens('general')
    await page.locator('.composer-input').fill('/jit rdp vm-jump01 1m because I try it out')
    await page.keyboard.press('Enter')
    await reads(page.locator('.messages'), /Look for my message/)
    await picture('confirm-typed')
    await opens('requester')
    const message = page.locator('.messages .msg').last()
    await reads(message, /Confirm your address/)
    await picture('confirm-before')
    const opened = browser.context.waitForEvent('page')
    await message.getByRole('button', { name: 'Confirm my address' }).click()
    const site = await opened
    await site.getByRole('link', { name: 'Sign in with Slack' }).click()
    expect(await site.locator('main').innerText()).toContain('stands in for “Sign in with Slack”')
    await looksGood(site, 'demo-sign-in')
    await site.getByRole('button', { name: 'Sign in as requester' }).click()
    expect(await site.locator('main').innerText()).toContain('81.2.69.142')
    await looksGood(site, 'demo-signed-in')
    await site.getByRole('button', { name: 'Yes, this is my address' }).click()
    await site.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()
    await site.close()
    await reads(message, /Address confirmed: 81\.2\.69\.142.*was made at \d\d:\d\d/s)
    await picture('confirm-after')

    await actsAs('approver1')
    await opens('approvals')
    const asked = page.locator('.messages .msg').last()
    expect(await reads(asked, /confirmed in the browser/)).toContain('81.2.69.142')
    await picture('confirm-card')
    await asked.getByRole('button', { name: 'Approve', exact: true }).click()
    await reads(asked, /Open until/)
  })

  test('sees no token of Slack’s where a name or a time should be', async () => {
    for (const channel of ['general', 'approvals', 'audit', 'requester']) {
      await opens(channel)
      await reads(page.locator('.messages'), /jitney/)
      expect(await page.locator('.messages').innerText()).not.toMatch(/<[!@#]|&lt;|\{time\}/)
    }
  })
})
