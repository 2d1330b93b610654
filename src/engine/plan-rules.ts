import {
  besides,
  besidesText,
  chooseWay,
  isDefendersFor,
  justificationMark,
  unnamed,
} from '../core/defender.ts'
import { Fault } from '../core/fault.ts'
import { type Grant, type Rule, ruleDescription, ruleName } from '../core/grant.ts'
import { choosePriority, defaultBand } from '../core/priority.ts'
import type { Request } from '../core/request.ts'
import { covers } from '../core/service.ts'
import type { Endpoint, Hop } from '../core/vm.ts'
import type { Claim, Clock, Defender, Firewall, Store, Topology } from '../ports.ts'
import { pauseMs } from './backoff.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, done, ended, type Finish, type Handler, messageOf } from './handler.ts'
import { within } from './within.ts'

export interface PlanParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly topology: Topology
  readonly firewall: Firewall
  readonly defender?: Defender | null
}

const longestPlanMs = 20_000

type Planned =
  | {
      readonly ok: true
      readonly rules: readonly Rule[]
      readonly endpoints?: readonly Endpoint[]
      readonly defender?: string
    }
  | { readonly ok: false; readonly why: string }

const no = (why: string): Planned => ({ ok: false, why })

/**
 * Reads from Azure, now, where the rules of a grant belong. The way to a VM may have changed since the request:
 * a private address that has passed to another VM must not be opened.
 */
export const planRules =
  (parts: PlanParts): Handler =>
  async (claim, stop) => {
    const current = await parts.store.case(claim.subject)
    if (current?.grant?.state !== 'opening' || current.grant.rules.length > 0) return done
    const { request, grant } = current
    try {
      const planned = await within(parts.clock, longestPlanMs, stop, (signal) =>
        plan(parts, request, grant, signal),
      )
      const event = planned.ok
        ? ({
            type: 'rules planned',
            rules: planned.rules,
            ...(planned.endpoints && { endpoints: planned.endpoints }),
            ...(planned.defender !== undefined && { defender: planned.defender }),
          } as const)
        : ({ type: 'could not open', detail: planned.why } as const)
      await parts.dispatcher.dispatch({ requestId: claim.subject, event, claim })
      return ended
    } catch (error) {
      return afterFault(parts, claim, error)
    }
  }

async function afterFault(parts: PlanParts, claim: Claim, error: unknown): Promise<Finish> {
  if (error instanceof Fault && error.kind === 'permanent') {
    await parts.dispatcher.dispatch({
      requestId: claim.subject,
      event: { type: 'could not open', detail: error.message },
      claim,
    })
    return ended
  }
  // The grant's own expiry ends these tries.
  const afterMs = error instanceof Fault ? error.afterMs : null
  return again(parts.clock.now() + pauseMs(claim.attempt, afterMs), messageOf(error))
}

async function plan(parts: PlanParts, request: Request, grant: Grant, signal: AbortSignal): Promise<Planned> {
  const [path, guard] = await Promise.all([
    parts.topology.path(request.vm, request.source.family, signal),
    parts.defender?.guard(request.vm, signal),
  ])
  if (path.kind === 'unguarded')
    return no(`no security group stands before ${path.networkInterface}, so it is open already`)
  if (path.kind === 'unreachable') return no(path.why)
  if (wayOf(path.hops) !== wayOf(request.hops)) {
    return no('the way to the VM has changed since the request was approved, so it must be asked for again')
  }
  // By what is left: the yes may have come long after the question.
  const durationMs = grant.expiresAt - parts.clock.now()
  const { ports, source } = request
  const wish = { ports, source, durationMs, ...(guard && { guard }) }
  const chosen = chooseWay(wish, request.terms)
  if (chosen.way === 'none') return no(chosen.why)
  // Approvers were told what Defender’s policy lets in beside the ports, as it was then.
  if (chosen.way === 'defender' && !covers(besides(request), besides(wish)))
    return no(
      `the policy of Defender for Cloud ${besidesText(wish)}, which nobody was told when it was asked for; so it must be asked for again`,
    )
  const planOne = chosen.way === 'defender' ? planDefenders : planRule
  const rules = await Promise.all(path.hops.map((hop) => planOne(parts, request, grant, hop, signal)))
  const failed = rules.find((rule) => typeof rule === 'string')
  if (failed !== undefined) return no(failed)
  const { endpoints } = path
  return {
    ok: true,
    rules: rules.filter((rule) => typeof rule !== 'string'),
    ...(endpoints && { endpoints }),
    ...(chosen.way === 'defender' && { defender: chosen.policyId }),
  }
}

/** Approvers said yes to rules in these groups and for these addresses of the VM, and to no others. */
const wayOf = (hops: readonly Hop[]): string =>
  hops
    .map(({ nsgId, destinations }) => `${nsgId} ${destinations.toSorted().join(' ')}`)
    .toSorted()
    .join('\n')

/** Defender names and places its rule itself; what stands there already is noted, so that the new one is known by it. */
async function planDefenders(
  parts: PlanParts,
  request: Request,
  _grant: Grant,
  hop: Hop,
  signal: AbortSignal,
): Promise<Rule | string> {
  const existing = await parts.firewall.list(hop.nsgId, signal)
  if (!existing) return `the security group ${hop.nsgId} no longer exists`
  const { ports } = request
  const wanted = { source: request.source.address, destinations: hop.destinations, ports }
  const before = existing.filter((live) => isDefendersFor(live, wanted)).map(({ name }) => name)
  return {
    ...wanted,
    name: unnamed,
    nsgId: hop.nsgId,
    priority: 0,
    description: justificationMark(request.id),
    state: 'planned',
    defender: { before, found: [] },
  }
}

/** A rule of our own in one group, or why there is no place for it. */
export async function planRule(
  parts: Pick<PlanParts, 'store' | 'firewall'>,
  request: Request,
  grant: Grant,
  hop: Pick<Hop, 'nsgId' | 'destinations'>,
  signal: AbortSignal,
): Promise<Rule | string> {
  const [existing, work] = await Promise.all([
    parts.firewall.list(hop.nsgId, signal),
    parts.store.ruleWork(hop.nsgId),
  ])
  if (!existing) return `the security group ${hop.nsgId} no longer exists`
  const wanted = { source: request.source.address, destinations: hop.destinations, ports: request.ports }
  const band = request.terms?.priorities ?? defaultBand
  const chosen = choosePriority(existing, wanted, band, new Set(work.map((one) => one.rule.priority)))
  if (!chosen.ok) return chosen.why
  return {
    name: ruleName(grant.id, grant.expiresAt),
    nsgId: hop.nsgId,
    priority: chosen.priority,
    source: wanted.source,
    destinations: hop.destinations,
    ports: request.ports,
    description: ruleDescription(request.id, request.requester),
    state: 'planned',
  }
}
