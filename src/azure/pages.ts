import { Fault } from '../core/fault.ts'
import { type Shape, shapeOf, shapesOf, textOf } from './answer.ts'
import type { PlainCalls } from './arm.ts'

const mostPages = 100

/** Only path and query are kept: the token must not follow a link to another host. */
function pathOf(link: string): string {
  try {
    const { pathname, search } = new URL(link, 'https://azure.invalid')
    return pathname + search
  } catch {
    throw malformed('names no next page that can be read')
  }
}

export const malformed = (what: string): Fault =>
  new Fault('malformed answer', `Azure’s answer ${what}.`, { kind: 'try again' })

/** Everything of a list, page by page. An answer that is no list is a fault, never an empty list. */
export async function readList(
  calls: Pick<PlainCalls, 'get'>,
  path: string,
  signal?: AbortSignal,
): Promise<readonly Shape[]> {
  const rows: Shape[] = []
  let next = path
  for (let pages = 0; pages < mostPages; pages++) {
    const page = shapeOf((await calls.get(next, signal)).value)
    if (!Array.isArray(page['value'])) throw malformed('is no list')
    rows.push(...shapesOf(page['value']))
    const link = textOf(page['@odata.nextLink'] ?? page['nextLink'])
    if (link === '') return rows
    next = pathOf(link)
  }
  throw malformed('has no end')
}

/** A text within a filter, with its quotes doubled. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
