import type { Json } from './json.ts'

/** The `ok: false` answer of a Web API method. */
export class ApiError extends Error {
  readonly code: string
  readonly extra: Json

  constructor(code: string, extra: Json = {}) {
    super(code)
    this.code = code
    this.extra = extra
  }
}

/** Slack lists what is wrong with blocks and views in two places. */
export function withMessages(code: string, messages: readonly string[]): ApiError {
  return new ApiError(code, {
    ...(code === 'invalid_blocks' ? { errors: messages } : {}),
    response_metadata: { messages: messages.map((each) => `[ERROR] ${each}`) },
  })
}

export function missing(field: string): ApiError {
  return withMessages('invalid_arguments', [`missing required field: ${field}`])
}
