const freshFor = 60_000

interface Question<T> {
  readonly now: () => number
  readonly read: (ids: readonly string[]) => Promise<T>
  /** When an answer ceases to be true, if that is sooner. */
  readonly until: (answer: T) => number
}

/** Answers from memory for a minute at most, or as long as the answer holds; a failure is never remembered. */
export function remembered<T>({
  now,
  read,
  until,
}: Question<T>): (ids: readonly string[], live: boolean) => Promise<T> {
  const known = new Map<string, { readonly at: number; readonly answer: T }>()
  const isFresh = (entry: { at: number; answer: T }, at: number) =>
    at >= entry.at && at - entry.at < freshFor && at < until(entry.answer)
  return async (ids, live) => {
    const key = ids.join(' ')
    const at = now()
    for (const [old, entry] of known) if (!isFresh(entry, at)) known.delete(old)
    const found = known.get(key)
    if (found && !live) return found.answer
    const answer = await read(ids)
    known.set(key, { at, answer })
    return answer
  }
}
