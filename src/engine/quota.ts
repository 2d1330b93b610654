import type { Case } from '../core/case.ts'
import { day } from '../core/duration.ts'
import type { Quota } from '../core/policy.ts'
import { hasPlace } from '../core/quota.ts'
import type { Tx } from '../ports.ts'

/** Others took the last place between the policy’s answer and its commit, so the policy must be asked again. */
export class QuotaUsedUp extends Error {
  constructor(rule: string) {
    super(`the quota of the rule “${rule}” is used up`)
    this.name = 'QuotaUsedUp'
  }
}

/**
 * Takes a place in the quotas for a request that a rule has just approved by itself; throws when none is left. With a
 * quota, the quotas are locked: what is counted here cannot change before the commit.
 */
export async function takePlace(tx: Tx, { request }: Case, quota: Quota | null, now: number): Promise<void> {
  if (request.state !== 'approved' || request.terms === null) return
  const { id: requestId, requester, vm, terms } = request
  const approval = { requestId, rule: terms.rule, requester, vmId: vm.id, at: now }
  if (quota && !hasPlace(quota, await tx.usage(approval, now - day))) throw new QuotaUsedUp(terms.rule)
  await tx.noteAutomatic(approval)
}
