import type { AddressLink } from '../core/address-link.ts'
import type { Family } from '../core/source.ts'
import type { AddressLinks } from '../ports.ts'

/** What can be said of the address that somebody comes from, for the link that they hold. */
export type Seen =
  | { readonly kind: 'hidden' }
  | { readonly kind: 'other family'; readonly address: string; readonly needs: Family }
  | { readonly kind: 'refused'; readonly address: string; readonly why: string }
  | { readonly kind: 'fit'; readonly address: string; readonly shared: boolean }

export const familyOf = (address: string): Family => (address.includes(':') ? 'IPv6' : 'IPv4')

export function lookAt(
  address: string | null,
  link: AddressLink,
  links: Pick<AddressLinks, 'refusal' | 'isShared'>,
): Seen {
  if (address === null) return { kind: 'hidden' }
  if (link.family !== null && link.family !== familyOf(address))
    return { kind: 'other family', address, needs: link.family }
  const why = links.refusal(address)
  return why === null
    ? { kind: 'fit', address, shared: links.isShared(address) }
    : { kind: 'refused', address, why }
}
