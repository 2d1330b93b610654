import type { Claim } from '../ports.ts'

/** What becomes of a job: `ended` in a transaction of the handler's own, `done`, or to be run again later. */
export type Finish =
  | { readonly kind: 'ended' }
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly at: number; readonly error: string | null }

/** Does a job. It may run twice for one job, so doing it again must be harmless. The signal aborts at a stop. */
export type Handler = (claim: Claim, signal: AbortSignal) => Promise<Finish>

export const ended: Finish = { kind: 'ended' }
export const done: Finish = { kind: 'done' }
export const again = (at: number, error: string | null): Finish => ({ kind: 'again', at, error })

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
