import type { Case } from '../core/case.ts'
import { lives } from '../core/change-address.ts'
import type { Fault } from '../core/fault.ts'
import type { Request } from '../core/request.ts'
import type { Store } from '../ports.ts'
import type { IntakeParts } from './answer.ts'
import { messageOf } from './handler.ts'

/** The request that goes on from this one with another address; this one where none of them lives. */
export async function newestOf(store: Pick<Store, 'case'>, kase: Case): Promise<Case> {
  const { request } = kase
  const instead = request.state === 'canceled' && request.movedTo ? [request.movedTo] : []
  for (const id of [...(request.movesTo ?? []), ...instead].toReversed()) {
    const next = await store.case(id)
    const newest = next && (await newestOf(store, next))
    if (newest && lives(newest)) return newest
  }
  return kase
}

export const unread = ({ wording }: IntakeParts, error: Fault): string =>
  `Azure could not be read: ${wording.words(messageOf(error), 300)}.`

export const scheduledText = ({ id, source }: Request, at: string): string =>
  `Request ${id} is approved and opens at ${at} for ${source.address}, so it keeps that address and nothing changed. Call it off on its message and ask again with \`/jit\`; or press “My address changed” there once it is open.`

export const stays = (request: Request) =>
  `Request ${request.id} stays as it is, with the address ${request.source.address}.`
