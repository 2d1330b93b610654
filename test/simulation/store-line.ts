import type { Jobs, OwnRecords, Reconciling, Store, Tx } from '../../src/ports.ts'
import type { Chance } from './chance.ts'
import type { Life } from './life.ts'
import type { MemoryStore } from './memory-store.ts'
import type { Weather } from './weather.ts'

export interface Line {
  readonly life: Life
  readonly chance: Chance
  readonly weather: Weather
  readonly now: () => number
  /** Told of each call and what became of it on its way. */
  readonly tell: (what: string) => void
  /** Told after something outside was changed, which is when a process may die. */
  readonly effect: (what: string) => void
  /** Called whenever the process asks for something: any moment may be its last, or a long one. */
  readonly moment: () => void
  /** Told when a transaction is about to be committed, and whether its answer will be lost. */
  readonly committing: (lost: boolean) => void
}

const gone = () => new Error('the connection to the database is gone')

type Fate = 'request' | 'answer' | null

function fateOf({ weather, moment }: Line): Fate {
  moment()
  if (weather.away('database') !== null || weather.strikes('database refuses')) return 'request'
  return weather.strikes('database loses an answer') ? 'answer' : null
}

const wayMs = ({ weather, chance }: Line): number =>
  weather.strikes('database is slow') ? chance.between(50, 4_000) : chance.skewed(0, 4)

/** The store as one process reaches it: every call takes time, and may fail before or after it was done. */
export function storeLine(line: Line, store: MemoryStore): Store {
  const { life, now } = line
  const far =
    <A extends readonly unknown[], R>(name: string, work: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> => {
      const lost = fateOf(line)
      if (lost !== null) line.tell(`${name}: the database loses the ${lost}`)
      return life.call({
        outMs: wayMs(line),
        backMs: wayMs(line),
        lost,
        serve: () => work(...args),
        fault: gone,
      })
    }

  return {
    transact: (work) => transactFar(line, store, work),
    jobs: jobsFar(store.jobs, far),
    reconciling: reconcilingFar(store.reconciling, far),
    inventory: store.inventory,
    records: recordsFar(store.records, far),
    case: far('case', (id) => store.case(id)),
    receive: far('receive', (intake) => store.receive(intake)),
    intake: far('intake', (key) => store.intake(key)),
    panics: far('panics', () => store.panics()),
    panic: far('panic', (id) => store.panic(id)),
    protections: far('protections', () => store.protections()),
    protection: far('protection', (id) => store.protection(id)),
    conversion: far('conversion', (id) => store.conversion(id)),
    shieldWork: far('shieldWork', (nsgId) => store.shieldWork(nsgId)),
    requestAt: far('requestAt', (card) => store.requestAt(card)),
    usage: far('usage', (of) => store.usage(of)),
    ownFacts: far('ownFacts', (of) => store.ownFacts(of)),
    lastAddress: far('lastAddress', (...args) => store.lastAddress(...args)),
    // No address is confirmed in the simulation.
    links: store.links,
    entraUser: far('entraUser', (person) => store.entraUser(person)),
    mapEntraUser: far('mapEntraUser', (...args) => store.mapEntraUser(...args)),
    ruleWork: far('ruleWork', (nsgId) => store.ruleWork(nsgId)),
    flushWork: far('flushWork', (nsgId) => store.flushWork(nsgId)),
    postpone: far('postpone', (...args) => store.postpone(...args)),
    talk: far('talk', (id) => store.talk(id)),
    place: far('place', (...args) => store.place(...args)),
    noteTried: far('noteTried', (...args) => store.noteTried(...args)),
    noteSent: far('noteSent', (...args) => store.noteSent(...args)),
    auditAfter: far('auditAfter', (...args) => store.auditAfter(...args)),
    feed: far('feed', (name) => store.feed(name)),
    feedsOf: far('feedsOf', (prefix) => store.feedsOf(prefix)),
    moveFeed: far('moveFeed', (...args) => store.moveFeed(...args)),
    grants: far('grants', (states) => store.grants(states)),
    policyText: far('policyText', (hash) => store.policyText(hash)),
    health: far('health', (...args) => store.health(...args)),
    time: far('time', () => store.time()),
    onWake: (listener) => store.onWake(() => life.hear(now(), listener)),
    maintain: far('maintain', (at) => store.maintain(at)),
    enlist: far('enlist', () => store.enlist()),
    close: () => store.close(),
  }
}

type Far = <A extends readonly unknown[], R>(
  name: string,
  work: (...args: A) => Promise<R>,
) => (...args: A) => Promise<R>

const jobsFar = (jobs: Jobs, far: Far): Jobs => ({
  claim: far('claim', (...args) => jobs.claim(...args)),
  extend: far('extend', (...args) => jobs.extend(...args)),
  retry: far('retry', (...args) => jobs.retry(...args)),
  nextRunAts: far('nextRunAts', () => jobs.nextRunAts()),
  reap: far('reap', (at) => jobs.reap(at)),
})

const recordsFar = (records: OwnRecords, far: Far): OwnRecords => ({
  cases: far('cases', (...args) => records.cases(...args)),
  lastAccess: far('lastAccess', (vmIds) => records.lastAccess(vmIds)),
  digest: far('digest', () => records.digest()),
})

const reconcilingFar = (reconciling: Reconciling, far: Far): Reconciling => ({
  knownRules: far('knownRules', (...args) => reconciling.knownRules(...args)),
  guardedGroups: far('guardedGroups', (id) => reconciling.guardedGroups(id)),
  wantedVms: far('wantedVms', (id) => reconciling.wantedVms(id)),
  strayWork: far('strayWork', (id) => reconciling.strayWork(id)),
  postponeStray: far('postponeStray', (...args) => reconciling.postponeStray(...args)),
  troubles: far('troubles', (id) => reconciling.troubles(id)),
  waitingAlarms: far('waitingAlarms', () => reconciling.waitingAlarms()),
  alarmTried: far('alarmTried', (...args) => reconciling.alarmTried(...args)),
  alarmSent: far('alarmSent', (...args) => reconciling.alarmSent(...args)),
})

/** The work of a transaction is the process's own code, so it runs only while the process does. */
function transactFar<T>(line: Line, store: MemoryStore, work: (tx: Tx) => Promise<T>): Promise<T> {
  const { life, now } = line
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const lost = fateOf(line)
  if (lost !== null) line.tell(`transact: the database loses the ${lost}`)
  const back = (settle: () => void) => life.hear(now() + wayMs(line), settle)
  const run = async () => {
    try {
      const value = await store.transact(async (tx) => {
        const done = await work(tx)
        line.committing(lost === 'answer')
        if (lost === 'request') throw gone()
        return done
      })
      line.effect('commit')
      back(() => (lost === null ? resolve(value) : reject(gone())))
    } catch (error) {
      back(() => reject(error))
    }
  }
  life.hear(now() + wayMs(line), () => void run())
  return promise
}
