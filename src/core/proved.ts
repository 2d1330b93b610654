import type { Case } from './case.ts'
import type { Effect } from './effect.ts'
import type { Grant } from './grant.ts'
import { audit, noteOf, show } from './grant-parts.ts'
import { type Transition, unchanged } from './outcome.ts'
import { isNews, type Proof, type Proved, ruleShown, unproved } from './proof.ts'

/** Slack takes about one edit a second; where nothing is wrong the ends of other grants go first. */
const showAfterMs = 2_000

/** A proof is kept, told and put on record. It never changes how the grant stands. */
export function proved(
  current: Case,
  grant: Grant,
  { of, proof }: { readonly of: Proved; readonly proof: Proof },
  now: number,
): Transition {
  if (unproved(grant, of) === null) return unchanged(current)
  const { request } = current
  const next: Grant = { ...grant, proofs: { ...grant.proofs, [of]: proof } }
  const { verdict, afterMs, findings, why, sources, tried, possible } = proof
  const rules = findings.map(({ rule, ports }) => ({ rule: ruleShown(rule), ports }))
  const type = verdict === 'verified' ? 'grant.verified' : 'grant.unverified'
  const details = { of, verdict, afterMs, rules, why, sources, tried, possible }
  const news = isNews(of, proof)
  const effects: Effect[] = news
    ? [show(request.id), noteOf(next, { type: 'flow', at: now, of, proof })]
    : [{ kind: 'show', requestId: request.id, at: now + showAfterMs }]
  return {
    ok: true,
    next: { request, grant: next },
    audit: [audit(type, next, 'jitney', now, details)],
    effects,
  }
}
