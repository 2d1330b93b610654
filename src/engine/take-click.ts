import type { Case } from '../core/case.ts'
import { parseSpan } from '../core/duration.ts'
import { evaluate } from '../core/evaluate.ts'
import type { Event } from '../core/event.ts'
import { type Less, narrowed } from '../core/less.ts'
import type { Member } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { parsePort } from '../core/service.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endDispatched, endWith, type IntakeParts } from './answer.ts'
import { ended, type Finish, messageOf } from './handler.ts'
import { subjectOf } from './subject.ts'
import { whyClicked } from './take-why.ts'

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
  if (click.action === 'why') return whyClicked(parts, claim, click.responseUrl, by, current)
  const event = await eventOf(parts, click, click.action, current, by)
  if (event === null)
    return endWith(parts, claim, click.responseUrl, 'The form could not be read, so nothing changed.')
  const outcome = await parts.dispatcher.dispatch({
    requestId: current.request.id,
    event,
    claim,
    also: (tx) => tx.endIntake(claim.subject, parts.clock.now()),
  })
  const told = await endDispatched(parts, click.responseUrl, outcome)
  if (told?.ok && click.action === 'deny') await askWhy(parts, claim.subject, told.next)
  return ended
}

/** A form that could not be opened costs nothing: the no stands. */
async function askWhy({ chat, log }: IntakeParts, trigger: string, kase: Case): Promise<void> {
  if (kase.request.state !== 'denied') return
  try {
    await chat.askWhy(trigger, kase)
  } catch (error) {
    log.info({ error: messageOf(error) }, 'the form that asks why could not be opened')
  }
}

/** What the form said; its listener has shown mistakes already, so what cannot be read here is nobody's form. */
function lessOf({ duration, ports }: NonNullable<Click['less']>): Less | 'unreadable' {
  const span = parseSpan(duration)
  const read = ports.map(parsePort).filter((port) => port !== null)
  return span.ok && span.span.kind === 'length' && read.length === ports.length && read.length > 0
    ? { durationMs: span.span.ms, ports: read }
    : 'unreadable'
}

async function eventOf(
  parts: IntakeParts,
  click: Click,
  action: Exclude<Click['action'], 'why'>,
  current: Case,
  by: Member,
): Promise<Event | null> {
  switch (action) {
    case 'cancel':
      return { type: 'cancel', by }
    case 'sign':
    case 'unjustified': {
      const { operators } = parts.policy()
      const { entraId } = await parts.directory.member(current.request.requester, [])
      const justified = click.action === 'sign'
      return { type: 'sign', by, justified, operators, requesterEntraId: entraId }
    }
    case 'close':
      return { type: 'close', by, operators: parts.policy().operators }
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
      const less = click.less ? lessOf(click.less) : null
      if (less === 'unreadable') return null
      const asked = less ? narrowed(request, less) : request
      const verdict = evaluate(policy, subjectOf(asked, requester, parts.clock.now()))
      const grantId = parts.newId()
      return {
        type: 'review',
        by,
        verdict: action,
        policy: verdict,
        requester,
        earlier,
        grantId,
        ...(less && { less }),
      }
    }
    default:
      return action satisfies never
  }
}
