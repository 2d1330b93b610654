import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Intake, Jobs, OwnRecords, Reconciling, Store } from '../ports.ts'
import { linksOf } from './address-links.ts'
import { lastAddress } from './addresses.ts'
import { auditAfter } from './audit-chain.ts'
import { casesByGrant, oneCase } from './cases.ts'
import { oneConversion } from './conversions.ts'
import { type Database, openDatabase, type StoreOptions } from './database.ts'
import { entraUser, mapEntraUser } from './entra-users.ts'
import { flushWork } from './flush-work.ts'
import { gather } from './gather.ts'
import { health } from './health.ts'
import { readIntake, receive } from './intakes.ts'
import { freeReader, keptInventory } from './inventory.ts'
import { claimJobs, extendClaim, freeAll, nextRunAts, reapDead, retryJob } from './jobs.ts'
import { isBroken, reasonOf } from './log.ts'
import { purge, tidyEmbedded } from './maintenance.ts'
import { ownFacts } from './own-facts.ts'
import { onePanic, panics } from './panics.ts'
import { policyText } from './policies.ts'
import { type Presence, ServerPresence, soleProcess, wakeChannel } from './presence.ts'
import { noShieldWork, oneProtection, protections, shieldWork } from './protections.ts'
import { readUsage } from './quotas.ts'
import {
  alarmSent,
  alarmTried,
  guardedGroups,
  knownRules,
  postponeStray,
  strayWork,
  troubles,
  waitingAlarms,
  wantedVms,
} from './reconciling.ts'
import { lastAccess, ownCases, readDigest } from './records.ts'
import { postpone, ruleWork } from './rule-work.ts'
import type { Queries } from './schema.ts'
import { feedsOf, moveFeed, noteSent, noteTried, readFeed, readTalk, requestAt, savePlace } from './talk.ts'
import { transactor } from './transact.ts'

/** `postgres://…` for a server, otherwise an embedded database in a directory. The tables are brought up to date. */
export const openStore = async (options: StoreOptions): Promise<Store> => storeOn(await openDatabase(options))

function wakeUps(log: Database['log']): { wake: () => void; onWake: Store['onWake'] } {
  const listeners = new Set<() => void>()
  return {
    wake: () => {
      for (const listener of listeners) {
        try {
          listener()
        } catch (error) {
          log.error({ error: reasonOf(error) }, 'a listener for wake-ups failed')
        }
      }
    },
    onWake: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function jobsOf(outside: () => Queries, presence: Presence, wake: () => void, embedded: boolean): Jobs {
  let enlisted = false
  return {
    claim: async (lane, limit, leaseMs, now) => {
      const slot = presence.slot()
      enlisted ||= slot !== null
      if (!enlisted) throw new Error('A replica must enlist before it claims jobs.')
      // The slot is lost for a while: others may believe that we are dead, so nothing is taken on.
      if (slot === null || limit < 1) return []
      return claimJobs(outside(), { lane, limit, leaseMs, slot, now })
    },
    extend: async (claim, leaseMs, now) => {
      const slot = presence.slot()
      return slot === null ? false : extendClaim(outside(), claim, now + leaseMs, slot)
    },
    retry: async (claim, runAt, error) => {
      await retryJob(outside(), claim, runAt, error)
      wake()
    },
    nextRunAts: async () => nextRunAts(outside()),
    reap: async (now) => {
      const freed = embedded ? 0 : await reapDead(outside(), now)
      if (freed > 0) wake()
      return freed
    },
  }
}

const mostAlike = 1_000

/** A thousand groups that have work at the same moment are asked about in one query, not in a thousand. */
function alike<V>(
  outside: () => Queries,
  readAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
  none: V,
): (key: string) => Promise<V> {
  const ask = gather(mostAlike, readAll, none)
  return async (key) => {
    // The one who asks must not be inside a transaction; the reading itself may begin when another one is.
    outside()
    return ask(key)
  }
}

const reconcilingOf = (outside: () => Queries, log: Database['log']): Reconciling => ({
  knownRules: async (nsgIds, grantIds) => knownRules(outside(), nsgIds, grantIds, log),
  guardedGroups: async (subscriptionId) => guardedGroups(outside(), subscriptionId),
  wantedVms: async (subscriptionId) => wantedVms(outside(), subscriptionId),
  strayWork: alike(outside, (nsgIds) => strayWork(outside(), nsgIds), []),
  postponeStray: async (stray, at, error) => postponeStray(outside(), stray, at, error),
  troubles: async (grantId) => troubles(outside(), grantId),
  waitingAlarms: async () => waitingAlarms(outside()),
  alarmTried: async (id, tried) => alarmTried(outside(), id, tried),
  alarmSent: async (id, at) => alarmSent(outside(), id, at),
})

const recordsOf = (outside: () => Queries, log: Database['log']): OwnRecords => ({
  cases: async (person, most) => ownCases(outside(), person, most, log),
  lastAccess: async (vmIds) => lastAccess(outside(), vmIds),
  digest: async () => readDigest(outside()),
})

const feedsIn = (outside: () => Queries): Pick<Store, 'auditAfter' | 'feed' | 'feedsOf' | 'moveFeed'> => ({
  auditAfter: async (seq, limit) => auditAfter(outside(), seq, limit),
  feed: async (name) => readFeed(outside(), name),
  feedsOf: async (prefix) => feedsOf(outside(), prefix),
  moveFeed: async (name, position) => moveFeed(outside(), name, position),
})

const panicsOf = (outside: () => Queries): Pick<Store, 'panics' | 'panic'> => ({
  panics: async () => panics(outside()),
  panic: async (id) => onePanic(outside(), id),
})

const protectionsOf = (
  outside: () => Queries,
): Pick<Store, 'protections' | 'protection' | 'shieldWork' | 'conversion'> => ({
  conversion: async (id) => oneConversion(outside(), id),
  protections: async () => protections(outside()),
  protection: async (id) => oneProtection(outside(), id),
  shieldWork: alike(outside, (nsgIds) => shieldWork(outside(), nsgIds), noShieldWork),
})

const onRecord = (outside: () => Queries) => ({ ...panicsOf(outside), ...protectionsOf(outside) })

function receiving(
  outside: () => Queries,
  signal: ReturnType<typeof sql>,
  wake: () => void,
  log: Database['log'],
): Store['receive'] {
  const overAnother = async (intake: Intake, error: unknown) => {
    if (!isBroken(error)) throw error
    // Somebody waits for the acknowledgement, and whatever became of the first try, its key counts once.
    log.warn({ error: reasonOf(error) }, 'a gesture is stored over another connection')
    await receive(outside(), intake, signal)
    // Which of the two stored it cannot be known, so both are told of: a look too many costs less than a late one.
    return true
  }
  return async (intake) => {
    const stored = await receive(outside(), intake, signal).catch((error: unknown) =>
      overAnother(intake, error),
    )
    if (stored) wake()
    return stored
  }
}

/** The store on a database whose tables are up to date. */
export async function storeOn(database: Database): Promise<Store> {
  const { kysely, log, url } = database
  const self = randomUUID()
  const { wake, onWake } = wakeUps(log)
  const signal = url === null ? sql`select 1` : sql`select pg_notify(${wakeChannel}, ${self})`
  // We told ourselves at the commit.
  const heard = (sender: string) => void (sender !== self && wake())
  const presence = url === null ? soleProcess() : new ServerPresence(url, log, heard)
  const { transact, outside } = transactor(database, signal, wake)
  if (url === null) {
    await freeAll(kysely)
    await freeReader(kysely)
  }
  let closing: Promise<void> | null = null
  const close = async () => {
    await presence.close()
    await database.close()
  }
  return {
    ...onRecord(outside),
    ...feedsIn(outside),
    transact,
    jobs: jobsOf(outside, presence, wake, url === null),
    reconciling: reconcilingOf(outside, log),
    inventory: keptInventory(outside, database),
    records: recordsOf(outside, log),
    links: linksOf(outside),
    case: async (id) => oneCase(outside(), id),
    receive: receiving(outside, signal, wake, log),
    intake: async (key) => readIntake(outside(), key),
    usage: async (of) => readUsage(outside(), of),
    ownFacts: async (of) => ownFacts(outside(), of),
    lastAddress: async (person, learnt) => lastAddress(outside(), person, learnt),
    entraUser: async (person) => entraUser(outside(), person),
    mapEntraUser: async (person, entraId, at) => mapEntraUser(outside(), person, entraId, at),
    ruleWork: alike(outside, (nsgIds) => ruleWork(outside(), nsgIds, log), []),
    flushWork: alike(outside, (nsgIds) => flushWork(outside(), nsgIds), []),
    postpone: async (...rule) => postpone(outside(), ...rule),
    talk: async (requestId) => readTalk(outside(), requestId),
    requestAt: async (card) => requestAt(outside(), card),
    place: async (requestId, which, place, before) => savePlace(outside(), requestId, which, place, before),
    noteTried: async (id, tried) => noteTried(outside(), id, tried),
    noteSent: async (id, at) => noteSent(outside(), id, at),
    grants: async (states) => casesByGrant(outside(), states, log),
    policyText: async (hash) => policyText(outside(), hash),
    health: async (now, since) => health(outside(), now, since),
    time: async () => databaseTime(outside()),
    onWake,
    maintain: async (now) => {
      await purge(outside(), now)
      if (url === null) await tidyEmbedded(outside())
    },
    enlist: () => presence.enlist(),
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

/** Rounded down: a deadline must never be seen as passed before it is. */
async function databaseTime(db: Queries): Promise<number> {
  const found = await sql<{ ms: number }>`
    select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as ms`.execute(db)
  return found.rows[0]?.ms ?? Number.NaN
}
