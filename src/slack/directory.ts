import { WebAPIPlatformError, type WebClient } from '@slack/web-api'
import type { Member, Person } from '../core/person.ts'
import type { Names, SlackDirectory } from '../ports.ts'
import type { Log } from './log.ts'
import { calling, webClient } from './web-api.ts'

export interface DirectorySettings {
  readonly token: string
  readonly slackApiUrl: string
  readonly now: () => number
  readonly log: Log
}

/** The workspace that the app is installed in, and its organisation on Enterprise Grid. */
interface Home {
  readonly teamId: string
  readonly enterpriseId: string | null
}

const freshFor = 60_000

/** Answers from memory for a minute; one question at a time for one key, and no memory of failures. */
function remembering<T>(
  now: () => number,
  read: (key: string) => Promise<T>,
): (key: string, live?: boolean) => Promise<T> {
  const known = new Map<string, { at: number; answer: Promise<T> }>()
  return (key, live = false) => {
    const at = now()
    const found = known.get(key)
    if (!live && found && at - found.at < freshFor && at >= found.at) return found.answer
    for (const [old, entry] of known) if (at - entry.at >= freshFor) known.delete(old)
    const entry = { at, answer: read(key) }
    known.set(key, entry)
    entry.answer.catch(() => {
      if (known.get(key) === entry) known.delete(key)
    })
    return entry.answer
  }
}

type SlackUser = NonNullable<Awaited<ReturnType<WebClient['users']['info']>>['user']> & {
  readonly is_stranger?: boolean
}

/** Inside means: a member of the team that the app is installed in, wherever on the grid they come from. */
function isForeign(found: SlackUser, home: Home): boolean {
  if (found.is_stranger === true) return true
  const teams = (found.enterprise_user?.teams ?? []).filter((team) => team !== home.enterpriseId)
  if (found.team_id === home.teamId || teams.includes(home.teamId)) return false
  // On a grid `team_id` may name the whole organisation; then the list of teams decides, where there is one.
  const wholeGrid = found.team_id !== undefined && found.team_id === home.enterpriseId
  return !(wholeGrid && teams.length === 0)
}

const unknown = (person: Person): Member => ({
  person,
  known: false,
  deleted: false,
  bot: false,
  guest: false,
  foreign: false,
  timeZone: null,
  entraId: null,
  entraGroups: null,
  groups: [],
})

/**
 * A group that was disabled or deleted, or a workspace without user groups: nobody is in it for what it grants, and
 * anybody may be for what it refuses, because disabling a group must not switch off what names it.
 */
const noSuchGroup = new Set([
  'plan_upgrade_required',
  'unknown_method',
  'no_such_subteam',
  'subteam_not_found',
])

/** Null when Slack shows no such group. */
async function readGroup(client: WebClient, groupId: string): Promise<ReadonlySet<string> | null> {
  try {
    const answer = await client.usergroups.users.list({ usergroup: groupId })
    return new Set(answer.users ?? [])
  } catch (error) {
    if (error instanceof WebAPIPlatformError && noSuchGroup.has(error.data.error)) return null
    throw error
  }
}

async function readHome(client: WebClient): Promise<Home> {
  const answer = await client.auth.test()
  if (typeof answer.team_id !== 'string') throw new Error('auth.test names no team')
  return { teamId: answer.team_id, enterpriseId: answer.enterprise_id ?? null }
}

async function readUser(client: WebClient, userId: string): Promise<SlackUser> {
  const answer = await client.users.info({ user: userId })
  if (answer.user?.id !== userId) throw new Error('users.info answered about somebody else')
  return answer.user
}

/** Only the one answer that means “nobody” counts as that; everything else is not known. */
async function readEmail(client: WebClient, email: string): Promise<string | null> {
  try {
    const { user } = await client.users.lookupByEmail({ email })
    if (typeof user?.id !== 'string') throw new Error('users.lookupByEmail names no user')
    return user.id
  } catch (error) {
    if (error instanceof WebAPIPlatformError && error.data.error === 'users_not_found') return null
    throw error
  }
}

/** Who people are, as Slack says now. What it cannot say counts as no, so a failure gives nobody any right. */
export function createDirectory({ token, slackApiUrl, now, log }: DirectorySettings): SlackDirectory & Names {
  const client = webClient(token, slackApiUrl, log)
  const home = remembering(now, () => readHome(client))
  const users = remembering(now, (userId) => readUser(client, userId))
  const members = remembering(now, (groupId) => readGroup(client, groupId))
  const emails = remembering(now, (email) => readEmail(client, email))

  const read = async (person: Person, groups: readonly string[], live: boolean): Promise<Member> => {
    const [here, found, ...lists] = await Promise.all([
      home(''),
      users(person.userId, live),
      ...groups.map((groupId) => members(groupId, live)),
    ])
    const unknownGroups = groups.filter((_, at) => lists[at] === null)
    return {
      person,
      known: true,
      deleted: found.deleted === true,
      // Slackbot says of itself that it is no bot.
      bot: found.is_bot === true || person.userId === 'USLACKBOT',
      guest: found.is_restricted === true || found.is_ultra_restricted === true,
      foreign: isForeign(found, here),
      timeZone: found.tz ?? null,
      entraId: null,
      entraGroups: null,
      groups: groups.filter((_, at) => lists[at]?.has(person.userId) === true),
      ...(unknownGroups.length > 0 && { unknownGroups }),
    }
  }

  return {
    async member(person, groups, how) {
      try {
        return await calling('users.info', 'read', () => read(person, groups, how === 'live'))
      } catch (error) {
        log.warn(
          { err: error, userId: person.userId },
          'Slack did not say who a person is, so they count as nobody',
        )
        return unknown(person)
      }
    },
    userByEmail: (email) => calling('users.lookupByEmail', 'read', () => emails(email)),
    async roster(groupId) {
      try {
        return [...((await members(groupId)) ?? [])]
      } catch (error) {
        log.warn({ err: error, groupId }, 'Slack did not say who is in a group')
        return null
      }
    },
    email: (person) =>
      calling('users.info', 'read', async () => (await users(person.userId)).profile?.email || null),
    name: (person) =>
      calling('users.info', 'read', async () => {
        const { profile, real_name: real, name } = await users(person.userId)
        return profile?.display_name || profile?.real_name || real || name || null
      }),
  }
}
