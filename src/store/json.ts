import { type RawBuilder, sql } from 'kysely'

const mend = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd')

/** For `JSON.stringify`: every text in a value, the names of its fields included. */
function mended(_: string, value: unknown): unknown {
  if (typeof value === 'string') return mend(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [mend(name), inner]))
}

/**
 * JSON that `jsonb` accepts. PostgreSQL refuses NUL and halves of surrogate pairs, which a text cut in the
 * middle of an emoji has; one such text must not fail a whole transaction, for ever.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value)
  // Only these are written as escapes, beside other control characters and backslashes that somebody typed.
  return text.includes('\\u') ? JSON.stringify(value, mended) : text
}

/** The same for plain text columns; an error message may hold anything and be of any length. */
export const toText = (text: string): string => text.toWellFormed().replaceAll('\0', '').slice(0, 2000)

/** Rows handed to a set-based statement as one parameter: `from jsonb_to_recordset(${rows(…)}) as x(…)`. */
export const rows = (values: readonly object[]): RawBuilder<unknown> => sql`${toJson(values)}::jsonb`
