import type { Person } from '../core/person.ts'
import type { Queries } from './schema.ts'

export const orgOf = (person: Person): string => person.enterpriseId ?? person.teamId

export type Learnt = 'typed' | 'confirmed'

export async function rememberAddress(
  db: Queries,
  person: Person,
  address: string,
  at: number,
  learnt: Learnt = 'typed',
): Promise<void> {
  const given = { address, given_at: new Date(at) }
  await db
    .insertInto('addresses')
    .values({ org: orgOf(person), user_id: person.userId, learnt, ...given })
    .onConflict((conflict) =>
      conflict
        .columns(['org', 'user_id', 'learnt'])
        .doUpdateSet(given)
        .where('addresses.given_at', '<=', given.given_at),
    )
    .execute()
}

export async function lastAddress(
  db: Queries,
  person: Person,
  learnt: Learnt = 'typed',
): Promise<{ address: string; at: number } | null> {
  const row = await db
    .selectFrom('addresses')
    .select(['address', 'given_at'])
    .where('org', '=', orgOf(person))
    .where('user_id', '=', person.userId)
    .where('learnt', '=', learnt)
    .executeTakeFirst()
  return row ? { address: row.address, at: row.given_at.getTime() } : null
}

export async function forgetAddresses(db: Queries, person: Person): Promise<number> {
  const gone = await db
    .deleteFrom('addresses')
    .where('org', '=', orgOf(person))
    .where('user_id', '=', person.userId)
    .executeTakeFirst()
  return Number(gone.numDeletedRows)
}
