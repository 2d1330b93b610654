import type { Rule } from './grant.ts'
import type { Difference } from './live-rule.ts'
import type { Member } from './person.ts'
import type { Terms, Verdict } from './policy.ts'
import type { Ask } from './request.ts'

/**
 * Everything that can happen to a case. What had to be read from outside (the directory, the policy, Azure)
 * comes with the event, so that deciding needs nothing else.
 */
export type Event =
  | { readonly type: 'submit'; readonly ask: Ask; readonly verdict: Verdict; readonly grantId: string }
  | {
      readonly type: 'review'
      readonly by: Member
      readonly verdict: 'approve' | 'deny'
      /** The policy's answer for the same request at this moment. */
      readonly policy: Verdict
      /** The terms that the request is pending under, with their approvers looked up at this moment. */
      readonly asked?: Terms
      /** The requester as the directory knows them at this moment. */
      readonly requester: Member
      /** Those who said yes before, in order, as the directory knows them at this moment. */
      readonly earlier: readonly Member[]
      readonly grantId: string
    }
  | { readonly type: 'cancel'; readonly by: Member }
  | { readonly type: 'deadline' }
  | { readonly type: 'rules planned'; readonly rules: readonly Rule[] }
  | { readonly type: 'could not open'; readonly detail: string }
  | { readonly type: 'rule repriced'; readonly nsgId: string; readonly priority: number }
  | { readonly type: 'rule present'; readonly nsgId: string }
  | { readonly type: 'rule absent'; readonly nsgId: string }
  /** Azure was read twice and a rule of an open grant is not there. */
  | { readonly type: 'rule missing'; readonly nsgId: string }
  | { readonly type: 'rule changed'; readonly nsgId: string; readonly differences: readonly Difference[] }
  /** Azure was asked for the VM itself, and no longer has it. */
  | { readonly type: 'vm gone' }
  /** A rule of a closed grant stands in Azure again. */
  | { readonly type: 'rule came back'; readonly nsgId: string; readonly name: string }
  | { readonly type: 'warning' }
  | { readonly type: 'stuck' }
  | { readonly type: 'expiry' }
  | { readonly type: 'close'; readonly by: Member }
