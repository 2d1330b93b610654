import { AsyncLocalStorage } from 'node:async_hooks'
import { promises as timers } from 'node:timers'
import { sql } from 'kysely'
import type { AuditEvent } from '../core/audit.ts'
import type { Case } from '../core/case.ts'
import type { Tx } from '../ports.ts'
import { linksIn } from './address-links.ts'
import { rememberAddress } from './addresses.ts'
import { appendAudit } from './audit-chain.ts'
import { lockCases, saveCases } from './cases.ts'
import { conversionsIn } from './conversions.ts'
import type { Database } from './database.ts'
import { endIntake } from './intakes.ts'
import { dropJobs, fenceOf, finishJobs, putJobs } from './jobs.ts'
import { codeOf, reasonOf } from './log.ts'
import { countPanic, liftPanics, panicsSharing, putPanic } from './panics.ts'
import { enforcePolicy } from './policies.ts'
import { lockProtection, putProtection, saveProtection } from './protections.ts'
import { lockQuotas, noteAutomatic, usageOf } from './quotas.ts'
import { endAlarm, endAlarms, endStray, putStrays, raiseAlarms } from './reconciling.ts'
import { keepDigest } from './records.ts'
import type { Queries } from './schema.ts'
import { queueNotes } from './talk.ts'

type Signal = ReturnType<typeof sql>

interface OpenTx {
  readonly tx: Tx
  /** The audit trail comes last: everybody appends to it, so its lock must be short. */
  flush(): Promise<void>
  /** Whether a job may have become due earlier. */
  woke(): boolean
}

const alarmsIn = (db: Queries): Pick<Tx, 'raiseAlarms' | 'endAlarm' | 'endAlarms'> => ({
  raiseAlarms: (alarms, now) => raiseAlarms(db, alarms, now),
  endAlarm: (key) => endAlarm(db, key),
  endAlarms: (prefix) => endAlarms(db, prefix),
})

const protectionsIn = (
  db: Queries,
): Pick<Tx, 'protection' | 'putProtection' | 'saveProtection'> & ReturnType<typeof conversionsIn> => ({
  ...conversionsIn(db),
  protection: (id) => lockProtection(db, id),
  putProtection: (protection) => putProtection(db, protection),
  saveProtection: (protection) => saveProtection(db, protection),
})

function openTx(db: Queries, { log }: Database, signal: Signal): OpenTx {
  const locked = new Map<string, Case>()
  const dropped = new Set<string>()
  const events: AuditEvent[] = []
  let woke = false
  let over = false
  const tx: Tx = {
    cases: async (ids) => {
      const found = await lockCases(db, ids, log)
      for (const [id, kase] of found) locked.set(id, kase)
      return found
    },
    save: async (cases, now) => {
      await saveCases(db, cases, locked, now)
      for (const kase of cases) locked.set(kase.request.id, kase)
    },
    audit: async (more) => {
      if (over) throw new Error('The transaction is over.')
      events.push(...more)
    },
    ...protectionsIn(db),
    ...linksIn(db, signal, () => {
      woke = true
    }),
    putJobs: async (jobs) => {
      if (jobs.length === 0) return
      woke = true
      await putJobs(db, jobs, signal)
    },
    dropJobs: async (keys) => {
      for (const fence of await dropJobs(db, keys)) dropped.add(fence)
    },
    finish: async (claims) => {
      const { ended, again } = await finishJobs(db, claims)
      if (again.length > 0) woke = true
      // A claim whose job this very transaction dropped was ours until now.
      const ours = claims.filter(({ id, attempt }) => dropped.delete(fenceOf(id, attempt)))
      return new Set([...ended, ...again, ...ours.map(({ id }) => id)])
    },
    queueNotes: (notes) => queueNotes(db, notes),
    rememberAddress: (...given) => rememberAddress(db, ...given),
    lockQuotas: () => lockQuotas(db),
    usage: (of, since) => usageOf(db, of, since),
    noteAutomatic: (approval) => noteAutomatic(db, approval),
    endIntake: (key, now) => endIntake(db, key, now),
    putStrays: (strays, now) => putStrays(db, strays, now),
    endStray: (nsgId, name) => endStray(db, nsgId, name),
    ...alarmsIn(db),
    panics: () => panicsSharing(db),
    putPanic: (panic) => putPanic(db, panic),
    liftPanics: (ids, lift) => liftPanics(db, ids, lift),
    countPanic: (id, more) => countPanic(db, id, more),
    enforcePolicy: (version, now) => enforcePolicy(db, version, now),
    keepDigest: (digest) => keepDigest(db, digest),
  }
  const flush = () => {
    over = true
    return appendAudit(db, events)
  }
  return { tx, flush, woke: () => woke }
}

/** A serialisation failure and a deadlock: the server promises that nothing was committed. */
const isCollision = (error: unknown): boolean => ['40001', '40P01'].includes(codeOf(error) ?? '')

const mostTries = 5

export interface Transactor {
  readonly transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>
  /** Queries outside of any transaction. */
  readonly outside: () => Queries
}

export function transactor(database: Database, signal: Signal, wake: () => void): Transactor {
  const inside = new AsyncLocalStorage<{ open: boolean }>()

  function outside(): Queries {
    // Embedded this would hang for ever, and on a server it would quietly see something else.
    if (inside.getStore()?.open) throw new Error('Inside transact only its own transaction can be used.')
    return database.kysely
  }

  async function once<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const scope = { open: true }
    let cause: unknown
    let woke = false
    const attempt = outside()
      .transaction()
      .execute(async (db) => {
        try {
          const opened = openTx(db, database, signal)
          const result = await inside.run(scope, () => work(opened.tx))
          await opened.flush()
          woke = opened.woke()
          return result
        } catch (error) {
          cause = error
          throw error
        } finally {
          scope.open = false
        }
      })
    // When the rollback fails as well, because the connection is gone, the first error is the one that tells.
    const result = await attempt.catch((error: unknown) => {
      throw cause ?? error
    })
    if (woke) wake()
    return result
  }

  async function transact<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await once(work)
      } catch (error) {
        if (tries >= mostTries || !isCollision(error)) throw error
        database.log.warn({ error: reasonOf(error), tries }, 'two transactions collided; this one runs again')
        await timers.setTimeout(tries * 20 * Math.random())
      }
    }
  }

  return { transact, outside }
}
