import type { Event, Standing } from '../core/event.ts'
import { groupsNamed, type Policy, type Terms } from '../core/policy.ts'
import type { Request } from '../core/request.ts'
import { backoffMs } from './backoff.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, ended, type Handler } from './handler.ts'
import { standingOf } from './standing.ts'
import { oversightTerms, type VerdictParts } from './verdict.ts'

export interface CallParts extends VerdictParts {
  readonly dispatcher: Dispatcher
  readonly policy: () => Policy
}

/** Slack or a schedule may be away for a moment; after so many looks people are called by what is known. */
const mostLooks = 4

const lookupsIn = ({ stages, escalation }: Terms) =>
  [...stages, ...(escalation ? [escalation] : [])].flatMap(({ approvers }) => approvers.looked?.up ?? [])

/** What was not read must neither take a yes away nor keep somebody from being called. */
const isWhole = ({ requester, earlier, policy, asked }: Standing): boolean =>
  requester.known &&
  earlier.every(({ known }) => known) &&
  [policy.terms, asked].every((terms) => !terms || lookupsIn(terms).every(({ unsure }) => !unsure))

async function eventOf(
  parts: CallParts,
  type: 'reminder' | 'escalation' | 'unsigned',
  request: Request,
): Promise<Event | null> {
  const policy = parts.policy()
  if (type === 'unsigned') {
    const terms =
      request.oversight?.state === 'open' ? await oversightTerms(parts, policy, request, 'live') : null
    return { type, ...(terms && { terms }) }
  }
  if (request.state !== 'pending') return { type }
  const requester = await parts.directory.member(request.requester, groupsNamed(policy), 'live')
  const standing = await standingOf(parts, {
    request,
    wanted: request,
    requester,
    policy,
    unread: 'as listed',
  })
  return isWhole(standing) ? { type, standing } : null
}

/** People are called whose word would count: who that is, is read when the time has come. */
export const callPeople =
  (parts: CallParts, type: 'reminder' | 'escalation' | 'unsigned'): Handler =>
  async (claim) => {
    const { store, clock, dispatcher } = parts
    const current = await store.case(claim.subject)
    const event = current ? await eventOf(parts, type, current.request) : { type }
    if (!event && claim.attempt < mostLooks)
      return again(clock.now() + backoffMs(claim.attempt), 'it could not be read whom to call')
    await dispatcher.dispatch({ requestId: claim.subject, event: event ?? { type }, claim })
    return ended
  }
