import type { Log } from '../../src/slack/log.ts'

export const quiet: Log = { info: () => {}, warn: () => {}, error: () => {} }

/** A log whose lines a test can read. */
export function remembered(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const keep = (fields: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  return { lines, info: keep, warn: keep, error: keep }
}
