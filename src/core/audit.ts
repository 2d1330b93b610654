import type { Person } from './person.ts'

export type AuditType =
  | 'request.pending'
  | 'request.reviewed'
  | 'request.escalated'
  | 'request.narrowed'
  | 'request.commented'
  /** The requester comes from another address, and approvals begin anew. */
  | 'request.address'
  /** Somebody looked at access that nobody had been asked about. */
  | 'request.signed'
  | 'request.unjustified'
  | 'request.approved'
  | 'request.denied'
  | 'request.canceled'
  | 'request.lapsed'
  | 'grant.opening'
  /** Defender for Cloud was asked to open. */
  | 'grant.asked'
  | 'grant.open'
  /** A rule of ours has another priority than it was written with. */
  | 'grant.moved'
  /** A request to stay longer was made. */
  | 'grant.extending'
  /** A request from another address of the same person was made. */
  | 'grant.address'
  | 'grant.closing'
  | 'grant.stuck'
  /** Defender for Cloud had not closed in time. */
  | 'grant.late'
  | 'grant.doubtful'
  | 'grant.closed'
  /** Azure's IP flow verify agrees that it is open, or closed. */
  | 'grant.verified'
  /** It says otherwise, or nothing. */
  | 'grant.unverified'
  /** Azure was asked to cut open sessions, with its answer. */
  | 'grant.flushed'
  /** An operator stopped all access in a scope, or lifted that. */
  | 'panic.begun'
  | 'panic.lifted'
  /** A VM is to be kept shut, or not any more; a rule or an entry of that was lost or changed. */
  | 'protection.begun'
  | 'protection.holds'
  | 'protection.ending'
  | 'protection.ended'
  | 'protection.lost'
  /** A rule of somebody else's is to go, by the yes of a second operator, or stays. */
  | 'removal.proposed'
  | 'removal.agreed'
  | 'removal.kept'
  | 'removal.done'
  | 'removal.already'
  | 'removal.void'
  /** Rules of somebody else's are to change so that nothing stands open, by the yes of a second operator, or stay. */
  | 'conversion.proposed'
  | 'conversion.agreed'
  | 'conversion.kept'
  /** Nobody decided in time, or it was not about what stands there any more. */
  | 'conversion.lapsed'
  | 'conversion.changed'
  /** It was so before anything was written. */
  | 'conversion.already'
  | 'conversion.void'
  | 'conversion.ended'
  /** A link to the address page was asked for, and what became of it. */
  | 'address.asked'
  | 'address.confirmed'
  | 'address.lapsed'
  | 'address.replaced'
  /** Somebody else signed in behind it. */
  | 'address.opened'
  /** A person had what is remembered of their address forgotten. */
  | 'address.forgotten'
  /** A rule of ours was found that no grant wants. */
  | 'rule.stray'
  /** Azure was read: the stray rule is gone. */
  | 'rule.removed'
  /** Another version of the policy came into force. */
  | 'policy.loaded'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** What happened, who did it, and the facts that an auditor asks for. Exactly one per transition. */
export interface AuditEvent {
  readonly type: AuditType
  readonly at: number
  /** Null for what belongs to no request: a rule that nobody knows, the policy. */
  readonly requestId: string | null
  readonly grantId: string | null
  readonly actor: Person | 'policy' | 'jitney'
  readonly details: { readonly [key: string]: Json }
}

/** An audit event in its place in the chain. `hash` covers `previous` and the canonical text. */
export interface AuditRecord extends AuditEvent {
  readonly seq: number
  readonly previous: string
  readonly hash: string
}

/** One text for one value: keys sorted, no white space. The chain's hashes are taken over this. */
export function canonical(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(canonical).join(',')}]`
  const keys = Object.keys(value).toSorted()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(',')}}`
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

/** The text that is hashed for a record. */
export const chainText = (seq: number, previous: string, event: AuditEvent): string =>
  canonical({
    seq,
    previous,
    type: event.type,
    at: event.at,
    requestId: event.requestId,
    grantId: event.grantId,
    actor: typeof event.actor === 'string' ? event.actor : { ...event.actor },
    details: event.details,
  })
