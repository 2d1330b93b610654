import type { Event } from '../core/event.ts'
import { Fault } from '../core/fault.ts'
import type { Member } from '../core/person.ts'
import { approverGroups, groupsNamed, type Policy, type Verdict } from '../core/policy.ts'
import type { Request } from '../core/request.ts'
import type { Claim } from '../ports.ts'
import { unique } from './approvers.ts'
import { backoffMs } from './backoff.ts'
import type { Dispatcher } from './dispatch.ts'
import { again, done, ended, type Handler } from './handler.ts'
import { type VerdictParts, verdictNow } from './verdict.ts'

interface StartParts extends VerdictParts {
  readonly dispatcher: Dispatcher
  readonly policy: () => Policy
}

const isSilent = ({ known, entraUnread }: Member): boolean => !known || entraUnread === true

/**
 * What a rule may grant by itself was counted at the approval; the place that was taken then must not count against it.
 * Any other rule's quota is as used up as it is.
 */
const withoutItsQuota = (policy: Policy, { terms, reviews }: Request): Policy => ({
  ...policy,
  rules: policy.rules.map((rule) =>
    rule.name === terms?.rule && reviews.length === 0 ? { ...rule, quota: {} } : rule,
  ),
})

type Silent = Extract<Event, { type: 'start waits' }>['silent']

const whoIsSilent = ({ known }: Member): Silent => (known ? 'Entra' : 'Slack')

/** Null while Azure does not say the tags that the policy decides by. */
async function verdictOf(...asked: Parameters<typeof verdictNow>): Promise<Verdict | null> {
  try {
    return await verdictNow(...asked)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return null
  }
}

/** People learn that it waits, and for whom; then it is tried again. */
async function wait({ dispatcher, clock }: StartParts, claim: Claim, silent: Silent, what: string) {
  await dispatcher.dispatch({ requestId: claim.subject, event: { type: 'start waits', silent } })
  return again(clock.now() + backoffMs(claim.attempt), `${silent} did not say ${what}`)
}

/** The start that a person named has come: the policy and the directory are asked again before anything opens. */
export const start =
  (parts: StartParts): Handler =>
  async (claim) => {
    const { store, clock, dispatcher, directory } = parts
    const current = await store.case(claim.subject)
    if (!current) return done
    const policy = parts.policy()
    const requester = await directory.member(current.request.requester, groupsNamed(policy), 'live')
    // Silence is no reason to take the access away, nor to open it; the grant's own end ends these tries.
    const waits = current.grant?.state === 'opening' && clock.now() < current.grant.expiresAt
    if (waits && isSilent(requester))
      return wait(parts, claim, whoIsSilent(requester), 'who the requester is')
    const asIf = withoutItsQuota(policy, current.request)
    const verdict = await verdictOf(parts, asIf, current.request, requester, waits ? 'fails' : 'as listed')
    if (verdict === null) return wait(parts, claim, 'Azure', 'which tags the VM has')
    const groups = unique([...groupsNamed(policy), ...approverGroups(verdict.terms)])
    const earlier = await Promise.all(
      current.request.reviews
        .filter((one) => one.verdict === 'approve')
        .map((one) => directory.member(one.by, groups, 'live')),
    )
    const silent = earlier.find(isSilent)
    if (waits && silent) return wait(parts, claim, whoIsSilent(silent), 'who has approved')
    await dispatcher.dispatch({
      requestId: claim.subject,
      event: { type: 'start', policy: verdict, requester, earlier },
      claim,
    })
    return ended
  }
