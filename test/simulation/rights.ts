import type { Case } from '../../src/core/case.ts'
import type { Member, Person } from '../../src/core/person.ts'
import type { Approvers, Policy, Terms } from '../../src/core/policy.ts'
import type { Intake } from '../../src/ports.ts'
import { isActive, yesFor } from './office.ts'

type Action = 'approve' | 'deny' | 'cancel' | 'close' | 'sign' | 'unjustified'

/** Who could do what at which moment, told without the code that decides it. */
export class Rights {
  readonly members: { readonly at: number; readonly userId: string; readonly member: Member }[] = []
  readonly policies: { readonly at: number; readonly policy: Policy }[] = []

  /** What is wrong with a thing that was done because of this click; null when it was right. */
  wrong(
    action: Action,
    by: Person,
    { request }: Case,
    click: Intake | undefined,
    now: number,
  ): string | null {
    const what = `${by.userId} did ${action} ${request.id}`
    if (!click) return `${what} without a click`
    const own = by.userId === request.requester.userId
    if (own && action !== 'cancel' && action !== 'close') return `${what}, which is their own`
    if (!own && action === 'cancel') return `${what}, which is not theirs`
    // Ending one's own request or access is open to its owner whatever the directory says.
    if (own) return null
    const could = this.#moments(click.receivedAt, now).some((moment) => {
      const member = this.members.findLast((one) => one.userId === by.userId && one.at <= moment)?.member
      return member && isActive(member) && isAmong(this.#approvers(action, request, moment), member)
    })
    return could ? null : `${what} and never could since the click`
  }

  /** What the policy was at some time since then. */
  policiesSince(from: number, to: number): readonly Policy[] {
    return this.#moments(from, to).flatMap(
      (moment) => this.policies.findLast(({ at }) => at <= moment)?.policy ?? [],
    )
  }

  /** Whether somebody was an active operator at some time since then. */
  couldStop({ userId }: Person, from: number, to: number): boolean {
    return this.#moments(from, to).some((moment) => {
      const member = this.members.findLast((one) => one.userId === userId && one.at <= moment)?.member
      const operators = this.policies.findLast((one) => one.at <= moment)?.policy.operators ?? null
      return member !== undefined && isActive(member) && isAmong(operators, member)
    })
  }

  /** The moments at which something about it changed. */
  #moments(from: number, to: number): number[] {
    const changes = [...this.members, ...this.policies].map(({ at }) => at)
    return [from, ...changes.filter((at) => at > from && at <= to)]
  }

  #approvers(action: Action, request: Case['request'], moment: number): Approvers | null {
    const asked = namedIn(request.terms)
    const policy = this.policies.findLast((one) => one.at <= moment)?.policy
    if (action === 'close' || action === 'sign' || action === 'unjustified')
      return [lookers(request.terms), policy?.operators ?? null, nowIn(policy, request)].reduce(both, asked)
    const now = policy ? namedIn(yesFor(policy, request.vm.name)) : null
    // What the policy no longer allows can still be denied.
    return now ?? (action === 'deny' ? asked : null)
  }
}

const isAmong = (approvers: Approvers | null, member: Member): boolean =>
  approvers !== null &&
  (approvers.users.includes(member.person.userId) ||
    approvers.groups.some((id) => member.groups.includes(id)))

/** These policies have one stage each, where anybody is asked. */
const namedIn = (terms: Terms | null): Approvers | null => terms?.stages[0]?.approvers ?? null

/** Whom the rule of the same name asks at that moment. */
const nowIn = (policy: Policy | undefined, { terms }: Case['request']): Approvers | null =>
  namedIn(policy?.rules.find(({ name }) => name === terms?.rule)?.terms ?? null)

/** Who was passed over, and whoever looks at it afterwards. */
const lookers = (terms: Terms | null): Approvers | null =>
  terms?.emergency ? both(terms.emergency.skipped, terms.emergency.reviewers) : null

const both = (one: Approvers | null, other: Approvers | null): Approvers => ({
  users: [...(one?.users ?? []), ...(other?.users ?? [])],
  groups: [...(one?.groups ?? []), ...(other?.groups ?? [])],
})
