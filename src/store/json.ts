import { type RawBuilder, sql } from 'kysely'

const unstorable = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/**
 * JSON that `jsonb` accepts. PostgreSQL refuses NUL and halves of surrogate pairs, which a text cut in the
 * middle of an emoji has; one such text must not fail a whole transaction, for ever.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value)
  return text.includes('\\u') ? text.replaceAll(unstorable, '$1\\ufffd') : text
}

/** The same for plain text columns; an error message may hold anything and be of any length. */
export const toText = (text: string): string => text.toWellFormed().replaceAll('\0', '').slice(0, 2000)

/** Rows handed to a set-based statement as one parameter: `from jsonb_to_recordset(${rows(…)}) as x(…)`. */
export const rows = (values: readonly object[]): RawBuilder<unknown> => sql`${toJson(values)}::jsonb`
