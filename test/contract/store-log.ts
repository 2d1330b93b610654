import type { Log } from '../../src/store/log.ts'

/** Collects what the store logs, a line each. */
export function logInto(lines: string[]): Log {
  const add = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
  return { warn: add, error: add }
}
