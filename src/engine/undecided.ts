import { undecidedText } from '../core/conversion.ts'
import type { Clock, Store } from '../ports.ts'
import { dispatchConversion } from './conversions.ts'
import { done, type Handler } from './handler.ts'
import { removalIn } from './job-of.ts'
import { dispatchProtection } from './protections.ts'

interface UndecidedParts {
  readonly store: Store
  readonly clock: Clock
}

/** A change of rules that nobody has decided about lapses. */
export const conversionDeadline =
  (parts: UndecidedParts): Handler =>
  async ({ subject }) => {
    await dispatchConversion(parts, subject, { type: 'lapsed', because: undecidedText })
    return done
  }

/** The same for the removal of a rule. */
export const removalDeadline =
  (parts: UndecidedParts): Handler =>
  async ({ subject }) => {
    const { protectionId, removalId } = removalIn(subject)
    const event = { type: 'removal lapsed', id: removalId, because: undecidedText } as const
    await dispatchProtection(parts, protectionId, event)
    return done
  }
