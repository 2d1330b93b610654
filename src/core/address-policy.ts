import { nearest } from './nearest.ts'
import type { DenyRule, Policy } from './policy.ts'
import { type AddressAnswer, parseSource, type Source, widestRange } from './source.ts'
import type { Spans } from './spans.ts'

/** Addresses that an operator has listed. */
export interface AddressList {
  /** Such as “the list private-relay.csv”. */
  readonly what: string
  readonly spans: Spans
}

/** One address or narrow range that people may ask for by its name. */
export interface NamedRange {
  readonly name: string
  readonly range: string
}

/** What the policy says of the addresses that come in. */
export interface AddressPolicy {
  /** How long an address that was confirmed may be used again without the page; 0 is not at all. */
  readonly confirmedWindowMs: number
  /** Whether people may type an address. */
  readonly typed: boolean
  readonly ranges: readonly NamedRange[]
  /** What more than one person comes from, such as a company’s way out. */
  readonly shared: Spans | null
  /** What never comes in. */
  readonly never: readonly AddressList[]
}

type Says = Pick<Policy, 'address'>

/** How long a confirmed address may be used again; 0 is not at all. */
export const confirmedWindowMs = ({ address }: Says): number => address?.confirmedWindowMs ?? 0

export const mayType = ({ address }: Says): boolean => address?.typed ?? true

export const isSharedAddress = ({ address }: Says, source: string): boolean =>
  address?.shared?.touches(source) ?? false

export const namedRange = ({ address }: Says, name: string): NamedRange | null =>
  address?.ranges.find((range) => range.name === name.toLowerCase()) ?? null

const listsWith = (lists: readonly AddressList[], source: string): readonly AddressList[] =>
  lists.filter(({ spans }) => spans.touches(source))

/** Why an address or a range must not come in, and what to do; null when it may. However it was learnt, this is asked. */
export function addressRefusal({ address }: Says, source: string): string | null {
  const parsed = parseSource(source, widestRange)
  if (!parsed.ok) return parsed.why
  const [list] = listsWith(address?.never ?? [], parsed.address)
  if (!list) return null
  const [some, stands] = parsed.address.includes('/') ? ['Some of ', 'stand'] : ['', 'stands']
  return `${some}${parsed.address} ${stands} in ${list.what} of addresses that the policy never lets in, such as those of a cloud, a VPN or a private relay, where strangers come from the same address. Turn that off and use the address of your own connection, or ask whoever looks after the policy.`
}

const namesText = (policy: Says): string =>
  (policy.address?.ranges ?? []).map(({ name }) => `\`from ${name}\``).join(' or ')

/** How somebody may say where they connect from, by the policy and by whether there is a page to confirm it on. */
export function waysToSay(policy: Says, hasPage: boolean): string {
  const names = namesText(policy)
  const ways = [
    ...(hasPage ? ['leave “from” out and confirm your address in the browser'] : []),
    ...(mayType(policy) ? ['type `from` and your public IP address, as in `from 81.2.69.142`'] : []),
    ...(names === '' ? [] : [`use ${names}`]),
  ]
  const [first, ...more] = ways
  if (first === undefined)
    return 'The policy lets nobody type an address, names no ranges, and there is no page to confirm one on. Ask whoever looks after the policy.'
  const text = [first, ...more].join(', or ')
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

/** The refusal of a typed address where the policy takes none; null where it does. */
const typingRefusal = (policy: Says, hasPage: boolean): string | null =>
  mayType(policy) ? null : `The policy takes no typed addresses. ${waysToSay(policy, hasPage)}`

export type SourceAnswer =
  | { readonly ok: true; readonly source: Source }
  | { readonly ok: false; readonly why: string }

/** Put to the policy, and marked where others come from it too. */
export function admitted(
  policy: Says,
  parsed: AddressAnswer,
  how: Pick<Source, 'learnt' | 'learntAt' | 'name'>,
): SourceAnswer {
  if (!parsed.ok) return parsed
  const why = addressRefusal(policy, parsed.address)
  if (why !== null) return { ok: false, why }
  const shared = isSharedAddress(policy, parsed.address)
  return {
    ok: true,
    source: { address: parsed.address, family: parsed.family, ...how, ...(shared && { isShared: true }) },
  }
}

/** Letters first, and nothing that an address has. */
const nameForm = /^[a-z][a-z0-9-]*$/i

const pageShows = 'Leave `from` out and I send you a page that shows your address.'

function unknownName(policy: Says, text: string, hasPage: boolean): string | null {
  const names = (policy.address?.ranges ?? []).map(({ name }) => name)
  if (!nameForm.test(text)) return null
  const shown = text.slice(0, 60)
  if (names.length === 0)
    return `“${shown}” is not an IP address, and the policy names no range ${shown}. ${hasPage ? pageShows : waysToSay(policy, false)}`
  const near = nearest(text, names)
  const meant = near === null ? '' : ` Did you mean ${near}?`
  return `“${shown}” is neither an IP address nor a range that the policy names.${meant} ${waysToSay(policy, hasPage)}`
}

/** What somebody put behind `from`: the name of a range, or an address where the policy takes typed ones. */
export function sourceFrom(
  policy: Says,
  text: string,
  at: number,
  most: number,
  hasPage = false,
): SourceAnswer {
  const named = namedRange(policy, text)
  if (named)
    return admitted(policy, parseSource(named.range, widestRange), {
      learnt: 'named',
      learntAt: at,
      name: named.name,
    })
  const why = unknownName(policy, text, hasPage) ?? typingRefusal(policy, hasPage)
  if (why !== null) return { ok: false, why }
  const parsed = parseSource(text, most)
  if (!parsed.ok && hasPage) return { ok: false, why: `${parsed.why} ${pageShows}` }
  return admitted(policy, parsed, { learnt: 'typed', learntAt: at })
}

/** What somebody typed before and need not type again. The policy may have changed since. */
export function sourceAgain(
  policy: Says,
  address: string,
  at: number,
  most: number,
  hasPage = false,
): SourceAnswer {
  const why = typingRefusal(policy, hasPage)
  if (why !== null) return { ok: false, why }
  return admitted(policy, parseSource(address, most), { learnt: 'remembered', learntAt: at })
}

/**
 * The same as refusals of the policy, so that they hold wherever it is asked: for a yes to what was asked for before the
 * list was made, and for more time.
 */
export function addressDenials({ typed, never }: AddressPolicy): readonly DenyRule[] {
  const everybody = { vm: {}, requester: {} }
  return [
    ...never.map(({ what, spans }) => ({
      name: `it would come from an address in ${what} of those that never come in`,
      match: { ...everybody, source: { listed: [{ what, spans }] } },
    })),
    ...(typed
      ? []
      : [
          {
            name: 'its address was typed, which this policy does not take',
            match: { ...everybody, source: { kind: ['typed', 'remembered'] as const } },
          },
        ]),
  ]
}
