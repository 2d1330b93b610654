import { sameHuman } from './approval.ts'
import type { Member, Person } from './person.ts'
import type { Wording } from './refusal.ts'
import type { Ask } from './request.ts'

/** What an operator stops. Ids are in lower case, as the inventory has them. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'subscription'; readonly id: string; readonly name: string }
  | { readonly kind: 'vm'; readonly id: string; readonly name: string }
  /** With the Entra user where it was known who that is: then every account of theirs is meant. */
  | { readonly kind: 'person'; readonly person: Person; readonly entraId?: string }

/** That a stop holds no longer, and whose word that was. */
export interface Lift {
  readonly by: Person
  readonly at: number
  readonly reason: string
}

/** All access in the scope is closed, and none is given, until it is lifted. */
export interface Panic {
  readonly id: string
  readonly scope: Scope
  readonly reason: string
  readonly by: Person
  readonly at: number
  /** Absent while it holds, and where nobody noted it. */
  readonly lifted?: Lift
}

/** What the audit trail says of a scope. */
export const scopeJson = (scope: Scope): Record<string, string> => ({
  kind: scope.kind,
  ...(scope.kind === 'person' && { person: scope.person.userId }),
  ...(scope.kind === 'person' && scope.entraId !== undefined && { entra: scope.entraId }),
  ...('id' in scope && { id: scope.id, name: scope.name }),
})

/** A person’s id, or what the VM or the subscription is called. */
export const scopeName = (scope: Scope): string => {
  if (scope.kind === 'all') return ''
  return scope.kind === 'person' ? scope.person.userId : scope.name
}

/** What is stopped, in words. */
export function stoppedText(
  kind: Scope['kind'],
  name: string,
  { user, words }: Pick<Wording, 'user' | 'words'>,
): string {
  switch (kind) {
    case 'all':
      return 'all access'
    case 'person':
      return `all access of ${user(name)}`
    case 'vm':
    case 'subscription':
      return `all access to ${kind === 'vm' ? 'the VM' : 'VMs of the subscription'} ${words(name, 80)}`
    default:
      return kind satisfies never
  }
}

type PersonScope = Extract<Scope, { kind: 'person' }>

const isStopped = ({ person, entraId }: PersonScope, who: Pick<Member, 'person' | 'entraId'>) =>
  sameHuman({ person, entraId: entraId ?? null }, who)

/** What is asked for, and the Entra user of whoever asks, where that is known. */
export function isInScope(
  scope: Scope,
  { vm, requester }: Pick<Ask, 'vm' | 'requester'>,
  entraId: string | null,
): boolean {
  switch (scope.kind) {
    case 'all':
      return true
    case 'subscription':
      return vm.subscriptionId.toLowerCase() === scope.id
    case 'vm':
      return vm.id === scope.id
    case 'person':
      return isStopped(scope, { person: requester, entraId })
    default:
      return scope satisfies never
  }
}

/** The panic that stands in the way of a request; null when none does. */
export const panicOver = (
  panics: readonly Panic[],
  ask: Pick<Ask, 'vm' | 'requester'>,
  entraId: string | null,
): Panic | null => panics.find(({ scope }) => isInScope(scope, ask, entraId)) ?? null

/** The panic that stops this very person, whose account may be in other hands; null when none does. */
export const panicOn = (panics: readonly Panic[], who: Pick<Member, 'person' | 'entraId'>): Panic | null =>
  panics.find(({ scope }) => scope.kind === 'person' && isStopped(scope, who)) ?? null
