import type { Json } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { Grant, Rule } from '../../src/core/grant.ts'
import type { LiveRule } from '../../src/core/live-rule.ts'
import type { Version } from './cloud.ts'
import { propagationMs } from './cloud-ports.ts'
import type { Table } from './memory-tables.ts'
import type { Saying } from './slack.ts'

export interface Truth {
  readonly now: number
  readonly versions: readonly Version[]
  readonly cases: Table<Case>
}

/** How long ago what a message says may have ceased to be so: a lease, and a few calls of the database. */
const staleMs = 40_000

/** Why what is being said is not so; null when it is. */
export function untrue(saying: Saying, truth: Truth): string | null {
  switch (saying.kind) {
    case 'card':
    case 'mirror':
      if (saying.phase === 'open' || saying.phase === 'closed') {
        const wrong = unproved(saying.kase.grant, saying.phase, truth)
        if (wrong !== null) return wrong
      }
      if (saying.phase === 'open') return nowOpen(saying.kase, truth)
      return saying.phase === 'closed' ? closed(saying.kase.grant, truth) : null
    case 'note':
      if (saying.note.type === 'opened' || saying.note.type === 'ending') {
        return saying.phase === 'open' ? nowOpen(saying.kase, truth) : wasOpen(saying.kase.grant, truth)
      }
      if (saying.note.type === 'flow') return unproved(saying.kase.grant, saying.note.of, truth)
      if (saying.note.type === 'came back') return cameBack(saying.note, saying.kase.grant, truth)
      return saying.note.type === 'closed' ? closed(saying.kase.grant, truth) : null
    case 'audit': {
      const { type, requestId } = saying.record
      const grant = requestId === null ? null : (truth.cases.get(requestId)?.grant ?? null)
      if (type === 'grant.verified') return unproved(grant, saying.record.details['of'], truth)
      if (type === 'grant.open') return wasOpen(grant, truth)
      return type === 'grant.closed' ? closed(grant, truth) : null
    }
    case 'alarm':
      return saying.alarm.type === 'unknown rule' ? unknown(saying.alarm.name, truth) : null
    case 'page':
    case 'answer':
      return null
    default:
      return saying satisfies never
  }
}

/** How long ago an answer of Azure may have been true: a look at many ports takes a while, and so do packets. */
const lookMs = 60_000 + propagationMs

/** Why what Azure is said to have answered of the traffic cannot have been its answer. */
function unproved(grant: Grant | null, of: Json | undefined, { versions }: Truth): string | null {
  const proof = of === 'open' || of === 'closed' ? grant?.proofs?.[of] : undefined
  if (!grant || !proof) return null
  const from = proof.at - lookMs
  const during = (version: Version) => version.from <= proof.at && (version.to ?? proof.at) >= from
  const stoodAll = (version: Version) =>
    version.from <= from && (version.to ?? Number.POSITIVE_INFINITY) >= proof.at
  const ours = grant.rules.map((rule) => ({
    rule,
    seen: ofRule(versions, rule.nsgId, rule.name).filter(during),
  }))
  if (proof.verdict === 'verified' && of === 'open') {
    const never = ours.find(({ rule, seen }) => !seen.some(({ live }) => lets(live, rule)))
    return never
      ? `${grant.id} is said to be verified as open, and did not stand in ${never.rule.nsgId}`
      : null
  }
  if (proof.verdict === 'verified') {
    const all = ours.every(({ rule, seen }) => seen.some((one) => stoodAll(one) && lets(one.live, rule)))
    return all && ours.length > 0
      ? `${grant.id} is said to be verified as closed, and stood all the time`
      : null
  }
  const unknown = proof.findings.find(
    ({ rule }) =>
      // Without any group there is no rule to name.
      rule !== '' &&
      rule !== 'securityRules/DenyAllInBound' &&
      !versions.some((one) => during(one) && rule === `securityRules/${one.name}`),
  )
  return unknown ? `${unknown.rule} is said to decide, and there was no such rule` : null
}

const ofRule = (versions: readonly Version[], nsgId: string, name: string) =>
  versions.filter((version) => version.nsgId === nsgId && version.name === name)

/** Whoever wrote it: it lets in what is on record. */
const lets = (live: LiveRule, rule: Rule): boolean =>
  live.access === 'Allow' &&
  live.priority === rule.priority &&
  live.sources.join() === rule.source &&
  live.ports.join() === rule.ports.map(({ number }) => number).join()

/** Every rule of the grant stood in Azure, finished, at some time. */
function wasOpen(grant: Grant | null, { now, versions }: Truth): string | null {
  if (!grant) return 'a grant that is not there is said to be open'
  const missing = grant.rules.find(
    (rule) =>
      !ofRule(versions, rule.nsgId, rule.name).some(
        ({ succeededAt, live }) => succeededAt !== null && succeededAt <= now && lets(live, rule),
      ),
  )
  if (grant.rules.length === 0) return `${grant.id} is said to be open and has no rule`
  return missing ? `${grant.id} is said to be open and was not yet in ${missing.nsgId}` : null
}

function nowOpen(kase: Case, truth: Truth): string | null {
  const { now, cases } = truth
  const { grant } = kase
  if (grant && now > grant.expiresAt + 100) return `${grant.id} is said to be open after its expiry`
  const current = cases.get(kase.request.id)?.grant
  const ended = current?.state === 'closing' || current?.state === 'closed' ? current.closingSince : now
  if (now - ended > staleMs) return `${kase.request.id} is said to be open and closed ${now - ended} ms ago`
  return wasOpen(grant, truth)
}

/** No rule of the grant stood in Azure at some time since it began to close. */
function closed(grant: Grant | null, { now, versions }: Truth): string | null {
  if (grant?.state !== 'closed') return 'a grant that is not closed is said to be closed'
  const standing = grant.rules.find(({ nsgId, name }) => {
    let clear = grant.closingSince
    for (const { from, to } of ofRule(versions, nsgId, name)) {
      if (from <= clear) clear = Math.max(clear, to ?? Number.POSITIVE_INFINITY)
    }
    return clear > now
  })
  return standing ? `${grant.id} is said to be closed and stands in ${standing.nsgId}` : null
}

/** The rule stood there after it was read to be gone. */
function cameBack(
  note: { nsgId: string; name: string },
  grant: Grant | null,
  { versions }: Truth,
): string | null {
  const closedAt = grant?.state === 'closed' ? grant.closedAt : Number.NEGATIVE_INFINITY
  const back = ofRule(versions, note.nsgId, note.name).some(
    ({ to }) => (to ?? Number.POSITIVE_INFINITY) > closedAt,
  )
  return back ? null : `${note.name} is said to have been back in ${note.nsgId}`
}

const unknown = (name: string, { cases }: Truth): string | null =>
  cases.all().some(({ grant }) => grant?.rules.some((rule) => rule.name === name))
    ? `${name} is said to be on no record`
    : null
