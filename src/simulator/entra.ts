import type { Answer } from './arm-call.ts'
import type { Simulation } from './simulation.ts'
import type { EntraUser, EntraWorld } from './world-access.ts'

export const graphPrefix = '/v1.0/'

/** Checked at most this many at a time, as Graph does. */
const mostGroups = 20

interface GraphCall {
  sim: Simulation
  method: string
  path: string
  query: URLSearchParams
  body: unknown
  authorization: string | undefined
}

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

/** Every group that somebody is in, also by way of other groups. */
export function groupsOf({ groups }: EntraWorld, id: string): Set<string> {
  const found = new Set<string>()
  const add = (member: string) => {
    for (const group of groups) {
      if (found.has(group.id) || !group.members.some((each) => same(each, member))) continue
      found.add(group.id)
      add(group.id)
    }
  }
  add(id)
  return found
}

function refused(status: number, code: string, message: string): Answer {
  const innerError = { date: '2026-11-23T09:00:00', 'request-id': crypto.randomUUID() }
  return { status, body: { error: { code, message, innerError } } }
}

const notFound = (id: string): Answer =>
  refused(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  )

const fields = ['id', 'displayName', 'userPrincipalName', 'mail', 'accountEnabled'] as const
/** What Graph shows of a user when nothing is selected. */
const usual = fields.slice(0, 4).join(',')

function shownUser(user: EntraUser, query: URLSearchParams): object {
  const wanted = (query.get('$select') ?? usual).split(',')
  const whole = { accountEnabled: true, ...user }
  return Object.fromEntries(
    fields.filter((field) => wanted.includes(field)).map((field) => [field, whole[field]]),
  )
}

const clauseForm = "(?:mail|userPrincipalName) eq '(?:[^']|'')*'"
const wholeFilter = new RegExp(`^${clauseForm}(?: or ${clauseForm})*$`)
const clause = /(mail|userPrincipalName) eq '((?:[^']|'')*)'(?= or |$)/g

function filtered(users: EntraUser[], filter: string): EntraUser[] | null {
  if (!wholeFilter.test(filter)) return null
  const clauses = [...filter.matchAll(clause)]
  return users.filter((user) =>
    clauses.some(([, field, text = '']) => {
      const value = field === 'mail' ? user.mail : user.userPrincipalName
      return value !== null && same(value, text.replaceAll("''", "'"))
    }),
  )
}

function listUsers({ sim, query }: GraphCall): Answer {
  const found = filtered(sim.directory.users, query.get('$filter') ?? '')
  if (!found) return refused(400, 'Request_UnsupportedQuery', 'Unsupported or invalid query filter clause.')
  return { status: 200, body: { value: found.map((user) => shownUser(user, query)) } }
}

/** Named at most this many in one filter, as Graph does. */
const mostInFilter = 15
const wholeGroupFilter = /^id in \('[0-9a-f-]+'(?:, ?'[0-9a-f-]+')*\)$/i

function listGroups({ sim, query }: GraphCall): Answer {
  const filter = query.get('$filter') ?? ''
  const ids = wholeGroupFilter.test(filter) ? (filter.match(/(?<=')[0-9a-f-]+(?=')/gi) ?? []) : []
  if (ids.length === 0 || ids.length > mostInFilter)
    return refused(400, 'Request_UnsupportedQuery', 'Unsupported or invalid query filter clause.')
  const found = sim.directory.groups.filter((group) => ids.some((id) => same(id, group.id)))
  return { status: 200, body: { value: found.map(({ id }) => ({ id })) } }
}

function checkGroups({ sim, body }: GraphCall, user: EntraUser): Answer {
  const asked = typeof body === 'object' && body !== null && 'groupIds' in body ? body.groupIds : null
  if (!Array.isArray(asked) || asked.length === 0 || asked.length > mostGroups) {
    return refused(400, 'Request_BadRequest', `groupIds must hold one to ${mostGroups} ids.`)
  }
  const groups = groupsOf(sim.directory, user.id)
  return { status: 200, body: { value: asked.filter((id) => groups.has(String(id))) } }
}

/** Microsoft Graph, as far as it tells who people are and which groups they are in. */
export function handleGraph(call: GraphCall): Answer {
  call.sim.tokens.check(call.authorization, call.sim.now(), /^https:\/\/graph\.|microsoftgraph/)
  const [kind, id = '', action] = decodeURIComponent(call.path.slice(graphPrefix.length)).split('/')
  if (kind === 'groups' && call.method === 'GET' && id === '') return listGroups(call)
  if (kind !== 'users') return refused(400, 'BadRequest', `Resource not found for the segment '${kind}'.`)
  if (call.method === 'GET' && id === '') return listUsers(call)
  const user = call.sim.directory.users.find((each) => same(each.id, id) || same(each.userPrincipalName, id))
  if (!user) return notFound(id)
  if (call.method === 'POST' && action === 'checkMemberGroups') return checkGroups(call, user)
  if (call.method === 'GET' && action === undefined) return { status: 200, body: shownUser(user, call.query) }
  return refused(400, 'BadRequest', `Resource not found for the segment '${action}'.`)
}
