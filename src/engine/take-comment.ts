import { groupsNamed } from '../core/policy.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endWith, type IntakeParts } from './answer.ts'
import { ended, type Finish } from './handler.ts'

type Comment = Extract<Gesture, { kind: 'comment' }>

/** Reads who wrote, and lets the core decide whether they are heard. What belongs to no request is nothing to us. */
export async function takeComment(parts: IntakeParts, claim: Claim, comment: Comment): Promise<Finish> {
  const { about, person, text } = comment
  const requestId = typeof about === 'string' ? about : await parts.store.requestAt(about)
  const current = requestId === null ? null : await parts.store.case(requestId)
  if (!current) return endWith(parts, claim, null, '')
  const by = await parts.directory.member(person, groupsNamed(parts.policy()), 'live')
  await parts.dispatcher.dispatch({
    requestId: current.request.id,
    event: { type: 'comment', by, text, inThread: typeof about !== 'string' },
    claim,
    also: (tx) => tx.endIntake(claim.subject, parts.clock.now()),
  })
  return ended
}
