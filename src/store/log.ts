/** What the store needs of a logger; pino fits. */
export interface Log {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export const silent: Log = { warn: () => {}, error: () => {} }

export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null

/** The server ended this session by itself: `admin_shutdown` and `crash_shutdown`. */
const ended = ['57P01', '57P02']
/** What the socket says, and what `pg` says for want of a code when the socket is gone. */
const cut = ['ECONNRESET', 'EPIPE']
const gone = [
  'Connection terminated unexpectedly',
  'Client has encountered a connection error and is not queryable',
]

/** The connection broke at once, rather than going silent; another one may well work. */
export function isBroken(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== null) return ended.includes(code) || cut.includes(code)
  return error instanceof Error && gone.includes(error.message)
}

/** One line for the log. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  return `${error instanceof Error ? error.message : String(error)}${code === null ? '' : ` (${code})`}`
}
