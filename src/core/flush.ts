import type { Grant } from './grant.ts'
import { audit, noteOf, type State, show } from './grant-parts.ts'
import { type Transition, unchanged } from './outcome.ts'
import type { Request } from './request.ts'

/** What came of asking Azure to judge the open connections of a security group anew. */
export type FlushAnswer =
  | { readonly kind: 'flushed' }
  /** Azure does so by itself in this group; whether it has done so nobody confirms. */
  | { readonly kind: 'on already' }
  | { readonly kind: 'refused'; readonly code: string; readonly why: string }
  | { readonly kind: 'not done'; readonly why: string }
  /** The group was written, and does not look afterwards as it did before. */
  | { readonly kind: 'doubtful'; readonly changes: readonly string[] }

/** One security group in which open connections are to be judged anew; without an answer Azure has not been asked. */
export interface Flush {
  readonly nsgId: string
  readonly at: number | null
  readonly answer: FlushAnswer | null
}

/** Asked for by the rule of the policy, and only where rules stood that let somebody in. */
export const flushesFor = (request: Request, grant: State<'closing'>): readonly Flush[] =>
  request.terms?.flushConnections && grant.reason !== 'vm deleted'
    ? grant.rules.map(({ nsgId }) => ({ nsgId, at: null, answer: null }))
    : []

/** Told once, when every group has been asked about. */
export function flushed(
  request: Request,
  grant: Extract<Grant, { state: 'closed' }>,
  nsgId: string,
  answer: FlushAnswer,
  now: number,
): Transition {
  const waits = (flush: Flush) => flush.nsgId === nsgId && flush.answer === null
  if (!grant.flushes?.some(waits)) return unchanged({ request, grant })
  const flushes = grant.flushes.map((flush) => (waits(flush) ? { nsgId, at: now, answer } : flush))
  const next = { ...grant, flushes }
  const done = flushes.every((flush) => flush.answer !== null)
  return {
    ok: true,
    next: { request, grant: next },
    audit: [
      audit('grant.flushed', next, 'jitney', now, {
        nsg: nsgId,
        detail: `${nsgId.split('/').at(-1) ?? nsgId}: ${answer.kind}`,
        answer: { ...answer },
      }),
    ],
    effects: done ? [show(request.id), noteOf(next, { type: 'flushed', at: now, flushes })] : [],
  }
}
