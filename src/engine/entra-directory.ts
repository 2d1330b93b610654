import { membershipProblem } from '../core/approval.ts'
import type { Member, Person } from '../core/person.ts'
import { entraGroupsNamed, type Policy } from '../core/policy.ts'
import type { Clock, Directory, EntraStanding, EntraUsers, SlackDirectory, Store } from '../ports.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { remembering } from './remember.ts'

export interface EntraDirectoryParts {
  readonly slack: SlackDirectory
  readonly entra: EntraUsers
  readonly store: Pick<Store, 'entraUser' | 'mapEntraUser'>
  readonly policy: () => Policy
  readonly clock: Clock
  readonly log: Log
}

/**
 * Adds to what Slack says of a person what Entra says of them. Nobody gets a right by what Entra did not say: the
 * groups are then not known, and who was never mapped may be the requester.
 */
export function entraDirectory(parts: EntraDirectoryParts): Directory {
  const { slack, entra, store, policy, clock, log } = parts
  const finds = remembering<string | null>(clock)
  const standings = remembering<EntraStanding>(clock)
  const missing = remembering<readonly string[]>(clock)

  /** Only a full member is mapped: the e-mail of a stranger is what a stranger says. */
  async function mapped(person: Person, how: 'live' | undefined): Promise<string | null> {
    const known = await store.entraUser(person)
    if (known !== null) return known
    const email = await slack.email(person)
    if (email === null) throw new Error('Slack shows no e-mail address; the app may lack users:read.email')
    const found = await finds(email.toLowerCase(), how, () => entra.find(email))
    return found === null ? null : store.mapEntraUser(person, found, clock.now())
  }

  /**
   * Who cannot be mapped now may have been before. Without a mapping, Slack's silence leaves open who they are; of
   * anybody else, Entra said that it knows nobody when they asked.
   */
  async function whoEver(member: Member): Promise<Member> {
    const entraId = await store.entraUser(member.person)
    return { ...member, entraId, ...(entraId === null && !member.known && { entraUnread: true }) }
  }

  async function standing(member: Member, entraId: string, how: 'live' | undefined): Promise<Member> {
    const groups = entraGroupsNamed(policy())
    const key = [entraId, ...groups].join(' ')
    const now = await standings(key, how, () => entra.standing(entraId, groups))
    if (!now.active) return { ...member, entraId, entraDisabled: true }
    const others = groups.filter((id) => !now.groups.includes(id))
    // The same question for everybody, so that one answer serves them all.
    const gone = others.length === 0 ? [] : await missing(groups.join(' '), how, () => entra.missing(groups))
    const unknownEntraGroups = others.filter((id) => gone.includes(id))
    const unknown = unknownEntraGroups.length > 0 && { unknownEntraGroups }
    return { ...member, entraId, entraGroups: now.groups, ...unknown }
  }

  return {
    userByEmail: (email) => slack.userByEmail(email),
    roster: (groupId) => slack.roster(groupId),
    async member(person, groups, how) {
      const member = await slack.member(person, groups, how)
      if (membershipProblem(member) !== null) return whoEver(member)
      const failed = (error: unknown, what: string) =>
        log.warn({ error: messageOf(error), userId: person.userId }, what)
      let entraId: string | null
      try {
        entraId = await mapped(person, how)
      } catch (error) {
        failed(error, 'Entra did not say who a person is, so they count as perhaps anybody and open nothing')
        return { ...member, entraUnread: true }
      }
      if (entraId === null) return member
      try {
        return await standing(member, entraId, how)
      } catch (error) {
        failed(error, 'Entra did not say how a person stands, so they count as in no group and open nothing')
        return { ...member, entraId, entraUnread: true }
      }
    },
  }
}
