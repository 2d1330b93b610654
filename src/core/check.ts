import { folded } from './glob.ts'
import type { Subject } from './policy.ts'

/**
 * How much of what is asked for a check covers. What is not known is `some`: it fits no rule that grants, and every
 * rule that refuses.
 */
export type Fit = 'none' | 'some' | 'all'

/** One thing that a rule asks, made ready to be asked often. */
export interface Check {
  /** What is looked at, such as “its tag env”. */
  readonly what: string
  readonly fit: (facts: Facts) => Fit
  readonly because: (facts: Facts, fit: Fit) => string
}

/** A subject with what every rule looks at prepared once. */
export interface Facts {
  readonly subject: Subject
  readonly vmName: string
  readonly resourceGroup: string
  readonly subscriptionName: string
  readonly subscriptionId: string
  readonly tenant: string | null
  readonly region: string
  /** By the folded name: the value as it stands and folded. */
  readonly tags: ReadonlyMap<string, { readonly shown: string; readonly folded: string }>
}

export function factsOf(subject: Subject): Facts {
  const { vm } = subject
  const tags = new Map<string, { shown: string; folded: string }>()
  for (const [name, shown] of Object.entries(vm.tags)) {
    tags.set(folded(name), { shown, folded: folded(shown) })
  }
  return {
    subject,
    vmName: folded(vm.name),
    resourceGroup: folded(vm.resourceGroup),
    subscriptionName: folded(vm.subscriptionName),
    subscriptionId: folded(vm.subscriptionId),
    tenant: vm.tenantId === undefined ? null : folded(vm.tenantId),
    region: folded(vm.location),
    tags,
  }
}

export const among = (value: string, fit: Fit, allowed: readonly string[]): string =>
  `${value || 'nothing'} ${fit === 'all' ? 'is among' : 'is not among'} ${allowed.join(', ')}`

export const unknown = (what: string): string => `${what} is not known`

export const allOrNone = (holds: boolean): Fit => (holds ? 'all' : 'none')
