import { authoriseByEither } from './approval.ts'
import type { Case } from './case.ts'
import type { Event } from './event.ts'
import { type Outcome, refuse, unchanged } from './outcome.ts'
import { auditOf } from './request-parts.ts'

/** Changes nothing about the request; it is on record, and whoever has not read it is told. */
export function comment(current: Case, event: Extract<Event, { type: 'comment' }>, now: number): Outcome {
  const { request } = current
  const refusal = authoriseByEither('comment', event.by, { request, terms: request.terms }, event.termsNow)
  if (refusal) return refuse(refusal)
  const { text, inThread, by } = event
  return {
    ...unchanged(current),
    audit: [auditOf('request.commented', request, by.person, now, { text }, current.grant?.id ?? null)],
    effects: [
      {
        kind: 'note',
        requestId: request.id,
        note: { type: 'said', at: now, by: by.person, text, inThread },
      },
    ],
  }
}
