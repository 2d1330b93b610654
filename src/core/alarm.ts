import type { Removal } from './protection.ts'

/** What operators are told although it belongs to no request. Facts only; `key` keeps one thing from being told twice. */
export type Alarm =
  /** A rule has a name of our shape, but not our description. It is never touched. */
  | { readonly type: 'not ours'; readonly nsgId: string; readonly name: string }
  /** A rule of ours of which the database knows nothing. It is removed. */
  | { readonly type: 'unknown rule'; readonly nsgId: string; readonly name: string }
  /** A rule of ours that no grant wants, and that was not removed for more than a minute; `why` is what the last try met. */
  | {
      readonly type: 'stuck rule'
      readonly nsgId: string
      readonly name: string
      readonly why: string | null
    }
  /** Defender for Cloud had not removed a rule in time, so it is removed for it. */
  | {
      readonly type: 'defender late'
      readonly requestId: string
      readonly vm: string
      readonly nsgId: string
      readonly name: string
      readonly expiresAt: number
    }
  /** A rule of Defender's that may be of this request or of somebody else's: it is left alone. */
  | {
      readonly type: 'defender doubtful'
      readonly requestId: string
      readonly vm: string
      readonly source: string
      readonly nsgId: string
      readonly name: string
    }
  /** A group was written to cut open sessions, and does not look afterwards as it did before. */
  | { readonly type: 'group changed'; readonly nsgId: string; readonly changes: readonly string[] }
  /** A rule of ours that keeps a VM shut, or what a policy of Defender for Cloud says of it, is not as it was written. */
  | {
      readonly type: 'protection lost'
      readonly vm: string
      readonly protectionId: string
      /** The security group, or the policy of Defender for Cloud, by its id. */
      readonly place: string
      readonly name: string
      /** Null when it is gone. */
      readonly changes: string | null
    }
  /** What a protection wrote was not removed for more than a minute. */
  | {
      readonly type: 'protection stuck'
      readonly vm: string
      readonly place: string
      readonly name: string
      readonly why: string
    }
  /** A just-in-time policy was written for one VM, and something else in it looks different now. */
  | { readonly type: 'policy changed'; readonly policyId: string; readonly changes: readonly string[] }
  /** An operator wants a rule of somebody else's removed, which another one has to agree to. */
  | {
      readonly type: 'removal'
      readonly vm: string
      readonly protectionId: string
      readonly removal: Removal
    }
  /** The policy file was changed and has mistakes; the policy before it stays in force. */
  | { readonly type: 'bad policy'; readonly problems: readonly string[]; readonly more: number }
  /** A tenant that the identity should be let into could not be read. */
  | { readonly type: 'tenant'; readonly tenantId: string; readonly why: string }
  /** Clocks disagree, so nothing new is opened. */
  | { readonly type: 'clocks'; readonly detail: string }

export interface RaisedAlarm {
  readonly key: string
  readonly alarm: Alarm
}
