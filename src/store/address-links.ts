import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { type KeptLink, type Other, thingOf } from '../core/kept-link.ts'
import type { Person } from '../core/person.ts'
import type { Links, LinkTx } from '../ports.ts'
import { forgetAddresses, orgOf } from './addresses.ts'
import { receive } from './intakes.ts'
import { toJson } from './json.ts'
import type { Queries } from './schema.ts'

interface Row {
  id: string
  person: Person
  ask: string | null
  request_id: string | null
  about: KeptLink['about']
  family: KeptLink['family']
  asked_at: Date
  expires_at: Date
  state: KeptLink['state']
  channel: string | null
  ts: string | null
  address: string | null
  confirmed_at: Date | null
  outcome: string | null
  others: Other[]
}

const columns = sql`id, person, ask, request_id, about, family, asked_at, expires_at, state, channel, ts, address,
  confirmed_at, outcome, others`

const linkOf = (row: Row): KeptLink => ({
  id: row.id,
  person: row.person,
  askedAt: row.asked_at.getTime(),
  expiresAt: row.expires_at.getTime(),
  ask: row.ask,
  requestId: row.request_id,
  about: row.about,
  family: row.family,
  state: row.state,
  place: row.channel !== null && row.ts !== null ? { channel: row.channel, ts: row.ts } : null,
  confirmed:
    row.address !== null && row.confirmed_at !== null
      ? { address: row.address, at: row.confirmed_at.getTime() }
      : null,
  outcome: row.outcome,
  others: row.others,
})

async function first(db: Queries, query: ReturnType<typeof sql>): Promise<KeptLink | null> {
  const { rows } = await sql<Row>`${query}`.execute(db)
  return rows[0] ? linkOf(rows[0]) : null
}

const waits = (now: number) => sql`state = 'waiting' and expires_at > ${new Date(now)}`

async function putLink(db: Queries, link: KeptLink): Promise<readonly KeptLink[]> {
  const { person, about, family } = link
  // What was typed, with its reason, is not kept for longer than the link waits.
  const [org, thing] = [orgOf(person), createHash('sha256').update(thingOf(link)).digest('hex')]
  // What was typed is not kept for a link that leads nowhere any more.
  const { rows } = await sql<Row>`update address_links set state = 'replaced', ask = null
    where org = ${org} and user_id = ${person.userId} and md5(thing) = md5(${thing}) and state = 'waiting'
    returning ${columns}`.execute(db)
  await sql`insert into address_links
      (id, org, team_id, user_id, person, thing, ask, request_id, about, family, asked_at, expires_at, state)
    values (${link.id}, ${org}, ${person.teamId}, ${person.userId}, ${toJson(person)}::jsonb, ${thing}, ${link.ask},
      ${link.requestId}, ${about === null ? null : toJson(about)}::jsonb, ${family},
      ${new Date(link.askedAt)}, ${new Date(link.expiresAt)}, 'waiting')`.execute(db)
  return rows.map(linkOf)
}

async function all(db: Queries, query: ReturnType<typeof sql>): Promise<readonly KeptLink[]> {
  const { rows } = await sql<Row>`${query}`.execute(db)
  return rows.map(linkOf)
}

const crowdOut: (db: Queries, ...of: Parameters<LinkTx['crowdOut']>) => ReturnType<LinkTx['crowdOut']> = (
  db,
  { id, person },
  most,
  outcome,
  now,
) =>
  all(
    db,
    sql`update address_links set state = 'replaced', ask = null, outcome = ${outcome}
      where id in (
        select id from address_links
        where org = ${orgOf(person)} and user_id = ${person.userId} and ${waits(now)} and id <> ${id}
        order by asked_at desc, id desc offset ${most - 1})
      returning ${columns}`,
  )

/** An address that was forgotten stands as an empty one: that there was one is not forgotten. */
async function forgetLinks(db: Queries, person: Person, outcome: string): Promise<readonly KeptLink[]> {
  const its = sql`org = ${orgOf(person)} and user_id = ${person.userId} and state = 'confirmed' and address <> ''`
  await sql`update address_links set address = '', outcome = replace(outcome, address, 'that address')
    where ${its} and outcome is not null`.execute(db)
  return all(
    db,
    sql`update address_links set address = '', ask = null, outcome = ${outcome}
      where ${its} and outcome is null returning ${columns}`,
  )
}

const openedLink: (db: Queries, ...of: Parameters<LinkTx['openedLink']>) => ReturnType<LinkTx['openedLink']> =
  (db, tokenHash, { userId, teamId }, now) =>
    // Who tries with many accounts must not fill the messages of somebody else.
    first(
      db,
      sql`update address_links set others = others || ${toJson([{ userId, teamId, told: false }])}::jsonb
      where token_hash = ${tokenHash} and ${waits(now)} and not (user_id = ${userId} and team_id = ${teamId})
        and jsonb_array_length(others) < 5
        and not exists (select from jsonb_array_elements(others) o where o ->> 'userId' = ${userId})
      returning ${columns}`,
    )

/** What one transaction does with links. */
export const linksIn = (db: Queries, signal: ReturnType<typeof sql>, wakes: () => void): LinkTx => ({
  putIntake: (intake) => {
    wakes()
    return receive(db, intake, signal)
  },
  putLink: (link) => putLink(db, link),
  crowdOut: (...of) => crowdOut(db, ...of),
  confirmLink: (tokenHash, { userId, teamId }, address, now) =>
    first(
      db,
      sql`update address_links set state = 'confirmed', address = ${address}, confirmed_at = ${new Date(now)}
        where token_hash = ${tokenHash} and ${waits(now)} and user_id = ${userId} and team_id = ${teamId}
        returning ${columns}`,
    ),
  lapseLink: (id, now) =>
    first(
      db,
      sql`update address_links set state = 'lapsed', ask = null
        where id = ${id} and state = 'waiting' and expires_at <= ${new Date(now)} returning ${columns}`,
    ),
  settleLink: async (id, outcome) => {
    const settled = await first(
      db,
      sql`update address_links set outcome = ${outcome}, ask = null where id = ${id} and outcome is null
        returning ${columns}`,
    )
    return settled !== null
  },
  openedLink: (...of) => openedLink(db, ...of),
  forgetAddresses: (person) => forgetAddresses(db, person),
  forgetLinks: (person, outcome) => forgetLinks(db, person, outcome),
})

const isDone = (done: { readonly numAffectedRows?: bigint }): boolean => Number(done.numAffectedRows) > 0

/** Links outside of any transaction. */
export const linksOf = (outside: () => Queries): Links => ({
  one: async (id) => first(outside(), sql`select ${columns} from address_links where id = ${id}`),
  waiting: async (tokenHash, now) =>
    first(
      outside(),
      sql`select ${columns} from address_links where token_hash = ${tokenHash} and ${waits(now)}`,
    ),
  giveToken: async (id, tokenHash, now) =>
    first(
      outside(),
      sql`update address_links set token_hash = ${tokenHash} where id = ${id} and ${waits(now)}
        returning ${columns}`,
    ),
  place: async (id, tokenHash, { channel, ts }) =>
    isDone(
      await sql`update address_links set channel = ${channel}, ts = ${ts}
        where id = ${id} and (${tokenHash}::text is null or token_hash = ${tokenHash})`.execute(outside()),
    ),
  told: async (id, userId) => {
    await sql`update address_links set others = (
        select jsonb_agg(case when o ->> 'userId' = ${userId} then o || '{"told": true}'::jsonb else o end)
        from jsonb_array_elements(others) o)
      where id = ${id}`.execute(outside())
  },
})
