/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** Where to keep pictures of the pages, for the documents and for a look; unset: none are taken. */
const pictures = process.env['SCREENSHOTS']

const widths = [390, 1280] as const
const schemes = ['light', 'dark'] as const

/** Texts whose contrast is below what WCAG 2.2 AA asks, and parts that are wider than the window. */
function faults(): string[] {
  const weights = [0.2126, 0.7152, 0.0722]
  const luminance = (color: string) => {
    const channels = (color.match(/[\d.]+/g) ?? []).map((each) => Number(each) / 255)
    const linear = channels.map((value) =>
      value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
    )
    return weights.reduce((sum, weight, at) => sum + weight * (linear[at] ?? 0), 0)
  }
  const behind = (element: Element | null): string => {
    if (!element) return 'rgb(255, 255, 255)'
    const { backgroundColor } = getComputedStyle(element)
    return backgroundColor === 'rgba(0, 0, 0, 0)' ? behind(element.parentElement) : backgroundColor
  }
  const found: string[] = []
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim(),
    )
    if (!hasText) continue
    const [ink, paper] = [luminance(getComputedStyle(element).color), luminance(behind(element))]
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)
    if (contrast < 4.5) found.push(`${element.textContent}: contrast ${contrast.toFixed(2)}`)
    const { fontSize } = getComputedStyle(element)
    if (Number.parseFloat(fontSize) < 15) found.push(`${element.textContent}: only ${fontSize}`)
  }
  const { scrollWidth, clientWidth } = document.documentElement
  if (scrollWidth > clientWidth) found.push(`${scrollWidth - clientWidth} pixels wider than the window`)
  return found
}

/** Looks at the page as it is now at both widths and in both schemes. */
export async function looksGood(page: Page, name: string): Promise<void> {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme })
    for (const width of widths) {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 800 })
      expect(await page.evaluate(faults), `${name}, ${width} pixels, ${colorScheme}`).toEqual([])
      if (pictures === undefined) continue
      await mkdir(pictures, { recursive: true })
      const path = join(pictures, `address-${name}-${width}-${colorScheme}.png`)
      await page.screenshot({ path, scale: 'css', fullPage: true })
    }
  }
  expect(await page.locator('h1').count()).toBe(1)
  for (const landmark of ['banner', 'main', 'contentinfo'] as const)
    expect(await page.getByRole(landmark).count()).toBe(1)
  expect(await page.locator('html').getAttribute('lang')).toBe('en')
}
