import type { Clock } from '../ports.ts'

const freshFor = 60_000

/** Answers from memory for a minute, unless it is to be asked now; a failure is never remembered. */
export function remembering<T>(
  clock: Clock,
): (key: string, how: 'live' | undefined, read: () => Promise<T>) => Promise<T> {
  const known = new Map<string, { readonly at: number; readonly answer: Promise<T> }>()
  return (key, how, read) => {
    const at = clock.now()
    const found = known.get(key)
    if (how !== 'live' && found && at >= found.at && at - found.at < freshFor) return found.answer
    for (const [old, entry] of known) if (at - entry.at >= freshFor) known.delete(old)
    const entry = { at, answer: read() }
    known.set(key, entry)
    entry.answer.catch(() => {
      if (known.get(key) === entry) known.delete(key)
    })
    return entry.answer
  }
}
