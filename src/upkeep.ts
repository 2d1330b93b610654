import type { Log } from './engine/log.ts'
import type { Clock } from './ports.ts'

/** Repeats a chore for as long as the process lives; a failure is said and the next turn comes all the same. */
export interface Upkeep {
  every(ms: number, name: string, chore: () => Promise<unknown>): void
  /** Tries until it works, with growing pauses. */
  until(name: string, chore: () => Promise<unknown>): Promise<void>
  stop(): Promise<void>
}

const firstPauseMs = 500
const longestPauseMs = 30_000

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

export function createUpkeep(clock: Pick<Clock, 'sleep'>, log: Log): Upkeep {
  const over = new AbortController()
  const loops = new Set<Promise<void>>()

  const repeat = async (ms: number, name: string, chore: () => Promise<unknown>) => {
    for (;;) {
      await clock.sleep(ms, over.signal)
      if (over.signal.aborted) return
      try {
        await chore()
      } catch (error) {
        log.warn({ chore: name, error: messageOf(error) }, 'a chore failed; its next turn comes')
      }
    }
  }
  return {
    every: (ms, name, chore) => {
      loops.add(repeat(ms, name, chore))
    },
    until: async (name, chore) => {
      for (let pause = firstPauseMs; !over.signal.aborted; pause = Math.min(pause * 2, longestPauseMs)) {
        try {
          await chore()
          return
        } catch (error) {
          log.error(
            { chore: name, error: messageOf(error), againInMs: pause },
            `${name} failed; trying again`,
          )
          await clock.sleep(pause, over.signal)
        }
      }
    },
    stop: async () => {
      over.abort()
      await Promise.all(loops)
    },
  }
}
