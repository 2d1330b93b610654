import type { LiveRule } from './live-rule.ts'
import type { Band, ExistingRule } from './priority.ts'
import type { Surrounds } from './security-groups.ts'
import type { Port } from './service.ts'
import type { Hop, Vm } from './vm.ts'

/** Something that was asked of Azure, or why it is not known. */
export type Known<T> =
  | { readonly known: true; readonly value: T }
  | { readonly known: false; readonly why: string }

export interface Lock {
  readonly name: string
  readonly level: 'CanNotDelete' | 'ReadOnly'
  /** The id of what it was put on: the security group, its resource group or its subscription. */
  readonly scope: string
}

/** A rule of Azure’s network manager, which is asked before any security group. */
export type AdminRule = Omit<ExistingRule, 'access'> & {
  readonly access: 'Allow' | 'Deny' | 'AlwaysAllow'
}

/** One security group on the way, and what there is to know of it. */
export interface GroupFacts {
  readonly hop: Hop
  readonly rules: Known<readonly LiveRule[]>
  /** Priorities that are promised but not written yet. */
  readonly taken: ReadonlySet<number>
  readonly locks: Known<readonly Lock[]>
  /** Assignments of Azure Policy that say no to a rule such as ours. */
  readonly denials: Known<readonly string[]>
}

/** Everything that was gathered around the way to a VM. */
export interface Around {
  readonly groups: readonly GroupFacts[]
  /** `running`, `deallocated` …; null when Azure does not say. */
  readonly power: Known<string | null>
  readonly virtualNetwork: Known<readonly string[]>
  readonly adminRules: Known<readonly AdminRule[]>
  readonly members: Surrounds['members']
}

/** What is asked for, as far as Azure is concerned. */
export interface Flight {
  readonly vm: Vm
  readonly source: string
  readonly ports: readonly Port[]
  readonly connectTo: string | null
  /** Access is to begin later, so what is so now may be otherwise by then. */
  readonly later: boolean
  readonly band: Band
  /** Defender for Cloud writes the rules, where and as it likes, and not we. */
  readonly byDefender?: boolean
  readonly at: number
}
