import type { AuditRecord } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'

/** A place between two effects: just before or just after the nth call of one kind. */
export interface Point {
  /** `<port>.<method>`, with what the call is about where one method does several things. */
  readonly marker: string
  readonly side: 'before' | 'after'
  /** Which of those calls, counted from 1. */
  readonly nth: number
}

export const pointText = ({ marker, side, nth }: Point): string => `${side} ${marker} #${nth}`

/** What the test orders its bot to do. */
export type Order =
  | { readonly do: 'start'; readonly offset: number; readonly point: Point | null; readonly since: number }
  /** Counts from here on, and dies there. */
  | { readonly do: 'arm'; readonly point: Point | null }
  /** Moves the bot's time, which is the database's plus this. */
  | { readonly do: 'offset'; readonly offset: number }
  | { readonly do: 'look'; readonly id: number; readonly since: number }
  /** How often each marker was passed since counting began. */
  | { readonly do: 'tell'; readonly id: number }

/** What the database holds: the audit records after a number, and the cases that they are about. */
export interface Ledger {
  readonly audit: readonly AuditRecord[]
  readonly cases: readonly Case[]
  /** When the next job of each lane may run. */
  readonly next: Readonly<Record<string, number>>
}

export type Counts = Readonly<Record<string, number>>

/** What the bot tells the test. */
export type Report =
  /** Before anything of the bot runs: what the last life left behind. */
  | { readonly did: 'rest'; readonly ledger: Ledger }
  | { readonly did: 'ready' }
  /** Null when the database did not answer. */
  | { readonly did: 'look'; readonly id: number; readonly ledger: Ledger | null }
  | { readonly did: 'tell'; readonly id: number; readonly counts: Counts }
