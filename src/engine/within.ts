import type { Clock } from '../ports.ts'

/**
 * Does work under a signal that aborts after `ms` of the clock’s own time, or together with `stop`. The wait ends
 * with the work. `AbortSignal.timeout` would read another clock than everything else here does.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  stop: AbortSignal | null,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const over = new AbortController()
  const follow = () => limit.abort(stop?.reason)
  if (stop?.aborted) follow()
  stop?.addEventListener('abort', follow)
  const expire = () => {
    if (!over.signal.aborted) limit.abort(new DOMException(`It took more than ${ms} ms`, 'TimeoutError'))
  }
  void clock.sleep(ms, over.signal).then(expire)
  try {
    return await work(limit.signal)
  } finally {
    over.abort()
    stop?.removeEventListener('abort', follow)
  }
}
