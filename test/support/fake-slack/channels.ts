import type { Json } from './json.ts'
import type { People, PersonRecord } from './people.ts'

export interface ChannelOptions {
  name?: string
  members?: readonly string[]
  archived?: boolean
  /** Shared with another organisation through Slack Connect. */
  shared?: boolean
  private?: boolean
  /** Whether the bot was invited. */
  bot?: boolean
}

export interface Channel {
  readonly id: string
  name: string
  readonly kind: 'channel' | 'im'
  members: Set<string>
  archived: boolean
  shared: boolean
  private: boolean
  botIsMember: boolean
}

export class Channels {
  readonly all = new Map<string, Channel>()
  readonly #people: People

  constructor(people: People) {
    this.#people = people
  }

  add(id: string, options: ChannelOptions = {}): Channel {
    if (!/^[CG][A-Z0-9]+$/.test(id)) throw new Error(`${id} is no Slack channel id`)
    const channel: Channel = {
      id,
      name: options.name ?? id.toLowerCase(),
      kind: 'channel',
      members: new Set((options.members ?? []).map((each) => this.#people.find(each).id)),
      archived: options.archived ?? false,
      shared: options.shared ?? false,
      private: options.private ?? false,
      botIsMember: options.bot ?? true,
    }
    this.all.set(id, channel)
    return channel
  }

  /** The direct conversation of the bot with one person; Slack makes it the first time it is needed. */
  direct(person: PersonRecord): Channel {
    const id = `D${person.id.slice(1)}`
    const known = this.all.get(id)
    if (known !== undefined) return known
    const channel: Channel = {
      id,
      name: 'directmessage',
      kind: 'im',
      members: new Set([person.id]),
      archived: false,
      shared: false,
      private: true,
      botIsMember: true,
    }
    this.all.set(id, channel)
    return channel
  }

  canRead(channel: Channel, person: PersonRecord): boolean {
    if (channel.members.has(person.id)) return true
    return !channel.private && person.guest === undefined && this.#people.isInternal(person)
  }

  /** Where somebody types when the test names no channel. */
  usual(person: PersonRecord): Channel {
    const joined = [...this.all.values()].find(
      (each) => each.kind === 'channel' && each.members.has(person.id),
    )
    return joined ?? this.direct(person)
  }
}

export function channelObject(channel: Channel, teamId: string): Json {
  if (channel.kind === 'im') {
    return { id: channel.id, is_im: true, is_archived: false, user: [...channel.members][0], is_open: true }
  }
  return {
    id: channel.id,
    name: channel.name,
    is_channel: true,
    is_group: false,
    is_im: false,
    is_mpim: false,
    is_private: channel.private,
    is_archived: channel.archived,
    is_member: channel.botIsMember,
    is_shared: channel.shared,
    is_ext_shared: channel.shared,
    is_org_shared: false,
    is_general: false,
    context_team_id: teamId,
    num_members: channel.members.size + (channel.botIsMember ? 1 : 0),
  }
}
