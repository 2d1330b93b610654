import { describe } from 'vitest'
import { hasBrowser } from '../e2e/browser.ts'
import { addressPageInBrowser } from './in-browser.ts'

/** `npm run e2e` runs the same and fails without a browser. */
describe.skipIf(!hasBrowser())('the address page in a browser', addressPageInBrowser)
