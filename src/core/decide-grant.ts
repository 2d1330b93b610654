import { authorise, authoriseByEither, mayHear } from './approval.ts'
import type { Case } from './case.ts'
import { absent, startClosing, stuck } from './closing.ts'
import type { DefenderEvent } from './decide-defender.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { isExpired } from './expiry.ts'
import { flushed } from './flush.ts'
import type { Grant } from './grant.ts'
import { audit, noteOf, type State, show } from './grant-parts.ts'
import { differencesText } from './live-rule.ts'
import { neverStarted, planned, present, repriced, start, startWaits } from './opening.ts'
import { type Outcome, refuse, type Transition, unchanged } from './outcome.ts'
import type { Panic } from './panic.ts'
import type { Person } from './person.ts'
import { proved } from './proved.ts'
import type { Request } from './request.ts'

type GrantEvent = Exclude<
  Event,
  {
    type:
      | 'submit'
      | 'comment'
      | 'context'
      | 'review'
      | 'cancel'
      | 'deadline'
      | 'reminder'
      | 'escalation'
      | 'sign'
      | 'unsigned'
      | 'address changed'
      | 'address moves'
      | 'address moved'
      | DefenderEvent['type']
  }
>

export function decideGrant(current: Case, event: GrantEvent, now: number): Outcome {
  const { grant, request } = current
  if (!grant) {
    if (event.type === 'extend') return refuse({ code: 'nothing to extend' })
    if (event.type !== 'close') return unchanged(current)
    return refuse(mayHear(event.by, request) ?? { code: 'nothing to close' })
  }
  switch (event.type) {
    case 'extend':
      return extend(request, grant, event, now)
    case 'start':
      return grant.state === 'opening' ? start(request, grant, event, now) : unchanged(current)
    case 'start waits':
      return grant.state === 'opening' ? startWaits(request, grant, event.silent, now) : unchanged(current)
    case 'rules planned':
      return grant.state === 'opening' ? planned(request, grant, event, now) : unchanged(current)
    case 'rule repriced':
      return repriced(current, grant, event.nsgId, event.priority)
    case 'rule present':
      return grant.state === 'opening' ? present(request, grant, event.nsgId, now) : unchanged(current)
    case 'rule absent':
      return grant.state === 'closing' ? absent(request, grant, event, now) : unchanged(current)
    case 'could not open':
      return grant.state === 'opening' ? couldNotOpen(request, grant, event, now) : unchanged(current)
    case 'rule missing':
      return grant.state === 'open' ? missing(request, grant, event.nsgId, now) : unchanged(current)
    case 'rule changed':
      return grant.state === 'opening' || grant.state === 'open'
        ? changed(request, grant, event, now)
        : unchanged(current)
    case 'vm gone':
      return grant.state === 'opening' || grant.state === 'open'
        ? vmGone(request, grant, now)
        : unchanged(current)
    case 'rule came back':
    case 'flushed':
      return grant.state === 'closed' ? afterwards(current, grant, event, now) : unchanged(current)
    case 'stuck':
      return grant.state === 'closing' ? stuck(request, grant, now) : unchanged(current)
    case 'flow proved':
      return proved(current, grant, event, now)
    case 'warning':
      return warn(current, grant, now)
    case 'expiry':
      return expire(current, grant, now)
    case 'predecessor closed':
      return grant.state === 'opening' || grant.state === 'open'
        ? endEarly(request, grant, event.by, now)
        : unchanged(current)
    case 'panic':
      return grant.state === 'opening' || grant.state === 'open'
        ? stopped(request, grant, event.panic, now)
        : unchanged(current)
    case 'close':
      return closeEarly(request, grant, event, now)
    default:
      return event satisfies never
  }
}

function couldNotOpen(
  request: Request,
  grant: State<'opening'>,
  { detail, unasked }: Extract<GrantEvent, { type: 'could not open' }>,
  now: number,
): Transition {
  const { defender } = grant
  const known = unasked && defender ? { ...grant, defender: { policyId: defender.policyId } } : grant
  return startClosing(request, known, { reason: 'could not open', by: null, detail }, now)
}

/** An extension is a request of its own; this one only knows that there is one, and keeps its end. */
function extend(
  request: Request,
  grant: Grant,
  { by, requestId, extraMs }: Extract<GrantEvent, { type: 'extend' }>,
  now: number,
): Outcome {
  const refusal = authorise('extend', by, { request, terms: request.terms })
  if (refusal) return refuse(refusal)
  if (grant.state !== 'open' || isExpired(grant.expiresAt, now)) return refuse({ code: 'nothing to extend' })
  if (request.oversight?.state === 'unjustified') return refuse({ code: 'unjustified' })
  // The same command, handled a second time after something failed in between.
  if (request.extensions?.includes(requestId)) return unchanged({ request, grant })
  const extensions = [...(request.extensions ?? []), requestId]
  return {
    ...unchanged({ request, grant }),
    next: { request: { ...request, extensions }, grant },
    audit: [audit('grant.extending', grant, by.person, now, { by: requestId, extraMs })],
    effects: [show(request.id)],
  }
}

const groupName = (nsgId: string) => nsgId.split('/').at(-1) ?? nsgId

const nameIn = (grant: Grant, nsgId: string): string | null =>
  grant.rules.find((rule) => rule.nsgId === nsgId)?.name ?? null

/** Without its rule the person is locked out; the grant ends, so that nothing brings the rule back later. */
function missing(request: Request, grant: State<'open'>, nsgId: string, now: number): Transition {
  const detail = `its rule in ${groupName(nsgId)} was removed by somebody else`
  const evidence = { nsg: nsgId, rule: nameIn(grant, nsgId) }
  return startClosing(request, grant, { reason: 'changed outside', by: null, detail }, now, evidence)
}

function changed(
  request: Request,
  grant: State<'opening' | 'open'>,
  { nsgId, differences }: Extract<GrantEvent, { type: 'rule changed' }>,
  now: number,
): Transition {
  const detail = `its rule in ${groupName(nsgId)} was changed by somebody else: ${differencesText(differences)}`
  const changes = differences.map(({ what, before, after }) => ({ what, before, after }))
  const evidence = { nsg: nsgId, rule: nameIn(grant, nsgId), changes }
  return startClosing(request, grant, { reason: 'changed outside', by: null, detail }, now, evidence)
}

/** Its address may pass to another VM, which nobody was let into. */
function vmGone(request: Request, grant: State<'opening' | 'open'>, now: number): Transition {
  return startClosing(request, grant, { reason: 'vm deleted', by: null, detail: null }, now)
}

const stopped = (
  request: Request,
  grant: State<'opening' | 'open'>,
  panic: Panic,
  now: number,
): Transition => {
  const why = { reason: 'panic', by: panic.by, detail: panic.reason, panicId: panic.id } as const
  return withFollowing(startClosing(request, grant, why, now, { panic: panic.id }), request)
}

/** What is learnt once it is closed. */
const afterwards = (
  current: Case,
  grant: State<'closed'>,
  event: Extract<GrantEvent, { type: 'rule came back' | 'flushed' }>,
  now: number,
): Transition =>
  event.type === 'flushed'
    ? flushed(current.request, grant, event.nsgId, event.answer, now)
    : cameBack(current, grant, event, now)

function cameBack(
  current: Case,
  grant: State<'closed'>,
  { nsgId, name }: Extract<GrantEvent, { type: 'rule came back' }>,
  now: number,
): Transition {
  return { ...unchanged(current), effects: [noteOf(grant, { type: 'came back', at: now, nsgId, name })] }
}

function warn(current: Case, grant: Grant, now: number): Transition {
  if (grant.state !== 'open' || isExpired(grant.expiresAt, now)) return unchanged(current)
  return { ...unchanged(current), effects: [noteOf(grant, { type: 'ending', expiresAt: grant.expiresAt })] }
}

function expire(current: Case, grant: Grant, now: number): Transition {
  if (grant.state !== 'opening' && grant.state !== 'open') return unchanged(current)
  // The timer that told it is gone with this event; a clock that ran ahead must not cost the grant its end.
  if (!isExpired(grant.expiresAt, now)) {
    const at = grant.expiresAt
    return {
      ...unchanged(current),
      effects: [{ kind: 'set timer', timer: 'expiry', requestId: grant.requestId, at }],
    }
  }
  return startClosing(
    current.request,
    grant,
    { reason: 'expired', by: null, detail: neverStarted(grant) },
    now,
  )
}

function closeEarly(
  request: Request,
  grant: Grant,
  { by, operators, termsNow }: Extract<GrantEvent, { type: 'close' }>,
  now: number,
): Outcome {
  const terms = request.state === 'approved' ? request.terms : null
  const refusal = authoriseByEither(
    'close',
    by,
    { request, terms, ...(operators && { operators }) },
    termsNow,
  )
  if (refusal) return refuse(refusal)
  if (grant.state === 'closed') return refuse({ code: 'already closed', at: grant.closedAt })
  if (grant.state === 'closing') return refuse({ code: 'already closing', since: grant.closingSince })
  return endEarly(request, grant, by.person, now)
}

/** What was to follow on from access ends with it. */
function withFollowing(closing: Transition, { extensions = [], movesTo = [] }: Request): Transition {
  const following = [...extensions, ...movesTo].map(
    (requestId): Effect => ({ kind: 'end following', requestId }),
  )
  return { ...closing, effects: [...closing.effects, ...following] }
}

/** Whoever closes access means what follows on from it too. */
function endEarly(request: Request, grant: State<'opening' | 'open'>, by: Person, now: number): Transition {
  return withFollowing(
    startClosing(request, grant, { reason: 'closed early', by, detail: null }, now),
    request,
  )
}
