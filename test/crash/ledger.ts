import type { AuditRecord } from '../../src/core/audit.ts'
import type { Store } from '../../src/ports.ts'
import type { Ledger } from './orders.ts'

const page = 500

/** Reads what the database holds: what happened after a number, and the grants that are not closed. */
export async function readLedger(store: Store, since: number): Promise<Ledger> {
  // The jobs first: what they did since then is in the rest.
  const next = Object.fromEntries(await store.jobs.nextRunAts())
  const audit: AuditRecord[] = []
  for (;;) {
    const records = await store.auditAfter(audit.at(-1)?.seq ?? since, page)
    if (records.length === 0) break
    audit.push(...records)
  }
  const ids = new Set(audit.map((record) => record.requestId).filter((id) => id !== null))
  // A case may change with no record of its own: a rule that is planned, or the first of two that stands.
  for (const { request } of await store.grants(['opening', 'open', 'closing'])) ids.add(request.id)
  const cases = await Promise.all([...ids].map((id) => store.case(id)))
  return { audit, cases: cases.filter((kase) => kase !== null), next }
}
