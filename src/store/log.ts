/** What the store needs of a logger; pino fits. */
export interface Log {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export const silent: Log = { warn: () => {}, error: () => {} }

export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null

/** One line for the log. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  return `${error instanceof Error ? error.message : String(error)}${code === null ? '' : ` (${code})`}`
}
