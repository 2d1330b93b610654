import { authorise } from '../core/approval.ts'
import type { AuditEvent } from '../core/audit.ts'
import { type Panic, type Scope, scopeJson } from '../core/panic.ts'
import { parsePanic } from '../core/panic-command.ts'
import type { Member, Person } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { refusalText } from '../core/refusal.ts'
import type { Claim, Gesture } from '../ports.ts'
import type { IntakeParts } from './answer.ts'
import { backoffMs, gestureTries } from './backoff.ts'
import { again, ended, type Finish } from './handler.ts'
import { announceJob, panicJob } from './job-of.ts'
import { endSaying, saying } from './say.ts'
import { unknownScope } from './stop-scope.ts'
import { takeLift } from './take-lift.ts'

type PanicGesture = Extract<Gesture, { kind: 'panic' }>

const auditOf = (by: Member, at: number, details: AuditEvent['details']): AuditEvent => ({
  type: 'panic.begun',
  at,
  requestId: null,
  grantId: null,
  actor: by.person,
  details,
})

/** What is known of a scope, and what could not be found out. */
interface Found {
  readonly scope: Scope
  readonly but?: string
}

/** Every account of the person is meant. An answer that does not come must not keep the one that was named open. */
async function personScope({ store, directory }: IntakeParts, person: Person): Promise<Found> {
  const known = await store.entraUser(person)
  if (known !== null) return { scope: { kind: 'person', person, entraId: known } }
  const { entraId, entraUnread } = await directory.member(person, [])
  const but =
    'Entra could not say which other accounts this person has, so only the one that you named is stopped.'
  return {
    scope: { kind: 'person', person, ...(entraId !== null && { entraId }) },
    ...(entraUnread && { but }),
  }
}

/** The scope by the inventory's ids; null when nothing goes by that name. */
async function scopeOf(
  parts: IntakeParts,
  { kind, name }: { kind: Scope['kind']; name: string },
  by: Member,
): Promise<Found | null> {
  switch (kind) {
    case 'all':
      return { scope: { kind } }
    case 'person':
      return personScope(parts, { ...by.person, userId: name })
    case 'vm': {
      const [vm, other] = parts.inventory.find(name)
      return vm && !other ? { scope: { kind, id: vm.id, name: vm.name } } : null
    }
    case 'subscription': {
      const id = parts.inventory.subscription(name)
      return id === null ? null : { scope: { kind, id, name } }
    }
    default:
      return kind satisfies never
  }
}

/** Puts the stop on record; from then on nothing in its scope opens, and a job closes what is open. */
async function begin(
  parts: IntakeParts,
  claim: Claim,
  by: Member,
  { scope, but }: Found,
  reason: string,
): Promise<Finish> {
  const { store, clock, newId } = parts
  const begun = await store.transact(async (tx) => {
    const now = clock.now()
    // Somebody else may have taken this over, and one form is one stop.
    if (!(await tx.finish([claim], now)).has(claim.id)) return false
    const panic: Panic = { id: newId(), scope, reason, by: by.person, at: now }
    await tx.putPanic(panic)
    await tx.audit([
      auditOf(by, now, {
        panic: panic.id,
        scope: scopeJson(scope),
        reason,
      }),
    ])
    await tx.putJobs([panicJob(panic.id, now), announceJob(now)], now)
    await tx.endIntake(claim.subject, now)
    return true
  })
  if (begun && but !== undefined) await saying(parts, by.person.userId, but)
  return ended
}

/** Who may stop everything is decided here, however the form came to be sent. */
export async function takePanic(
  parts: IntakeParts,
  claim: Claim,
  { person, text, lifts }: PanicGesture,
): Promise<Finish> {
  const say = (words: string) => endSaying(parts, claim, person.userId, words)
  const policy = parts.policy()
  const by = await parts.directory.member(person, groupsNamed(policy), 'live')
  if (!by.known && claim.attempt < gestureTries)
    return again(parts.clock.now() + backoffMs(claim.attempt), 'Slack did not say who stops everything')
  const command = parsePanic(text)
  const verb = command.kind === 'lift' ? 'lift' : 'panic'
  const refusal = authorise(verb, by, { request: null, terms: null, operators: policy.operators })
  if (refusal) return say(refusalText(refusal, parts.wording))
  if (command.kind === 'mistake') return say(command.wrong)
  if (command.kind === 'lift') return takeLift(parts, claim, by, command.reason, lifts)
  const found = await scopeOf(parts, command.scope, by)
  if (!found) {
    const { kind, name } = command.scope
    return say(
      unknownScope(parts, command.scope) ??
        `I know no ${kind} named ${parts.wording.words(name, 80)}, or more than one. Nothing was stopped.`,
    )
  }
  return begin(parts, claim, by, found, command.reason)
}
