import type { Standing } from '../core/event.ts'
import type { Member } from '../core/person.ts'
import { approverGroups, groupsNamed, type Policy, type Verdict } from '../core/policy.ts'
import type { Ask, Request } from '../core/request.ts'
import { beyondProtections } from './beyond-protections.ts'
import { termsNow, type Unread, type VerdictParts, verdictNow } from './verdict.ts'

interface Judging {
  readonly request: Request
  /** The request, or the part of it that an approver would leave. */
  readonly wanted: Ask
  readonly requester: Member
  readonly policy: Policy
  readonly unread: Unread
}

export interface Asked extends Standing {
  /** Every group that may decide who somebody is to this request: a tag may name groups that the policy does not. */
  readonly groups: readonly string[]
}

/** A VM may have been protected since somebody asked for it, and what its protection does not allow is a no. */
async function withProtection(parts: VerdictParts, wanted: Ask, verdict: Verdict): Promise<Verdict> {
  const beyond = verdict.outcome === 'deny' ? null : await beyondProtections(parts, wanted)
  if (beyond === null) return verdict
  // Less time may be within it; another address is another request.
  const less = (await beyondProtections(parts, { ...wanted, durationMs: 0 })) === null
  const tree = { ...verdict.tree, because: beyond }
  return { ...verdict, outcome: 'deny', terms: null, tree, ...(less && { less }) }
}

/** Reads what an answer to a request is judged by at this moment: the policy, the approvers, and who said yes before. */
export async function standingOf(
  parts: VerdictParts,
  { request, wanted, requester, policy, unread }: Judging,
): Promise<Asked> {
  const verdict = await withProtection(
    parts,
    wanted,
    await verdictNow(parts, policy, wanted, requester, unread),
  )
  const decides = verdict.terms !== null && verdict.terms.stages.length > 0
  const asked =
    decides || !request.terms ? null : await termsNow(parts, request.terms, request.vm, 'live', unread)
  const named = [groupsNamed(policy), ...[request.terms, verdict.terms, asked].map(approverGroups)]
  const groups = [...new Set(named.flat())]
  const before = request.reviews.filter((one) => one.verdict === 'approve')
  const earlier = await Promise.all(before.map(({ by }) => parts.directory.member(by, groups, 'live')))
  return { policy: verdict, ...(asked && { asked }), requester, earlier, groups }
}
