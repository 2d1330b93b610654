import type { Claim } from '../ports.ts'

/** What becomes of a job: `ended` in a transaction of the handler's own, `done`, or to be run again later. */
export type Finish =
  | { readonly kind: 'ended' }
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly at: number; readonly error: string | null }

/** How long a claim is surely ours. After a pause of the whole process somebody else may have done the job since. */
export interface Lease {
  lapsed(): boolean
}

/**
 * Does a job. It may run twice for one job, so doing it again must be harmless. The signal aborts at a stop. What
 * others would see of a late writer (a rule, a message) is sent only while the lease holds.
 */
export type Handler = (claim: Claim, signal: AbortSignal, lease: Lease) => Promise<Finish>

export const ended: Finish = { kind: 'ended' }
export const done: Finish = { kind: 'done' }
export const again = (at: number, error: string | null): Finish => ({ kind: 'again', at, error })

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
