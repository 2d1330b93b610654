import type { Clock, Inventory, Store, Survey } from '../ports.ts'
import type { Dispatcher } from './dispatch.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { within } from './within.ts'

interface GoneVmParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly survey: Survey
  readonly inventory: Inventory
  readonly log: Log
}

const longestReadMs = 20_000
const mostUnread = 5

/** Of which reading of the inventory each subscription has been looked through. */
export type LookedThrough = Map<string, number>

/**
 * Ends the grants whose VM was deleted: their rules outlive it, and its address may pass to another VM. The
 * inventory only says where to look, because it may lag and leaves out what the identity may no longer read;
 * Azure's own answer for the VM decides.
 */
export async function closeForGoneVms(
  parts: GoneVmParts,
  subscriptionId: string,
  looked: LookedThrough,
  stop: AbortSignal,
): Promise<void> {
  const { store, inventory, dispatcher, log } = parts
  const readAt = inventory.readAt()
  // With many open grants the question costs the database something, and nothing new can come of it.
  if (readAt === null || looked.get(subscriptionId) === readAt) return
  let unread = 0
  for (const { vmId, requestIds } of await store.reconciling.wantedVms(subscriptionId)) {
    if (inventory.has(vmId)) continue
    // One VM that may not be read must not keep the rest from being looked at; where several cannot, all wait.
    if (stop.aborted || unread >= mostUnread) return
    try {
      if (await isThere(parts, vmId, stop)) continue
      log.warn({ vm: vmId, requests: requestIds }, 'a VM is gone, so access to it is closed')
      for (const requestId of requestIds) await dispatcher.dispatch({ requestId, event: { type: 'vm gone' } })
    } catch (error) {
      unread += 1
      log.error({ vm: vmId, error: messageOf(error) }, 'whether a VM still exists could not be read')
    }
  }
  if (unread === 0) looked.set(subscriptionId, readAt)
}

/** One answer may come from a copy that lags, so that a VM is gone is read twice. */
async function isThere(
  { clock, survey }: Pick<GoneVmParts, 'clock' | 'survey'>,
  vmId: string,
  stop: AbortSignal,
): Promise<boolean> {
  for (let reads = 0; reads < 2; reads += 1) {
    if (await within(clock, longestReadMs, stop, (signal) => survey.hasVm(vmId, signal))) return true
  }
  return false
}
