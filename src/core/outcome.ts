import type { AuditEvent } from './audit.ts'
import type { Case } from './case.ts'
import type { Effect } from './effect.ts'
import type { Refusal } from './refusal.ts'

/** The new state, and what goes with it into the same database transaction. */
export interface Transition {
  readonly ok: true
  readonly next: Case
  readonly audit: readonly AuditEvent[]
  readonly effects: readonly Effect[]
}

export type Outcome = Transition | { readonly ok: false; readonly refusal: Refusal }

export const refuse = (refusal: Refusal): Outcome => ({ ok: false, refusal })

/** The event came late or twice and there is nothing to do; that is no error. */
export const unchanged = (next: Case): Transition => ({ ok: true, next, audit: [], effects: [] })
