import { Fault } from '../core/fault.ts'
import type { EntraUsers } from '../ports.ts'
import { shapeOf, textOf } from './answer.ts'
import type { Arm, PlainCalls } from './arm.ts'
import { missingAsNull } from './faults.ts'
import { malformed, quoted, readList } from './pages.ts'

const objectId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Graph checks this many groups at a time. */
const mostGroups = 20
/** A filter may name this many values. */
const mostInFilter = 15

/** An object id goes into a path, so nothing else may. */
export function expectId(id: string): string {
  if (!objectId.test(id)) throw malformed('holds an object id that is none')
  return id.toLowerCase()
}

async function findUser(graph: PlainCalls, email: string, signal?: AbortSignal): Promise<string | null> {
  const filter = `mail eq ${quoted(email)} or userPrincipalName eq ${quoted(email)}`
  const query = `$filter=${encodeURIComponent(filter)}&$select=id,mail,userPrincipalName`
  const rows = await readList(graph, `/v1.0/users?${query}`, signal)
  const wanted = email.toLowerCase()
  const ids = new Set(
    rows
      .filter((row) =>
        [row['mail'], row['userPrincipalName']].some((it) => textOf(it).toLowerCase() === wanted),
      )
      .map((row) => expectId(textOf(row['id']))),
  )
  const [first = null, ...more] = ids
  // The person may be any of them, so this must not read as if they were none.
  if (more.length > 0) {
    const message = `more than one Entra user has the address of this person: ${[first, ...more].join(', ')}`
    throw new Fault('ambiguous address', message, { kind: 'permanent' })
  }
  return first
}

/** Whether there is such a user, and it is enabled. */
async function isActive(graph: PlainCalls, id: string, signal?: AbortSignal): Promise<boolean> {
  const path = `/v1.0/users/${id}?$select=id,accountEnabled`
  const reply = await missingAsNull(graph.get(path, signal))
  if (reply === null) return false
  const user = shapeOf(reply.value)
  if (textOf(user['id']).toLowerCase() !== id) throw malformed('is about somebody else')
  if (typeof user['accountEnabled'] !== 'boolean') throw malformed('does not say whether a user is enabled')
  return user['accountEnabled']
}

async function groupsOf(
  graph: PlainCalls,
  id: string,
  groups: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const wanted = [...new Set(groups.map(expectId))]
  const found = new Set<string>()
  for (let at = 0; at < wanted.length; at += mostGroups) {
    const body = { groupIds: wanted.slice(at, at + mostGroups) }
    const { value } = await graph.post(`/v1.0/users/${id}/checkMemberGroups`, body, signal)
    const answered = shapeOf(value)['value']
    if (!Array.isArray(answered)) throw malformed('is no list of groups')
    for (const group of answered) found.add(textOf(group).toLowerCase())
  }
  return groups.filter((group) => found.has(group.toLowerCase()))
}

async function missingGroups(
  graph: PlainCalls,
  groups: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const wanted = [...new Set(groups.map(expectId))]
  const found = new Set<string>()
  for (let at = 0; at < wanted.length; at += mostInFilter) {
    const filter = `id in (${wanted
      .slice(at, at + mostInFilter)
      .map(quoted)
      .join(',')})`
    const path = `/v1.0/groups?$filter=${encodeURIComponent(filter)}&$select=id`
    for (const row of await readList(graph, path, signal)) found.add(expectId(textOf(row['id'])))
  }
  return groups.filter((group) => !found.has(group.toLowerCase()))
}

/** The users of Entra, as Microsoft Graph shows them to an application with `User.Read.All` and `GroupMember.Read.All`. */
export function entraUsers({ entra: graph }: Pick<Arm, 'entra'>): EntraUsers {
  return {
    find: (email, signal) => findUser(graph, email, signal),
    async standing(entraId, groups, signal) {
      const id = expectId(entraId)
      if (!(await isActive(graph, id, signal))) return { active: false, groups: [] }
      return { active: true, groups: await groupsOf(graph, id, groups, signal) }
    },
    missing: (groups, signal) => missingGroups(graph, groups, signal),
  }
}
