import { describe } from 'vitest'
import { addressPageInBrowser } from '../web/in-browser.ts'

describe('the address page in a browser', addressPageInBrowser)
