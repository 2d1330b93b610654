import type { Outcome } from '../core/outcome.ts'
import type { Policy } from '../core/policy.ts'
import { refusalText, type Wording } from '../core/refusal.ts'
import type {
  Chat,
  Claim,
  Clock,
  Defender,
  Directory,
  Firewall,
  Inventory,
  JitPolicies,
  OnCall,
  Store,
  Surroundings,
  Topology,
  Tx,
} from '../ports.ts'
import type { Dispatched, Dispatcher } from './dispatch.ts'
import { done, type Finish, messageOf } from './handler.ts'
import type { AddressPages } from './keep-ask.ts'
import type { Log } from './log.ts'
import type { KnowRoles } from './requester-roles.ts'

export interface IntakeParts {
  readonly store: Store
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly directory: Directory
  /** Null when no on-call service is configured. */
  readonly onCall: OnCall | null
  readonly inventory: Inventory
  readonly topology: Topology
  readonly firewall: Firewall
  readonly surroundings?: Surroundings | null
  readonly defender?: Defender | null
  /** Null or absent: Defender for Cloud protects no VM. */
  readonly jitPolicies?: JitPolicies | null
  readonly knowRoles: KnowRoles
  readonly chat: Chat
  /** Null or absent: nobody can confirm an address in the browser. */
  readonly addressPages?: AddressPages | null
  /** Where a gesture did not come from Slack: what is answered goes there, and is kept. */
  readonly reply?: (text: string) => Promise<void>
  /** The same together with the end of the gesture, so that nobody is left without an answer in between. */
  readonly replyWith?: (tx: Tx, text: string) => Promise<void>
  readonly policy: () => Policy
  /** Another id each time, or always the same one for the same text. */
  readonly newId: (from?: string) => string
  readonly clockTrouble: () => string | null
  readonly wording: Wording
  readonly log: Log
}

/** Ends a gesture that changed nothing: only its key stays, and the person is told. */
export async function endWith(
  parts: IntakeParts,
  claim: Claim,
  url: string | null,
  text: string,
): Promise<Finish> {
  await answer(parts, url, text)
  await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
  return done
}

/** A private answer that is lost is no harm to anything: what holds is in the messages and in the database. */
export async function answer(parts: IntakeParts, url: string | null, text: string): Promise<void> {
  if (parts.reply) return parts.reply(text)
  if (url === null) return
  try {
    await parts.chat.answer(url, text)
  } catch (error) {
    parts.log.warn({ error: messageOf(error) }, 'a private answer could not be given')
  }
}

/** The question is not asked any more, whoever looks at it; a question that stays there is answered by its buttons. */
export async function settle(parts: IntakeParts, url: string | null, text: string): Promise<void> {
  if (url === null) return
  try {
    await parts.chat.settle(url, text)
  } catch (error) {
    parts.log.warn({ error: messageOf(error) }, 'a question could not be taken back')
  }
}

/** Puts on record what the core said no to, where that is kept. */
export async function keepRefusal(parts: IntakeParts, tx: Tx, outcome: Outcome): Promise<void> {
  if (!outcome.ok) await parts.replyWith?.(tx, refusalText(outcome.refusal, parts.wording))
}

/** Tells the person when the core said no; a job that somebody else took over says nothing here. */
export async function endDispatched(
  parts: IntakeParts,
  url: string | null,
  outcome: Dispatched,
): Promise<Outcome | null> {
  if (outcome === 'lost') return null
  if (!outcome.ok) await answer(parts, url, refusalText(outcome.refusal, parts.wording))
  return outcome
}
