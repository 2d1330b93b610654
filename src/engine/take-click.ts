import type { Case } from '../core/case.ts'
import { evaluate } from '../core/evaluate.ts'
import type { Event } from '../core/event.ts'
import type { Member } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endDispatched, endWith, type IntakeParts } from './answer.ts'
import { ended, type Finish } from './handler.ts'
import { subjectOf } from './subject.ts'

type Click = Extract<Gesture, { kind: 'click' }>

/** Reads who clicked, and the policy of this moment, and lets the core decide. */
export async function takeClick(parts: IntakeParts, claim: Claim, click: Click): Promise<Finish> {
  const current = await parts.store.case(click.requestId)
  if (!current) {
    return endWith(
      parts,
      claim,
      click.responseUrl,
      `There is no request ${click.requestId}, so nothing changed.`,
    )
  }
  const by = await parts.directory.member(click.person, groupsNamed(parts.policy()), 'live')
  const event = await eventOf(parts, click, current, by)
  const outcome = await parts.dispatcher.dispatch({
    requestId: current.request.id,
    event,
    claim,
    also: (tx) => tx.endIntake(claim.subject, parts.clock.now()),
  })
  await endDispatched(parts, click.responseUrl, outcome)
  return ended
}

async function eventOf(parts: IntakeParts, click: Click, current: Case, by: Member): Promise<Event> {
  switch (click.action) {
    case 'cancel':
    case 'close':
      return { type: click.action, by }
    case 'approve':
    case 'deny': {
      const policy = parts.policy()
      const { request } = current
      const groups = groupsNamed(policy)
      const before = request.reviews.filter(({ verdict }) => verdict === 'approve')
      const [requester, ...earlier] = await Promise.all(
        [request.requester, ...before.map((one) => one.by)].map((person) =>
          parts.directory.member(person, groups, 'live'),
        ),
      )
      if (!requester) throw new Error('The directory did not answer for the requester.')
      const asked = subjectOf(request, requester, parts.clock.now())
      const verdict = evaluate(policy, await parts.knowRoles(policy, asked, requester, 'live'))
      const grantId = parts.newId()
      return { type: 'review', by, verdict: click.action, policy: verdict, requester, earlier, grantId }
    }
    default:
      return click.action satisfies never
  }
}
