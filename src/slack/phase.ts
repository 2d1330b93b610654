import type { Case } from '../core/case.ts'
import { isExpired } from '../core/expiry.ts'
import type { Grant } from '../core/grant.ts'
import type { Request } from '../core/request.ts'
import { rawLength, rawSubject } from './facts.ts'

type Of<S extends Request['state']> = Extract<Request, { state: S }>
type GrantIn<S extends Grant['state']> = Extract<Grant, { state: S }>

/**
 * Where a case stands at one moment. It differs from the stored states where a moment has passed whose own event
 * is still on its way: nothing may be shown as open, or as waiting for a yes, after its time.
 */
export type Phase =
  | { readonly name: 'pending' | 'too late'; readonly request: Of<'pending'> }
  | { readonly name: 'scheduled'; readonly request: Of<'approved'>; readonly grant: GrantIn<'opening'> }
  | { readonly name: 'opening'; readonly request: Of<'approved'>; readonly grant: Grant | null }
  | { readonly name: 'open'; readonly request: Of<'approved'>; readonly grant: GrantIn<'open'> }
  | { readonly name: 'over'; readonly request: Of<'approved'>; readonly grant: GrantIn<'opening' | 'open'> }
  | { readonly name: 'closing'; readonly request: Of<'approved'>; readonly grant: GrantIn<'closing'> }
  | { readonly name: 'closed'; readonly request: Of<'approved'>; readonly grant: GrantIn<'closed'> }
  | { readonly name: 'denied'; readonly request: Of<'denied'> }
  | { readonly name: 'canceled'; readonly request: Of<'canceled'> }
  | { readonly name: 'lapsed'; readonly request: Of<'lapsed'> }

function grantPhase(request: Of<'approved'>, grant: Grant | null, now: number): Phase {
  if (grant === null) return { name: 'opening', request, grant }
  switch (grant.state) {
    case 'opening':
      if (now < (grant.opensAt ?? now)) return { name: 'scheduled', request, grant }
      return isExpired(grant.expiresAt, now)
        ? { name: 'over', request, grant }
        : { name: 'opening', request, grant }
    case 'open':
      return isExpired(grant.expiresAt, now)
        ? { name: 'over', request, grant }
        : { name: 'open', request, grant }
    case 'closing':
      return { name: 'closing', request, grant }
    case 'closed':
      return { name: 'closed', request, grant }
    default:
      return grant satisfies never
  }
}

export function phaseOf({ request, grant }: Case, now: number): Phase {
  switch (request.state) {
    case 'pending':
      return { name: now < request.deadlineAt ? 'pending' : 'too late', request }
    case 'approved':
      return grantPhase(request, grant, now)
    case 'denied':
      return { name: 'denied', request }
    case 'canceled':
      return { name: 'canceled', request }
    case 'lapsed':
      return { name: 'lapsed', request }
    default:
      return request satisfies never
  }
}

const closedWord = (grant: GrantIn<'closing' | 'closed'>): string =>
  grant.openedAt !== null ? 'Closed' : grant.reason === 'could not open' ? 'Could not open' : 'Never opened'

const headline = (phase: Phase): string => {
  switch (phase.name) {
    case 'pending':
      return 'Approval needed'
    case 'too late':
      return 'Time to approve is over'
    case 'scheduled':
      return 'Approved, opens later'
    case 'opening':
      return 'Approved, opening'
    case 'open':
      return 'Open'
    case 'over':
      return 'Time is over, closing'
    case 'closing':
      return phase.grant.reason === 'could not open' ? 'Could not open, cleaning up' : 'Closing'
    case 'closed':
      return closedWord(phase.grant)
    case 'denied':
      return phase.request.by === 'policy' ? 'Denied by the policy' : 'Denied'
    case 'canceled':
      return phase.request.movedTo ? 'Ended' : 'Canceled'
    case 'lapsed':
      return 'Not approved in time'
    default:
      return phase satisfies never
  }
}

/** The first line, as plain text: what it is about and how it stands. */
export function title(phase: Phase): string {
  const asked = phase.name === 'pending' || phase.name === 'denied' ? rawLength(phase.request) : ''
  return `${headline(phase)}: ${rawSubject(phase.request)}${asked}`
}
