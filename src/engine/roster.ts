import { membershipProblem } from '../core/approval.ts'
import type { Roster } from '../core/enough-approvers.ts'
import type { Person } from '../core/person.ts'
import { approverGroups, type Terms } from '../core/policy.ts'
import type { Directory } from '../ports.ts'

/** Slack is asked about each person by themselves, so where there are many of them they are taken to be there. */
const mostAsked = 20

/** Who is there to approve under these terms, as far as Slack says. */
export async function rosterFor(directory: Directory, terms: Terms, requester: Person): Promise<Roster> {
  const ids = [...new Set(approverGroups(terms))]
  const lists = await Promise.all(ids.map((id) => directory.roster(id)))
  const groups = new Map(ids.map((id, at) => [id, lists[at] ?? null]))
  const named = terms.stages.flatMap(({ approvers }) => approvers.users)
  const people = [...new Set([...named, ...lists.flatMap((list) => list ?? [])])]
  if (people.length > mostAsked) return { groups, barred: new Set() }
  const members = await Promise.all(people.map((userId) => directory.member({ ...requester, userId }, [])))
  const barred = members.filter((member) => member.known && membershipProblem(member) !== null)
  return { groups, barred: new Set(barred.map(({ person }) => person.userId)) }
}
