import type { Context } from './context.ts'
import type { FoundRule } from './defender.ts'
import type { FlushAnswer } from './flush.ts'
import type { Rule } from './grant.ts'
import type { Less } from './less.ts'
import type { Difference } from './live-rule.ts'
import type { Panic } from './panic.ts'
import type { Member, Person } from './person.ts'
import type { Approvers, Terms, Verdict } from './policy.ts'
import type { Proof, Proved } from './proof.ts'
import type { Ask } from './request.ts'
import type { Source } from './source.ts'
import type { Endpoint } from './vm.ts'

/** What an answer to a request is judged by at one moment. */
export interface Standing {
  /** The policy's answer for the same request at this moment. */
  readonly policy: Verdict
  /** The terms that the request is pending under, with their approvers looked up at this moment. */
  readonly asked?: Terms
  /** The requester as the directory knows them at this moment. */
  readonly requester: Member
  /** Those who said yes before, in order, as the directory knows them at this moment. */
  readonly earlier: readonly Member[]
}

/**
 * Everything that can happen to a case. What had to be read from outside (the directory, the policy, Azure)
 * comes with the event, so that deciding needs nothing else.
 */
export type Event =
  | {
      readonly type: 'submit'
      readonly ask: Ask
      readonly verdict: Verdict
      readonly grantId: string
      /** The requester’s Entra object id, where it is known. */
      readonly requesterEntraId?: string | null
    }
  | ({
      readonly type: 'review'
      readonly by: Member
      readonly verdict: 'approve' | 'deny'
      readonly grantId: string
      /** The approver's own, narrower, answer; the policy was asked about it. */
      readonly less?: Less
      /** How often the address had changed that the approver saw. */
      readonly seen?: number
    } & Standing)
  | {
      readonly type: 'comment'
      readonly by: Member
      readonly text: string
      /** Whether it was written in the thread itself, where everybody has read it already. */
      readonly inThread: boolean
      /** Whom the rule of the request names at this moment, where that had to be read. */
      readonly termsNow?: Terms
    }
  /** More is known about what approvers should know; `partial` when the rest is on its way. */
  | {
      readonly type: 'context'
      readonly context: Context
      readonly partial: boolean
      /** How often the address had changed of which this was learnt. */
      readonly seen?: number
    }
  /** Somebody closed, before its end, the access that this follows. */
  | { readonly type: 'predecessor closed'; readonly by: Person }
  /** The requester wants to stay longer, and a request for that follows. */
  | { readonly type: 'extend'; readonly by: Member; readonly requestId: string; readonly extraMs: number }
  /** The requester comes from somewhere else now: the request gets that address, judged by the policy of this moment. */
  | {
      readonly type: 'address changed'
      readonly by: Member
      readonly change: Pick<Ask, 'source' | 'hops' | 'connectTo' | 'guard' | 'preFlight'>
      readonly verdict: Verdict
    }
  /** The same for open access: a request from the new address follows. */
  | {
      readonly type: 'address moves'
      readonly by: Member
      readonly requestId: string
      readonly source: Source
      /** The last one that was to take its place, which is over; null when there was none. */
      readonly last: string | null
    }
  /** Access from the new address is open, by this request; `instead` while it waits, because its person wants that one in its place. */
  | {
      readonly type: 'address moved'
      readonly to: string
      readonly source: Source
      readonly instead?: { readonly by: Member }
    }
  | { readonly type: 'cancel'; readonly by: Member }
  | { readonly type: 'deadline' }
  /** Absent where it could not be read. */
  | { readonly type: 'reminder' | 'escalation'; readonly standing?: Standing }
  /** Nobody has looked at an emergency for a day; whom the policy names at this moment to do so. */
  | { readonly type: 'unsigned'; readonly terms?: Terms }
  | {
      readonly type: 'sign'
      readonly by: Member
      readonly justified: boolean
      /** The terms of the request, with those who may sign by the policy of this moment. */
      readonly terms?: Terms
      readonly operators: Approvers
      /** The requester’s Entra object id, where it is known. */
      readonly requesterEntraId: string | null
      /** Nobody could say which Entra user the requester is. */
      readonly requesterUnread?: boolean
    }
  | {
      readonly type: 'start'
      /** The policy's answer for the same request at this moment. */
      readonly policy: Verdict
      readonly requester: Member
      /** Those who have said yes, as the directory knows them now. */
      readonly earlier: readonly Member[]
    }
  /** The start has come, and an outside system did not say what has to be known for it. */
  | { readonly type: 'start waits'; readonly silent: 'Slack' | 'Entra' | 'Azure' }
  /** With the policy of Defender for Cloud that is to open them, where one is. */
  | {
      readonly type: 'rules planned'
      readonly rules: readonly Rule[]
      readonly endpoints?: readonly Endpoint[]
      readonly defender?: string
    }
  /** The request to Defender for Cloud is about to leave, or was taken. */
  | { readonly type: 'defender asking' | 'defender asked' }
  /** Azure shows the rules that Defender wrote in one group. */
  | { readonly type: 'defender opened'; readonly nsgId: string; readonly found: readonly FoundRule[] }
  /** Defender has not opened for a while, or has not closed in time. */
  | { readonly type: 'defender waits' | 'defender late' }
  /** While it closes, Azure shows rules that Defender wrote for it and that were not on record. */
  | { readonly type: 'defender seen'; readonly nsgId: string; readonly found: readonly FoundRule[] }
  /** Rules of Defender's that were on record were removed, and more may be left. */
  | { readonly type: 'defender removed' }
  /** A rule stands that may be of this request or of somebody else's. */
  | { readonly type: 'defender doubtful'; readonly nsgId: string; readonly name: string }
  /** Defender says that it does not open this any more, or that it has closed it. */
  | { readonly type: 'defender revoked'; readonly why: 'expired' | 'newer request' | 'asked to' }
  /** `unasked` where Defender for Cloud surely did not take the request. */
  | { readonly type: 'could not open'; readonly detail: string; readonly unasked?: true }
  | { readonly type: 'rule repriced'; readonly nsgId: string; readonly priority: number }
  | { readonly type: 'rule present'; readonly nsgId: string }
  /** With who took it away, where Defender for Cloud had written it and that is known. */
  | { readonly type: 'rule absent'; readonly nsgId: string; readonly by?: 'defender' | 'jitney' }
  /** Azure was read twice and a rule of an open grant is not there. */
  | { readonly type: 'rule missing'; readonly nsgId: string }
  /** Defender has opened, and not in this group: there we do. */
  | { readonly type: 'rule of our own'; readonly rule: Rule }
  | { readonly type: 'rule moved'; readonly nsgId: string; readonly priority: number }
  | { readonly type: 'rule changed'; readonly nsgId: string; readonly differences: readonly Difference[] }
  /** Azure was asked for the VM itself, and no longer has it. */
  | { readonly type: 'vm gone' }
  /** A rule of a closed grant stands in Azure again. */
  | { readonly type: 'rule came back'; readonly nsgId: string; readonly name: string }
  /** Azure was asked whether traffic passes, for the state that the grant was in. */
  | { readonly type: 'flow proved'; readonly of: Proved; readonly proof: Proof }
  /** Azure was asked to judge the open connections of a group anew. */
  | { readonly type: 'flushed'; readonly nsgId: string; readonly answer: FlushAnswer }
  | { readonly type: 'warning' }
  | { readonly type: 'stuck' }
  | { readonly type: 'expiry' }
  | { readonly type: 'panic'; readonly panic: Panic }
  | {
      readonly type: 'close'
      readonly by: Member
      readonly operators?: Approvers
      /** Whom the rule of the request names at this moment, where that had to be read. */
      readonly termsNow?: Terms
    }
