import { createHash } from 'node:crypto'
import { type AuditEvent, type AuditRecord, chainText } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { Rule } from '../../src/core/grant.ts'
import type { Person } from '../../src/core/person.ts'
import type { Usage } from '../../src/core/policy.ts'
import type { KnownRule } from '../../src/core/reconcile.ts'
import type { Review } from '../../src/core/request.ts'
import type { Health, RuleWork, Spread, Trouble, Tx, WantedVm } from '../../src/ports.ts'
import { toJson } from '../../src/store/json.ts'
import { addressKey, refused, type Tables } from './memory-tables.ts'

/** As a database would hand it back. */
export const stored = <T>(value: T): T => JSON.parse(toJson(value))

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const triesKey = (grantId: string, nsgId: string) => `${grantId} ${nsgId}`

export const sortedCases = (cases: readonly Case[]): Case[] =>
  cases.toSorted((a, b) => byText(a.request.id, b.request.id))

const sameReview = (a: Review, b: Review) => a.by.userId === b.by.userId && a.verdict === b.verdict

/** Reviews are only added, and rules never removed: once recorded, one may exist in Azure. */
function merged(before: Case | undefined, given: Case): Case {
  const { request, grant } = stored(given)
  // A yes to an address that is another one now is dropped.
  const same = before?.request.addressChange?.count === request.addressChange?.count
  const kept = same ? (before?.request.reviews ?? []) : []
  const reviews = [...kept, ...request.reviews.filter((one) => !kept.some((other) => sameReview(one, other)))]
  if (!grant) return { request: { ...request, reviews }, grant: before?.grant ?? null }
  const left = (before?.grant?.rules ?? []).filter(
    (rule) => !grant.rules.some((other) => other.nsgId === rule.nsgId),
  )
  return { request: { ...request, reviews }, grant: { ...grant, rules: [...grant.rules, ...left] } }
}

/** What the tables of the real database refuse by themselves. */
function keepPromises(before: Case | undefined, { request, grant }: Case): void {
  const fresh = request.reviews.slice(before?.request.reviews.length ?? 0)
  const own = fresh.some((one) => one.verdict === 'approve' && one.by.userId === request.requester.userId)
  if (own && request.terms?.selfApproval !== true) throw refused('23514', 'nobody approves their own request')
  const old = before?.grant
  if (!old || !grant) return
  if (old.id !== grant.id) throw refused('23505', 'a request has one grant')
  if (old.expiresAt !== grant.expiresAt) throw refused('23514', 'an expiry never moves')
  if (old.state === 'closed' && grant.state !== 'closed') throw refused('23514', 'closed is final')
}

export function saveCases(tables: Tables, cases: readonly Case[], locked: ReadonlySet<string>): void {
  for (const given of cases) {
    const { id } = given.request
    const before = tables.cases.get(id)
    if (before && !locked.has(id)) throw refused('23505', `request ${id} exists`)
    if (!before && locked.has(id)) throw new Error('A case that was locked is not there.')
    const next = merged(before, given)
    keepPromises(before, next)
    tables.cases.put(id, next)
    if (next.grant) restartTries(tables, before?.grant?.rules ?? [], next.grant.id, next.grant.rules)
  }
}

/** A new priority starts the tries of its rule again. */
function restartTries(
  tables: Tables,
  before: readonly Rule[],
  grantId: string,
  rules: readonly Rule[],
): void {
  for (const rule of rules) {
    const old = before.find((other) => other.nsgId === rule.nsgId)
    const key = triesKey(grantId, rule.nsgId)
    const tries = tables.tries.get(key)
    if (old && tries && old.priority !== rule.priority) tables.tries.put(key, { ...tries, triedFor: null })
  }
}

const wanted = (kase: Case, rule: Rule): 'present' | 'absent' | null => {
  if (kase.grant?.state === 'closing' && rule.state !== 'absent') return 'absent'
  return kase.grant?.state === 'opening' && rule.state === 'planned' ? 'present' : null
}

export function ruleWork(tables: Tables, nsgId: string): RuleWork[] {
  const found = tables.cases.all().flatMap((kase): RuleWork[] => {
    const { grant } = kase
    const rule = grant?.rules.find((one) => one.nsgId === nsgId)
    const want = rule ? wanted(kase, rule) : null
    if (!grant || !rule || !want) return []
    const tries = tables.tries.get(triesKey(grant.id, nsgId))
    const tried = tries?.triedFor === want ? tries : null
    const { id: grantId, requestId, expiresAt } = grant
    const [attempts, nextTryAt] = [tried?.attempts ?? 0, tried?.nextTryAt ?? 0]
    return [{ rule, grantId, requestId, want, expiresAt, attempts, nextTryAt }]
  })
  return found.toSorted(
    (a, b) => byText(a.want, b.want) || a.expiresAt - b.expiresAt || byText(a.grantId, b.grantId),
  )
}

const caseOfGrant = (tables: Tables, grantId: string) =>
  tables.cases.all().find((kase) => kase.grant?.id === grantId)

export function postpone(
  tables: Tables,
  grantId: string,
  nsgId: string,
  at: number,
  error: string | null,
  deniesAt: number | null = null,
): void {
  const kase = caseOfGrant(tables, grantId)
  const rule = kase?.grant?.rules.find((one) => one.nsgId === nsgId)
  if (!kase || !rule) return
  const triedFor = wanted(kase, rule)
  const before = tables.tries.get(triesKey(grantId, nsgId))
  const same = before?.triedFor === triedFor
  const attempts = (same ? before.attempts : 0) + (error === null ? 0 : 1)
  const lastError = error ?? (same ? before.lastError : null)
  const denies = same && error === null ? before.deniesAt : deniesAt
  const tries = { triedFor, attempts, nextTryAt: at, lastError, deniesAt: denies }
  tables.tries.put(triesKey(grantId, nsgId), tries)
}

export function troubles(tables: Tables, grantId: string): Trouble[] {
  const rules = caseOfGrant(tables, grantId)?.grant?.rules ?? []
  return rules
    .filter((rule) => rule.state !== 'absent')
    .map(({ nsgId, name }) => {
      const known = tables.tries.get(triesKey(grantId, nsgId))
      const tries = known?.triedFor === 'absent' ? known : null
      return {
        nsgId,
        name,
        attempts: tries?.attempts ?? 0,
        lastError: tries?.lastError ?? null,
        deniesAt: tries?.deniesAt ?? null,
      }
    })
}

/** Rules of unfinished grants in these groups, and every rule of these grants. */
export function knownRules(
  tables: Tables,
  nsgIds: readonly string[],
  grantIds: readonly string[],
): KnownRule[] {
  return sortedCases(tables.cases.all()).flatMap(({ request, grant }) =>
    (grant?.rules ?? []).flatMap((rule): KnownRule[] => {
      if (!grant) return []
      const unfinished = nsgIds.includes(rule.nsgId) && rule.state !== 'absent' && grant.state !== 'closed'
      if (!unfinished && !grantIds.includes(grant.id)) return []
      const { id: grantId, state: grantState, openedAt, expiresAt } = grant
      const closedAt = grant.state === 'closed' ? grant.closedAt : null
      return [{ requestId: request.id, grantId, grantState, openedAt, expiresAt, closedAt, rule }]
    }),
  )
}

export function guardedGroups(tables: Tables, subscriptionId: string): string[] {
  const prefix = `/subscriptions/${subscriptionId}/`
  const rules = tables.cases.all().flatMap(({ grant }) => grant?.rules ?? [])
  const found = rules.filter((rule) => rule.state !== 'absent' && rule.nsgId.startsWith(prefix))
  return [...new Set(found.map((rule) => rule.nsgId))].toSorted()
}

export function wantedVms(tables: Tables, subscriptionId: string): WantedVm[] {
  const awaited = tables.cases
    .all()
    .filter(({ grant }) => grant?.state === 'opening' || grant?.state === 'open')
    .filter(({ request }) => request.vm.id.startsWith(`/subscriptions/${subscriptionId}/`))
  const ids = [...new Set(awaited.map(({ request }) => request.vm.id))].toSorted()
  return ids.map((vmId) => ({
    vmId,
    requestIds: awaited.flatMap(({ request }) => (request.vm.id === vmId ? [request.id] : [])).toSorted(),
  }))
}

/* ---- quotas ---- */

/** Every account of the Entra user that somebody is mapped to, and their own. */
function accountsOf({ entraUsers }: Tables, person: Person): ReadonlySet<string> {
  const mine = entraUsers.get(addressKey(person))
  const alike = entraUsers.keys().filter((key) => mine !== undefined && entraUsers.get(key) === mine)
  return new Set([person.userId, ...alike.map((key) => key.split(' ').at(-1) ?? '')])
}

export function usageOf(tables: Tables, of: Parameters<Tx['usage']>[0], since: number): Usage {
  const found = tables.automatic.all().filter((row) => row.rule === of.rule && row.at > since)
  const accounts = accountsOf(tables, of.requester)
  return {
    byPerson: found.filter(({ requester }) => accounts.has(requester.userId)).length,
    ofVm: found.filter(({ vmId }) => vmId === of.vmId).length,
    ofRule: found.length,
  }
}

/* ---- the audit trail ---- */

const genesis = '0'.repeat(64)

export function chained(before: AuditRecord | undefined, events: readonly AuditEvent[]): AuditRecord[] {
  let { seq, hash } = before ?? { seq: 0, hash: genesis }
  return events.map((given) => {
    const event = stored(given)
    const previous = hash
    seq += 1
    hash = createHash('sha256')
      .update(chainText(seq, previous, event))
      .digest('hex')
    return { ...event, seq, previous, hash }
  })
}

/* ---- how things stand ---- */

function spread(lengths: readonly number[]): Spread {
  const sorted = lengths.toSorted((a, b) => a - b)
  const at = (share: number): number | null => {
    const place = share * (sorted.length - 1)
    const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
    return low === undefined || high === undefined ? null : low + (high - low) * (place % 1)
  }
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? null }
}

export function health(tables: Tables, now: number, since: number): Health {
  const grants = tables.cases.all().flatMap(({ grant }) => (grant ? [grant] : []))
  const left = grants.filter((grant) => grant.state !== 'closed')
  const closed = grants.flatMap((grant) =>
    grant.state === 'closed' && grant.closedAt >= since ? [grant] : [],
  )
  const states: Record<string, number> = {}
  for (const { state } of left) states[state] = (states[state] ?? 0) + 1
  return {
    states,
    earliestExpiry: left.length > 0 ? Math.min(...left.map((grant) => grant.expiresAt)) : null,
    overdueSince: left.reduce<number | null>(
      (first, { expiresAt }) => (expiresAt < now ? Math.min(first ?? expiresAt, expiresAt) : first),
      null,
    ),
    overdue: left.filter((grant) => grant.expiresAt < now).length,
    unsigned: 0,
    stuck: left.filter((grant) => grant.state === 'closing' && grant.stuckSince !== undefined).length,
    lateness: spread(
      closed
        .filter(({ closedAt, expiresAt }) => closedAt >= expiresAt)
        .map(({ closedAt, expiresAt }) => Math.max(0, closedAt - expiresAt)),
    ),
    opening: spread(
      closed.flatMap(({ openedAt, approvedAt }) => (openedAt === null ? [] : [openedAt - approvedAt])),
    ),
  }
}
