import type { Store, TenantLook } from '../ports.ts'
import { alarmJob } from './job-of.ts'

const keyOf = (tenantId: string): string => `tenant:${tenantId}`

/** Raises the alarm for each tenant that could not be read, and lets it be raised again once it could. */
export async function tellTenants(store: Store, now: number, looks: readonly TenantLook[]): Promise<void> {
  if (looks.length === 0) return
  await store.transact(async (tx) => {
    const raised = []
    for (const { tenantId, unread } of looks) {
      const key = keyOf(tenantId)
      if (unread === null) await tx.endAlarm(key)
      else raised.push({ key, alarm: { type: 'tenant', tenantId, why: unread } } as const)
    }
    if (raised.length > 0 && (await tx.raiseAlarms(raised, now)) > 0) await tx.putJobs([alarmJob(now)], now)
  })
}
