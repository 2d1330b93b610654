import type { AuditEvent } from '../core/audit.ts'
import type { Clock, RuleWork, StrayWork, Written } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import { announceJob } from './job-of.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

const longestCloseMs = 60_000

/** When to try again, and why. */
export function nextTry(
  clock: Clock,
  work: { readonly attempts: number; readonly expiresAt: number },
  written: Written,
): { at: number; why: string } {
  const why = 'why' in written ? written.why : written.kind
  const afterMs = written.kind === 'try again' ? written.afterMs : null
  const now = clock.now()
  return { at: now + pauseMs(work.attempts, afterMs, now - work.expiresAt), why }
}

/** A lock forbids removing and allows changing: until it is lifted, the rule at least lets nothing in. */
const isLocked = (written: Written) => written.kind === 'refused' && written.code === 'ScopeLocked'

export async function closeRule(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<void> {
  const { firewall, store, clock, dispatcher, log } = parts
  const { rule, grantId, requestId } = work
  const written = await within(clock, longestCloseMs, stop, (signal) => firewall.close(rule, signal))
  if (written.kind === 'absent') {
    await dispatcher.dispatch({ requestId, event: { type: 'rule absent', nsgId: rule.nsgId } })
    return
  }
  const { at, why: met } = nextTry(clock, work, written)
  const why = isLocked(written) ? `${await block(parts, work, stop)} ${met}` : met
  await store.postpone(grantId, rule.nsgId, at, why)
  log.warn({ grant: grantId, nsg: rule.nsgId, attempt: work.attempts + 1, why }, 'a rule is not closed yet')
}

async function block(
  { firewall, clock }: WriteParts,
  { rule }: RuleWork,
  stop: AbortSignal,
): Promise<string> {
  const blocked = await within(clock, longestCloseMs, stop, (signal) => firewall.block(rule, signal))
  return blocked.kind === 'present'
    ? 'A lock forbids to delete it, so it was turned into one that denies.'
    : 'A lock forbids to delete it, and it could not be turned into one that denies.'
}

/** Removes a rule of ours that no grant wants; the trail tells when Azure was read and it was gone. */
export async function closeStray(parts: WriteParts, stray: StrayWork, stop: AbortSignal): Promise<void> {
  const { firewall, store, clock, log } = parts
  const { nsgId, name } = stray
  const written = await within(clock, longestCloseMs, stop, (signal) =>
    firewall.close({ nsgId, name }, signal),
  )
  if (written.kind !== 'absent') {
    const { at, why } = nextTry(clock, stray, written)
    await store.reconciling.postponeStray(stray, at, why)
    log.warn({ nsg: nsgId, rule: name, attempt: stray.attempts + 1, why }, 'a stray rule is not removed yet')
    return
  }
  const now = clock.now()
  await store.transact(async (tx) => {
    if (!(await tx.endStray(nsgId, name))) return
    const details = { nsg: nsgId, rule: name, expiresAt: stray.expiresAt }
    const event: AuditEvent = {
      type: 'rule.removed',
      at: now,
      requestId: null,
      grantId: null,
      actor: 'jitney',
      details,
    }
    await tx.audit([event])
    await tx.putJobs([announceJob(now)], now)
  })
}
