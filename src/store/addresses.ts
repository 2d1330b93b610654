import type { Person } from '../core/person.ts'
import type { Queries } from './schema.ts'

const orgOf = (person: Person): string => person.enterpriseId ?? person.teamId

export async function rememberAddress(
  db: Queries,
  person: Person,
  address: string,
  at: number,
): Promise<void> {
  const given = { address, given_at: new Date(at) }
  await db
    .insertInto('addresses')
    .values({ org: orgOf(person), user_id: person.userId, ...given })
    .onConflict((conflict) =>
      conflict
        .columns(['org', 'user_id'])
        .doUpdateSet(given)
        .where('addresses.given_at', '<=', given.given_at),
    )
    .execute()
}

export async function lastAddress(
  db: Queries,
  person: Person,
): Promise<{ address: string; at: number } | null> {
  const row = await db
    .selectFrom('addresses')
    .select(['address', 'given_at'])
    .where('org', '=', orgOf(person))
    .where('user_id', '=', person.userId)
    .executeTakeFirst()
  return row ? { address: row.address, at: row.given_at.getTime() } : null
}
