import type { Person } from './person.ts'
import type { Source } from './source.ts'

/** So long a link leads somewhere, and so long an ask waits for its address. */
export const linkLifeMs = 10 * 60_000

/** What a link is for, in plain words. */
export interface LinkAbout {
  readonly label: string
  readonly vm: string
  /** How long, behind a “for”, and from when where that is later: `30 min from 23:30`. */
  readonly howLong: string
  /** The end that open access keeps, in epoch milliseconds, where the link gives it another address. */
  readonly until?: number
  /** The glass is broken: once the address is confirmed, access opens without anybody’s yes. */
  readonly emergency?: true
}

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
  /** Null for `/jit ip`. */
  readonly about: LinkAbout | null
  /** Whether the VM can only be reached by IPv4. Null when that is not known. */
  readonly family: Source['family'] | null
  readonly state: 'waiting' | 'confirmed' | 'lapsed' | 'replaced'
}
