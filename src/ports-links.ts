import type { AddressView, KeptLink } from './core/kept-link.ts'
import type { Person } from './core/person.ts'
import type { Place } from './ports.ts'
import type { Intake } from './ports-gesture.ts'

type Who = Pick<Person, 'userId' | 'teamId'>

/** What a transaction does with links to the address page, and with the addresses that people gave. */
export interface LinkTx {
  /** Puts it on record; the older ones of its person for the same thing are replaced, and answered. */
  putLink(link: KeptLink): Promise<readonly KeptLink[]>
  /** Leaves so many links of its person waiting, this one among them; the oldest give way, with that as their outcome. */
  crowdOut(link: KeptLink, most: number, outcome: string, now: number): Promise<readonly KeptLink[]>
  /** By compare and set in one statement: it waits, is not over, and is this person’s. Null: it was not. */
  confirmLink(tokenHash: string, by: Who, address: string, now: number): Promise<KeptLink | null>
  /** Null when it does not wait any more, or not long enough yet. */
  lapseLink(id: string, now: number): Promise<KeptLink | null>
  /** Notes what became of it, once; what was typed is not kept longer. False when that was noted before. */
  settleLink(id: string, outcome: string): Promise<boolean>
  /** Notes that somebody else signed in; null when that is no news. */
  openedLink(tokenHash: string, by: Who, now: number): Promise<KeptLink | null>
  /** A gesture that something else than Slack told of; false when it is on record. */
  putIntake(intake: Intake): Promise<boolean>
  /** Answers how many there were. */
  forgetAddresses(person: Person): Promise<number>
  /** No link keeps an address of this person. Answers those whose address had not been taken up; they have this outcome. */
  forgetLinks(person: Person, outcome: string): Promise<readonly KeptLink[]>
}

export interface Links {
  one(id: string): Promise<KeptLink | null>
  /** The link with this token while it waits. */
  waiting(tokenHash: string, now: number): Promise<KeptLink | null>
  /** Gives a waiting link a token in the place of any that it had; null when it does not wait. */
  giveToken(id: string, tokenHash: string, now: number): Promise<KeptLink | null>
  /** Notes where the message with this token stands, or any; false when it has another token by now. */
  place(id: string, tokenHash: string | null, place: Place): Promise<boolean>
  told(id: string, userId: string): Promise<void>
}

/** What the message says while a link waits: where it leads, and whether there may be an older one. */
export interface Leads {
  readonly url: string
  readonly repeat: boolean
}

export interface LinkChat {
  /**
   * The private message about a link, posted or edited where it stands; without `leads` it has no button. `isOver` is
   * the request that the link is about.
   */
  addressLink(link: KeptLink, leads: Leads | null, at: Place | null, isOver?: boolean): Promise<Place>
  /** What is remembered of somebody’s address: a private answer. */
  addresses(responseUrl: string, view: AddressView): Promise<void>
}
