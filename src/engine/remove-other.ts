import type { ProtectionEvent } from '../core/decide-protection.ts'
import type { RemovalWork } from '../ports.ts'
import { nextTry } from './close-rule.ts'
import { dispatchProtection } from './protections.ts'
import { notAgreedNow } from './still-agreed.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

const longestRemoveMs = 20_000

/** Removes the one rule of somebody else's that two operators agreed about, under the lease on its group. */
export async function removeOther(parts: WriteParts, work: RemovalWork, stop: AbortSignal): Promise<void> {
  await dispatchProtection(parts, work.protectionId, await tryOnce(parts, work, stop))
}

async function tryOnce(
  parts: WriteParts,
  { id, protectionId, nsgId, rule, by, decidedBy, attempts = 0, taken }: RemovalWork,
  stop: AbortSignal,
): Promise<ProtectionEvent> {
  const { shield, clock, log, store } = parts
  if (!taken) {
    const protection = await store.protection(protectionId)
    const detail = await notAgreedNow(parts, protection?.vm, [by, decidedBy])
    if (detail !== null) return { type: 'removal void', id, detail }
  }
  if (!shield) return { type: 'removal void', id, detail: 'nothing here can remove it' }
  const written = await within(clock, longestRemoveMs, stop, (signal) =>
    shield.removeOther(nsgId, rule, signal, taken),
  )
  if (written.kind === 'absent')
    return { type: 'removal done', id, ...(written.already && { already: true as const }) }
  if (written.kind === 'refused') return { type: 'removal void', id, detail: written.why }
  const { at, why } = nextTry(clock, { attempts, expiresAt: clock.now() }, written)
  log.warn({ nsg: nsgId, rule: rule.name, againAt: at, why }, 'a rule of somebody else’s is not removed yet')
  return { type: 'removal postponed', id, nextTryAt: at, ...('taken' in written && { taken: true }) }
}
