import type { ConversionWork } from '../core/conversion.ts'
import type { RemovalWork, RuleWork, ShieldWork, Store, StrayWork } from '../ports.ts'
import { changeOther } from './change-other.ts'
import { closeRule, closeStray } from './close-rule.ts'
import { flushNext, unheardPauseMs } from './flush-group.ts'
import { again, done, type Handler } from './handler.ts'
import { openRule } from './open-rule.ts'
import { removeOther } from './remove-other.ts'
import { workOnShield } from './shield-rule.ts'
import { watchOpening } from './watch-defender.ts'
import { watchClosing } from './watch-defender-close.ts'
import type { WriteParts } from './write-parts.ts'

type Work =
  | { readonly kind: 'rule'; readonly work: RuleWork }
  | { readonly kind: 'stray'; readonly work: StrayWork }
  | {
      readonly kind: 'removal'
      readonly work: RemovalWork & { readonly expiresAt: number; readonly nextTryAt: number }
    }
  | { readonly kind: 'change'; readonly work: ConversionWork & { readonly expiresAt: number } }
  | { readonly kind: 'shield'; readonly work: ShieldWork & { readonly expiresAt: number } }

/** Rules that deny, and changes of other people's, wait for everything that opens or closes. */
const rank = (one: Work): number => {
  if (one.kind === 'shield' || one.kind === 'removal' || one.kind === 'change') return 2
  return one.kind === 'stray' || one.work.want === 'absent' ? 0 : 1
}

/** What must close goes before what should open, and the earliest end goes first. */
const byUrgency = (a: Work, b: Work) => rank(a) - rank(b) || a.work.expiresAt - b.work.expiresAt

async function workIn(store: Store, nsgId: string): Promise<readonly Work[]> {
  const [rules, strays, { shields, removals, changes }] = await Promise.all([
    store.ruleWork(nsgId),
    store.reconciling.strayWork(nsgId),
    store.shieldWork(nsgId),
  ])
  return [
    ...strays.map((work) => ({ kind: 'stray', work }) as const),
    ...rules.map((work) => ({ kind: 'rule', work }) as const),
    ...removals.map((work) => {
      const nextTryAt = work.nextTryAt ?? 0
      return { kind: 'removal', work: { ...work, nextTryAt, expiresAt: nextTryAt } } as const
    }),
    ...changes.map((work) => ({ kind: 'change', work: { ...work, expiresAt: work.nextTryAt } }) as const),
    ...shields.map((work) => ({ kind: 'shield', work: { ...work, expiresAt: work.nextTryAt } }) as const),
  ].toSorted(byUrgency)
}

/**
 * A process that stood still after it had read what to open may still hold the group, and somebody else may have begun
 * to close it: what was read longer ago than this is read again. To close is right however old the reading is.
 */
const freshForMs = 10_000

/** What would be wrong to do once somebody has changed their mind; what Defender writes is only watched. */
const mustBeFresh = (one: Work): boolean => {
  if (one.kind === 'stray') return false
  if (one.kind === 'removal' || one.kind === 'change') return true
  return one.work.want === 'present' && (one.kind === 'shield' || !one.work.rule.defender)
}

/**
 * Works on one network security group until nothing is left to do there. The claim of this job is the lease on
 * the group: one write at a time, whichever replica does it.
 */
export const writeRules =
  (parts: WriteParts): Handler =>
  async (claim, stop, lease) => {
    const { store, clock } = parts
    for (;;) {
      const asked = clock.now()
      const left = await workIn(store, claim.subject)
      // Somebody else may have the group by now, and may have closed what this would open.
      if (lease.lapsed()) return again(clock.now(), 'the lease on the group lapsed')
      const next = left.find(({ work }) => work.nextTryAt <= clock.now())
      const flush = next || stop.aborted ? null : await flushNext(parts, claim.subject, stop, lease)
      if (flush === 'done') continue
      if (flush === 'unheard') return again(clock.now() + unheardPauseMs, 'its case could not be read')
      if (!next || stop.aborted) {
        if (left.length === 0) return done
        const at = Math.min(...left.map(({ work }) => work.nextTryAt))
        return again(Math.max(at, clock.now()), null)
      }
      if (mustBeFresh(next) && clock.now() - asked > freshForMs) continue
      if (next.kind === 'shield') await workOnShield(parts, next.work, stop, lease)
      else if (next.kind === 'removal') await removeOther(parts, next.work, stop)
      else if (next.kind === 'change') await changeOther(parts, next.work, stop)
      else if (next.kind === 'stray') await closeStray(parts, next.work, stop)
      else if (next.work.rule.defender) {
        const watch = next.work.want === 'absent' ? watchClosing : watchOpening
        await watch(parts, next.work, stop)
      } else if (next.work.want === 'absent') await closeRule(parts, next.work, stop)
      else await openRule(parts, next.work, stop, lease)
    }
  }
