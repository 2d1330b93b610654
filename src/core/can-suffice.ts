import type { Approvers, Stage } from './policy.ts'

/** The members of a group; null when they are not known, so that it may hold anybody. */
export type MembersOf = (groupId: string) => readonly string[] | null

/** Everybody who may say yes in a stage; null when that is not known. */
function people({ users, groups, ownerTag, onCall }: Approvers, membersOf: MembersOf): Set<string> | null {
  if (ownerTag !== undefined || onCall) return null
  const members = groups.map(membersOf)
  return members.includes(null) ? null : new Set([...users, ...members.flatMap((list) => list ?? [])])
}

/** How many seats can be filled when each takes one of its candidates, and nobody sits twice: augmenting paths. */
function filled(seats: readonly (readonly string[])[]): number {
  const taken = new Map<string, number>()
  const place = (seat: number, tried: Set<string>): boolean =>
    (seats[seat] ?? []).some((who) => {
      if (tried.has(who)) return false
      tried.add(who)
      const holder = taken.get(who)
      if (holder !== undefined && !place(holder, tried)) return false
      taken.set(who, seat)
      return true
    })
  return seats.filter((_, seat) => place(seat, new Set())).length
}

/** Whether each yes of a stage can come from another one of its groups. */
function enoughVoices(stage: Stage, membersOf: MembersOf, without: string | null): boolean {
  if (!stage.fromDifferentGroups) return true
  const { users, groups } = stage.approvers
  const voices = [
    ...users.map((id) => [id]),
    ...[...new Set(groups)].map((id) => membersOf(id) ?? [`somebody of ${id}`]),
  ]
  const seats = voices.map((candidates) => candidates.filter((who) => who !== without))
  return filled(seats) >= stage.approvals
}

/**
 * False when there can never be as many different people as the stages ask for, whoever of them says yes. Owners,
 * people on call and members that are not known count as enough.
 */
export function canSuffice(
  stages: readonly Stage[],
  membersOf: MembersOf,
  without: string | null = null,
): boolean {
  const seats = stages.flatMap(({ approvers, approvals }) => {
    const who = people(approvers, membersOf)
    if (who === null) return []
    return Array<readonly string[]>(approvals).fill([...who].filter((id) => id !== without))
  })
  return filled(seats) === seats.length && stages.every((stage) => enoughVoices(stage, membersOf, without))
}
