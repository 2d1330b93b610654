import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDatabaseClock, wallClock } from '../../src/clock.ts'
import { clock } from '../support/cases.ts'

const hour = 3_600_000
const month = 30 * 24 * hour
const noon = clock('12:00')

beforeEach(() => {
  vi.useFakeTimers({ now: noon })
})
afterEach(() => {
  vi.useRealTimers()
})

const ofDatabase = async () => {
  let database = noon
  const made = createDatabaseClock(() => Promise.resolve(database))
  await made.anchor()
  return {
    now: () => made.now(),
    /** Time goes by for everybody. */
    passes: (ms: number) => {
      vi.advanceTimersByTime(ms)
      database += ms
    },
    /** The database's own clock is set. */
    isSet: async (ms: number) => {
      database += ms
      await made.anchor()
    },
  }
}

describe('the clock that decides', () => {
  it('cannot be read before the database has told the time', () => {
    expect(() => createDatabaseClock(() => Promise.resolve(noon)).now()).toThrow(/before it was set/)
  })

  it.each([hour, -hour, month, -month])(
    'does not hear of a jump of the machine’s clock by %i ms',
    async (ms) => {
      const { now, passes } = await ofDatabase()
      passes(1_000)
      vi.setSystemTime(Date.now() + ms)
      expect(now()).toBe(noon + 1_000)
      passes(1_000)
      expect(now()).toBe(noon + 2_000)
    },
  )

  it.each([hour, month])(
    'follows a database that jumps ahead by %i ms: what is due then closes early',
    async (ms) => {
      const { now, isSet, passes } = await ofDatabase()
      await isSet(ms)
      expect(now()).toBe(noon + ms)
      passes(1_000)
      expect(now()).toBe(noon + ms + 1_000)
    },
  )

  it.each([hour, month])(
    'runs on when the database is set back by %i ms: nothing lasts longer',
    async (ms) => {
      const { now, isSet, passes } = await ofDatabase()
      await isSet(-ms)
      passes(1_000)
      expect(now()).toBe(noon + 1_000)
      await isSet(0)
      passes(1_000)
      expect(now()).toBe(noon + 2_000)
    },
  )

  it('never goes back, not even by what two readings may differ', async () => {
    const { now, isSet } = await ofDatabase()
    expect(now()).toBe(noon)
    await isSet(-900)
    expect(now()).toBe(noon)
  })
})

describe('a wait', () => {
  it.each([25, 40, 400])('of %i days does not end before a short one that began after it', async (days) => {
    // The timers of `node:timers/promises` are not the fake ones.
    const ended: string[] = []
    const over = new AbortController()
    const long = wallClock.sleep(days * 24 * hour, over.signal).then(() => ended.push('long'))
    await wallClock.sleep(20).then(() => ended.push('short'))
    over.abort()
    await long
    expect(ended).toEqual(['short', 'long'])
  })
})
