import type { Person } from './person.ts'
import type { Source } from './source.ts'

/** So long a link leads somewhere, and so long an ask waits for its address. */
export const linkLifeMs = 10 * 60_000

/** An ask that waits until its person has confirmed the address, or a request whose address is to change. */
export interface AddressLink {
  readonly id: string
  readonly person: Person
  readonly askedAt: number
  /** Epoch milliseconds; from then on the link leads nowhere and what waited for it lapses. */
  readonly expiresAt: number
  /** What was typed after `/jit`, to be gone through again as it was; null where only the address was wanted. */
  readonly ask: string | null
  /** The request whose address is to become another one. */
  readonly requestId: string | null
  /** For the page, in plain words: the service, the VM and the length of time; null for `/jit ip`. */
  readonly about: {
    readonly label: string
    readonly vm: string
    readonly howLong: string
    /** The glass is broken: no yes of anybody else is waited for. */
    readonly emergency?: true
  } | null
  /** Whether the VM can only be reached by IPv4. Null when that is not known. */
  readonly family: Source['family'] | null
  readonly state: 'waiting' | 'confirmed' | 'lapsed' | 'replaced'
}
