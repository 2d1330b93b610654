import type { ConversionWork } from '../core/conversion.ts'
import type { ConversionEvent } from '../core/decide-conversion.ts'
import { nextTry } from './close-rule.ts'
import { dispatchConversion } from './conversions.ts'
import { notAgreedNow } from './still-agreed.ts'
import { within } from './within.ts'
import type { WriteParts } from './write-parts.ts'

/** A close of the same group waits for it, so it is given up soon and looked at again. */
const longestChangeMs = 20_000

/** Changes the one rule of somebody else's that two operators agreed about, under the lease on its group. */
export async function changeOther(parts: WriteParts, work: ConversionWork, stop: AbortSignal): Promise<void> {
  await dispatchConversion(parts, work.conversionId, await tryOnce(parts, work, stop))
}

async function tryOnce(
  parts: WriteParts,
  { conversionId, index, change, attempts, taken }: ConversionWork,
  stop: AbortSignal,
): Promise<ConversionEvent> {
  const { shield, clock, log, store } = parts
  if (!taken) {
    const asked = await store.conversion(conversionId)
    const people = [asked?.by, asked?.decided?.by]
    const detail = await notAgreedNow(parts, asked?.proposal.vm, people)
    if (detail !== null) return { type: 'change void', index, detail }
  }
  if (!shield) return { type: 'change void', index, detail: 'Nothing here can change it.' }
  const written = await within(clock, longestChangeMs, stop, (signal) =>
    shield.changeOther(change, signal, taken),
  )
  if (written.kind === (change.kind === 'delete' ? 'absent' : 'present'))
    return { type: 'change done', index, ...('already' in written && { already: true }) }
  if (written.kind === 'refused') return { type: 'change void', index, detail: written.why }
  const { at, why, sent } = nextTry(clock, { attempts, expiresAt: clock.now() }, written)
  log.warn(
    { conversion: conversionId, nsg: change.nsgId, rule: change.rule.name, againAt: at, why },
    'a rule of somebody else’s is not changed yet',
  )
  return {
    type: 'change postponed',
    index,
    nextTryAt: at,
    met: sent ? why : null,
    ...('taken' in written && { taken: true }),
  }
}
