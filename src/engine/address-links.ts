import { addressRefusal, isSharedAddress } from '../core/address-policy.ts'
import type { KeptLink } from '../core/kept-link.ts'
import type { Policy } from '../core/policy.ts'
import { type Family, parseAddress } from '../core/source.ts'
import type { AddressLinks, Clock, Store } from '../ports.ts'
import { announceJob, linkJob } from './job-of.ts'
import { linkDetails } from './keep-ask.ts'

export interface AddressLinkParts {
  readonly store: Store
  readonly clock: Clock
  readonly policy: () => Policy
}

type By = Parameters<AddressLinks['confirm']>[1]

const familyProblem = ({ family, about }: KeptLink, address: string, its: Family): string | null =>
  family === null || family === its
    ? null
    : `${address} is an ${its} address, and ${about?.vm ?? 'this VM'} is reached by ${family}. Open the page over ${family}, or type your ${family} address.`

/** Together with the gesture by which what waited goes on, so that a crash in between loses nothing. */
const confirmIn = (
  { store }: AddressLinkParts,
  tokenHash: string,
  by: By,
  address: string,
  now: number,
): Promise<boolean> =>
  store.transact(async (tx) => {
    const link = await tx.confirmLink(tokenHash, by, address, now)
    if (!link) return false
    const { id, person, requestId } = link
    await tx.rememberAddress(person, address, now, 'confirmed')
    await tx.putIntake({
      key: `address ${id}`,
      receivedAt: now,
      gesture: { kind: 'address confirmed', person, linkId: id, address, at: now },
    })
    const details = { ...linkDetails(link), source: address, learnt: 'confirmed' }
    await tx.audit([{ type: 'address.confirmed', at: now, requestId, grantId: null, actor: person, details }])
    await tx.putJobs([linkJob(id, now), announceJob(now)], now)
    return true
  })

/** What the address page asks of the rest. */
export function createAddressLinks(parts: AddressLinkParts): AddressLinks {
  const { store, clock, policy } = parts
  return {
    find: (tokenHash) => store.links.waiting(tokenHash, clock.now()),
    refusal: (address) => {
      const parsed = parseAddress(address)
      return parsed.ok ? addressRefusal(policy(), parsed.address) : parsed.why
    },
    isShared: (address) => isSharedAddress(policy(), address),
    async confirm(tokenHash, by, address) {
      const now = clock.now()
      const link = await store.links.waiting(tokenHash, now)
      if (!link || link.person.userId !== by.userId || link.person.teamId !== by.teamId) return 'gone'
      const parsed = parseAddress(address)
      if (!parsed.ok) return { why: parsed.why }
      const why =
        addressRefusal(policy(), parsed.address) ?? familyProblem(link, parsed.address, parsed.family)
      if (why !== null) return { why }
      return (await confirmIn(parts, tokenHash, by, parsed.address, now)) ? null : 'gone'
    },
    async openedByOther(tokenHash, { userId, teamId }) {
      const now = clock.now()
      await store.transact(async (tx) => {
        const link = await tx.openedLink(tokenHash, { userId, teamId }, now)
        if (!link) return
        const actor = { enterpriseId: null, teamId, userId }
        const { requestId, id } = link
        const details = linkDetails(link)
        await tx.audit([{ type: 'address.opened', at: now, requestId, grantId: null, actor, details }])
        await tx.putJobs([linkJob(id, now), announceJob(now)], now)
      })
    },
  }
}
