import { Duration } from 'luxon'

/** `PT3H` in milliseconds; null when it is no length of time. */
export function isoDurationMs(text: string): number | null {
  const parsed = Duration.fromISO(text)
  return parsed.isValid ? parsed.toMillis() : null
}
