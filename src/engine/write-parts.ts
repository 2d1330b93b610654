import type { Policy } from '../core/policy.ts'
import type { Clock, Defender, Firewall, Flusher, Shield, Store } from '../ports.ts'
import type { Dispatcher } from './dispatch.ts'
import type { Log } from './log.ts'

export interface WriteParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly policy: () => Policy
  readonly firewall: Firewall
  readonly defender?: Defender | null
  /** Absent: open sessions are never cut. */
  readonly flusher?: Flusher
  /** Null or absent: no VM is protected by rules of our own. */
  readonly shield?: Shield | null
  /** What is wrong with the clocks, in words; null when they agree. While they do not, nothing opens. */
  readonly clockTrouble: () => string | null
  readonly log: Log
}
