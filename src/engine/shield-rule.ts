import type { ProtectionEvent } from '../core/decide-protection.ts'
import { placeBehind } from '../core/protection.ts'
import type { ShieldWork, Written } from '../ports.ts'
import { nextTry } from './close-rule.ts'
import { type Lease, messageOf } from './handler.ts'
import { dispatchProtection, tellStuck } from './protections.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

/** A close of the same group waits for it, so it is given up soon and looked at again. */
const longestWriteMs = 10_000

/** Writes or removes one rule that denies, under the lease on its group. */
export async function workOnShield(
  parts: WriteParts,
  work: ShieldWork,
  stop: AbortSignal,
  lease: Lease,
): Promise<void> {
  const { rule, protectionId } = work
  const event = await tryOnce(parts, work, stop, lease)
  if (event) await dispatchProtection(parts, protectionId, event)
  if (event?.type === 'postponed' && work.want === 'absent' && event.why != null)
    await tellStuck(parts, protectionId, { place: rule.nsgId, name: rule.name, why: event.why })
}

type Outcome = ProtectionEvent & { readonly why?: string | null }

async function tryOnce(
  parts: WriteParts,
  work: ShieldWork,
  stop: AbortSignal,
  lease: Lease,
): Promise<Outcome | null> {
  const { shield, clock } = parts
  const { rule, want } = work
  const at = { nsgId: rule.nsgId, name: rule.name }
  // Nothing can be written here at all; whoever can comes later.
  if (!shield)
    return later(parts, work, { kind: 'try again', why: 'nothing here can write it', afterMs: null })
  const written = await within(clock, longestWriteMs, stop, (signal) =>
    want === 'present' ? shield.put(rule, signal) : shield.remove(rule, signal),
  )
  if (want === 'present') {
    if (written.kind === 'present') return { type: 'rule present', ...at }
    if (written.kind === 'refused') return { type: 'could not protect', detail: written.why }
    if (written.kind === 'priority taken') return reprice(parts, work, stop, lease)
  } else if (written.kind === 'absent') return { type: 'rule absent', ...at }
  return later(parts, work, written)
}

/** The next priority is on record before the rule that carries it is written. */
async function reprice(
  parts: WriteParts,
  work: ShieldWork,
  stop: AbortSignal,
  lease: Lease,
): Promise<Outcome | null> {
  const { firewall, store, clock } = parts
  const { nsgId, name, priority } = work.rule
  try {
    const existing = await within(clock, longestWriteMs, stop, (signal) => firewall.list(nsgId, signal))
    if (!existing)
      return { type: 'could not protect', detail: `the security group ${nsgId} no longer exists` }
    const promised = await prioritiesPromised(store, nsgId)
    const next = placeBehind(existing, priority, promised)
    if (next === null)
      return {
        type: 'could not protect',
        detail: 'the priority was taken, and no other one behind it is free',
      }
    return lease.lapsed() ? null : { type: 'rule repriced', nsgId, name, priority: next }
  } catch (error) {
    return later(parts, work, { kind: 'try again', why: messageOf(error), afterMs: null })
  }
}

function later(parts: WriteParts, work: ShieldWork, written: Written): Outcome {
  const { nsgId, name } = work.rule
  const { at, why, sent } = nextTry(
    parts.clock,
    { attempts: work.attempts, expiresAt: parts.clock.now() },
    written,
  )
  parts.log.warn(
    { protection: work.protectionId, nsg: nsgId, rule: name, againAt: at, why },
    'a rule that protects is not as it should be yet',
  )
  return { type: 'postponed', of: { nsgId, name }, nextTryAt: at, sent, why: sent ? why : null }
}

/** What other protections have, or are to have, in one group. */
export async function prioritiesPromised(
  store: WriteParts['store'],
  nsgId: string,
): Promise<ReadonlySet<number>> {
  const all = await store.protections()
  return new Set(
    all.flatMap(({ rules }) => rules.flatMap((rule) => (rule.nsgId === nsgId ? [rule.priority] : []))),
  )
}
