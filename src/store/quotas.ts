import { sql } from 'kysely'
import type { Usage } from '../core/policy.ts'
import type { AutomaticApproval, Store } from '../ports.ts'
import { orgOf } from './entra-users.ts'
import type { Queries } from './schema.ts'

/** One lock for all rules: whoever needs two of them can never wait for somebody who holds the other. */
const quotaLock = 4243

/** Held until the transaction ends. What is counted after it sees everything that was committed before. */
export async function lockQuotas(db: Queries): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(quotaLock)}, 0)`.execute(db)
}

export async function noteAutomatic(db: Queries, approval: AutomaticApproval): Promise<void> {
  const { requestId, rule, requester, vmId, at } = approval
  await db
    .insertInto('automatic_approvals')
    .values({ request_id: requestId, rule, user_id: requester.userId, vm_id: vmId, at: new Date(at) })
    .execute()
}

interface Counted {
  rule: string
  by_person: string
  of_vm: string
  of_rule: string
}

const none: Usage = { byPerson: 0, ofVm: 0, ofRule: 0 }

export async function readUsage(
  db: Queries,
  { rules, requester, vmId, since }: Parameters<Store['usage']>[0],
): Promise<ReadonlyMap<string, Usage>> {
  // Somebody with two accounts is one person: whoever is the same Entra user counts with the requester.
  const counted = await sql<Counted>`
    select rule, count(*) filter (where user_id = ${requester.userId} or user_id in (
        select other.user_id from entra_users mine join entra_users other on other.entra_id = mine.entra_id
        where mine.org = ${orgOf(requester)} and mine.user_id = ${requester.userId}
      )) as by_person,
      count(*) filter (where vm_id = ${vmId}) as of_vm, count(*) as of_rule
    from automatic_approvals
    where rule = any(${[...rules]}::text[]) and at > ${new Date(since)}
    group by rule`.execute(db)
  const usage = new Map(rules.map((rule) => [rule, none]))
  for (const { rule, by_person, of_vm, of_rule } of counted.rows) {
    usage.set(rule, { byPerson: Number(by_person), ofVm: Number(of_vm), ofRule: Number(of_rule) })
  }
  return usage
}

export const usageOf = async (
  db: Queries,
  { rule, requester, vmId }: Pick<AutomaticApproval, 'rule' | 'requester' | 'vmId'>,
  since: number,
): Promise<Usage> => (await readUsage(db, { rules: [rule], requester, vmId, since })).get(rule) ?? none
