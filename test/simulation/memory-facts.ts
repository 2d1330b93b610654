import type { Case } from '../../src/core/case.ts'
import { mostOthers, type OwnFacts } from '../../src/core/context.ts'
import type { CloseReason } from '../../src/core/grant.ts'
import type { Person } from '../../src/core/person.ts'
import type { Store } from '../../src/ports.ts'

type Of = Parameters<Store['ownFacts']>[0]

const isOpenedStill = ({ grant }: Case): boolean =>
  grant !== null && grant.openedAt !== null && (grant.state === 'open' || grant.state === 'closing')

function recentOf(own: readonly Case[], since: number): OwnFacts['recent'] {
  const opened = own.filter(({ grant }) => grant !== null && grant.openedAt !== null)
  const ended: { [reason in CloseReason]?: number } = {}
  for (const { grant } of opened)
    if (grant?.state === 'closed') ended[grant.reason] = (ended[grant.reason] ?? 0) + 1
  return {
    since,
    opened: opened.length,
    ended,
    denied: own.filter(({ request }) => request.state === 'denied').length,
    unjustified: own.filter(({ request }) => request.oversight?.state === 'unjustified').length,
  }
}

function addressOf(cases: readonly Case[], { address, requester }: Of): OwnFacts['address'] {
  const last = new Map<string, number>()
  for (const { request, grant } of cases) {
    if (request.source.address !== address || grant?.openedAt == null) continue
    const { userId } = request.requester
    last.set(userId, Math.max(last.get(userId) ?? 0, grant.openedAt))
  }
  const used = [...last]
    .map(([userId, at]) => ({ userId, at }))
    .toSorted((a, b) => b.at - a.at || (a.userId < b.userId ? -1 : 1))
  return {
    mine: last.get(requester.userId) ?? null,
    others: used.filter(({ userId }) => userId !== requester.userId).slice(0, mostOthers),
  }
}

export function ownFacts(all: readonly Case[], of: Of): OwnFacts {
  const cases = all.filter(({ request }) => request.id !== of.requestId)
  const isOwn = ({ request }: Case) => request.requester.userId === of.requester.userId
  const others = all
    .filter((kase) => kase.request.vm.id === of.vmId && !isOwn(kase) && isOpenedStill(kase))
    .map(({ request, grant }) => ({
      requestId: request.id,
      userId: request.requester.userId,
      label: request.label,
      expiresAt: grant?.expiresAt ?? 0,
    }))
    .toSorted((a, b) => a.expiresAt - b.expiresAt || (a.requestId < b.requestId ? -1 : 1))
  const own = cases.filter((kase) => isOwn(kase) && kase.request.requestedAt >= of.since)
  return {
    at: of.now,
    others: others.slice(0, mostOthers),
    otherCount: others.length,
    recent: recentOf(own, of.since),
    address: addressOf(cases, of),
  }
}

const isOver = ({ request, grant }: Case): boolean =>
  request.state === 'approved' ? grant?.state === 'closed' : request.state !== 'pending'

export const ownCases = (all: readonly Case[], { userId }: Person, most: number): readonly Case[] =>
  all
    .filter((kase) => kase.request.requester.userId === userId && !isOver(kase))
    .toSorted(
      (a, b) => b.request.requestedAt - a.request.requestedAt || (a.request.id < b.request.id ? -1 : 1),
    )
    .slice(0, most)

export function lastAccess(
  all: readonly Case[],
  vmIds: readonly string[],
): ReadonlyMap<string, { readonly userId: string; readonly at: number }> {
  const found = new Map<string, { readonly userId: string; readonly at: number }>()
  for (const { request, grant } of all) {
    const at = grant?.openedAt ?? null
    const { id } = request.vm
    if (at === null || !vmIds.includes(id) || (found.get(id)?.at ?? 0) >= at) continue
    found.set(id, { userId: request.requester.userId, at })
  }
  return found
}
