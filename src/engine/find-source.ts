import {
  addressRefusal,
  admitted,
  confirmedWindowMs,
  sourceAgain,
  sourceFrom,
  waysToSay,
} from '../core/address-policy.ts'
import type { AskCommand } from '../core/command.ts'
import type { KnownAddress } from '../core/kept-link.ts'
import type { Person } from '../core/person.ts'
import { mostAddresses, type Policy } from '../core/policy.ts'
import { isRemembered, parseAddress, type Source } from '../core/source.ts'
import type { Store } from '../ports.ts'
import type { AddressPages } from './keep-ask.ts'

export interface SourceParts {
  readonly store: Pick<Store, 'lastAddress'>
  readonly policy: () => Policy
  readonly addressPages?: AddressPages | null
}

/** Where somebody connects from; `why` they cannot go on; or `unknown`, and the page can tell. */
export type FoundSource =
  | { readonly kind: 'found'; readonly source: Source }
  | { readonly kind: 'no'; readonly why: string }
  | { readonly kind: 'unknown' }

const hasPage = ({ addressPages }: SourceParts): boolean => addressPages != null

const answerOf = (answer: ReturnType<typeof sourceFrom>): FoundSource =>
  answer.ok ? { kind: 'found', source: answer.source } : { kind: 'no', why: answer.why }

/** The address that the page learnt, as the policy of this moment takes it. */
export const confirmedSource = (policy: Policy, address: string, at: number): FoundSource =>
  answerOf(admitted(policy, parseAddress(address), { learnt: 'confirmed', learntAt: at }))

/**
 * What is typed with `from`; else what this person confirmed within the policy's time; else the page. What was typed
 * before is used again only where there is no page, which knows better.
 */
export async function findSource(
  parts: SourceParts,
  person: Person,
  { from }: Pick<AskCommand, 'from'>,
  at: number,
): Promise<FoundSource> {
  const policy = parts.policy()
  const most = mostAddresses(policy)
  const page = hasPage(parts)
  if (from !== null) return answerOf(sourceFrom(policy, from, at, most, page))
  const confirmed = await parts.store.lastAddress(person, 'confirmed')
  const windowMs = confirmedWindowMs(policy)
  if (confirmed && windowMs > 0 && isRemembered(confirmed.at, windowMs, at)) {
    const again = confirmedSource(policy, confirmed.address, confirmed.at)
    // What the policy turns away by now is no last word where another one can be confirmed.
    if (again.kind === 'found' || !page) return again
  }
  if (page) return { kind: 'unknown' }
  const typed = await parts.store.lastAddress(person)
  if (typed && isRemembered(typed.at, policy.addressWindowMs, at))
    return answerOf(sourceAgain(policy, typed.address, typed.at, most, page))
  return { kind: 'no', why: whichAddress(parts) }
}

/** Asked where nothing is known, with the ways there are. */
const whichAddress = (parts: SourceParts): string =>
  `Which address will you connect from? ${waysToSay(parts.policy(), false)}`

/** What is known of somebody's address, and until when an ask without one takes it. */
export async function knownAddresses(
  parts: SourceParts,
  person: Person,
  now: number,
): Promise<KnownAddress[]> {
  const policy = parts.policy()
  const [confirmed, typed] = await Promise.all([
    parts.store.lastAddress(person, 'confirmed'),
    parts.store.lastAddress(person),
  ])
  const known = (last: typeof typed, learnt: KnownAddress['learnt'], windowMs: number): KnownAddress[] => {
    if (!last) return []
    if (addressRefusal(policy, last.address) !== null)
      return [{ ...last, learnt, usedUntil: null, refused: true }]
    const until = windowMs > 0 ? last.at + windowMs : null
    return [{ ...last, learnt, usedUntil: until !== null && until >= now ? until : null }]
  }
  const typedWindow = hasPage(parts) || policy.address?.typed === false ? 0 : policy.addressWindowMs
  return [...known(confirmed, 'confirmed', confirmedWindowMs(policy)), ...known(typed, 'typed', typedWindow)]
}
