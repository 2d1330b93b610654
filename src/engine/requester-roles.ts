import type { RoleAnswer } from '../core/azure-role.ts'
import type { Member } from '../core/person.ts'
import { ruleFor } from '../core/pick.ts'
import { azureRolesNamed, type Policy, type Subject } from '../core/policy.ts'
import type { AzureRoles, Clock } from '../ports.ts'
import { messageOf } from './handler.ts'
import type { Log } from './log.ts'
import { remembering } from './remember.ts'

/** Adds to what the policy is asked about those of the requester's Azure roles that it turns on. */
export type KnowRoles = (
  policy: Policy,
  subject: Subject,
  requester: Member,
  how?: 'live',
) => Promise<Subject>

export function knowRoles(parts: {
  readonly azureRoles?: AzureRoles | null
  readonly clock: Clock
  readonly log: Log
}): KnowRoles {
  const { azureRoles, clock, log } = parts
  const answers = remembering<RoleAnswer>(clock)

  /** Null is not known, which grants nothing. */
  async function ask(role: string, vmId: string, { entraId, person }: Member, how: 'live' | undefined) {
    if (!azureRoles || entraId === null) return null
    try {
      return await answers([entraId, vmId, role].join(' '), how, () => azureRoles.held(entraId, vmId, role))
    } catch (error) {
      log.warn({ error: messageOf(error), userId: person.userId, role }, 'Azure did not say who holds a role')
      return null
    }
  }

  return async (policy, subject, requester, how) => {
    const known = new Map<string, RoleAnswer>()
    const asked = new Set<string>()
    // Supposing that they hold whatever was not asked about yet, the rule that decides says what to ask next.
    const supposed = new Map<string, RoleAnswer>(azureRolesNamed(policy).map((role) => [role, 'held']))
    for (;;) {
      const role = ruleFor(policy, { ...subject, azureRoles: supposed })?.match.azureRole
      if (role === undefined || asked.has(role)) return { ...subject, azureRoles: known }
      asked.add(role)
      const answer = await ask(role, subject.vm.id, requester, how)
      if (answer === null) {
        supposed.delete(role)
        continue
      }
      supposed.set(role, answer)
      known.set(role, answer)
    }
  }
}
