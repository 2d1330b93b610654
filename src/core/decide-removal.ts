import { lapsesAt } from './conversion.ts'
import type { Decided, ProtectionEvent } from './decide-protection.ts'
import type { Protection, Removal } from './protection.ts'
import { protectionAudit } from './protection-audit.ts'

type RemovalEvent = Extract<ProtectionEvent, { type: `removal ${string}` }>

const isOpen = ({ state }: Removal) => state === 'proposed' || state === 'agreed'

/** Whatever was not done yet is not done any more. */
export const voided = (protection: Protection, detail: string): Protection =>
  protection.removals
    ? {
        ...protection,
        removals: protection.removals.map((one) => (isOpen(one) ? { ...one, state: 'void', detail } : one)),
      }
    : protection

const lapsedText = (because: string) => `That was asked, and has lapsed: ${because}.`

const facts = ({ id, nsgId, rule }: Removal) => ({
  removal: id,
  nsg: nsgId,
  rule: rule.name,
  priority: rule.priority,
  access: rule.access,
  protocol: rule.protocol,
  sources: rule.sources,
  destinations: rule.destinations,
  to: rule.ports,
})

/** What becomes of a removal; null when the event is no news. */
export function removalDecision(protection: Protection, event: RemovalEvent, now: number): Decided | null {
  const { removals = [], state } = protection
  if (event.type === 'removal proposed') {
    const { removal } = event
    const same = removals.some(
      (one) => isOpen(one) && one.nsgId === removal.nsgId && one.rule.name === removal.rule.name,
    )
    if (state !== 'protected' || same) return null
    const next = { ...protection, removals: [...removals, removal] }
    const audit = [protectionAudit('removal.proposed', next, now, removal.by, facts(removal))]
    return { next, audit, effects: [{ kind: 'ask about removal', removal, until: lapsesAt(removal) }] }
  }
  const found = removals.find(({ id }) => id === event.id)
  if (!found) return null
  const become = (change: Partial<Removal>) => {
    const after = { ...found, ...change }
    return {
      after,
      next: { ...protection, removals: removals.map((one) => (one.id === found.id ? after : one)) },
    }
  }
  switch (event.type) {
    case 'removal decided': {
      if (found.state !== 'proposed' || state !== 'protected') return null
      const { by, agrees } = event
      const { next } = become({ state: agrees ? 'agreed' : 'kept', decidedBy: by })
      const audit = [protectionAudit(agrees ? 'removal.agreed' : 'removal.kept', next, now, by, facts(found))]
      return { next, audit, effects: agrees ? [{ kind: 'write', nsgId: found.nsgId }] : [] }
    }
    case 'removal done': {
      // It may have been under way when the protection was ended: what Azure shows is so all the same.
      if (found.state !== 'agreed' && found.state !== 'void') return null
      const { next } = become({ state: 'done', ...(event.already && { already: true }) })
      const type = event.already ? 'removal.already' : 'removal.done'
      const audit = [protectionAudit(type, next, now, 'jitney', facts(found))]
      return { next, audit, effects: state === 'protected' ? [{ kind: 'tell' }] : [] }
    }
    case 'removal lapsed':
    case 'removal void': {
      if (event.type === 'removal lapsed' ? found.state !== 'proposed' : !isOpen(found)) return null
      const detail = event.type === 'removal lapsed' ? lapsedText(event.because) : event.detail
      const { next } = become({ state: 'void', detail })
      const audit = [protectionAudit('removal.void', next, now, 'jitney', { ...facts(found), detail })]
      return { next, audit, effects: [{ kind: 'tell' }] }
    }
    case 'removal postponed': {
      const { next } = become({
        attempts: (found.attempts ?? 0) + 1,
        nextTryAt: event.nextTryAt,
        ...(event.taken && { taken: true }),
      })
      return { next, audit: [], effects: [] }
    }
    default:
      return event satisfies never
  }
}
