import type { ConversionGesture } from './core/conversion.ts'
import type { AddressGesture } from './core/kept-link.ts'
import type { Person } from './core/person.ts'
import type { ProtectionGesture } from './core/protection.ts'
import type { Place } from './ports.ts'

/** Something a person did, stored before it is acknowledged. */
export interface Intake {
  /** Slack's trigger id: one per gesture. */
  readonly key: string
  readonly receivedAt: number
  readonly gesture: Gesture
}

export type Gesture =
  | { readonly kind: 'ask'; readonly person: Person; readonly text: string; readonly responseUrl: string }
  | {
      readonly kind: 'click'
      readonly person: Person
      readonly action: 'approve' | 'deny' | 'cancel' | 'close' | 'sign' | 'unjustified' | 'why'
      readonly requestId: string
      readonly responseUrl: string | null
      /** How often the address had changed that the card showed; absent when it never had. */
      readonly seen?: number
      /** Set when the approver left only a part of it. */
      readonly less?: {
        readonly duration: string
        readonly ports: readonly string[]
        readonly source?: string
      }
    }
  | {
      readonly kind: 'panic'
      readonly person: Person
      readonly text: string
      /** The stops that the form showed, when it was about lifting them. */
      readonly lifts?: readonly string[]
    }
  | ProtectionGesture
  | ConversionGesture
  | AddressGesture
  /** Somebody looks at the app's Home, or asks how access that stands open would be turned into access on request. */
  | { readonly kind: 'home'; readonly person: Person }
  | {
      readonly kind: 'convert'
      readonly person: Person
      readonly vmId: string
      /** Null where the button stands in the Home: then the answer is a message. */
      readonly responseUrl: string | null
    }
  | {
      readonly kind: 'comment'
      readonly person: Person
      /** Which request: by its id, or by the message whose thread it was written in. */
      readonly about: string | Place
      readonly text: string
    }
