import { sql } from 'kysely'
import type { AskedConversion } from '../core/conversion.ts'
import { wantOf } from '../core/decide-protection.ts'
import type { Protection } from '../core/protection.ts'
import type { Store } from '../ports.ts'
import { conversionsUnderWay, conversionWorkIn } from './conversions.ts'
import { toJson } from './json.ts'
import type { Queries } from './schema.ts'

type ShieldWorkIn = Awaited<ReturnType<Store['shieldWork']>>

const activeRows = (db: Queries) => db.selectFrom('protections').select('doc').where('ended_at', 'is', null)

/** Those that are not over, the oldest first. */
export async function protections(db: Queries): Promise<readonly Protection[]> {
  const found = await activeRows(db).execute()
  return found.map(({ doc }) => doc).toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
}

export async function oneProtection(db: Queries, id: string): Promise<Protection | null> {
  const row = await db.selectFrom('protections').select('doc').where('id', '=', id).executeTakeFirst()
  return row?.doc ?? null
}

/** The same, kept from every other transaction until this one is over. */
export async function lockProtection(db: Queries, id: string): Promise<Protection | null> {
  const row = await db
    .selectFrom('protections')
    .select('doc')
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  return row?.doc ?? null
}

/** False when another one of this VM is not over. */
export async function putProtection(db: Queries, protection: Protection): Promise<boolean> {
  const put = await db
    .insertInto('protections')
    .values({ id: protection.id, vm_id: protection.vm.id, doc: toJson(protection), ended_at: null })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute()
  return put.length > 0
}

export async function saveProtection(db: Queries, protection: Protection): Promise<void> {
  const { id, endedAt } = protection
  await db
    .updateTable('protections')
    .set({ doc: toJson(protection), ended_at: endedAt === undefined ? null : new Date(endedAt) })
    .where('id', '=', id)
    .execute()
}

/** What there is to write or remove in one group, as far as these say. */
export const shieldWorkIn = (
  all: readonly Protection[],
  conversions: readonly AskedConversion[],
  nsgId: string,
): ShieldWorkIn => ({
  changes: conversionWorkIn(conversions, nsgId),
  shields: all.flatMap((protection) =>
    protection.rules.flatMap((rule) => {
      const want = rule.nsgId === nsgId ? wantOf(protection, rule) : null
      const [attempts, nextTryAt] = [rule.attempts ?? 0, rule.nextTryAt ?? 0]
      return want === null ? [] : [{ rule, protectionId: protection.id, want, attempts, nextTryAt }]
    }),
  ),
  removals: all.flatMap(({ id, removals = [] }) =>
    removals.flatMap((removal) =>
      removal.nsgId === nsgId && removal.state === 'agreed' ? [{ ...removal, protectionId: id }] : [],
    ),
  ),
})

export const noShieldWork: ShieldWorkIn = { shields: [], removals: [], changes: [] }

/** Few VMs are being protected or converted at any moment, so all of them are read at once for all groups that are asked about. */
export async function shieldWork(
  db: Queries,
  nsgIds: readonly string[],
): Promise<ReadonlyMap<string, ShieldWorkIn>> {
  const conversions = await conversionsUnderWay(db)
  const busy = await activeRows(db)
    .where(
      sql<boolean>`(doc ->> 'state' in ('protecting', 'unprotecting') or doc @? '$.removals[*] ? (@.state == "agreed")')`,
    )
    .execute()
  const all = busy.map(({ doc }) => doc)
  return new Map(nsgIds.map((id) => [id, shieldWorkIn(all, conversions, id)]))
}
