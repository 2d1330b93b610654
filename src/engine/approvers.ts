import { Fault } from '../core/fault.ts'
import { ownersIn } from '../core/owner-tag.ts'
import type { Approvers, Lookup, Terms } from '../core/policy.ts'
import type { Vm } from '../core/vm.ts'
import type { Directory, OnCall, Shift } from '../ports.ts'
import type { Log } from './log.ts'

export interface LookupParts {
  readonly directory: Directory
  /** Null when no on-call service is configured. */
  readonly onCall: OnCall | null
  readonly log: Log
}

type How = 'live' | undefined
type Found = Omit<Lookup, 'kind' | 'name'>

const nobody: Found = { users: [], groups: [], until: null, problems: [], unsure: false }

export const unique = (ids: readonly string[]): readonly string[] => [...new Set(ids)]

/** What failed says nothing about who is meant: nobody is found by it, and more may be meant. */
function failed({ log }: LookupParts, what: string, error: unknown): Found {
  if (!(error instanceof Fault)) throw error
  log.warn({ code: error.code, error: error.message, what }, 'approvers could not be looked up')
  return { ...nobody, problems: [error.message], unsure: true }
}

async function byEmail(parts: LookupParts, email: string): Promise<Found> {
  try {
    const user = await parts.directory.userByEmail(email)
    if (user !== null) return { ...nobody, users: [user] }
    return { ...nobody, problems: [`nobody in Slack has the address ${email}`] }
  } catch (error) {
    return failed(parts, 'the account behind an e-mail address', error)
  }
}

async function byEmails(parts: LookupParts, emails: readonly string[]): Promise<Found> {
  const found = await Promise.all(emails.map((email) => byEmail(parts, email)))
  return {
    ...nobody,
    users: found.flatMap(({ users }) => users),
    problems: unique(found.flatMap(({ problems }) => problems)),
    unsure: found.some(({ unsure }) => unsure),
  }
}

async function owners(parts: LookupParts, tagName: string, vm: Vm): Promise<Lookup> {
  const { users, groups, emails, problems } = ownersIn(vm, tagName)
  const found = await byEmails(parts, emails)
  return {
    ...found,
    kind: 'owner tag',
    name: tagName,
    users: unique([...users, ...found.users]),
    groups,
    problems: [...problems, ...found.problems],
  }
}

async function scheduled(parts: LookupParts, id: string, shifts: readonly Shift[]): Promise<Lookup> {
  const mine = shifts.filter(({ scheduleId }) => scheduleId === id)
  const name = mine[0]?.schedule ?? id
  if (mine.length === 0)
    return { ...nobody, kind: 'on call', name, problems: [`nobody is on call for ${name}`] }
  const found = await byEmails(parts, unique(mine.flatMap(({ email }) => email ?? [])))
  const silent = mine.some(({ email }) => email === null)
  const ends = mine.flatMap(({ until }) => until ?? [])
  return {
    ...found,
    kind: 'on call',
    name,
    users: unique(found.users),
    until: ends.length > 0 ? Math.min(...ends) : null,
    problems: silent
      ? [...found.problems, `somebody is on call for ${name} without an e-mail address`]
      : found.problems,
  }
}

async function onCallNow(parts: LookupParts, ids: readonly string[], how: How): Promise<readonly Lookup[]> {
  const { onCall } = parts
  const alike = (found: Found) => ids.map((name): Lookup => ({ ...found, kind: 'on call', name }))
  if (!onCall) return alike({ ...nobody, problems: ['no on-call service is configured'] })
  try {
    const shifts = await onCall.shifts(ids, how)
    return await Promise.all(ids.map((id) => scheduled(parts, id, shifts)))
  } catch (error) {
    return alike(failed(parts, `who is on call for ${ids.join(', ')}`, error))
  }
}

async function lookUp(parts: LookupParts, approvers: Approvers, vm: Vm, how: How): Promise<Approvers> {
  const { ownerTag, moreOwnerTags = [], onCall, looked } = approvers
  // What an earlier look-up added is not what the policy names.
  const named = looked?.named ?? { users: approvers.users, groups: approvers.groups }
  if (ownerTag === undefined && !onCall) return named
  const tags = ownerTag === undefined ? [] : [ownerTag, ...moreOwnerTags]
  const [byTag, shifts] = await Promise.all([
    Promise.all(tags.map((tag) => owners(parts, tag, vm))),
    onCall ? onCallNow(parts, onCall, how) : [],
  ])
  const up = [...byTag, ...shifts]
  return {
    ...approvers,
    users: unique([...named.users, ...up.flatMap(({ users }) => users)]),
    groups: unique([...named.groups, ...up.flatMap(({ groups }) => groups)]),
    looked: { up, named },
  }
}

/** The same terms with the people whom the owner tag and the schedules mean at this moment. */
export async function withApprovers(parts: LookupParts, terms: Terms, vm: Vm, how?: 'live'): Promise<Terms> {
  const stages = await Promise.all(
    terms.stages.map(async (stage) => ({
      ...stage,
      approvers: await lookUp(parts, stage.approvers, vm, how),
    })),
  )
  const look = (approvers: Approvers) => lookUp(parts, approvers, vm, how)
  const { escalation, emergency } = terms
  return {
    ...terms,
    stages,
    ...(escalation && { escalation: { ...escalation, approvers: await look(escalation.approvers) } }),
    ...(emergency && {
      emergency: { skipped: await look(emergency.skipped), reviewers: await look(emergency.reviewers) },
    }),
  }
}
