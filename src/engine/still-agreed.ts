import { type Panic, panicOver } from '../core/panic.ts'
import type { Person } from '../core/person.ts'
import type { Policy } from '../core/policy.ts'
import type { Vm } from '../core/vm.ts'
import type { WriteParts } from './write-parts.ts'

const stopped = (panics: readonly Panic[], vm: Vm, people: readonly Person[]): boolean =>
  people.some((requester) => panicOver(panics, { vm, requester }, null) !== null)

/** Who is in a group is asked at the yes; whom the policy names itself, it may not name any more by now. */
const areNamed = ({ operators: { users, groups } }: Policy, people: readonly Person[]): boolean =>
  groups.length > 0 || people.every(({ userId }) => users.includes(userId))

/** Why what two operators agreed about is not done any more: whole sentences. Null when nothing is against it. */
export async function notAgreedNow(
  { store, policy }: Pick<WriteParts, 'store' | 'policy'>,
  vm: Vm | undefined,
  people: readonly (Person | undefined)[],
): Promise<string | null> {
  const known = people.filter((person) => person !== undefined)
  if (!vm) return null
  if (stopped(await store.transact((tx) => tx.panics()), vm, known))
    return `Access to ${vm.name}, or of somebody who wanted this, was stopped since, so it was not done. Once the stop is lifted, an operator can ask anew.`
  return areNamed(policy(), known)
    ? null
    : 'The policy does not name both of those who wanted this as operators any more, so it was not done.'
}
