import type { WebClient } from '@slack/web-api'
import { Fault } from '../core/fault.ts'
import type { Log } from './log.ts'
import { calling, webClient } from './web-api.ts'

/** What is wrong with a person or a group; null when nothing is. */
type Wrong = { readonly exists: boolean; readonly why: string } | null

interface NamedGroup {
  readonly wrong: Wrong
  readonly members: readonly string[]
}

/** What Slack says of the people and groups that somebody wrote down. */
export interface NamedPeople {
  readonly users: ReadonlyMap<string, Wrong>
  readonly groups: ReadonlyMap<string, NamedGroup>
}

export interface NamedPeopleSettings {
  readonly token: string
  readonly slackApiUrl: string
  readonly log: Log
}

const exists = (why: string): Wrong => ({ exists: true, why })
const missing = (why: string): Wrong => ({ exists: false, why })

async function userProblem(client: WebClient, id: string): Promise<Wrong> {
  try {
    const { user } = await calling('users.info', 'read', () => client.users.info({ user: id }))
    if (user?.deleted) return exists('this person’s account is deactivated')
    if (user?.is_bot || id === 'USLACKBOT') return exists('this is a bot, which may neither ask nor approve')
    if (user?.is_restricted || user?.is_ultra_restricted)
      return exists('this is a guest, who may neither ask nor approve')
    return null
  } catch (error) {
    if (error instanceof Fault && (error.code === 'user_not_found' || error.code === 'user_not_visible'))
      return missing('Slack knows no such person; expected the id of a member')
    throw error
  }
}

type Listed = NonNullable<Awaited<ReturnType<WebClient['usergroups']['list']>>['usergroups']>[number]

async function groupOf(client: WebClient, id: string, listed: readonly Listed[]): Promise<NamedGroup> {
  const found = listed.find((group) => group.id === id)
  if (!found) {
    const known = listed
      .filter(({ date_delete: gone }) => !gone)
      .map((each) => `${each.id} (@${each.handle})`)
    const allowed = known.length > 0 ? `it knows ${known.slice(0, 12).join(', ')}` : 'it has no groups'
    return { wrong: missing(`Slack knows no such group; ${allowed}`), members: [] }
  }
  if (found.date_delete) return { wrong: exists(`this group (@${found.handle}) is disabled`), members: [] }
  const { users } = await calling('usergroups.users.list', 'read', () =>
    client.usergroups.users.list({ usergroup: id }),
  )
  return { wrong: null, members: users ?? [] }
}

/** Asks Slack about each of them, one after the other. Throws a `Fault` when it cannot answer. */
export async function lookUpNamed(
  { token, slackApiUrl, log }: NamedPeopleSettings,
  users: readonly string[],
  groups: readonly string[],
): Promise<NamedPeople> {
  const client = webClient(token, slackApiUrl, log)
  const found = {
    users: new Map<string, Wrong>(),
    groups: new Map<string, NamedGroup>(),
  }
  for (const id of users) found.users.set(id, await userProblem(client, id))
  if (groups.length === 0) return found
  const { usergroups } = await calling('usergroups.list', 'read', () =>
    client.usergroups.list({ include_disabled: true }),
  )
  for (const id of groups) found.groups.set(id, await groupOf(client, id, usergroups ?? []))
  return found
}
