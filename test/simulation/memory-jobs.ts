import type { Claim, Lane, NewJob } from '../../src/ports.ts'
import { toText } from '../../src/store/json.ts'
import type { JobRow, Tables } from './memory-tables.ts'

/** `src/store/jobs.ts` without SQL: the same rules for putting, claiming and ending jobs. */

const urgent = (before: Lane | null, incoming: Lane): Lane => (before === 'closes' ? 'closes' : incoming)
const earlier = (a: number | null, b: number): number => (a === null ? b : Math.min(a, b))

function movedRow(row: JobRow, { kind, subject, lane, dueAt }: NewJob): JobRow {
  return row.owner === null
    ? { ...row, kind, subject, lane, dueAt, runAt: dueAt, againAt: null, againLane: null, againExact: false }
    : { ...row, kind, subject, againAt: dueAt, againLane: lane, againExact: true }
}

function wokenRow(row: JobRow, { lane, dueAt }: NewJob): JobRow {
  if (row.owner !== null) {
    return {
      ...row,
      lane: lane === 'closes' ? 'closes' : row.lane,
      againAt: earlier(row.againAt, dueAt),
      againLane: urgent(row.againLane, lane),
    }
  }
  return {
    ...row,
    lane: urgent(row.lane, lane),
    dueAt: Math.min(row.dueAt, dueAt),
    runAt: Math.min(row.runAt, dueAt),
  }
}

export function putJobs(tables: Tables, jobs: readonly NewJob[]): void {
  const merged = new Map<string, NewJob>()
  for (const job of jobs) {
    const before = merged.get(job.key)
    const both = before && job.mode === 'wake'
    merged.set(job.key, both ? { ...before, dueAt: Math.min(before.dueAt, job.dueAt) } : job)
  }
  for (const job of merged.values()) {
    const row = tables.jobs.get(job.key)
    if (row) tables.jobs.put(job.key, job.mode === 'move' ? movedRow(row, job) : wokenRow(row, job))
    else insert(tables, job)
  }
}

export function insert(tables: Tables, { key, kind, lane, subject, dueAt }: Omit<NewJob, 'mode'>): void {
  tables.jobs.put(key, {
    id: tables.nextId(),
    key,
    kind,
    lane,
    subject,
    dueAt,
    runAt: dueAt,
    attempts: 0,
    owner: null,
    againAt: null,
    againExact: false,
    againLane: null,
    lastError: null,
  })
}

/** The row that a claim still holds. */
function heldBy(tables: Tables, { id, key, attempt }: Claim): JobRow | null {
  const row = tables.jobs.get(key)
  return row && String(row.id) === id && row.attempts === attempt ? row : null
}

/** Answers the claims that ended with it, as `id/attempt`. */
export function dropJobs(tables: Tables, keys: readonly string[]): string[] {
  return keys.flatMap((key) => {
    const row = tables.jobs.get(key)
    if (!row) return []
    tables.jobs.remove(key)
    return [`${row.id}/${row.attempts}`]
  })
}

export function finishJobs(tables: Tables, claims: readonly Claim[]): { ended: string[]; again: string[] } {
  const [ended, again]: [string[], string[]] = [[], []]
  for (const claim of claims) {
    const row = heldBy(tables, claim)
    if (!row) continue
    if (row.againAt === null) {
      tables.jobs.remove(row.key)
      ended.push(claim.id)
      continue
    }
    again.push(claim.id)
    tables.jobs.put(row.key, {
      ...row,
      id: tables.nextId(),
      attempts: 0,
      owner: null,
      lastError: null,
      dueAt: row.againAt,
      runAt: row.againAt,
      lane: row.againLane ?? row.lane,
      againAt: null,
      againLane: null,
      againExact: false,
    })
  }
  return { ended, again }
}

export function claimJobs(
  tables: Tables,
  what: { lane: Lane; limit: number; leaseMs: number; slot: number; now: number },
): Claim[] {
  const { lane, limit, leaseMs, slot, now } = what
  const due = tables.jobs
    .all()
    .filter((row) => row.lane === lane && row.runAt <= now)
    .toSorted((a, b) => a.runAt - b.runAt)
    .slice(0, limit)
  return due.map((row) => {
    const waits = row.againAt !== null && row.againAt > now
    const attempts = row.attempts + 1
    tables.jobs.put(row.key, {
      ...row,
      runAt: now + leaseMs,
      attempts,
      owner: slot,
      againExact: row.againExact && waits,
      againAt: waits ? row.againAt : null,
      againLane: waits ? row.againLane : null,
    })
    const { id, key, kind, subject, dueAt } = row
    return { id: String(id), key, kind, subject, dueAt, attempt: attempts }
  })
}

export function extendClaim(tables: Tables, claim: Claim, until: number, slot: number): boolean {
  const row = heldBy(tables, claim)
  if (!row) return false
  tables.jobs.put(row.key, { ...row, runAt: until, owner: slot })
  return true
}

export function retryJob(tables: Tables, claim: Claim, runAt: number, error: string | null): void {
  const row = heldBy(tables, claim)
  if (!row) return
  const exact = row.againExact && row.againAt !== null ? row.againAt : null
  tables.jobs.put(row.key, {
    ...row,
    owner: null,
    lastError: error === null ? null : toText(error),
    dueAt: exact ?? row.dueAt,
    runAt: exact ?? earlier(row.againAt, runAt),
    lane: (exact === null ? null : row.againLane) ?? row.lane,
    againAt: null,
    againLane: null,
    againExact: false,
  })
}

export function nextRunAts(tables: Tables): Map<Lane, number> {
  const next = new Map<Lane, number>()
  for (const { lane, runAt } of tables.jobs.all()) {
    next.set(lane, earlier(next.get(lane) ?? null, runAt))
  }
  return next
}

/** Frees what is claimed under slots that nobody holds any more. */
export function reapDead(tables: Tables, alive: ReadonlySet<number>, now: number): number {
  const dead = tables.jobs.all().filter((row) => row.owner !== null && !alive.has(row.owner))
  for (const row of dead) tables.jobs.put(row.key, { ...row, runAt: Math.min(row.runAt, now), owner: null })
  return dead.length
}
