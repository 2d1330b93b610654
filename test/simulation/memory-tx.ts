import type { AuditEvent } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { Tx } from '../../src/ports.ts'
import type { LinkTx } from '../../src/ports-links.ts'
import { chained, saveCases, sortedCases, stored, usageOf } from './memory-cases.ts'
import { dropJobs, finishJobs, putJobs } from './memory-jobs.ts'
import { linkStatements } from './memory-links.ts'
import {
  activePanics,
  activeProtections,
  addressKey,
  type Commit,
  refused,
  type Tables,
} from './memory-tables.ts'

interface OpenTx {
  readonly tx: Tx
  /** Writes what comes last and answers what the transaction changed; throws when one of its statements failed. */
  flush(): Commit
  close(): void
  /** Whether a job may have become due earlier. */
  woke(): boolean
  /** Whether the other replicas are to be told. */
  signaled(): boolean
}

/** What a transaction has done so far. */
class Course {
  readonly locked = new Set<string>()
  readonly dropped = new Set<string>()
  readonly events: AuditEvent[] = []
  readonly before = new Map<string, Case | null>()
  readonly ended: string[] = []
  woke = false
  signaled = false
  over = false
  failure: unknown = null
}

export function openTx(tables: Tables): OpenTx {
  const course = new Course()
  const flush = (): Commit => {
    if (course.failure !== null) throw course.failure
    const audit = chained(tables.audit.at(-1), course.events)
    if (audit.length > 0) tables.append(audit)
    const cases = [...course.before].flatMap(([id, before]) => {
      const after = tables.cases.get(id)
      return after ? [{ before, after }] : []
    })
    return { cases, audit, ended: course.ended }
  }
  return {
    tx: txOf(tables, course),
    flush,
    close: () => {
      course.over = true
    },
    woke: () => course.woke,
    signaled: () => course.signaled,
  }
}

/** After an error a transaction can only be rolled back, also when its work caught the error. */
function statement<A extends readonly unknown[], R>(course: Course, work: (...args: A) => R) {
  return async (...args: A): Promise<R> => {
    if (course.over) throw new Error('The transaction is over.')
    try {
      return work(...args)
    } catch (error) {
      course.failure = error
      throw error
    }
  }
}

function txOf(tables: Tables, course: Course): Tx {
  return {
    cases: statement(course, (ids) => {
      const found = ids.flatMap((id) => tables.cases.get(id) ?? [])
      for (const { request } of found) course.locked.add(request.id)
      return new Map(sortedCases(found).map((kase) => [kase.request.id, kase]))
    }),
    save: statement(course, (cases) => {
      for (const { request } of cases) {
        const { id } = request
        if (!course.before.has(id)) course.before.set(id, tables.cases.get(id) ?? null)
      }
      saveCases(tables, cases, course.locked)
      for (const { request } of cases) course.locked.add(request.id)
    }),
    audit: statement(course, (events) => void course.events.push(...events)),
    putJobs: statement(course, (jobs) => {
      if (jobs.length === 0) return
      putJobs(tables, jobs)
      course.woke = true
      course.signaled = true
    }),
    dropJobs: statement(course, (keys) => {
      for (const fence of dropJobs(tables, keys)) course.dropped.add(fence)
    }),
    finish: statement(course, (claims) => {
      const { ended, again } = finishJobs(tables, claims)
      if (again.length > 0) course.woke = true
      const ours = claims.filter(({ id, attempt }) => course.dropped.delete(`${id}/${attempt}`))
      return new Set([...ended, ...again, ...ours.map(({ id }) => id)])
    }),
    rememberAddress: statement(course, (person, address, at, learnt = 'typed') => {
      const key = addressKey(person, learnt)
      const before = tables.addresses.get(key)
      if (!before || before.at <= at) tables.addresses.put(key, { address, at })
    }),
    forgetAddresses: statement(
      course,
      (person) =>
        (['typed', 'confirmed'] as const).filter((learnt) =>
          tables.addresses.remove(addressKey(person, learnt)),
        ).length,
    ),
    ...linksIn(tables, course),
    endIntake: statement(course, (key, now) => {
      const row = tables.intakes.get(key)
      if (!row) return
      tables.intakes.put(key, { ...row, gesture: null, endedAt: now })
      course.ended.push(key)
    }),
    ...others(tables, course),
  }
}

function linksIn(tables: Tables, course: Course): Omit<LinkTx, 'forgetAddresses'> {
  const all = linkStatements(tables)
  return {
    putLink: statement(course, all.putLink),
    crowdOut: statement(course, all.crowdOut),
    forgetLinks: statement(course, all.forgetLinks),
    confirmLink: statement(course, all.confirmLink),
    lapseLink: statement(course, all.lapseLink),
    settleLink: statement(course, all.settleLink),
    openedLink: statement(course, all.openedLink),
    putIntake: statement(course, (intake) => {
      course.woke = true
      course.signaled = true
      return all.putIntake(intake)
    }),
  }
}

type Quotas = 'lockQuotas' | 'usage' | 'noteAutomatic'
type Others = Pick<
  Tx,
  | Quotas
  | 'panics'
  | 'putPanic'
  | 'liftPanics'
  | 'countPanic'
  | 'protection'
  | 'putProtection'
  | 'saveProtection'
  | 'conversion'
  | 'putConversion'
  | 'saveConversion'
  | 'queueNotes'
  | 'putStrays'
  | 'endStray'
  | 'raiseAlarms'
  | 'endAlarm'
  | 'endAlarms'
  | 'enforcePolicy'
  | 'keepDigest'
>

function others(tables: Tables, course: Course): Others {
  return {
    queueNotes: statement(course, (notes) => {
      for (const { requestId, note, to } of notes) {
        if (!tables.cases.has(requestId)) throw refused('23503', `there is no request ${requestId}`)
        const id = tables.nextId()
        tables.notes.put(String(id), { id, requestId, note: stored(note), to, tried: false, sentAt: null })
      }
    }),
    // Transactions run one after the other here.
    lockQuotas: statement(course, () => {}),
    usage: statement(course, (of, since) => usageOf(tables, of, since)),
    noteAutomatic: statement(course, (approval) => {
      const { requestId } = approval
      if (tables.automatic.has(requestId)) throw refused('23505', `request ${requestId} was counted`)
      tables.automatic.put(requestId, approval)
    }),
    putStrays: statement(course, (strays, foundAt) =>
      strays.filter((stray) => {
        const key = `${stray.nsgId} ${stray.name}`
        if (tables.strays.has(key)) return false
        tables.strays.put(key, { ...stray, foundAt, attempts: 0, nextTryAt: 0, lastError: null })
        return true
      }),
    ),
    panics: statement(course, () => activePanics(tables)),
    putPanic: statement(course, (panic) => {
      if (tables.panics.has(panic.id)) return false
      tables.panics.put(panic.id, { panic: stored(panic), total: 0, liftedAt: null })
      return true
    }),
    liftPanics: statement(course, (ids, lift) =>
      ids.filter((id) => {
        const row = tables.panics.get(id)
        if (row?.liftedAt !== null) return false
        const panic = stored({ ...row.panic, lifted: lift })
        tables.panics.put(id, { ...row, panic, liftedAt: lift.at })
        return true
      }),
    ),
    countPanic: statement(course, (id, more) => {
      const row = tables.panics.get(id)
      if (row) tables.panics.put(id, { ...row, total: row.total + more })
    }),
    protection: statement(course, (id) => tables.protections.get(id) ?? null),
    putProtection: statement(course, (protection) => {
      const { id, vm } = protection
      const other = activeProtections(tables).some((one) => one.vm.id === vm.id)
      if (other || tables.protections.has(id)) return false
      tables.protections.put(id, stored(protection))
      return true
    }),
    saveProtection: statement(course, (protection) => {
      if (tables.protections.has(protection.id)) tables.protections.put(protection.id, stored(protection))
    }),
    conversion: statement(course, (id) => tables.conversions.get(id) ?? null),
    putConversion: statement(course, (conversion) => {
      const active = tables.conversions.all().filter(({ endedAt }) => endedAt === undefined)
      const other = active.some(({ proposal }) => proposal.vm.id === conversion.proposal.vm.id)
      if (other || tables.conversions.has(conversion.id)) return false
      tables.conversions.put(conversion.id, stored(conversion))
      return true
    }),
    saveConversion: statement(course, (conversion) => {
      if (tables.conversions.has(conversion.id)) tables.conversions.put(conversion.id, stored(conversion))
    }),
    endStray: statement(course, (nsgId, name) => tables.strays.remove(`${nsgId} ${name}`)),
    raiseAlarms: statement(course, (alarms) => {
      const fresh = alarms.filter(({ key }) => !tables.alarms.has(key))
      for (const { key, alarm } of fresh) {
        tables.alarms.put(key, { id: tables.nextId(), key, alarm, tried: false, sentAt: null })
      }
      return fresh.length
    }),
    endAlarm: statement(course, (key) => {
      if (tables.alarms.get(key)?.sentAt != null) tables.alarms.remove(key)
    }),
    endAlarms: statement(course, (prefix) => {
      for (const { key } of tables.alarms.all()) if (key.startsWith(prefix)) tables.alarms.remove(key)
    }),
    keepDigest: statement(course, (digest) => {
      if ((tables.digests.get('one')?.slot ?? digest.slot) > digest.slot) return false
      tables.digests.put('one', stored(digest))
      return true
    }),
    enforcePolicy: statement(course, ({ hash, text }) => {
      const previous = tables.policyHead.get('hash') ?? null
      if (previous === hash) return { changed: false, previous }
      if (!tables.policies.has(hash)) tables.policies.put(hash, text)
      tables.policyHead.put('hash', hash)
      return { changed: true, previous }
    }),
  }
}
