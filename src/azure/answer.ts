import type { Answer } from './faults.ts'

/** The little of a pipeline response that is read here; both kinds of Azure client hand out something that fits. */
export interface RawResponse {
  readonly status: number
  readonly headers: { get(name: string): string | undefined }
  readonly bodyAsText?: string | null
}

export type Shape = Readonly<Record<string, unknown>>

const isShape = (value: unknown): value is Shape =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An answer's part as an object; empty when Azure sent something else. */
export const shapeOf = (value: unknown): Shape => (isShape(value) ? value : {})

export const shapesOf = (value: unknown): readonly Shape[] => (Array.isArray(value) ? value.map(shapeOf) : [])

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

export const tagsOf = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(shapeOf(value)).map(([name, text]) => [name, textOf(text)]))

function parsed(text: string | null | undefined): unknown {
  if (!text) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

interface AzureError {
  readonly codes: readonly string[]
  readonly message: string
}

/** Reads Azure's error body. The details count as much as the error: a busy group says why only there. */
export function azureError(body: unknown): AzureError {
  const outer = shapeOf(body)
  const error = 'error' in outer ? shapeOf(outer['error']) : outer
  const details = shapesOf(error['details'])
  const inner = shapeOf(error['innererror'])
  const codes = [error, ...details, inner].map((part) => textOf(part['code'])).filter((code) => code !== '')
  const messages = [error, ...details].map((part) => textOf(part['message'])).filter((text) => text !== '')
  return { codes, message: [...new Set(messages)].join(' ') }
}

/** `Retry-After` in milliseconds: seconds, or a date that is compared with Azure's own clock when it sent one. */
export function retryAfterMs(headers: RawResponse['headers'], now: number): number | null {
  for (const name of ['retry-after-ms', 'x-ms-retry-after-ms']) {
    const ms = Number(headers.get(name) ?? Number.NaN)
    if (ms >= 0) return ms
  }
  const value = headers.get('retry-after')?.trim()
  if (!value) return null
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  const azureNow = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(at) ? null : Math.max(0, at - (Number.isNaN(azureNow) ? now : azureNow))
}

export function readAnswer(raw: RawResponse, now: number): Answer {
  const { codes, message } =
    raw.status >= 400 ? azureError(parsed(raw.bodyAsText)) : { codes: [], message: '' }
  return {
    status: raw.status,
    codes,
    message,
    afterMs: retryAfterMs(raw.headers, now),
    operationUrl: raw.headers.get('azure-asyncoperation') ?? null,
    requestId: raw.headers.get('x-ms-request-id') ?? null,
  }
}

/** What Azure tells about itself beside each answer. */
export interface Seen {
  /** Azure's clock, epoch milliseconds, with a resolution of one second. */
  readonly azureTime: number | null
  /** Our clock when the answer came. */
  readonly at: number
  readonly method: string
  readonly status: number
  readonly requestId: string | null
  readonly correlationId: string | null
  /** Calls left in ARM's bucket for this subscription and kind of call. */
  readonly readsLeft: number | null
  readonly writesLeft: number | null
  readonly deletesLeft: number | null
}

export function readSeen(method: string, raw: RawResponse, at: number): Seen {
  const left = (kind: string) => {
    const value = raw.headers.get(`x-ms-ratelimit-remaining-subscription-${kind}`)
    return value === undefined ? null : Number(value)
  }
  const azureTime = Date.parse(raw.headers.get('date') ?? '')
  return {
    azureTime: Number.isNaN(azureTime) ? null : azureTime,
    at,
    method,
    status: raw.status,
    requestId: raw.headers.get('x-ms-request-id') ?? null,
    correlationId: raw.headers.get('x-ms-correlation-request-id') ?? null,
    readsLeft: left('reads'),
    writesLeft: left('writes'),
    deletesLeft: left('deletes'),
  }
}
