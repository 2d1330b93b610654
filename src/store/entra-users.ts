import type { Person } from '../core/person.ts'
import type { Queries } from './schema.ts'

export const orgOf = (person: Person): string => person.enterpriseId ?? person.teamId

export async function entraUser(db: Queries, person: Person): Promise<string | null> {
  const row = await db
    .selectFrom('entra_users')
    .select('entra_id')
    .where('org', '=', orgOf(person))
    .where('user_id', '=', person.userId)
    .executeTakeFirst()
  return row?.entra_id ?? null
}

/** What stands there stays: two replicas may have looked at the same moment, and an e-mail may have changed. */
export async function mapEntraUser(
  db: Queries,
  person: Person,
  entraId: string,
  at: number,
): Promise<string> {
  await db
    .insertInto('entra_users')
    .values({ org: orgOf(person), user_id: person.userId, entra_id: entraId, mapped_at: new Date(at) })
    .onConflict((conflict) => conflict.columns(['org', 'user_id']).doNothing())
    .execute()
  return (await entraUser(db, person)) ?? entraId
}
