import type { Json } from './json.ts'

export interface PersonOptions {
  id?: string
  tz?: string
  realName?: string
  email?: string
  /** `single-channel` is Slack's ultra-restricted guest. */
  guest?: boolean | 'single-channel'
  deleted?: boolean
  /** A member of another organisation, met through Slack Connect. */
  stranger?: boolean
  team?: string
  enterprise?: string
  bot?: boolean
}

export interface PersonRecord extends PersonOptions {
  readonly id: string
  readonly name: string
  readonly team: string
  readonly tz: string
}

export interface Group {
  readonly id: string
  readonly handle: string
  members: string[]
  disabled: boolean
}

export class People {
  readonly teamId: string
  readonly all = new Map<string, PersonRecord>()
  readonly groups = new Map<string, Group>()

  constructor(teamId: string) {
    this.teamId = teamId
  }

  add(name: string, options: PersonOptions = {}): PersonRecord {
    const id = options.id ?? `U0${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')}`
    if (!/^[UW][A-Z0-9]+$/.test(id)) throw new Error(`${id} is no Slack user id`)
    if (this.all.has(id)) throw new Error(`There is already a person with the id ${id}`)
    const person = { tz: 'Etc/UTC', team: options.team ?? this.teamId, ...options, id, name }
    this.all.set(id, person)
    return person
  }

  /** Finds by user id or by name, as a test author would write either. */
  find(idOrName: string): PersonRecord {
    const found = this.all.get(idOrName) ?? [...this.all.values()].find((each) => each.name === idOrName)
    if (found === undefined) throw new Error(`Nobody is called ${idOrName} in this workspace`)
    return found
  }

  group(id: string, handle: string, members: readonly string[]): Group {
    const group = { id, handle, members: members.map((each) => this.find(each).id), disabled: false }
    this.groups.set(id, group)
    return group
  }

  /** Slack Connect strangers and members of other teams do not belong to the installing workspace. */
  isInternal(person: PersonRecord): boolean {
    return person.stranger !== true && person.team === this.teamId
  }
}

function offsetSeconds(tz: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: tz, timeZoneName: 'longOffset' }).formatToParts(
    at,
  )
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? 'GMT'
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(name)
  if (match === null) return 0
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60
  return match[1] === '-' ? -seconds : seconds
}

/** The user object of `users.info`; the e-mail appears only with the scope `users:read.email`. */
export function userObject(person: PersonRecord, at: number, withEmail: boolean): Json {
  const realName = person.realName ?? person.name
  const email = person.email ?? `${person.name}@example.com`
  const base: Json = {
    id: person.id,
    team_id: person.team,
    name: person.name,
    deleted: person.deleted ?? false,
    real_name: realName,
    profile: {
      real_name: realName,
      display_name: person.name,
      team: person.team,
      ...(withEmail && person.bot !== true ? { email } : {}),
    },
    is_bot: person.bot ?? false,
    is_app_user: false,
    updated: Math.floor(at / 1000),
    ...(person.stranger === true ? { is_stranger: true } : {}),
    ...(person.enterprise === undefined
      ? {}
      : { enterprise_user: { id: person.id, enterprise_id: person.enterprise, teams: [person.team] } }),
  }
  // Slack leaves these out for accounts that are deactivated.
  if (person.deleted === true) return base
  return {
    ...base,
    tz: person.tz,
    tz_label: person.tz,
    tz_offset: offsetSeconds(person.tz, at),
    is_admin: false,
    is_owner: false,
    is_primary_owner: false,
    is_restricted: person.guest === true || person.guest === 'single-channel',
    is_ultra_restricted: person.guest === 'single-channel',
  }
}
