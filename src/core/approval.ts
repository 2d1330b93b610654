import { type Member, samePerson } from './person.ts'
import type { Approvers, Terms } from './policy.ts'
import type { Refusal } from './refusal.ts'
import type { RequestBase, Review } from './request.ts'

export type Verb = 'approve' | 'deny' | 'cancel' | 'close'

/** A full, active, internal person. What the directory does not know counts as no. */
export function membershipProblem(member: Member): string | null {
  if (!member.known) return 'Slack could not tell who you are just now, so try again in a minute'
  if (member.deleted) return 'this account is deactivated'
  if (member.bot) return 'this is the account of a bot'
  if (member.guest) return 'this is the account of a guest'
  if (member.foreign) return 'this account belongs to another organisation'
  return null
}

export const isApprover = (approvers: Approvers, member: Member): boolean =>
  approvers.users.includes(member.person.userId) || approvers.groups.some((id) => member.groups.includes(id))

/** What a request and the policy of this moment say about who may act on it. */
export interface Authority {
  readonly request: Pick<RequestBase, 'requester'>
  readonly terms: Terms | null
}

const notApprover = (terms: Terms | null): Refusal => ({
  code: 'not an approver',
  users: terms?.approvers.users ?? [],
  groups: terms?.approvers.groups ?? [],
})

/** The one function that says whether a person may do a thing to a request; null means yes. */
export function authorise(verb: Verb, member: Member, authority: Authority): Refusal | null {
  const own = samePerson(member.person, authority.request.requester)
  // Ending one's own request or access is never harmful, so it needs no word of the directory.
  if (own && (verb === 'cancel' || verb === 'close')) return null
  const problem = membershipProblem(member)
  if (problem !== null) return { code: 'not a member', why: problem }
  const approver = authority.terms !== null && isApprover(authority.terms.approvers, member)
  switch (verb) {
    case 'cancel':
      return own ? null : { code: 'not yours to cancel' }
    case 'close':
      return own || approver ? null : { code: 'not yours to close' }
    case 'approve':
    case 'deny':
      if (own) return { code: 'own request' }
      return approver ? null : notApprover(authority.terms)
    default:
      return verb satisfies never
  }
}

/** How many different people have said yes. */
export const approvalCount = (reviews: readonly Review[]): number =>
  new Set(reviews.filter((review) => review.verdict === 'approve').map((review) => review.by.userId)).size

export const hasApproved = (reviews: readonly Review[], member: Member): boolean =>
  reviews.some((review) => review.verdict === 'approve' && samePerson(review.by, member.person))
