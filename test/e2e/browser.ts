import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function installed(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  for (const file of folders.flatMap((folder) => names.map((name) => join(folder, name)))) {
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not this one.
    }
  }
  return null
}

export const hasBrowser = (): boolean => installed() !== null

function findBrowser(): string {
  const file = installed()
  if (file !== null) return file
  throw new Error(
    `No browser was found. This test needs one of ${names.join(', ')} in PATH; on Debian and Ubuntu: apt-get install chromium.`,
  )
}

export interface Browser {
  readonly context: BrowserContext
  close(): Promise<void>
}

/** The installed browser with nothing of its own user: no history, no extensions, no traffic of its own. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findBrowser()
  const profile = await mkdtemp(join(tmpdir(), 'jitney-browser-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: quiet,
    viewport: { width: 1180, height: 900 },
    deviceScaleFactor: 2,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
  })
  return {
    context,
    close: async () => {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}
