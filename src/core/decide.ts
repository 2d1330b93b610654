import type { Case } from './case.ts'
import { comment } from './comment.ts'
import { decideGrant } from './decide-grant.ts'
import { decideRequest } from './decide-request.ts'
import type { Event } from './event.ts'
import { type Outcome, refuse, unchanged } from './outcome.ts'
import { submit } from './submit.ts'

/** The only place where a state changes. Pure and total: the same arguments always give the same outcome. */
export function decide(current: Case | null, event: Event, now: number): Outcome {
  if (event.type === 'submit') return current ? unchanged(current) : submit(event, now)
  if (!current) return refuse({ code: 'unknown request' })
  switch (event.type) {
    case 'comment':
      return comment(current, event, now)
    case 'review':
    case 'cancel':
    case 'deadline':
    case 'reminder':
    case 'escalation':
      return decideRequest(current, event, now)
    case 'extend':
    case 'start':
    case 'rules planned':
    case 'could not open':
    case 'rule repriced':
    case 'rule present':
    case 'rule absent':
    case 'rule missing':
    case 'rule changed':
    case 'vm gone':
    case 'rule came back':
    case 'stuck':
    case 'warning':
    case 'expiry':
    case 'close':
      return decideGrant(current, event, now)
    default:
      return event satisfies never
  }
}
