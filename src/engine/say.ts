import type { Claim } from '../ports.ts'
import type { IntakeParts } from './answer.ts'
import { done, type Finish, messageOf } from './handler.ts'

/** A form has no address for a private answer, so the person gets a message. */
export async function saying(parts: IntakeParts, userId: string, text: string): Promise<void> {
  try {
    await parts.chat.say(userId, text)
  } catch (error) {
    parts.log.warn({ error: messageOf(error) }, 'an operator could not be answered')
  }
}

/** Ends a gesture that changed nothing. */
export async function endSaying(
  parts: IntakeParts,
  claim: Claim,
  userId: string,
  text: string,
): Promise<Finish> {
  await saying(parts, userId, text)
  await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
  return done
}
