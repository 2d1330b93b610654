import { membershipProblem } from './approval.ts'
import type { Json } from './audit.ts'
import type { Case } from './case.ts'
import { marked, startClosing } from './closing.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { isExpired } from './expiry.ts'
import type { Grant, Rule } from './grant.ts'
import { audit, baseOf, noteOf, type State, show, verify, write } from './grant-parts.ts'
import { type Transition, unchanged } from './outcome.ts'
import type { Request } from './request.ts'
import { nowMissing } from './yeses-now.ts'

const ruleJson = (rule: Rule): Json => ({
  name: rule.name,
  nsg: rule.nsgId,
  priority: rule.priority,
  source: rule.source,
  destinations: rule.destinations,
  ports: rule.ports.map((port) => `${port.number}/${port.protocol}`),
})

const startTimer = ({ requestId }: Grant, at: number): Effect => ({
  kind: 'set timer',
  timer: 'start',
  requestId,
  at,
})

/** The yes was for then; whether the policy and the person still are what they were is looked at again. */
export function start(
  request: Request,
  grant: State<'opening'>,
  { policy, requester, earlier }: Extract<Event, { type: 'start' }>,
  now: number,
): Transition {
  const same = unchanged({ request, grant })
  if (grant.opensAt === undefined || grant.rules.length > 0) return same
  if (now < grant.opensAt) return { ...same, effects: [startTimer(grant, grant.opensAt)] }
  if (isExpired(grant.expiresAt, now))
    return startClosing(request, grant, { reason: 'expired', by: null, detail: neverStarted(grant) }, now)
  const problem =
    policy.outcome === 'deny'
      ? policy.tree.because
      : (membershipProblem(requester) ?? nowMissing(request, policy, requester, earlier))
  if (problem !== null)
    return startClosing(request, grant, { reason: 'no longer allowed', by: null, detail: problem }, now)
  const { waitsFor: _, ...heard } = grant
  const next = grant.waitsFor ? unchanged({ request, grant: heard }) : same
  const { expiresAt } = grant
  return { ...next, effects: [{ kind: 'plan rules', requestId: request.id, expiresAt }, show(request.id)] }
}

/** What an end before anything was written must not hide. */
export const neverStarted = (grant: State<'opening' | 'open'>): string | null =>
  grant.state === 'opening' && grant.waitsFor && grant.rules.length === 0
    ? `${grant.waitsFor} did not answer until then, so it could not be looked at again whether it was still allowed`
    : null

/** Said once, however often it is tried. */
export function startWaits(
  request: Request,
  grant: State<'opening'>,
  silent: Extract<Event, { type: 'start waits' }>['silent'],
  now: number,
): Transition {
  const due = grant.opensAt !== undefined && now >= grant.opensAt && !isExpired(grant.expiresAt, now)
  if (!due || grant.rules.length > 0 || grant.waitsFor === silent) return unchanged({ request, grant })
  const { expiresAt } = grant
  const note = noteOf(grant, { type: 'start waits', at: now, silent, expiresAt })
  return {
    ...unchanged({ request, grant: { ...grant, waitsFor: silent } }),
    effects: [show(request.id), ...(grant.waitsFor ? [] : [note])],
  }
}

export function planned(
  request: Request,
  grant: State<'opening'>,
  { rules, endpoints, defender: policyId }: Omit<Extract<Event, { type: 'rules planned' }>, 'type'>,
  now: number,
): Transition {
  if (isExpired(grant.expiresAt, now)) {
    return startClosing(request, grant, { reason: 'expired', by: null, detail: null }, now)
  }
  if (grant.opensAt !== undefined && now < grant.opensAt)
    return { ...unchanged({ request, grant }), effects: [startTimer(grant, grant.opensAt)] }
  // A second plan, after a crash in between, must not forget rules that may have been written already.
  if (grant.rules.length > 0) return { ...unchanged({ request, grant }), effects: opens(grant) }
  if (rules.length === 0) {
    const detail = 'no security group was found to put a rule in'
    return startClosing(request, grant, { reason: 'could not open', by: null, detail }, now)
  }
  const next: Grant = {
    ...grant,
    rules,
    ...(endpoints && { endpoints }),
    ...(policyId !== undefined && { defender: { policyId } }),
  }
  return { ok: true, next: { request, grant: next }, audit: [], effects: opens(next) }
}

/** Where Defender opens, its rules are looked for once it has been asked. */
const opens = (grant: Grant): readonly Effect[] =>
  grant.defender && grant.defender.askedAt === undefined
    ? [{ kind: 'ask defender', requestId: grant.requestId }]
    : write(grant, 'present')

/** Only a rule that is not there yet may take another priority: one that stands in Azure is never edited. */
export function repriced(current: Case, grant: Grant, nsgId: string, priority: number): Transition {
  if (grant.state !== 'opening') return unchanged(current)
  const rules = grant.rules.map((rule) =>
    rule.nsgId === nsgId && rule.state === 'planned' ? { ...rule, priority } : rule,
  )
  return { ...unchanged(current), next: { ...current, grant: { ...grant, rules } } }
}

export const present = (request: Request, grant: State<'opening'>, nsgId: string, now: number): Transition =>
  nowPresent(request, grant, marked(grant.rules, nsgId, 'present'), now)

/** Opens once every rule is there. */
export function nowPresent(
  request: Request,
  grant: State<'opening'>,
  rules: readonly Rule[],
  now: number,
): Transition {
  if (isExpired(grant.expiresAt, now)) {
    return startClosing(request, { ...grant, rules }, { reason: 'expired', by: null, detail: null }, now)
  }
  // Before there is a plan nothing can be there, and “every rule of none” must not count as open.
  if (rules.length === 0 || !rules.every((rule) => rule.state === 'present'))
    return unchanged({ request, grant: { ...grant, rules } })
  const next: Grant = { ...baseOf(grant), rules, openedAt: now, state: 'open' }
  return {
    ok: true,
    next: { request, grant: next },
    audit: [
      audit('grant.open', next, 'jitney', now, { expiresAt: next.expiresAt, rules: rules.map(ruleJson) }),
    ],
    effects: [
      show(request.id),
      noteOf(next, { type: 'opened', at: now, expiresAt: next.expiresAt }),
      verify(next, 'open'),
      ...(request.moves
        ? [{ kind: 'close moved', requestId: request.moves.requestId, to: request.id } as const]
        : []),
    ],
  }
}
