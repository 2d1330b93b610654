const first = 250
const mostNear = 60_000
const mostLater = 5 * 60_000
const nearFor = 10 * 60_000

/**
 * When to try again after `attempts` failures: doubling from a quarter of a second, at most a minute apart while
 * the deadline is near or less than ten minutes past, and five minutes after that. There is no last try.
 */
export function backoffMs(attempts: number, sinceDeadlineMs = 0): number {
  const most = sinceDeadlineMs > nearFor ? mostLater : mostNear
  return Math.min(most, first * 2 ** Math.min(attempts, 20))
}

/** Another side's wish to be left alone is heard, but never for longer than our own pace allows. */
export const pauseMs = (attempts: number, afterMs: number | null, sinceDeadlineMs = 0): number => {
  const own = backoffMs(attempts, sinceDeadlineMs)
  return afterMs === null ? own : Math.min(Math.max(own, afterMs), mostNear)
}

/** A gesture is tried so often before whoever made it is told that it failed: they wait for the answer. */
export const gestureTries = 4
