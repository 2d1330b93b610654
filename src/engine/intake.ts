import type { IntakeParts } from './answer.ts'
import { done, type Handler } from './handler.ts'
import { takeAsk } from './take-ask.ts'
import { takeClick } from './take-click.ts'

/** Does what a person asked for, after it was stored and acknowledged. */
export const intake =
  (parts: IntakeParts): Handler =>
  async (claim) => {
    const stored = await parts.store.intake(claim.subject)
    if (!stored) return done
    const { gesture } = stored
    return gesture.kind === 'ask'
      ? takeAsk(parts, claim, gesture, stored.receivedAt)
      : takeClick(parts, claim, gesture)
  }
