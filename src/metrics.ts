import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { latenessMs } from './core/grant.ts'
import type { Outcome } from './core/outcome.ts'
import type { Health } from './ports.ts'

const secondBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300, 900]

export interface Metrics {
  /** Counts what a committed transition tells. */
  readonly observe: (outcome: Outcome) => void
  /** Counts a header that tells where somebody comes from and was not believed. */
  readonly forwardedIgnored: () => void
  /** Reads the gauges from the database and answers everything in Prometheus’ form. */
  readonly render: () => Promise<{ contentType: string; body: string }>
}

/** How things stand at `now`. */
export interface Standing
  extends Pick<Health, 'states' | 'earliestExpiry' | 'overdue' | 'overdueSince' | 'stuck'> {
  readonly now: number
  /** When each subscription was last compared with the grants, epoch milliseconds. */
  readonly reconciled: ReadonlyMap<string, number>
}

export const nothingYet: Standing = {
  now: 0,
  states: {},
  earliestExpiry: null,
  overdue: 0,
  overdueSince: null,
  stuck: 0,
  reconciled: new Map(),
}

/** Gauges that are read from the database when somebody asks. */
function gaugesOf(registers: Registry[]): (standing: Standing) => void {
  const grants = new Gauge({
    name: 'jit_grants',
    help: 'Grants that are not closed, by state',
    labelNames: ['state'],
    registers,
  })
  const expiry = new Gauge({
    name: 'jit_grant_expiry_timestamp_seconds',
    help: 'The earliest end among grants that are not closed, in Unix seconds; 0 when there are none',
    registers,
  })
  const overdue = new Gauge({
    name: 'jit_overdue_grants',
    help: 'Grants past their end and not closed, and rules of ours that no grant wants past the end in their name',
    registers,
  })
  const longest = new Gauge({
    name: 'jit_longest_overdue_seconds',
    help: 'For how long the one among them that is overdue for longest has been so; 0 when there are none',
    registers,
  })
  const stuck = new Gauge({
    name: 'jit_stuck_grants',
    help: 'Grants that have been closing for more than a minute',
    registers,
  })
  const reconciled = new Gauge({
    name: 'jit_reconcile_last_success_timestamp_seconds',
    help: 'When what stands in a subscription was last compared with the grants, in Unix seconds',
    labelNames: ['subscription'],
    registers,
  })
  return ({ now, states, earliestExpiry, ...late }) => {
    grants.reset()
    for (const [state, count] of Object.entries(states)) grants.set({ state }, count)
    expiry.set(earliestExpiry === null ? 0 : earliestExpiry / 1000)
    overdue.set(late.overdue)
    longest.set(late.overdueSince === null ? 0 : (now - late.overdueSince) / 1000)
    stuck.set(late.stuck)
    for (const [subscription, at] of late.reconciled) reconciled.set({ subscription }, at / 1000)
  }
}

const countersOf = (registers: Registry[]) => ({
  ignored: new Counter({
    name: 'jit_forwarded_ignored_total',
    help: 'Requests to the address page whose X-Forwarded-For was not believed',
    registers,
  }),
  transitions: new Counter({
    name: 'jit_transitions_total',
    help: 'Committed transitions by audit event',
    labelNames: ['type'],
    registers,
  }),
  refusals: new Counter({
    name: 'jit_refusals_total',
    help: 'Refused actions',
    labelNames: ['code'],
    registers,
  }),
})

/** No user, VM or address ever becomes a label: those belong in the audit trail. */
export function createMetrics(read: () => Promise<Standing>): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const gauges = gaugesOf(registers)
  const lateness = new Histogram({
    name: 'jit_revoke_lateness_seconds',
    help: 'From a grant’s end to the reading that its rules are gone, for each that was not closed before its end',
    buckets: secondBuckets,
    registers,
  })
  const opening = new Histogram({
    name: 'jit_time_to_open_seconds',
    help: 'From the approval to the reading that every rule is there',
    buckets: secondBuckets,
    registers,
  })
  const traffic = new Histogram({
    name: 'jit_time_to_traffic_seconds',
    help: 'From the reading that every rule is there, or gone, until Azure’s IP flow verify agrees that traffic passes, or does not',
    labelNames: ['of'],
    buckets: secondBuckets,
    registers,
  })
  const { ignored, transitions, refusals } = countersOf(registers)
  return {
    forwardedIgnored: () => ignored.inc(),
    observe: (outcome) => {
      if (!outcome.ok) {
        refusals.inc({ code: outcome.refusal.code })
        return
      }
      const { grant } = outcome.next
      for (const { type, details } of outcome.audit) {
        transitions.inc({ type })
        // Whatever it was closed for: one that was closed early and did not go in time was open for too long as well.
        if (type === 'grant.closed' && grant?.state === 'closed' && grant.closedAt >= grant.expiresAt)
          lateness.observe(latenessMs(grant) / 1000)
        const { of, afterMs } = details
        if (type === 'grant.verified' && typeof of === 'string' && typeof afterMs === 'number')
          traffic.observe({ of }, afterMs / 1000)
        if (type === 'grant.open' && grant?.openedAt)
          opening.observe((grant.openedAt - (grant.opensAt ?? grant.approvedAt)) / 1000)
      }
    },
    render: async () => {
      gauges(await read())
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
  }
}
