interface Waiting<K, V> {
  readonly key: K
  readonly resolve: (value: V) => void
  readonly reject: (error: unknown) => void
}

/**
 * Turns many questions for one row each into few questions for many rows. Those that are asked while a reading is
 * under way share the next one, so every answer was read after it was asked for.
 */
export function gather<K, V>(
  most: number,
  readAll: (keys: readonly K[]) => Promise<ReadonlyMap<K, V>>,
  none: V,
): (key: K) => Promise<V> {
  const queue: Waiting<K, V>[] = []
  let reading = false

  async function readSome(asked: readonly Waiting<K, V>[]): Promise<void> {
    try {
      const found = await readAll([...new Set(asked.map(({ key }) => key))])
      for (const { key, resolve } of asked) resolve(found.get(key) ?? none)
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }

  async function pump(): Promise<void> {
    reading = true
    // Whatever else is asked in this turn comes along.
    await Promise.resolve()
    while (queue.length > 0) await readSome(queue.splice(0, most))
    reading = false
  }

  return (key) => {
    const { promise, resolve, reject } = Promise.withResolvers<V>()
    queue.push({ key, resolve, reject })
    if (!reading) void pump()
    return promise
  }
}
