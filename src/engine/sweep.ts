import { isSweepable, type SurveyedGroup } from '../core/reconcile.ts'
import type { Firewall, Survey, Written } from '../ports.ts'
import { messageOf } from './handler.ts'

export interface SweepParts {
  readonly survey: Survey
  readonly firewall: Firewall
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>
  /** Only look; delete nothing. */
  readonly dryRun: boolean
}

/** What became of one rule, or why a subscription or a rule could not be dealt with. */
export type Swept =
  | { readonly kind: 'closed' | 'would close'; readonly nsgId: string; readonly name: string }
  | { readonly kind: 'left'; readonly nsgId: string; readonly name: string; readonly why: string }
  | { readonly kind: 'unread tenant'; readonly tenantId: string; readonly why: string }
  | { readonly kind: 'unread'; readonly subscriptionId: string; readonly why: string }

const groupsAtOnce = 16
const longestCloseMs = 60_000
/** So long one look goes on; what Azure does not take by then is left for the next. */
const longestPassMs = 50_000

/**
 * Closes every rule of ours whose end has passed, by what stands on the rule itself: no database and no Slack is
 * asked. It is safe beside a running bot, because deleting what is gone already is no error.
 */
export async function sweep(parts: SweepParts, tell: (swept: Swept) => void): Promise<void> {
  const subscriptionIds = await parts.survey.subscriptions()
  for (const { tenantId, unread } of parts.survey.tenants?.() ?? [])
    if (unread !== null) tell({ kind: 'unread tenant', tenantId, why: unread })
  for (const subscriptionId of subscriptionIds) {
    let groups: readonly SurveyedGroup[]
    try {
      groups = await parts.survey.groups(subscriptionId)
    } catch (error) {
      // One subscription that cannot be read must not keep the others open.
      tell({ kind: 'unread', subscriptionId, why: messageOf(error) })
      continue
    }
    const now = parts.now()
    const due = groups
      .map(({ nsgId, rules }) => ({ nsgId, rules: rules.filter((rule) => isSweepable(rule, now)) }))
      .filter(({ rules }) => rules.length > 0)
    const queue = due.values()
    const until = now + longestPassMs
    await Promise.all(
      Array.from({ length: Math.min(groupsAtOnce, due.length) }, () => work(parts, queue, until, tell)),
    )
  }
}

/** One group at a time, and in it one rule at a time: Azure takes one write a group. */
async function work(
  parts: SweepParts,
  queue: IterableIterator<SurveyedGroup>,
  until: number,
  tell: (swept: Swept) => void,
) {
  for (const { nsgId, rules } of queue) {
    for (const { name } of rules) {
      if (parts.dryRun) {
        tell({ kind: 'would close', nsgId, name })
        continue
      }
      const written = await close(parts, { nsgId, name }, until)
      if (written.kind === 'absent') tell({ kind: 'closed', nsgId, name })
      else tell({ kind: 'left', nsgId, name, why: 'why' in written ? written.why : written.kind })
    }
  }
}

/** Comes back for its turn when Azure has had too many deletes, as long as this look lasts. */
async function close(
  parts: SweepParts,
  rule: { nsgId: string; name: string },
  until: number,
): Promise<Written> {
  for (;;) {
    const written = await parts.firewall.close(rule, AbortSignal.timeout(longestCloseMs))
    const waits = written.kind === 'try again' && written.afterMs !== null
    if (!waits || parts.now() + (written.afterMs ?? 0) >= until) return written
    await parts.sleep(Math.max(100, written.afterMs ?? 0))
  }
}
