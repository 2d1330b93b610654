import type { Alarm } from '../../src/core/alarm.ts'
import type { AuditRecord } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { AskedConversion } from '../../src/core/conversion.ts'
import type { KeptDigest } from '../../src/core/digest.ts'
import type { Note } from '../../src/core/effect.ts'
import type { Panic } from '../../src/core/panic.ts'
import type { Person } from '../../src/core/person.ts'
import type { Protection } from '../../src/core/protection.ts'
import type { AutomaticApproval, Gesture, JobKind, Lane, Place } from '../../src/ports.ts'
import type { LinkRow } from './memory-links.ts'

/** What a statement did, so that it can be undone. */
export class Journal {
  #undos: (() => void)[] | null = null

  begin(): void {
    this.#undos = []
  }

  note(undo: () => void): void {
    this.#undos?.push(undo)
  }

  end(keep: boolean): void {
    const undos = this.#undos ?? []
    this.#undos = null
    if (!keep) for (const undo of undos.toReversed()) undo()
  }
}

/** Rows by key. A row is never changed in place: it is put again. */
export class Table<V> {
  readonly #rows = new Map<string, V>()
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  get(key: string): V | undefined {
    return this.#rows.get(key)
  }

  has(key: string): boolean {
    return this.#rows.has(key)
  }

  keys(): string[] {
    return [...this.#rows.keys()]
  }

  all(): V[] {
    return [...this.#rows.values()]
  }

  put(key: string, row: V): void {
    const before = this.#rows.get(key)
    this.#rows.set(key, row)
    this.#journal.note(() => {
      if (before === undefined) this.#rows.delete(key)
      else this.#rows.set(key, before)
    })
  }

  remove(key: string): boolean {
    const before = this.#rows.get(key)
    if (before === undefined) return false
    this.#rows.delete(key)
    this.#journal.note(() => this.#rows.set(key, before))
    return true
  }
}

export interface JobRow {
  readonly id: number
  readonly key: string
  readonly kind: JobKind
  readonly lane: Lane
  readonly subject: string
  readonly dueAt: number
  readonly runAt: number
  readonly attempts: number
  readonly owner: number | null
  readonly againAt: number | null
  readonly againExact: boolean
  readonly againLane: Lane | null
  readonly lastError: string | null
}

/** How trying to write one rule went. */
export interface Tries {
  readonly triedFor: 'present' | 'absent' | null
  readonly attempts: number
  readonly nextTryAt: number
  readonly lastError: string | null
  readonly deniesAt: number | null
}

export interface IntakeRow {
  readonly key: string
  readonly receivedAt: number
  readonly gesture: Gesture | null
  readonly endedAt: number | null
}

export interface NoteRow {
  readonly id: number
  readonly requestId: string
  readonly note: Note
  readonly to: 'thread' | 'requester'
  readonly tried: boolean
  readonly sentAt: number | null
}

export interface StrayRow {
  readonly nsgId: string
  readonly name: string
  readonly expiresAt: number
  readonly foundAt: number
  readonly attempts: number
  readonly nextTryAt: number
  readonly lastError: string | null
}

export interface AlarmRow {
  readonly id: number
  readonly key: string
  readonly alarm: Alarm
  readonly tried: boolean
  readonly sentAt: number | null
}

export interface PanicRow {
  readonly panic: Panic
  readonly total: number
  readonly liftedAt: number | null
}

/** Everything that a database holds. */
export class Tables {
  readonly journal = new Journal()
  readonly cases = new Table<Case>(this.journal)
  readonly tries = new Table<Tries>(this.journal)
  readonly jobs = new Table<JobRow>(this.journal)
  readonly intakes = new Table<IntakeRow>(this.journal)
  readonly notes = new Table<NoteRow>(this.journal)
  readonly places = new Table<Place>(this.journal)
  readonly addresses = new Table<{ address: string; at: number }>(this.journal)
  readonly links = new Table<LinkRow>(this.journal)
  readonly automatic = new Table<AutomaticApproval>(this.journal)
  readonly entraUsers = new Table<string>(this.journal)
  readonly feeds = new Table<{ seq: number; tried: boolean }>(this.journal)
  readonly strays = new Table<StrayRow>(this.journal)
  readonly alarms = new Table<AlarmRow>(this.journal)
  readonly panics = new Table<PanicRow>(this.journal)
  readonly protections = new Table<Protection>(this.journal)
  readonly conversions = new Table<AskedConversion>(this.journal)
  readonly policies = new Table<string>(this.journal)
  readonly digests = new Table<KeptDigest>(this.journal)
  /** The hash of the policy that is in force, under the key `hash`. */
  readonly policyHead = new Table<string>(this.journal)
  audit: readonly AuditRecord[] = []
  #ids = 0

  /** As with a sequence of a database, a number that was taken is never given back. */
  nextId(): number {
    this.#ids += 1
    return this.#ids
  }

  append(records: readonly AuditRecord[]): void {
    const before = this.audit
    this.audit = [...before, ...records]
    this.journal.note(() => {
      this.audit = before
    })
  }
}

/** What a database throws, with the code of PostgreSQL. */
export const refused = (code: string, message: string): Error => Object.assign(new Error(message), { code })

/** What one transaction changed, told after its commit. */
export interface Commit {
  readonly cases: readonly { readonly before: Case | null; readonly after: Case }[]
  readonly audit: readonly AuditRecord[]
  /** Gestures that were dealt with. */
  readonly ended: readonly string[]
}

const orgOf = (person: Person) => person.enterpriseId ?? person.teamId
export const addressKey = (person: Person, learnt: 'typed' | 'confirmed' = 'typed'): string =>
  `${orgOf(person)} ${person.userId}${learnt === 'typed' ? '' : ' confirmed'}`

export const activeProtections = (tables: Tables): readonly Protection[] =>
  tables.protections
    .all()
    .filter(({ endedAt }) => endedAt === undefined)
    .toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))

export const activePanics = (tables: Tables): readonly Panic[] =>
  tables.panics
    .all()
    .filter(({ liftedAt }) => liftedAt === null)
    .map(({ panic }) => panic)
