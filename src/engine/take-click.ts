import type { Case } from '../core/case.ts'
import type { Event } from '../core/event.ts'
import { approverGroups, groupsNamed, type Policy } from '../core/policy.ts'
import type { Request } from '../core/request.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endDispatched, endWith, type IntakeParts } from './answer.ts'
import { ended, type Finish } from './handler.ts'
import { termsNow, verdictNow } from './verdict.ts'

type Click = Extract<Gesture, { kind: 'click' }>

const unique = (ids: readonly string[]): readonly string[] => [...new Set(ids)]

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
  const event = await eventOf(parts, click, current)
  const outcome = await parts.dispatcher.dispatch({
    requestId: current.request.id,
    event,
    claim,
    also: (tx) => tx.endIntake(claim.subject, parts.clock.now()),
  })
  await endDispatched(parts, click.responseUrl, outcome)
  return ended
}

async function eventOf(parts: IntakeParts, click: Click, { request }: Case): Promise<Event> {
  const policy = parts.policy()
  const named = [...groupsNamed(policy), ...approverGroups(request.terms)]
  switch (click.action) {
    case 'cancel':
    case 'close':
      return { type: click.action, by: await parts.directory.member(click.person, unique(named), 'live') }
    case 'approve':
    case 'deny':
      return reviewOf(parts, { click, action: click.action, request, policy, named })
    default:
      return click.action satisfies never
  }
}

interface Reviewing {
  readonly click: Click
  readonly action: 'approve' | 'deny'
  readonly request: Request
  readonly policy: Policy
  readonly named: readonly string[]
}

async function reviewOf(
  parts: IntakeParts,
  { click, action, request, policy, named }: Reviewing,
): Promise<Event> {
  const { directory } = parts
  const requester = await directory.member(request.requester, groupsNamed(policy), 'live')
  const verdict = await verdictNow(parts, policy, request, requester, 'live')
  const decides = verdict.terms !== null && verdict.terms.stages.length > 0
  const asked = decides || !request.terms ? null : await termsNow(parts, request.terms, request.vm, 'live')
  // A tag may name groups that the policy does not.
  const groups = unique([...named, ...approverGroups(verdict.terms), ...approverGroups(asked)])
  const before = request.reviews.filter((one) => one.verdict === 'approve')
  const [by, ...earlier] = await Promise.all(
    [click.person, ...before.map((one) => one.by)].map((person) => directory.member(person, groups, 'live')),
  )
  if (!by) throw new Error('The directory did not answer for whoever clicked.')
  return {
    type: 'review',
    by,
    verdict: action,
    policy: verdict,
    ...(asked && { asked }),
    requester,
    earlier,
    grantId: parts.newId(),
  }
}
