import type { Case } from './case.ts'
import { addressMoved, addressMoves, changeAddress } from './change-address.ts'
import { comment } from './comment.ts'
import { decideDefender, isDefenderEvent } from './decide-defender.ts'
import { decideGrant } from './decide-grant.ts'
import { decideRequest } from './decide-request.ts'
import type { Event } from './event.ts'
import { learn } from './learn.ts'
import { type Outcome, refuse, unchanged } from './outcome.ts'
import { decideOversight } from './oversight.ts'
import { type Panic, panicOn, panicOver } from './panic.ts'
import { submit } from './submit.ts'

/** The Entra user of whoever asks, as far as what happened says it. */
function askerOf(event: Event): string | null {
  if (event.type === 'submit') return event.requesterEntraId ?? null
  return event.type === 'review' || event.type === 'start' ? event.requester.entraId : null
}

/** Whoever is stopped says yes to nothing; a no opens nothing. */
function stopPerson(event: Event, panics: readonly Panic[]): Outcome | null {
  const yes = event.type === 'sign' || (event.type === 'review' && event.verdict === 'approve')
  const panic = yes ? panicOn(panics, event.by) : null
  if (!panic) return null
  const { by, at, reason } = panic
  return refuse({ code: 'stopped', by, at, reason })
}

/** While an operator has stopped it, nothing new is asked for, approved or begun; everything else goes on. */
function stop(current: Case | null, event: Event, now: number, panics: readonly Panic[]): Outcome | null {
  const ask = event.type === 'submit' ? event.ask : current?.request
  const panic = ask ? panicOver(panics, ask, askerOf(event)) : null
  if (!panic) return stopPerson(event, panics)
  const yes = event.type === 'review' && event.verdict === 'approve' && current?.request.state === 'pending'
  if (yes || (event.type === 'submit' && current === null)) {
    const { by, at, reason } = panic
    return refuse({ code: 'panic', by, at, reason })
  }
  if (event.type === 'start' && current) return decideGrant(current, { type: 'panic', panic }, now)
  return stopPerson(event, panics)
}

/** A yes that was given before its giver was stopped counts for nothing while that holds: whose was it? */
function withStopped<E extends Event>(event: E, panics: readonly Panic[]): E {
  if (panics.length === 0 || (event.type !== 'review' && event.type !== 'start')) return event
  const earlier = event.earlier.map((one) =>
    panicOn(panics, one) ? { ...one, stopped: true as const } : one,
  )
  return { ...event, earlier }
}

type Beside = Extract<
  Event,
  { type: 'comment' | 'context' | 'address changed' | 'address moves' | 'address moved' }
>

const besides: readonly Event['type'][] = [
  'comment',
  'context',
  'address changed',
  'address moves',
  'address moved',
] satisfies Beside['type'][]

const isBeside = (event: Event): event is Beside => besides.includes(event.type)

/** What is said or learnt, and from where its person comes: none of that is a yes or a no. */
function beside(current: Case, event: Beside, now: number): Outcome {
  switch (event.type) {
    case 'comment':
      return comment(current, event, now)
    case 'context':
      return learn(current, event, now)
    case 'address changed':
      return changeAddress(current, event, now)
    case 'address moves':
      return addressMoves(current, event, now)
    case 'address moved':
      return addressMoved(current, event, now)
    default:
      return event satisfies never
  }
}

/** The only place where a state changes. Pure and total: the same arguments always give the same outcome. */
export function decide(
  current: Case | null,
  happening: Event,
  now: number,
  panics: readonly Panic[] = [],
): Outcome {
  const event = withStopped(happening, panics)
  const stopped = stop(current, event, now, panics)
  if (stopped) return stopped
  if (event.type === 'submit') return current ? unchanged(current) : submit(event, now)
  if (!current) return refuse({ code: 'unknown request' })
  if (isBeside(event)) return beside(current, event, now)
  if (isDefenderEvent(event)) return decideDefender(current, event, now)
  switch (event.type) {
    case 'sign':
    case 'unsigned':
      return decideOversight(current, event, now)
    case 'review':
    case 'cancel':
    case 'deadline':
    case 'reminder':
    case 'escalation':
      return decideRequest(current, event, now, panics)
    case 'predecessor closed':
      return current.request.state === 'pending'
        ? decideRequest(current, event, now)
        : decideGrant(current, event, now)
    case 'extend':
    case 'start':
    case 'start waits':
    case 'rules planned':
    case 'could not open':
    case 'rule repriced':
    case 'rule present':
    case 'rule absent':
    case 'rule missing':
    case 'rule changed':
    case 'vm gone':
    case 'rule came back':
    case 'flushed':
    case 'stuck':
    case 'flow proved':
    case 'warning':
    case 'expiry':
    case 'panic':
    case 'close':
      return decideGrant(current, event, now)
    default:
      return event satisfies never
  }
}
