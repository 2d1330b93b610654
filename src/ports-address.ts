import type { AddressLink } from './core/address-link.ts'
import type { Person } from './core/person.ts'

/** What the address page asks of the rest; the token itself is never kept, only its SHA-256. */
export interface AddressLinks {
  /** The link while it waits; null for one that is unknown, used, expired or replaced, without saying which. */
  find(tokenHash: string): Promise<AddressLink | null>
  /** Why an address may not be let in, in a plain sentence for its person; null when it may. */
  refusal(address: string): string | null
  /** Whether others come from the same address, as far as the policy knows. */
  isShared(address: string): boolean
  /**
   * Binds the address of the POST, once, by compare and set. Null: it is bound, and what waited goes on. A sentence: it
   * may not be let in, and the link waits on. `gone`: the link does not wait any more.
   */
  confirm(
    tokenHash: string,
    person: Pick<Person, 'userId' | 'teamId'>,
    address: string,
  ): Promise<null | 'gone' | { readonly why: string }>
  /** Somebody else signed in behind this link: nothing happens but that its person is told, once for each of them. */
  openedByOther(tokenHash: string, by: Pick<Person, 'userId' | 'teamId'>): Promise<void>
}

/** What Slack calls people. */
export interface Names {
  /** At most a minute old; null when Slack shows none. Throws when Slack does not answer. */
  name(person: Person): Promise<string | null>
}
