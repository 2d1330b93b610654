import { ApiError } from './api-error.ts'
import { type Json, textOf } from './json.ts'

/** One page of a list, and the cursor to the next one, as Slack's list methods give them. */
export function page<T>(all: readonly T[], args: Json): { items: readonly T[]; metadata: Json } {
  const limit = Number(textOf(args, 'limit') || 0) || all.length
  const cursor = textOf(args, 'cursor')
  const start = cursor === '' ? 0 : Number(Buffer.from(cursor, 'base64').toString().replace('from:', ''))
  if (!Number.isInteger(start) || start < 0) throw new ApiError('invalid_cursor')
  const items = all.slice(start, start + limit)
  const more = start + items.length < all.length
  const next = more ? Buffer.from(`from:${start + items.length}`).toString('base64') : ''
  return { items, metadata: more ? { response_metadata: { next_cursor: next } } : {} }
}
