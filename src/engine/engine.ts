import type { Outcome } from '../core/outcome.ts'
import type { Person } from '../core/person.ts'
import type { Policy } from '../core/policy.ts'
import type { Refusal, Wording } from '../core/refusal.ts'
import type {
  AddressLinks,
  AzureRoles,
  Chat,
  Clock,
  Defender,
  Directory,
  Firewall,
  Flow,
  Flusher,
  Inventory,
  JitPolicies,
  OnCall,
  Posture,
  Shield,
  Store,
  Surroundings,
  Survey,
  Topology,
} from '../ports.ts'
import { createAddressLinks } from './address-links.ts'
import { announce } from './announce.ts'
import { askDefender } from './ask-defender.ts'
import { callPeople } from './call-people.ts'
import { conversionCard, conversionNews } from './conversion-news.ts'
import { tellDigest } from './digest.ts'
import { createDispatcher, type Dispatcher } from './dispatch.ts'
import { closeMoved, endFollowing } from './end-following.ts'
import { gatherContext } from './gather-context.ts'
import { intake } from './intake.ts'
import type { AddressPages } from './keep-ask.ts'
import { lapse, linkNews } from './link-news.ts'
import type { Log } from './log.ts'
import { refuseStop } from './operators.ts'
import { createOverviews } from './overview.ts'
import { alarms, page } from './page.ts'
import { closeAll, tellPanic } from './panic.ts'
import { planRules } from './plan-rules.ts'
import { type Protectable, protectable } from './protectable.ts'
import { protectionNews } from './protection-news.ts'
import { findSubscriptions, reconcile } from './reconcile.ts'
import { knowRoles } from './requester-roles.ts'
import { start } from './start.ts'
import { talk } from './talk.ts'
import { timer } from './timers.ts'
import { conversionDeadline, removalDeadline } from './undecided.ts'
import { verifyFlow } from './verify-flow.ts'
import { createWorker, type Worker } from './worker.ts'
import { writePolicy } from './write-policy.ts'
import { writeRules } from './write-rules.ts'

export interface EngineParts {
  readonly store: Store
  readonly clock: Clock
  readonly chat: Chat
  readonly directory: Directory
  /** Null when no on-call service is configured. */
  readonly onCall: OnCall | null
  readonly inventory: Inventory
  readonly topology: Topology
  /** Null or absent: only the security groups are looked at before a request is put to anybody. */
  readonly surroundings?: Surroundings | null
  /** Absent: nothing is known of what Defender for Cloud says. */
  readonly posture?: Posture
  /** Null or absent: roles are never known. */
  readonly azureRoles?: AzureRoles | null
  readonly firewall: Firewall
  /** Null or absent: nothing is ever verified. */
  readonly flow?: Flow | null
  /** Null or absent: Defender for Cloud opens nothing. */
  readonly defender?: Defender | null
  readonly survey: Survey
  /** Absent: open sessions are never cut. */
  readonly flusher?: Flusher
  /** Null or absent: no VM is protected by rules of our own. */
  readonly shield?: Shield | null
  /** Null or absent: no VM is protected by Defender for Cloud. */
  readonly jitPolicies?: JitPolicies | null
  /** What is wrong with the clocks, in words; null when they agree. While they do not, nothing opens. */
  readonly clockTrouble: () => string | null
  readonly policy: () => Policy
  /** Another id each time, or always the same one for the same text. */
  readonly newId: (from?: string) => string
  readonly wording: Wording
  /** Null or absent: nobody can confirm an address in the browser. */
  readonly addressPages?: AddressPages | null
  readonly log: Log
  /** Told of every outcome after its commit. */
  readonly observe: (outcome: Outcome) => void
}

export interface Engine {
  readonly dispatcher: Dispatcher
  readonly worker: Worker
  /** What to say at once to somebody who is surely no operator and wants to stop or lift; null lets them try. */
  readonly refuseStop: (person: Person) => Promise<Refusal | null>
  /** What goes by a name that somebody wants to protect, or not any more. */
  readonly protectable: (name: string) => Promise<Protectable>
  /** What the address page asks; null where there is none. */
  readonly links: AddressLinks | null
}

/** Puts the handlers of all jobs behind one worker. */
export function createEngine(parts: EngineParts): Engine {
  const dispatcher = createDispatcher(parts)
  const overviews = createOverviews(parts)
  const all = {
    ...parts,
    dispatcher,
    overviews,
    knowRoles: knowRoles(parts),
    defender: parts.defender ?? null,
  }
  const pages = () => parts.policy().pages
  const worker = createWorker({
    ...all,
    handlers: {
      deadline: timer(dispatcher, 'deadline'),
      reminder: callPeople(all, 'reminder'),
      unsigned: callPeople(all, 'unsigned'),
      escalation: callPeople(all, 'escalation'),
      start: start(all),
      expiry: timer(dispatcher, 'expiry'),
      warning: timer(dispatcher, 'warning'),
      stuck: timer(dispatcher, 'stuck'),
      'plan rules': planRules(all),
      'ask defender': askDefender(all),
      'write rules': writeRules(all),
      'verify flow': verifyFlow(all),
      talk: talk(all),
      announce: announce({ ...all, channel: () => parts.policy().auditChannel }),
      intake: intake(all),
      context: gatherContext(all),
      'predecessor closed': endFollowing(all),
      panic: closeAll(all),
      'panic news': tellPanic({ ...all, pages }),
      'write policy': writePolicy(all),
      'protection news': protectionNews(all),
      'conversion card': conversionCard({ ...all, pages }),
      'conversion news': conversionNews({ ...all, pages }),
      'conversion deadline': conversionDeadline(all),
      'removal deadline': removalDeadline(all),
      page: page({ ...all, pages }),
      alarm: alarms({ ...all, pages }),
      survey: findSubscriptions(all),
      reconcile: reconcile(all),
      digest: tellDigest(all),
      'address link': linkNews(all),
      'address lapse': lapse(all),
      'address moved': closeMoved(all),
    },
  })
  return {
    dispatcher,
    worker,
    refuseStop: (person) => refuseStop(parts, person),
    protectable: (name) => protectable(parts, name),
    links: parts.addressPages ? createAddressLinks(parts) : null,
  }
}
