import type { Person } from '../core/person.ts'
import type { Policy } from '../core/policy.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Directory } from '../ports.ts'

interface OperatorParts {
  readonly directory: Pick<Directory, 'roster'>
  readonly policy: () => Policy
}

/**
 * What to say to somebody who is surely no operator. Whoever may be one is let through to where it is decided; a list
 * that is a minute old must keep nobody from stopping access. Nobody is named: this may be a guest or somebody from
 * another organisation.
 */
export async function refuseStop(
  { directory, policy }: OperatorParts,
  person: Person,
): Promise<Refusal | null> {
  const { operators } = policy()
  if (operators.users.includes(person.userId)) return null
  const groups = await Promise.all(operators.groups.map((id) => directory.roster(id)))
  const maybe = groups.some((users) => users === null || users.includes(person.userId))
  return maybe ? null : { code: 'operators only' }
}
