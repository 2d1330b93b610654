import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { latenessMs } from './core/grant.ts'
import type { Outcome } from './core/outcome.ts'

const secondBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900]

export interface Metrics {
  /** Counts what a committed transition tells. */
  readonly observe: (outcome: Outcome) => void
  /** Reads the gauges from the database and answers everything in Prometheus’ form. */
  readonly render: () => Promise<{ contentType: string; body: string }>
}

export interface GrantCounts {
  readonly states: Readonly<Record<string, number>>
  /** Epoch milliseconds of the earliest expiry among grants that are not closed. */
  readonly earliestExpiry: number | null
}

/** No user, VM or address ever becomes a label: those belong in the audit trail. */
export function createMetrics(read: () => Promise<GrantCounts>): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const grants = new Gauge({ name: 'jit_grants', help: 'Grants by state', labelNames: ['state'], registers })
  const expiry = new Gauge({
    name: 'jit_grant_expiry_timestamp_seconds',
    help: 'The earliest end among grants that are not closed; alert when it lies in the past',
    registers,
  })
  const lateness = new Histogram({
    name: 'jit_revoke_lateness_seconds',
    help: 'From a grant’s end to the reading that its rules are gone',
    buckets: secondBuckets,
    registers,
  })
  const opening = new Histogram({
    name: 'jit_time_to_open_seconds',
    help: 'From the approval to the reading that every rule is there',
    buckets: secondBuckets,
    registers,
  })
  const transitions = new Counter({
    name: 'jit_transitions_total',
    help: 'Committed transitions by audit event',
    labelNames: ['type'],
    registers,
  })
  const refusals = new Counter({
    name: 'jit_refusals_total',
    help: 'Refused actions',
    labelNames: ['code'],
    registers,
  })
  return {
    observe: (outcome) => {
      if (!outcome.ok) {
        refusals.inc({ code: outcome.refusal.code })
        return
      }
      const { grant } = outcome.next
      for (const { type } of outcome.audit) {
        transitions.inc({ type })
        if (type === 'grant.closed' && grant?.state === 'closed') lateness.observe(latenessMs(grant) / 1000)
        if (type === 'grant.open' && grant?.openedAt)
          opening.observe((grant.openedAt - grant.approvedAt) / 1000)
      }
    },
    render: async () => {
      const { states, earliestExpiry } = await read()
      grants.reset()
      for (const [state, count] of Object.entries(states)) grants.set({ state }, count)
      expiry.set(earliestExpiry === null ? 0 : earliestExpiry / 1000)
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
  }
}
