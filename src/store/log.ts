/** What the store needs of a logger; pino fits. */
export interface Log {
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export const silent: Log = { warn: () => {}, error: () => {} }
