/**
 * What an adapter throws: a stable code and what follows from it. `uncertain` means that the outside world may
 * have done what was asked all the same.
 */
export class Fault extends Error {
  readonly code: string
  readonly kind: 'try again' | 'permanent' | 'uncertain'
  /** How long the other side asked to be left alone, when it said so. */
  readonly afterMs: number | null

  constructor(
    code: string,
    message: string,
    options: { kind: Fault['kind']; afterMs?: number | null; cause?: unknown },
  ) {
    super(message, { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.kind = options.kind
    this.afterMs = options.afterMs ?? null
  }
}
