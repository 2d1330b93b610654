import { authorise } from '../core/approval.ts'
import type { Case } from '../core/case.ts'
import { parseSpan } from '../core/duration.ts'
import type { Event } from '../core/event.ts'
import { Fault } from '../core/fault.ts'
import { type Less, narrowed, withExtra } from '../core/less.ts'
import type { Member } from '../core/person.ts'
import { approverGroups, groupsNamed, type Policy } from '../core/policy.ts'
import type { Request } from '../core/request.ts'
import { parsePort } from '../core/service.ts'
import { parseSource, widestRange } from '../core/source.ts'
import type { Claim, Gesture } from '../ports.ts'
import { endDispatched, endWith, type IntakeParts } from './answer.ts'
import { unique } from './approvers.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { again, ended, type Finish, messageOf } from './handler.ts'
import { unread } from './newest-move.ts'
import { standingOf } from './standing.ts'
import { whyClicked } from './take-why.ts'
import { oversightTerms, ruleTermsNow } from './verdict.ts'

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
  if (click.action === 'why') {
    const by = await parts.directory.member(click.person, [], 'live')
    return whyClicked(parts, claim, click.responseUrl, by, current)
  }
  const event = await eventOf(parts, click, click.action, current).catch(asFault)
  if (event instanceof Fault) return tagsUnread(parts, claim, click, event)
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

const asFault = (error: unknown): Fault => {
  if (error instanceof Fault) return error
  throw error
}

/** Azure is asked again for a moment: a yes by tags that the VM may not have any more does not count. */
async function tagsUnread(parts: IntakeParts, claim: Claim, click: Click, fault: Fault): Promise<Finish> {
  if (fault.kind !== 'permanent' && claim.attempt < gestureTries)
    return again(parts.clock.now() + backoffMs(claim.attempt), messageOf(fault))
  const text = `${unread(parts, fault)} The policy goes by the tags that the VM has now, so your yes does not count and nothing changed. Press the button again in a minute.`
  return endWith(parts, claim, click.responseUrl, text)
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
function lessOf(
  request: Request,
  { duration, ports, source }: NonNullable<Click['less']>,
): Less | 'unreadable' {
  const span = parseSpan(duration)
  const part = source === undefined ? null : parseSource(source, widestRange)
  if (part?.ok === false) return 'unreadable'
  const read = ports.map(parsePort).filter((port) => port !== null)
  return span.ok && span.span.kind === 'length' && read.length === ports.length && read.length > 0
    ? { durationMs: withExtra(request, span.span.ms), ports: read, ...(part && { source: part.address }) }
    : 'unreadable'
}

async function eventOf(
  parts: IntakeParts,
  click: Click,
  action: Exclude<Click['action'], 'why'>,
  { request }: Case,
): Promise<Event | null> {
  const policy = parts.policy()
  const named = [...groupsNamed(policy), ...approverGroups(request.terms)]
  const whoClicked = (more: readonly string[] = []) =>
    parts.directory.member(click.person, unique([...named, ...more]), 'live')
  switch (action) {
    case 'cancel':
      return { type: 'cancel', by: await whoClicked() }
    case 'sign':
    case 'unjustified': {
      const { entraId, entraUnread } = await parts.directory.member(request.requester, [])
      const justified = click.action === 'sign'
      const { operators } = policy
      const terms = await oversightTerms(parts, policy, request, 'live')
      const by = await whoClicked(approverGroups(terms))
      return {
        type: 'sign',
        by,
        justified,
        ...(terms && { terms }),
        operators,
        requesterEntraId: entraId,
        requesterUnread: entraId === null && entraUnread === true,
      }
    }
    case 'close':
      return closeOf(parts, policy, request, whoClicked)
    case 'approve':
    case 'deny':
      return reviewOf(parts, { click, action, request, policy })
    default:
      return action satisfies never
  }
}

/** A close waits for no look-up that it does not need. */
async function closeOf(
  parts: IntakeParts,
  policy: Policy,
  request: Request,
  whoClicked: (more?: readonly string[]) => Promise<Member>,
): Promise<Event> {
  const { operators } = policy
  const by = await whoClicked()
  const event = { type: 'close', by, operators } as const
  if (authorise('close', by, { request, terms: request.terms, operators }) === null) return event
  const termsNow = await ruleTermsNow(parts, policy, request)
  return termsNow ? { ...event, by: await whoClicked(approverGroups(termsNow)), termsNow } : event
}

interface Reviewing {
  readonly click: Click
  readonly action: 'approve' | 'deny'
  readonly request: Request
  readonly policy: Policy
}

async function reviewOf(
  parts: IntakeParts,
  { click, action, request, policy }: Reviewing,
): Promise<Event | null> {
  const { directory } = parts
  const less = click.less ? lessOf(request, click.less) : null
  if (less === 'unreadable') return null
  const wanted = less ? narrowed(request, less) : request
  const requester = await directory.member(request.requester, groupsNamed(policy), 'live')
  const { groups, ...standing } = await standingOf(parts, {
    request,
    wanted,
    requester,
    policy,
    unread: action === 'approve' ? 'fails' : 'as listed',
  })
  return {
    type: 'review',
    by: await directory.member(click.person, groups, 'live'),
    verdict: action,
    ...standing,
    grantId: parts.newId(),
    ...(less && { less }),
    ...(click.seen !== undefined && { seen: click.seen }),
  }
}
