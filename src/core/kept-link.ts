import type { AddressLink } from './address-link.ts'
import type { Person } from './person.ts'

/** A link as it is on record. The token is not: only its hash is, and only in the database. */
export interface KeptLink extends AddressLink {
  /** Where the private message with it stands; null until Slack has said so. */
  readonly place: { readonly channel: string; readonly ts: string } | null
  readonly confirmed: { readonly address: string; readonly at: number } | null
  /** What became of what waited for it, as Slack text; null until that is known. */
  readonly outcome: string | null
  /** Who else signed in behind it, and whether its person was told. */
  readonly others: readonly Other[]
}

export interface Other {
  readonly userId: string
  readonly teamId: string
  readonly told: boolean
}

/** What a person did about their address, stored before it is acknowledged. */
export type AddressGesture =
  /** The POST of the page bound this address; what waited for it goes on. */
  | {
      readonly kind: 'address confirmed'
      readonly person: Person
      readonly linkId: string
      readonly address: string
      readonly at: number
    }
  /** They want a link: to confirm the address anew, or to give a request another one. */
  | {
      readonly kind: 'confirm address'
      readonly person: Person
      readonly requestId: string | null
      readonly responseUrl: string | null
    }
  | { readonly kind: 'forget address'; readonly person: Person; readonly responseUrl: string | null }

/** An address that somebody gave, and until when an ask without one takes it. */
export interface KnownAddress {
  readonly address: string
  readonly learnt: 'typed' | 'confirmed'
  readonly at: number
  /** Null when it is not taken without being given anew. */
  readonly usedUntil: number | null
  /** The policy does not let it in any more. */
  readonly refused?: true
}

/** Where the policy has no time for which a confirmed address is taken again. */
export const nothingAhead =
  'The policy wants an address confirmed for each request, so there is nothing to confirm ahead.'

/** What `/jit ip` shows. */
export interface AddressView {
  readonly addresses: readonly KnownAddress[]
  /** Whether the page is there to confirm one. */
  readonly page: boolean
  /** Whether an address that is confirmed now is taken for what is asked for later. */
  readonly confirmAhead?: boolean
  /** Which ways there are to say where one comes from, in sentences. */
  readonly ways: string
}

/** More links than these nobody has a use for at once. */
export const mostWaiting = 5

/** Links are for the same thing when what was typed is the same, or the request is. */
export const thingOf = ({ ask, requestId }: Pick<AddressLink, 'ask' | 'requestId'>): string =>
  requestId === null
    ? `ask ${(ask ?? '').trim().replaceAll(/\s+/g, ' ').toLowerCase()}`
    : `request ${requestId}`
