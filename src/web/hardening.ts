import type { MiddlewareHandler } from 'hono'
import { contentPolicy } from './layout.ts'

const always: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': contentPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-robots-tag': 'noindex',
}

/** On every answer, whatever it is: what a browser may do with it is next to nothing. */
export const hardened =
  (overTls: boolean): MiddlewareHandler =>
  async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(always)) context.header(name, value)
    if (overTls) context.header('strict-transport-security', 'max-age=31536000')
  }

interface Sent {
  readonly origin: string | undefined
  readonly fetchSite: string | undefined
}

/**
 * Whether a POST was sent by our own page. `no-referrer` makes browsers send `Origin: null` even then, so it is
 * `Sec-Fetch-Site` that tells; a browser too old to send it must name our origin.
 */
export function isOwnForm({ origin, fetchSite }: Sent, ours: readonly string[]): boolean {
  const named = origin !== undefined && origin !== 'null'
  if (named && !ours.includes(origin)) return false
  return fetchSite === undefined ? named : fetchSite === 'same-origin'
}
