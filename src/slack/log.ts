import { type Logger, LogLevel } from '@slack/web-api'

/** What this folder needs of a logger; a pino logger fits. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const line = (parts: readonly unknown[]): string => parts.map(String).join(' ')

/**
 * The SDK's own lines. It reports levels below “info” as off, because on “debug” it writes out whole payloads,
 * with response URLs in them.
 */
export function sdkLogger(log: Log): Logger {
  return {
    debug: () => {},
    info: (...parts) => log.info({ from: 'slack sdk' }, line(parts)),
    warn: (...parts) => log.warn({ from: 'slack sdk' }, line(parts)),
    error: (...parts) => log.error({ from: 'slack sdk' }, line(parts)),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  }
}
