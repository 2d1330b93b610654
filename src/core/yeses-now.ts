import { escalated, membershipProblem, sameHuman } from './approval.ts'
import { type Member, samePerson } from './person.ts'
import { approvalsOf } from './pick.ts'
import type { Terms, Verdict } from './policy.ts'
import { countAgain, isComplete, yesesOf } from './quorum.ts'
import type { Request } from './request.ts'

/** Whom terms ask by the policy's own words; who is on duty, or owns the VM, changes without anybody changing a rule. */
function wordsOf({ stages, selfApproval }: Pick<Terms, 'stages' | 'selfApproval'>): string {
  const asked = stages.map(({ approvers, approvals, fromDifferentGroups }) => {
    const { users, groups } = approvers.looked?.named ?? approvers
    const { ownerTag = null, onCall = [] } = approvers
    return [approvals, fromDifferentGroups, users.toSorted(), groups.toSorted(), ownerTag, onCall]
  })
  return JSON.stringify([asked, selfApproval])
}

const nobody = { stages: [], selfApproval: false }

/** The policy's terms as they were when the last yes came, if that was late enough for more people to be asked. */
function escalatedBy(
  terms: Terms,
  { requestedAt, approvedAt }: Extract<Request, { state: 'approved' }>,
): Terms {
  const after = terms.escalation?.afterMs ?? Number.POSITIVE_INFINITY
  return approvedAt - requestedAt >= after ? escalated(terms) : terms
}

/** Why the yeses are not enough any more for what was asked then: somebody who gave one has left, or is stopped. */
function goneFrom({ reviews }: Request, terms: Terms, earlier: readonly Member[]): string | null {
  const gone = earlier.filter((member) => membershipProblem(member) !== null)
  if (gone.length === 0) return null
  const kept = reviews.filter(({ by }) => !gone.some(({ person }) => samePerson(person, by)))
  const { progress, counted } = countAgain(terms, yesesOf(kept, []))
  if (isComplete(terms, progress)) return null
  return `somebody who approved it may not do so any more, and ${counted.length} of the ${approvalsOf(terms)} approvals that the rule “${terms.rule}” asks for are left`
}

/**
 * Why the yeses of a request are not enough for what the policy asks now, or null when they are. A yes holds as long
 * as the rule asks the same as it did and whoever gave it may still do so; when the rule asks something else, the yeses
 * are counted again, and only those of people whom it names now count.
 */
export function nowMissing(
  request: Request,
  { terms }: Verdict,
  requester: Member,
  earlier: readonly Member[],
): string | null {
  if (request.state !== 'approved' || !terms || terms.stages.length === 0) return null
  const given = wordsOf(request.terms ?? nobody)
  const same = given === wordsOf(terms) || given === wordsOf(escalated(terms))
  if (same) return request.terms && goneFrom(request, request.terms, earlier)
  const wanted = escalatedBy(terms, request)
  const asker = { person: request.requester, entraId: requester.entraId }
  const yeses = yesesOf(request.reviews, earlier).filter(
    (yes) => wanted.selfApproval || !sameHuman(yes, asker),
  )
  const { progress, counted } = countAgain(wanted, yeses)
  if (isComplete(wanted, progress)) return null
  return `the rule “${wanted.rule}” asks for other approvals now than it did, and ${counted.length} of the ${approvalsOf(wanted)} that it asks for were given`
}
