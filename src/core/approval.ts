import { type Member, type Person, samePerson } from './person.ts'
import type { Approvers, Lookup, Named, Stage, Terms } from './policy.ts'
import type { Refusal } from './refusal.ts'
import type { RequestBase, Review } from './request.ts'

export type Verb = 'approve' | 'deny' | 'cancel' | 'close' | 'comment' | 'extend' | 'sign' | 'panic'

/** A full, active, internal person. What the directory does not know counts as no. */
export function membershipProblem(member: Member): string | null {
  if (!member.known) return 'Slack could not tell who you are just now, so try again in a minute'
  if (member.deleted) return 'this account is deactivated'
  if (member.bot) return 'this is the account of a bot'
  if (member.guest) return 'this is the account of a guest'
  if (member.foreign) return 'this account belongs to another organisation'
  if (member.entraDisabled) return 'the Entra account behind this account is disabled or deleted'
  return null
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
  readonly request: Pick<RequestBase, 'requester'> | null
  /** The requester's Entra object id, where it is known. */
  readonly requesterEntraId?: string | null
  /** Nobody could say which Entra user the requester is. */
  readonly requesterUnread?: boolean
  readonly terms: Terms | null
  /** Who may stop everything, by the policy of this moment. */
  readonly operators?: Approvers
  /** Which of the stages waits for a yes. */
  readonly stage?: number
}

const inAllStages = <T>(terms: Terms | null, of: (approvers: Approvers) => readonly T[]): readonly T[] => [
  ...new Set(terms?.stages.flatMap(({ approvers }) => of(approvers))),
]

/** Everybody whom a rule names in any of its stages, or would have named had there been time to ask. */
export function allApprovers(terms: Terms | null): Named {
  const { skipped, reviewers } = terms?.emergency ?? {}
  const asked = terms?.stages.map(({ approvers }) => approvers) ?? []
  const all = [...asked, ...(skipped ? [skipped] : []), ...(reviewers ? [reviewers] : [])]
  return {
    users: [...new Set(all.flatMap(({ users }) => users))],
    groups: [...new Set(all.flatMap(({ groups }) => groups))],
  }
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

export const notOperator = (operators: Named | undefined): Refusal => ({
  code: 'not an operator',
  users: operators?.users ?? [],
  groups: operators?.groups ?? [],
})

function mayApprove(member: Member, { terms, stage = 0 }: Authority): Refusal | null {
  const current = terms?.stages[stage]?.approvers
  if (current && isApprover(current, member)) return null
  const later = terms?.stages.slice(stage + 1).some(({ approvers }) => isApprover(approvers, member)) ?? false
  const refusal = notApprover(current ?? allApprovers(null), current ? lookupsOf(current) : [])
  return later ? { ...refusal, code: 'not your turn' } : refusal
}

/** Whoever was named to look at it afterwards, or would have been asked before. */
const maySign = (terms: Terms | null, member: Member): boolean =>
  terms?.emergency !== undefined && isApprover(allApprovers(terms), member)

/** Two accounts may belong to one person: as long as Entra does not say whose they are, they count as one. */
function mayBeRequester(member: Member, { terms, requesterUnread }: Authority): Refusal | null {
  const unread = requesterUnread === true || member.entraUnread === true
  return unread && terms?.selfApproval !== true ? { code: 'identity unknown' } : null
}

/** The one function that says whether a person may do a thing to a request; null means yes. */
export function authorise(verb: Verb, member: Member, authority: Authority): Refusal | null {
  const { request, terms, requesterEntraId = null } = authority
  const own = request !== null && sameHuman(member, { person: request.requester, entraId: requesterEntraId })
  const operator = authority.operators !== undefined && isApprover(authority.operators, member)
  // Ending one's own request or access is never harmful, so it needs no word of the directory.
  if (own && (verb === 'cancel' || verb === 'close')) return null
  const problem = membershipProblem(member)
  if (problem !== null) return { code: 'not a member', why: problem }
  switch (verb) {
    case 'cancel':
      return own ? null : { code: 'not yours to cancel' }
    case 'extend':
      return own ? null : { code: 'not yours to extend' }
    case 'comment':
      return own || isApprover(allApprovers(terms), member) ? null : { code: 'not yours to comment' }
    case 'close':
      return own || operator || isApprover(allApprovers(terms), member)
        ? null
        : { code: 'not yours to close' }
    case 'sign':
      if (own) return { code: 'own request' }
      return operator || maySign(terms, member) ? null : { code: 'not yours to sign' }
    case 'panic':
      return operator ? null : notOperator(authority.operators)
    case 'approve':
      if (own && terms?.selfApproval !== true) return { code: 'own request' }
      return mayApprove(member, authority) ?? mayBeRequester(member, authority)
    case 'deny':
      if (own) return { code: 'own request' }
      return isApprover(allApprovers(terms), member)
        ? null
        : notApprover(allApprovers(terms), allLookups(terms))
    default:
      return verb satisfies never
  }
}

const union = (one: readonly string[], other: readonly string[]): readonly string[] => [
  ...new Set([...one, ...other]),
]

/** The terms once more people are asked: whoever they are, they may speak in every stage. */
export const escalated = (terms: Terms): Terms => {
  const more = terms.escalation?.approvers
  if (!more) return terms
  const stages = terms.stages.map((stage) => ({
    ...stage,
    approvers: {
      ...stage.approvers,
      users: union(stage.approvers.users, more.users),
      groups: union(stage.approvers.groups, more.groups),
    },
  }))
  return { ...terms, stages }
}

/** How far the approvals have come. */
export interface Progress {
  /** The stage that waits for a yes; as many as there are stages when all of them have enough. */
  readonly stage: number
  /** How many of the stage’s approvals there are. */
  readonly approvals: number
}

export const noProgress: Progress = { stage: 0, approvals: 0 }

/** What somebody can speak for in a stage: each group of it that they are in, or themselves when named. */
const voicesOf = ({ approvers }: Stage, member: Member): string[] => [
  ...approvers.groups.filter((id) => member.groups.includes(id)),
  ...(approvers.users.includes(member.person.userId) ? [member.person.userId] : []),
]

/** The most people of whom each can speak for another group: matching by augmenting paths. */
function differentVoices(stage: Stage, members: readonly Member[]): number {
  const taken = new Map<string, Member>()
  const place = (member: Member, tried: Set<string>): boolean =>
    voicesOf(stage, member).some((voice) => {
      if (tried.has(voice)) return false
      tried.add(voice)
      const holder = taken.get(voice)
      if (holder && !place(holder, tried)) return false
      taken.set(voice, member)
      return true
    })
  return members.filter((member) => place(member, new Set())).length
}

const countIn = (stage: Stage, members: readonly Member[]): number =>
  stage.fromDifferentGroups ? differentVoices(stage, members) : members.length

/**
 * Counts the yeses again, in the order in which they came, as the people and the rule are now: who is no longer an
 * approver no longer counts.
 */
export function countAgain(
  terms: Terms,
  yeses: readonly Member[],
): { readonly progress: Progress; readonly counted: readonly Member[] } {
  let stage = 0
  let here: Member[] = []
  const counted: Member[] = []
  for (const member of yeses) {
    const current = terms.stages[stage]
    if (!current) break
    const again = counted.some((other) => sameHuman(other, member))
    if (again || membershipProblem(member) !== null || !isApprover(current.approvers, member)) continue
    counted.push(member)
    here = [...here, member]
    if (countIn(current, here) < current.approvals) continue
    stage += 1
    here = []
  }
  const current = terms.stages[stage]
  return { progress: { stage, approvals: current ? countIn(current, here) : 0 }, counted }
}

export const progressOf = (terms: Terms, yeses: readonly Member[]): Progress =>
  countAgain(terms, yeses).progress

export const isComplete = (terms: Terms, { stage }: Progress): boolean => stage >= terms.stages.length

/**
 * Those who have said yes, in order, as the directory knows them now. A yes that came after the directory was asked
 * was judged a moment ago, so what it was judged by holds.
 */
export const yesesOf = (reviews: readonly Review[], now: readonly Member[]): readonly Member[] =>
  reviews
    .filter(({ verdict }) => verdict === 'approve')
    .map(({ by, groups = [], entraId = null }) => {
      const member = now.find(({ person }) => samePerson(person, by))
      return member ?? { ...nobodySpecial, person: by, groups, entraId }
    })

const nobodySpecial = {
  known: true,
  deleted: false,
  bot: false,
  guest: false,
  foreign: false,
  timeZone: null,
  entraGroups: null,
} as const
