import type { Case } from '../core/case.ts'
import { approverGroups, groupsNamed } from '../core/policy.ts'
import { refusalText } from '../core/refusal.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endWith, type IntakeParts } from './answer.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { again, ended, type Finish, messageOf } from './handler.ts'
import { ruleTermsNow } from './verdict.ts'

type Comment = Extract<Gesture, { kind: 'comment' }>

/** Reads who wrote, and lets the core decide whether they are heard. What belongs to no request is nothing to us. */
export async function takeComment(parts: IntakeParts, claim: Claim, comment: Comment): Promise<Finish> {
  const { about, person, text } = comment
  const { store, directory, clock } = parts
  const requestId = typeof about === 'string' ? about : await store.requestAt(about)
  const current = requestId === null ? null : await store.case(requestId)
  if (!current) return endWith(parts, claim, null, '')
  const policy = parts.policy()
  const termsNow = await ruleTermsNow(parts, policy, current.request)
  const named = [...groupsNamed(policy), ...[current.request.terms, termsNow].flatMap(approverGroups)]
  const by = await directory.member(person, [...new Set(named)], 'live')
  // Slack may be away for a moment, and what somebody wrote is worth asking it again.
  if (!by.known && claim.attempt < gestureTries)
    return again(clock.now() + backoffMs(claim.attempt), 'Slack did not say who wrote a comment')
  const outcome = await parts.dispatcher.dispatch({
    requestId: current.request.id,
    event: { type: 'comment', by, text, inThread: typeof about !== 'string', ...(termsNow && { termsNow }) },
    claim,
    also: (tx) => tx.endIntake(claim.subject, clock.now()),
  })
  if (outcome !== 'lost' && !outcome.ok)
    await giveBack(parts, comment, current, refusalText(outcome.refusal, parts.wording))
  return ended
}

/** Whoever wrote was promised that it is read, so they must know when it is not; a form has no other answer. */
async function giveBack(
  { chat, log }: IntakeParts,
  { person, about, text }: Comment,
  { request }: Case,
  why: string,
): Promise<void> {
  const kept = typeof about === 'string' ? ` You wrote: “${text}”` : ''
  const what = `What you wrote about ${request.label} to ${request.vm.name} was not passed on. ${why}${kept}`
  try {
    await chat.say(person.userId, what)
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'somebody could not be told that their comment was not passed on')
  }
}
