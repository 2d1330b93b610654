import { lossesOf, settledIn } from '../core/compare-protections.ts'
import { type Loss, lossKey } from '../core/decide-protection.ts'
import { differencesText } from '../core/live-rule.ts'
import { sameEntry } from '../core/policy-entry.ts'
import { type Protection, shieldDifferences } from '../core/protection.ts'
import type { SurveyedGroup } from '../core/reconcile.ts'
import type { Clock, Firewall, JitPolicies, Store } from '../ports.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { dispatchProtection } from './protections.ts'
import { within } from './within.ts'

interface CompareParts {
  readonly store: Store
  readonly clock: Clock
  readonly firewall: Firewall
  readonly jitPolicies?: JitPolicies | null
  readonly log: Log
}

const longestReadMs = 20_000

/** A list may lag, so a rule that seems gone or changed is read by itself before anybody is told. */
async function confirmed(
  { firewall, clock }: CompareParts,
  { rules }: Protection,
  loss: Loss,
  stop: AbortSignal,
): Promise<Loss | null> {
  const rule = rules.find(({ nsgId, name }) => nsgId === loss.place && name === loss.name)
  if (!rule) return null
  for (let reads = 0; reads < 2; reads += 1) {
    const live = await within(clock, longestReadMs, stop, (signal) =>
      firewall.read(loss.place, loss.name, signal),
    )
    if (!live) continue
    const changes = shieldDifferences(rule, live)
    return changes.length > 0 ? { ...loss, changes: differencesText(changes) } : null
  }
  return { ...loss, changes: null }
}

/** What Defender's policy says of the VM, against what it was told to say. */
async function entryLoss(
  { jitPolicies, clock }: CompareParts,
  { entry, vm }: Protection,
  stop: AbortSignal,
): Promise<readonly Loss[]> {
  if (!entry || !jitPolicies) return []
  const { policyId } = entry
  const live = await within(clock, longestReadMs, stop, (signal) =>
    jitPolicies.entry({ policyId, vmId: vm.id, location: vm.location }, signal),
  )
  if (sameEntry(live, entry.entry)) return []
  const changes = live === null ? null : 'what it says of this VM is something else now'
  return [{ place: policyId, name: vm.name, changes }]
}

/**
 * Compares what keeps VMs shut with what was written, and has it told when something of it is gone or changed. Nothing
 * is written again: whoever changed it may have had a reason, and an operator decides.
 */
export async function compareProtections(
  parts: CompareParts,
  subscriptionId: string,
  groups: readonly SurveyedGroup[],
  surveyedAt: number,
  stop: AbortSignal,
): Promise<void> {
  for (const protection of settledIn(await parts.store.protections(), subscriptionId, surveyedAt)) {
    if (stop.aborted) return
    try {
      const seen = lossesOf(protection, groups)
      const lost: Loss[] = [...(await entryLoss(parts, protection, stop))]
      for (const loss of seen) {
        const known = protection.lost?.includes(lossKey(loss)) === true
        const sure = known ? loss : await confirmed(parts, protection, loss, stop)
        if (sure) lost.push(sure)
      }
      if (lost.length > 0 || protection.lost)
        await dispatchProtection(parts, protection.id, { type: 'compared', lost })
    } catch (error) {
      parts.log.error(
        { protection: protection.id, error: messageOf(error) },
        'a protection could not be compared with Azure yet',
      )
    }
  }
}
