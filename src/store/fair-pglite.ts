import { promises as timers } from 'node:timers'
import type { PGlite, Transaction } from '@electric-sql/pglite'
import type { PGliteDialectConfig } from 'kysely'

type KyselyPglite = Exclude<PGliteDialectConfig['pglite'], (...args: never[]) => unknown>
type Query = KyselyPglite['query']

/**
 * PGlite answers in microtasks, so a busy stretch would keep timers and sockets waiting for seconds: after
 * each statement the event loop gets its turn. As with `pg`, a text without parameters may hold several
 * statements.
 */
const fairQuery =
  (target: PGlite | Transaction): Query =>
  async <T>(...[text, params, options]: Parameters<Query>) => {
    try {
      if (params && params.length > 0) return await target.query<T>(text, params, options)
      const results = await target.exec(text, options)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `exec` has no type parameter.
      return (results.at(-1) ?? { rows: [], fields: [] }) as { rows: T[]; fields: [] }
    } finally {
      await timers.setImmediate()
    }
  }

export const fair = (pglite: PGlite): KyselyPglite => ({
  get closed() {
    return pglite.closed
  },
  get ready() {
    return pglite.ready
  },
  waitReady: pglite.waitReady,
  close: () => pglite.close(),
  query: fairQuery(pglite),
  transaction: (work) =>
    pglite.transaction((tx) => work({ query: fairQuery(tx), rollback: () => tx.rollback() })),
})
