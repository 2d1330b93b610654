import { AsyncLocalStorage } from 'node:async_hooks'
import type { Case } from '../../src/core/case.ts'
import type { Jobs, Reconciling, Store, Tx } from '../../src/ports.ts'
import { toText } from '../../src/store/json.ts'
import { shieldWorkIn } from '../../src/store/protections.ts'
import {
  guardedGroups,
  health,
  knownRules,
  postpone,
  ruleWork,
  sortedCases,
  troubles,
  usageOf,
  wantedVms,
} from './memory-cases.ts'
import { lastAccess, ownCases, ownFacts } from './memory-facts.ts'
import { claimJobs, extendClaim, insert, nextRunAts, reapDead, retryJob } from './memory-jobs.ts'
import { memoryLinks } from './memory-links.ts'
import { activePanics, activeProtections, addressKey, type Commit, refused, Tables } from './memory-tables.ts'
import { openTx } from './memory-tx.ts'

interface Watching {
  readonly committed?: (commit: Commit) => void
  readonly failed?: (error: unknown, message: string) => void
}

const dayMs = 24 * 60 * 60 * 1000
const mostTries = 5

/** One database, of which every replica has a `Store`. Transactions run one after the other. */
export class MemoryDatabase {
  readonly tables = new Tables()
  readonly watching: Watching
  /** The places of the replicas that live. */
  readonly slots = new Set<number>()
  readonly #replicas = new Set<MemoryStore>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(watching: Watching = {}) {
    this.watching = watching
  }

  replica(parts: { time: () => number; notify?: (wake: () => void) => void }): MemoryStore {
    const store = new MemoryStore(this, parts)
    this.#replicas.add(store)
    return store
  }

  forget(store: MemoryStore): void {
    this.#replicas.delete(store)
  }

  /** Tells the other replicas, as the database does at a commit. */
  notify(from: MemoryStore): void {
    for (const store of this.#replicas) if (store !== from) store.notified()
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    await before
    try {
      return await work()
    } finally {
      resolve()
    }
  }
}

/** The port `Store` as one replica sees it. */
export class MemoryStore implements Store {
  readonly #database: MemoryDatabase
  readonly #tables: Tables
  readonly #listeners = new Set<() => void>()
  readonly #inside = new AsyncLocalStorage<{ open: boolean }>()
  readonly #time: () => number
  readonly #notify: (wake: () => void) => void
  #enlisted = false
  slot: number | null = null

  constructor(
    database: MemoryDatabase,
    { time, notify = (wake) => wake() }: { time: () => number; notify?: (wake: () => void) => void },
  ) {
    this.#database = database
    this.#tables = database.tables
    this.#time = time
    this.#notify = notify
  }

  /** Someone else has committed. */
  notified(): void {
    this.#notify(() => this.wake())
  }

  wake(): void {
    for (const listener of this.#listeners) {
      try {
        listener()
      } catch (error) {
        this.#database.watching.failed?.(error, 'a listener for wake-ups failed')
      }
    }
  }

  /** The session that proves that this replica lives is gone. */
  loseSlot(): void {
    if (this.slot !== null) this.#database.slots.delete(this.slot)
    this.slot = null
  }

  #outside(): Tables {
    if (this.#inside.getStore()?.open) {
      throw new Error('Inside transact only its own transaction can be used.')
    }
    return this.#tables
  }

  async transact<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    this.#outside()
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#database.exclusively(() => this.#once(work))
      } catch (error) {
        const collided = error instanceof Error && 'code' in error && error.code === '40P01'
        if (tries >= mostTries || !collided) throw error
      }
    }
  }

  async #once<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const { journal } = this.#tables
    const scope = { open: true }
    journal.begin()
    const opened = openTx(this.#tables)
    let kept = false
    try {
      const result = await this.#inside.run(scope, () => work(opened.tx))
      const commit = opened.flush()
      kept = true
      journal.end(true)
      this.#database.watching.committed?.(commit)
      if (opened.woke()) this.wake()
      if (opened.signaled()) this.#database.notify(this)
      return result
    } finally {
      scope.open = false
      opened.close()
      if (!kept) journal.end(false)
    }
  }

  readonly jobs: Jobs = {
    claim: async (lane, limit, leaseMs, now) => {
      const { slot } = this
      this.#enlisted ||= slot !== null
      if (!this.#enlisted) throw new Error('A replica must enlist before it claims jobs.')
      if (slot === null || limit < 1) return []
      return claimJobs(this.#outside(), { lane, limit, leaseMs, slot, now })
    },
    extend: async (claim, leaseMs, now) => {
      const { slot } = this
      return slot === null ? false : extendClaim(this.#outside(), claim, now + leaseMs, slot)
    },
    retry: async (claim, runAt, error) => {
      retryJob(this.#outside(), claim, runAt, error)
      this.wake()
    },
    nextRunAts: async () => nextRunAts(this.#outside()),
    reap: async (now) => {
      const freed = reapDead(this.#outside(), this.#database.slots, now)
      if (freed > 0) this.wake()
      return freed
    },
  }

  readonly reconciling: Reconciling = {
    knownRules: async (nsgIds, grantIds) => knownRules(this.#outside(), nsgIds, grantIds),
    guardedGroups: async (subscriptionId) => guardedGroups(this.#outside(), subscriptionId),
    wantedVms: async (subscriptionId) => wantedVms(this.#outside(), subscriptionId),
    strayWork: async (nsgId) =>
      this.#outside()
        .strays.all()
        .filter((row) => row.nsgId === nsgId)
        .toSorted((a, b) => a.nextTryAt - b.nextTryAt || a.expiresAt - b.expiresAt)
        .slice(0, 200)
        .map(({ name, expiresAt, foundAt, attempts, nextTryAt, lastError }) => ({
          nsgId,
          name,
          expiresAt,
          foundAt,
          attempts,
          nextTryAt,
          lastError,
        })),
    postponeStray: async ({ nsgId, name }, nextTryAt, error) => {
      const { strays } = this.#outside()
      const row = strays.get(`${nsgId} ${name}`)
      if (!row) return
      const attempts = row.attempts + (error === null ? 0 : 1)
      const lastError = error === null ? row.lastError : toText(error)
      strays.put(`${nsgId} ${name}`, { ...row, attempts, nextTryAt, lastError })
    },
    troubles: async (grantId) => troubles(this.#outside(), grantId),
    waitingAlarms: async () =>
      this.#outside()
        .alarms.all()
        .filter((row) => row.sentAt === null)
        .toSorted((a, b) => a.id - b.id)
        .map(({ id, alarm, tried }) => ({ id: String(id), alarm, tried })),
    alarmTried: async (id, tried) => this.#changeAlarm(id, { tried }),
    alarmSent: async (id, sentAt) => this.#changeAlarm(id, { sentAt }),
  }

  #changeAlarm(id: string, fields: { tried: boolean } | { sentAt: number }): void {
    const { alarms } = this.#outside()
    const row = alarms.all().find((one) => String(one.id) === id)
    if (row) alarms.put(row.key, { ...row, ...fields })
  }

  async case(requestId: string): Promise<Case | null> {
    return this.#outside().cases.get(requestId) ?? null
  }

  receive: Store['receive'] = async (intake) => {
    const tables = this.#outside()
    const { key, receivedAt } = intake
    if (tables.intakes.has(key)) return false
    tables.intakes.put(key, { ...intake, endedAt: null })
    insert(tables, { key: `intake:${key}`, kind: 'intake', lane: 'people', subject: key, dueAt: receivedAt })
    this.wake()
    this.#database.notify(this)
    return true
  }

  intake: Store['intake'] = async (key) => {
    const row = this.#outside().intakes.get(key)
    return row?.gesture ? { key, receivedAt: row.receivedAt, gesture: row.gesture } : null
  }

  usage: Store['usage'] = async ({ rules, since, ...of }) => {
    const tables = this.#outside()
    return new Map(rules.map((rule) => [rule, usageOf(tables, { ...of, rule }, since)]))
  }

  ownFacts: Store['ownFacts'] = async (of) => ownFacts(this.#outside().cases.all(), of)

  lastAddress: Store['lastAddress'] = async (person, learnt = 'typed') =>
    this.#outside().addresses.get(addressKey(person, learnt)) ?? null

  readonly links = memoryLinks(() => this.#outside())

  entraUser: Store['entraUser'] = async (person) => this.#outside().entraUsers.get(addressKey(person)) ?? null

  mapEntraUser: Store['mapEntraUser'] = async (person, entraId) => {
    const { entraUsers } = this.#outside()
    const key = addressKey(person)
    const mapped = entraUsers.get(key) ?? entraId
    entraUsers.put(key, mapped)
    return mapped
  }

  ruleWork: Store['ruleWork'] = async (nsgId) => ruleWork(this.#outside(), nsgId)

  flushWork: Store['flushWork'] = async (nsgId) =>
    this.#outside()
      .cases.all()
      .flatMap(({ request, grant }) =>
        grant?.state === 'closed' && grant.flushes?.some((one) => one.nsgId === nsgId && one.answer === null)
          ? [{ requestId: request.id, nsgId }]
          : [],
      )

  postpone: Store['postpone'] = async (grantId, nsgId, at, error, deniesAt) =>
    postpone(this.#outside(), grantId, nsgId, at, error === null ? null : toText(error), deniesAt)

  talk: Store['talk'] = async (requestId) => {
    const { cases, notes, places } = this.#outside()
    const kase = cases.get(requestId)
    if (!kase) return null
    const waiting = notes.all().filter((row) => row.requestId === requestId && row.sentAt === null)
    return {
      case: kase,
      card: places.get(`${requestId} card`) ?? null,
      mirror: places.get(`${requestId} mirror`) ?? null,
      notes: waiting
        .toSorted((a, b) => a.id - b.id)
        .map(({ id, note, to, tried }) => ({ id: String(id), note, to, tried })),
    }
  }

  requestAt: Store['requestAt'] = async (card) => {
    const { cases, places } = this.#outside()
    const found = cases.all().find(({ request }) => {
      const place = places.get(`${request.id} card`)
      return place?.channel === card.channel && place.ts === card.ts
    })
    return found?.request.id ?? null
  }

  panics: Store['panics'] = async () => activePanics(this.#outside())

  protections: Store['protections'] = async () => activeProtections(this.#outside())

  protection: Store['protection'] = async (id) => this.#outside().protections.get(id) ?? null

  conversion: Store['conversion'] = async (id) => this.#outside().conversions.get(id) ?? null

  shieldWork: Store['shieldWork'] = async (nsgId) => {
    const tables = this.#outside()
    return shieldWorkIn(activeProtections(tables), tables.conversions.all(), nsgId)
  }

  panic: Store['panic'] = async (id) => {
    const row = this.#outside().panics.get(id)
    return row ? { panic: row.panic, total: row.total } : null
  }

  place: Store['place'] = async (requestId, which, place, before) => {
    const { cases, places } = this.#outside()
    if (!cases.has(requestId)) throw refused('23503', `there is no request ${requestId}`)
    const key = `${requestId} ${which}`
    const standing = places.get(key)
    if (standing?.channel !== before?.channel || standing?.ts !== before?.ts) return false
    places.put(key, place)
    return true
  }

  noteTried: Store['noteTried'] = async (id, tried) => this.#changeNote(id, { tried })
  noteSent: Store['noteSent'] = async (id, sentAt) => this.#changeNote(id, { tried: true, sentAt })

  #changeNote(id: string, fields: { tried: boolean; sentAt?: number }): void {
    const { notes } = this.#outside()
    const row = notes.get(id)
    if (row) notes.put(id, { ...row, ...fields })
  }

  auditAfter: Store['auditAfter'] = async (seq, limit) => this.#outside().audit.slice(seq, seq + limit)
  feed: Store['feed'] = async (name) => this.#outside().feeds.get(name) ?? { seq: 0, tried: false }

  feedsOf: Store['feedsOf'] = async (prefix) => {
    const names = this.#outside()
      .feeds.keys()
      .filter((name) => name.startsWith(prefix))
    return new Map(names.map((name) => [name.slice(prefix.length), this.#tables.feeds.get(name)?.seq ?? 0]))
  }

  moveFeed: Store['moveFeed'] = async (name, position) => {
    const { feeds } = this.#outside()
    if ((feeds.get(name)?.seq ?? 0) <= position.seq) feeds.put(name, position)
  }

  grants: Store['grants'] = async (states) =>
    sortedCases(this.#outside().cases.all()).filter(({ grant }) => grant && states.includes(grant.state))

  readonly records: Store['records'] = {
    cases: async (person, most) => ownCases(this.#outside().cases.all(), person, most),
    lastAccess: async (vmIds) => lastAccess(this.#outside().cases.all(), vmIds),
    digest: async () => this.#outside().digests.get('one') ?? null,
  }

  /** Nothing in the simulation reads Azure's VMs. */
  readonly inventory: Store['inventory'] = {
    readAt: async () => null,
    load: async () => null,
    keep: async () => true,
    claim: async () => true,
    release: async () => {},
  }

  policyText: Store['policyText'] = async (hash) => this.#outside().policies.get(hash) ?? null

  health: Store['health'] = async (now, since) => health(this.#outside(), now, since)

  async time(): Promise<number> {
    this.#outside()
    return this.#time()
  }

  onWake(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async maintain(now: number): Promise<void> {
    const { intakes, notes, alarms, automatic } = this.#outside()
    const limit = now - dayMs
    const old = (at: number | null) => at !== null && at < limit
    for (const row of intakes.all()) if (old(row.endedAt) && old(row.receivedAt)) intakes.remove(row.key)
    for (const row of notes.all()) if (old(row.sentAt)) notes.remove(String(row.id))
    for (const row of automatic.all()) if (old(row.at)) automatic.remove(row.requestId)
    for (const row of alarms.all()) if (old(row.sentAt)) alarms.remove(row.key)
  }

  async enlist(): Promise<void> {
    if (this.slot !== null) return
    this.slot = this.#tables.nextId()
    this.#database.slots.add(this.slot)
  }

  async close(): Promise<void> {
    this.loseSlot()
    this.#database.forget(this)
  }
}
