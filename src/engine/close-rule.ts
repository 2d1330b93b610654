import type { AuditEvent } from '../core/audit.ts'
import type { Rule } from '../core/grant.ts'
import type { Clock, RuleWork, StrayWork, Written } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import { overStray } from './block-stray.ts'
import { messageOf } from './handler.ts'
import { alarmJob, announceJob } from './job-of.ts'
import { reconcileAfterFault } from './reconcile.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

/** Longer than this, and the next close of the group would wait too long for this one; it is tried again. */
const longestCloseMs = 20_000

const unheardPauseMs = 60_000

interface NextTry {
  readonly at: number
  readonly why: string
  /** False when nothing was sent, so that there was no try. */
  readonly sent: boolean
}

/** When to try again, and why. */
export function nextTry(
  clock: Clock,
  work: { readonly attempts: number; readonly expiresAt: number },
  written: Written,
): NextTry {
  const why = 'why' in written ? written.why : written.kind
  const afterMs = written.kind === 'try again' ? written.afterMs : null
  const now = clock.now()
  if (written.kind === 'try again' && written.unsent)
    return { at: now + Math.min(written.afterMs ?? 0, longestTurnMs), why, sent: false }
  return { at: now + pauseMs(work.attempts, afterMs, now - work.expiresAt), why, sent: true }
}

const longestTurnMs = 60_000

/** A lock forbids removing and allows changing: until it is lifted, the rule at least lets nothing in. */
const isLocked = (written: Written) => written.kind === 'refused' && written.code === 'ScopeLocked'

export async function closeRule(parts: WriteParts, work: RuleWork, stop: AbortSignal): Promise<void> {
  const { firewall, store, clock, dispatcher, log } = parts
  const { rule, grantId, requestId } = work
  const written = await within(clock, longestCloseMs, stop, (signal) => firewall.close(rule, signal))
  if (written.kind === 'absent') {
    const told = await dispatcher.dispatch({ requestId, event: { type: 'rule absent', nsgId: rule.nsgId } })
    if (work.attempts > 0) await reconcileAfterFault(store, rule.nsgId, clock.now())
    if (told === 'lost' || told.ok) return
    // Nothing took note of it, so it would come up again at once; a pause keeps that from filling the group.
    await store.postpone(grantId, rule.nsgId, clock.now() + unheardPauseMs, 'its case could not be read')
    return
  }
  const { at, why: met, sent } = nextTry(clock, work, written)
  const blocked = isLocked(written) ? await block(parts, rule, stop) : null
  const why = blocked ? `${blocked.why} ${met}` : met
  await store.postpone(grantId, rule.nsgId, at, sent ? why : null, blocked?.deniesAt)
  const tries = work.attempts + (sent ? 1 : 0)
  log.warn({ grant: grantId, nsg: rule.nsgId, tries, why }, 'a rule is not closed yet')
}

interface Blocked {
  readonly why: string
  /** When Azure showed that it denies; null when it does not. */
  readonly deniesAt: number | null
}

async function block({ firewall, clock }: WriteParts, rule: Rule, stop: AbortSignal): Promise<Blocked> {
  const blocked = await within(clock, longestCloseMs, stop, (signal) => firewall.block(rule, signal))
  return blocked.kind === 'present'
    ? {
        why: 'A lock forbids to delete it, so it was turned into one that denies.',
        deniesAt: clock.now(),
      }
    : {
        why: 'A lock forbids to delete it, and it could not be turned into one that denies.',
        deniesAt: null,
      }
}

async function blockStray(parts: WriteParts, { nsgId, name }: StrayWork, stop: AbortSignal): Promise<string> {
  try {
    const live = await within(parts.clock, longestCloseMs, stop, (signal) =>
      parts.firewall.read(nsgId, name, signal),
    )
    if (!live) return 'It was gone when it was read.'
    return (await block(parts, overStray(nsgId, live), stop)).why
  } catch (error) {
    return `A lock forbids to delete it, and it could not be read: ${messageOf(error)}`
  }
}

const strayPageAfterMs = 60_000
const pageAgainMs = 5 * 60_000

/** Calls the operators about a rule that no grant wants and that does not go, and again every few minutes. */
async function pageStray(
  { store, clock }: WriteParts,
  { nsgId, name }: StrayWork,
  why: string | null,
): Promise<void> {
  const now = clock.now()
  const key = `stuck stray:${nsgId}/${name}:${Math.floor(now / pageAgainMs)}`
  await store.transact(async (tx) => {
    const raised = await tx.raiseAlarms([{ key, alarm: { type: 'stuck rule', nsgId, name, why } }], now)
    if (raised > 0) await tx.putJobs([alarmJob(now)], now)
  })
}

/** Removes a rule of ours that no grant wants; the trail tells when Azure was read and it was gone. */
export async function closeStray(parts: WriteParts, stray: StrayWork, stop: AbortSignal): Promise<void> {
  const { firewall, store, clock, log } = parts
  const { nsgId, name } = stray
  const written = await within(clock, longestCloseMs, stop, (signal) =>
    firewall.close({ nsgId, name }, signal),
  )
  if (written.kind !== 'absent') {
    const { at, why: met, sent } = nextTry(clock, stray, written)
    const why = isLocked(written) ? `${await blockStray(parts, stray, stop)} ${met}` : met
    await store.reconciling.postponeStray(stray, at, sent ? why : null)
    if (clock.now() - stray.foundAt >= strayPageAfterMs)
      await pageStray(parts, stray, sent ? why : stray.lastError)
    const tries = stray.attempts + (sent ? 1 : 0)
    log.warn({ nsg: nsgId, rule: name, tries, why }, 'a stray rule is not removed yet')
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
