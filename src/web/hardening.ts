import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
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

const headersOf = (overTls: boolean): Readonly<Record<string, string>> =>
  overTls ? { ...always, 'strict-transport-security': 'max-age=31536000' } : always

/** On every answer, whoever gives it: what a browser may do with it is next to nothing. */
export function harden(response: ServerResponse, overTls: boolean): void {
  for (const [name, value] of Object.entries(headersOf(overTls))) response.setHeader(name, value)
}

const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
}

/** The answer to what cannot be read as a request at all, in the same clothes; the connection ends with it. */
export function answerUnreadable(socket: Duplex, code: string, overTls: boolean): void {
  const status = statuses[code] ?? 400
  const headers = { ...headersOf(overTls), 'content-length': '0', connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', ''].join('\r\n'))
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
