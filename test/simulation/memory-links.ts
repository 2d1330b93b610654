import { type KeptLink, thingOf } from '../../src/core/kept-link.ts'
import type { Person } from '../../src/core/person.ts'
import type { Links, LinkTx } from '../../src/ports-links.ts'
import { insert } from './memory-jobs.ts'
import { refused, type Tables } from './memory-tables.ts'

/** A link with the hash that its row has beside it. */
export interface LinkRow {
  readonly link: KeptLink
  readonly hash: string | null
}

const orgOf = ({ enterpriseId, teamId }: Person) => enterpriseId ?? teamId
const isOf = (person: Person, { person: other }: KeptLink) =>
  orgOf(person) === orgOf(other) && person.userId === other.userId
const waits = ({ state, expiresAt }: KeptLink, now: number) => state === 'waiting' && expiresAt > now

function change(tables: Tables, row: LinkRow | undefined, fields: Partial<KeptLink>): KeptLink | null {
  if (!row) return null
  const link = { ...row.link, ...fields }
  tables.links.put(link.id, { ...row, link })
  return link
}

const byHash = (tables: Tables, hash: string, now: number) =>
  tables.links.all().find((row) => row.hash === hash && waits(row.link, now))

function put(tables: Tables, link: KeptLink): KeptLink[] {
  const older = tables.links
    .all()
    .filter((row) => row.link.state === 'waiting' && isOf(link.person, row.link))
    .filter((row) => thingOf(row.link) === thingOf(link))
  if (tables.links.has(link.id)) throw refused('23505', `there is a link ${link.id}`)
  tables.links.put(link.id, { link, hash: null })
  return older.flatMap((row) => change(tables, row, { state: 'replaced', ask: null }) ?? [])
}

/** The part of a transaction that is about links, each a statement of it. */
export const linkStatements = (tables: Tables) => ({
  putLink: (link: KeptLink) => put(tables, link),
  crowdOut: (...[{ id, person }, most, outcome, now]: Parameters<LinkTx['crowdOut']>) =>
    tables.links
      .all()
      .filter(({ link }) => isOf(person, link) && waits(link, now) && link.id !== id)
      .toSorted((one, other) => other.link.askedAt - one.link.askedAt)
      .slice(most - 1)
      .flatMap((row) => change(tables, row, { state: 'replaced', ask: null, outcome }) ?? []),
  forgetLinks: (...[person, outcome]: Parameters<LinkTx['forgetLinks']>) =>
    tables.links
      .all()
      .filter(({ link }) => isOf(person, link) && link.confirmed !== null && link.confirmed.address !== '')
      .flatMap((row) => {
        const { confirmed, outcome: before } = row.link
        const fields = {
          ask: null,
          outcome: before?.replaceAll(confirmed?.address ?? '', 'that address') ?? outcome,
        }
        const link = change(tables, row, {
          ...fields,
          ...(confirmed && { confirmed: { ...confirmed, address: '' } }),
        })
        return link && before === null ? [link] : []
      }),
  confirmLink: (...[hash, { userId, teamId }, address, at]: Parameters<LinkTx['confirmLink']>) => {
    const row = byHash(tables, hash, at)
    const own = row?.link.person.userId === userId && row.link.person.teamId === teamId
    return own ? change(tables, row, { state: 'confirmed', confirmed: { address, at } }) : null
  },
  lapseLink: (...[id, now]: Parameters<LinkTx['lapseLink']>) => {
    const row = tables.links.get(id)
    const over = row?.link.state === 'waiting' && row.link.expiresAt <= now
    return over ? change(tables, row, { state: 'lapsed', ask: null }) : null
  },
  settleLink: (...[id, outcome]: Parameters<LinkTx['settleLink']>) => {
    const row = tables.links.get(id)
    return row?.link.outcome === null && change(tables, row, { outcome, ask: null }) !== null
  },
  openedLink: (...[hash, { userId, teamId }, now]: Parameters<LinkTx['openedLink']>) => {
    const row = byHash(tables, hash, now)
    if (!row) return null
    const { person, others } = row.link
    const known = person.userId === userId && person.teamId === teamId
    if (known || others.length >= 5 || others.some((other) => other.userId === userId)) return null
    return change(tables, row, { others: [...others, { userId, teamId, told: false }] })
  },
  putIntake: (...[intake]: Parameters<LinkTx['putIntake']>) => {
    const { key, receivedAt } = intake
    if (tables.intakes.has(key)) return false
    tables.intakes.put(key, { ...intake, endedAt: null })
    insert(tables, { key: `intake:${key}`, kind: 'intake', lane: 'people', subject: key, dueAt: receivedAt })
    return true
  },
})

export const memoryLinks = (outside: () => Tables): Links => ({
  one: async (id) => outside().links.get(id)?.link ?? null,
  waiting: async (hash, now) => byHash(outside(), hash, now)?.link ?? null,
  giveToken: async (id, hash, now) => {
    const row = outside().links.get(id)
    if (!row || !waits(row.link, now)) return null
    outside().links.put(id, { ...row, hash })
    return row.link
  },
  place: async (id, hash, place) => {
    const row = outside().links.get(id)
    if (!row || (hash !== null && row.hash !== hash)) return false
    return change(outside(), row, { place }) !== null
  },
  told: async (id, userId) => {
    const row = outside().links.get(id)
    const others = row?.link.others.map((one) => (one.userId === userId ? { ...one, told: true } : one))
    if (others) change(outside(), row, { others })
  },
})
