import { type Member, type Person, samePerson } from './person.ts'
import type { Approvers, Lookup, Named, Terms } from './policy.ts'
import type { Refusal } from './refusal.ts'
import type { RequestBase } from './request.ts'

export type Verb =
  | 'approve'
  | 'deny'
  | 'cancel'
  | 'close'
  | 'comment'
  | 'extend'
  | 'sign'
  | 'panic'
  | 'lift'
  | 'protect'
  | 'unprotect'
  | 'agree'

/** A full, active, internal person. What the directory does not know counts as no. */
export function membershipProblem(member: Member): string | null {
  if (!member.known) return 'Slack could not tell who you are just now, so try again in a minute'
  if (member.deleted) return 'this account is deactivated'
  if (member.bot) return 'this is the account of a bot'
  if (member.guest) return 'this is the account of a guest'
  if (member.foreign) return 'this account belongs to another organisation'
  if (member.stopped) return 'an operator has stopped all their access'
  if (member.entraDisabled) return 'the Entra account behind this account is disabled or deleted'
  return null
}

/** Why somebody may not ask for access. What Entra does not say counts as no here as well: they may have been disabled. */
export const askingProblem = (member: Member): string | null =>
  membershipProblem(member) ??
  (member.entraUnread
    ? 'Entra could not tell just now who you are or whether your account there is active, so try again in a minute, and tell whoever looks after this app if it stays so'
    : null)

/** How a request came out is told to members, and to whoever asked. */
export function mayHear(member: Member, { requester }: Pick<RequestBase, 'requester'>): Refusal | null {
  const problem = samePerson(member.person, requester) ? null : membershipProblem(member)
  return problem === null ? null : { code: 'not a member', why: problem }
}

export const isApprover = (approvers: Named, member: Member): boolean =>
  approvers.users.includes(member.person.userId) || approvers.groups.some((id) => member.groups.includes(id))

/** One account or, where the accounts are mapped, one Entra user. */
export const sameHuman = (
  a: { readonly person: Person; readonly entraId: string | null },
  b: { readonly person: Person; readonly entraId: string | null },
): boolean => samePerson(a.person, b.person) || (a.entraId !== null && a.entraId === b.entraId)

/** What a request and the policy of this moment say about who may act on it. */
export interface Authority {
  /** Null for what is about no one request. */
  readonly request: (Pick<RequestBase, 'requester'> & Partial<Pick<RequestBase, 'reviews'>>) | null
  /** The requester's Entra object id, where it is known. */
  readonly requesterEntraId?: string | null
  /** Entra did not say who the requester is, or, for an approval, whether they are still active. */
  readonly requesterUnread?: boolean
  readonly terms: Terms | null
  /** Who may stop everything, by the policy of this moment. */
  readonly operators?: Approvers
  /** Which of the stages waits for a yes. */
  readonly stage?: number
  /** In which of the others a yes helps, too. */
  readonly also?: readonly number[]
}

const inAllStages = <T>(terms: Terms | null, of: (approvers: Approvers) => readonly T[]): readonly T[] => [
  ...new Set(terms?.stages.flatMap(({ approvers }) => of(approvers))),
]

const together = (all: readonly Named[]): Named => ({
  users: [...new Set(all.flatMap(({ users }) => users))],
  groups: [...new Set(all.flatMap(({ groups }) => groups))],
})

/** Everybody whom a rule names in any of its stages, or would have named had there been time to ask. */
export function allApprovers(terms: Terms | null): Named {
  const { skipped, reviewers } = terms?.emergency ?? {}
  const asked = terms?.stages.map(({ approvers }) => approvers) ?? []
  return together([...asked, ...(skipped ? [skipped] : []), ...(reviewers ? [reviewers] : [])])
}

const lookupsOf = ({ looked }: Approvers): readonly Lookup[] => looked?.up ?? []
const allLookups = (terms: Terms | null): readonly Lookup[] => inAllStages(terms, lookupsOf)

function notApprover({ users, groups }: Named, up: readonly Lookup[]) {
  const problems = [...new Set(up.flatMap((lookup) => lookup.problems))]
  return { code: 'not an approver', users, groups, ...(problems.length > 0 && { problems }) } as const
}

/** Whether somebody may be an approver although nothing names them: a lookup failed that might have. */
export const mayBeMissing = (terms: Terms, member: Member): boolean =>
  !isApprover(allApprovers(terms), member) && allLookups(terms).some(({ unsure }) => unsure)

const notOperator = (operators: Named | undefined): Refusal => ({
  code: 'not an operator',
  users: operators?.users ?? [],
  groups: operators?.groups ?? [],
})

function mayApprove(member: Member, { terms, stage = 0, also = [] }: Authority): Refusal | null {
  const asked = [stage, ...also].flatMap((at) => terms?.stages[at]?.approvers ?? [])
  if (asked.some((approvers) => isApprover(approvers, member))) return null
  const later = terms?.stages.slice(stage + 1).some(({ approvers }) => isApprover(approvers, member)) ?? false
  const refusal = notApprover(together(asked), asked.flatMap(lookupsOf))
  return later ? { ...refusal, code: 'not your turn' } : refusal
}

/** Whoever was named to look at it afterwards, or would have been asked before. */
const maySign = (terms: Terms | null, member: Member): boolean =>
  terms?.emergency !== undefined && isApprover(allApprovers(terms), member)

/** Whoever Entra says nothing about may be disabled there, or somebody who has spoken already. */
const unread = ({ entraUnread }: Member): Refusal | null =>
  entraUnread ? { code: 'identity unknown', of: 'you' } : null

/** Whoever has said yes or no may say why, whomever a tag or a schedule names by then. */
const hasReviewed = (request: Authority['request'], { person }: Member): boolean =>
  request?.reviews?.some(({ by }) => samePerson(by, person)) === true

/** Two accounts may belong to one person: as long as Entra does not say whose they are, they count as one. */
const mayBeRequester = ({ requesterUnread }: Authority): Refusal | null =>
  requesterUnread ? { code: 'identity unknown', of: 'requester' } : null

/** The one function that says whether a person may do a thing to a request; null means yes. */
export function authorise(verb: Verb, member: Member, authority: Authority): Refusal | null {
  const { request, terms, requesterEntraId = null } = authority
  const own = request !== null && sameHuman(member, { person: request.requester, entraId: requesterEntraId })
  const selfApproval = terms?.selfApproval === true
  const operator = authority.operators !== undefined && isApprover(authority.operators, member)
  // Ending one's own request or access is never harmful, so it needs no word of the directory.
  if (own && (verb === 'cancel' || verb === 'close')) return null
  const problem = membershipProblem(member)
  if (problem !== null) return { code: 'not a member', why: problem }
  switch (verb) {
    case 'cancel':
      return own ? null : { code: 'not yours to cancel' }
    case 'extend':
      return own ? unread(member) : { code: 'not yours to extend' }
    case 'comment':
      return own || hasReviewed(request, member) || isApprover(allApprovers(terms), member)
        ? null
        : { code: 'not yours to comment' }
    case 'close':
      return own || operator || isApprover(allApprovers(terms), member)
        ? null
        : { code: 'not yours to close' }
    case 'sign':
      if (own) return { code: 'own emergency' }
      if (!operator && !maySign(terms, member)) return { code: 'not yours to sign' }
      return unread(member) ?? mayBeRequester(authority)
    case 'panic':
      // To stop everything must be possible while Entra is away, too: it only ends things.
      return operator ? null : notOperator(authority.operators)
    case 'lift':
    case 'protect':
    case 'unprotect':
      return operator ? unread(member) : notOperator(authority.operators)
    case 'agree':
      if (own) return { code: 'own request' }
      if (!operator) return notOperator(authority.operators)
      return unread(member) ?? mayBeRequester(authority)
    case 'approve':
      if (own && !selfApproval) return { code: 'own request' }
      return (
        mayApprove(member, authority) ?? unread(member) ?? (selfApproval ? null : mayBeRequester(authority))
      )
    case 'deny':
      if (own) return { code: 'own request' }
      return isApprover(allApprovers(terms), member)
        ? null
        : notApprover(allApprovers(terms), allLookups(terms))
    default:
      return verb satisfies never
  }
}

/** Whoever may by what is stored may still, and so may whoever the policy of this moment names. */
export function authoriseByEither(
  verb: 'close' | 'comment',
  member: Member,
  authority: Authority,
  termsNow: Terms | undefined,
): Refusal | null {
  const refusal = authorise(verb, member, authority)
  return refusal && termsNow ? authorise(verb, member, { ...authority, terms: termsNow }) : refusal
}

/** Both of them, with what was looked up for each, so that the card can say who is who. */
function joined(one: Approvers, more: Approvers): Approvers {
  const both = { ...one, ...together([one, more]) }
  if (!one.looked && !more.looked) return both
  const [up, theirs] = [lookupsOf(one), lookupsOf(more)]
  const named = together([one.looked?.named ?? one, more.looked?.named ?? more])
  return { ...both, looked: { up: [...up, ...theirs], named } }
}

/** The terms once more people are asked: whoever they are, they may speak in every stage. */
export const escalated = (terms: Terms): Terms => {
  const more = terms.escalation?.approvers
  if (!more) return terms
  const stages = terms.stages.map((stage) => ({ ...stage, approvers: joined(stage.approvers, more) }))
  return { ...terms, stages }
}
