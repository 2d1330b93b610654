import { sql } from 'kysely'
import { type AskedConversion, type ConversionWork, nextChange, vmOf } from '../core/conversion.ts'
import type { Tx } from '../ports.ts'
import { toJson } from './json.ts'
import type { Queries } from './schema.ts'

const row = (db: Queries, id: string) => db.selectFrom('conversions').select('doc').where('id', '=', id)

export async function oneConversion(db: Queries, id: string): Promise<AskedConversion | null> {
  return (await row(db, id).executeTakeFirst())?.doc ?? null
}

export const conversionsIn = (db: Queries): Pick<Tx, 'conversion' | 'putConversion' | 'saveConversion'> => ({
  conversion: async (id) => (await row(db, id).forUpdate().executeTakeFirst())?.doc ?? null,
  async putConversion(conversion) {
    const put = await db
      .insertInto('conversions')
      .values({ id: conversion.id, vm_id: vmOf(conversion).id, doc: toJson(conversion), ended_at: null })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .execute()
    return put.length > 0
  },
  async saveConversion(conversion) {
    const { id, endedAt } = conversion
    await db
      .updateTable('conversions')
      .set({ doc: toJson(conversion), ended_at: endedAt === undefined ? null : new Date(endedAt) })
      .where('id', '=', id)
      .execute()
  },
})

/** What there is to change in one group, as far as these say. */
export const conversionWorkIn = (all: readonly AskedConversion[], nsgId: string): readonly ConversionWork[] =>
  all
    .toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
    .flatMap((conversion) => nextChange(conversion) ?? [])
    .filter(({ change }) => change.nsgId === nsgId)

/** Those that are being made. */
export async function conversionsUnderWay(db: Queries): Promise<readonly AskedConversion[]> {
  const busy = await db
    .selectFrom('conversions')
    .select('doc')
    .where('ended_at', 'is', null)
    .where(sql<boolean>`doc ->> 'state' = 'agreed'`)
    .execute()
  return busy.map(({ doc }) => doc)
}
