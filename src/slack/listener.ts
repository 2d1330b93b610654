import type { Case } from '../core/case.ts'

import type { AskCommand } from '../core/command.ts'

import type { JitPolicy } from '../core/inventory.ts'
import type { Panic, Scope } from '../core/panic.ts'
import type { Person } from '../core/person.ts'
import type { Protection } from '../core/protection.ts'
import type { Service } from '../core/service.ts'
import type { Vm } from '../core/vm.ts'
import type { Intake } from '../ports.ts'
import type { Log } from './log.ts'

/** What goes by a name that somebody wants to protect, or not any more. */
type Protectable =
  | {
      readonly kind: 'vm'
      readonly vm: Vm
      /** What the inventory knows of its just-in-time policy. */
      readonly jit: JitPolicy | null
      readonly protection: Protection | null
      /** Accesses that are open there. */
      readonly grants: number
    }
  /** Slack text. */
  | { readonly kind: 'no'; readonly why: string }

/** What every listener is handed. */
export interface Hands {
  /** Stores a gesture in one short database transaction; false when it was stored before. */
  readonly receive: (intake: Intake) => Promise<boolean>
  /** The request as it stands, with its grant. */
  readonly read: (requestId: string) => Promise<Case | null>
  /** The address that an ask of this person without one would take. */
  readonly remembered: (person: Person) => Promise<string | null>
  /** Whether there is a page to confirm an address on. */
  readonly addressPage?: boolean
  readonly services: () => readonly Service[]
  /** Says at once, in plain text, why an ask makes no sense; null lets it through. It must not wait for anything. */
  readonly refuseAsk?: (ask: AskCommand) => string | null
  /**
   * Says who may stop and lift to somebody who surely may not; null lets them try. May take long, so that nothing
   * that has to be acknowledged waits for all of it.
   */
  readonly refuseStop?: (person: Person) => Promise<string | null>
  /** Says at once, as Slack text, that nothing goes by the name of what is to be stopped; null lets it through. */
  readonly refuseScope?: (scope: { readonly kind: Scope['kind']; readonly name: string }) => string | null
  /** What goes by this name, with its protection; it reads the database alone. */
  readonly protectable?: (name: string) => Promise<Protectable>
  /** What is stopped now. */
  readonly stops: () => Promise<readonly Panic[]>
  /** Shows a text to one person only. */
  readonly answer: (responseUrl: string, text: string) => Promise<void>
  readonly now: () => number
  readonly log: Log
}

/** Kept true for a database whose answer was lost too: then the gesture may have been stored after all. */
export const notStored = {
  ask: 'Something is wrong on our side and your request was probably not stored. Please wait a minute; if no message about it comes, ask again.',
  form: 'Something is wrong on our side and this was probably not stored. Please send it again.',
  click:
    'Something is wrong on our side and your click probably changed nothing. Please click again; a second click does no harm.',
}
