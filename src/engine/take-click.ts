import type { Case } from '../core/case.ts'
import type { Event } from '../core/event.ts'
import type { Member } from '../core/person.ts'
import { evaluate, groupsNamed } from '../core/policy.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endDispatched, endWith, type IntakeParts } from './answer.ts'
import { ended, type Finish } from './handler.ts'

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
      const requester = await parts.directory.member(request.requester, groupsNamed(policy), 'live')
      const verdict = evaluate(policy, { ...request, groups: requester.groups })
      return { type: 'review', by, verdict: click.action, policy: verdict, requester, grantId: parts.newId() }
    }
    default:
      return click.action satisfies never
  }
}
