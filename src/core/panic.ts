import type { Person } from './person.ts'
import { samePerson } from './person.ts'
import type { Ask } from './request.ts'

/** What an operator stops. Ids are in lower case, as the inventory has them. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'subscription'; readonly id: string; readonly name: string }
  | { readonly kind: 'vm'; readonly id: string; readonly name: string }
  | { readonly kind: 'person'; readonly person: Person }

/** All access in the scope is closed, and none is given, until it is lifted. */
export interface Panic {
  readonly id: string
  readonly scope: Scope
  readonly reason: string
  readonly by: Person
  readonly at: number
}

export function isInScope(scope: Scope, { vm, requester }: Pick<Ask, 'vm' | 'requester'>): boolean {
  switch (scope.kind) {
    case 'all':
      return true
    case 'subscription':
      return vm.subscriptionId.toLowerCase() === scope.id
    case 'vm':
      return vm.id === scope.id
    case 'person':
      return samePerson(requester, scope.person)
    default:
      return scope satisfies never
  }
}

/** The panic that stands in the way of a request; null when none does. */
export const panicOver = (panics: readonly Panic[], ask: Pick<Ask, 'vm' | 'requester'>): Panic | null =>
  panics.find(({ scope }) => isInScope(scope, ask)) ?? null
