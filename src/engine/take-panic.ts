import { authorise } from '../core/approval.ts'
import type { AuditEvent } from '../core/audit.ts'
import type { Panic, Scope } from '../core/panic.ts'
import { parsePanic } from '../core/panic-command.ts'
import type { Member } from '../core/person.ts'
import { groupsNamed } from '../core/policy.ts'
import { refusalText } from '../core/refusal.ts'
import type { Claim, Gesture } from '../ports.ts'
import type { IntakeParts } from './answer.ts'
import { done, ended, type Finish, messageOf } from './handler.ts'
import { announceJob, panicJob } from './job-of.ts'

type PanicGesture = Extract<Gesture, { kind: 'panic' }>

/** A form has no address for a private answer, so the operator gets a message. */
async function endSaying(parts: IntakeParts, claim: Claim, userId: string, text: string): Promise<Finish> {
  try {
    await parts.chat.say(userId, text)
  } catch (error) {
    parts.log.warn({ error: messageOf(error) }, 'an operator could not be answered')
  }
  await parts.store.transact((tx) => tx.endIntake(claim.subject, parts.clock.now()))
  return done
}

const auditOf = (
  type: 'panic.begun' | 'panic.lifted',
  by: Member,
  at: number,
  details: AuditEvent['details'],
): AuditEvent => ({ type, at, requestId: null, grantId: null, actor: by.person, details })

/** The scope by the inventory's ids; null when nothing goes by that name. */
function scopeOf(
  parts: IntakeParts,
  { kind, name }: { kind: Scope['kind']; name: string },
  by: Member,
): Scope | null {
  switch (kind) {
    case 'all':
      return { kind }
    case 'person':
      return { kind, person: { ...by.person, userId: name } }
    case 'vm': {
      const [vm, other] = parts.inventory.find(name)
      return vm && !other ? { kind, id: vm.id, name: vm.name } : null
    }
    case 'subscription': {
      const id = parts.inventory.subscription(name)
      return id === null ? null : { kind, id, name }
    }
    default:
      return kind satisfies never
  }
}

const scopeJson = (scope: Scope): Record<string, string> => ({
  kind: scope.kind,
  ...(scope.kind === 'person' && { person: scope.person.userId }),
  ...('id' in scope && { id: scope.id, name: scope.name }),
})

/** Puts the stop on record; from then on nothing in its scope opens, and a job closes what is open. */
async function begin(
  parts: IntakeParts,
  claim: Claim,
  by: Member,
  scope: Scope,
  reason: string,
): Promise<Finish> {
  const { store, clock, newId } = parts
  await store.transact(async (tx) => {
    const now = clock.now()
    // Somebody else may have taken this over, and one form is one stop.
    if (!(await tx.finish([claim], now)).has(claim.id)) return
    const panic: Panic = { id: newId(), scope, reason, by: by.person, at: now }
    await tx.putPanic(panic)
    await tx.audit([
      auditOf('panic.begun', by, now, {
        panic: panic.id,
        scope: scopeJson(scope),
        reason,
      }),
    ])
    await tx.putJobs([panicJob(panic.id, now), announceJob(now)], now)
    await tx.endIntake(claim.subject, now)
  })
  return ended
}

async function lift(parts: IntakeParts, claim: Claim, by: Member, reason: string): Promise<Finish> {
  const { store, clock } = parts
  const active = await store.panics()
  const ids = await store.transact(async (tx) => {
    const now = clock.now()
    const lifted = await tx.liftPanics(
      active.map(({ id }) => id),
      now,
    )
    await tx.audit(lifted.map((panic) => auditOf('panic.lifted', by, now, { panic, reason })))
    await tx.putJobs([announceJob(now)], now)
    return lifted
  })
  const text =
    ids.length > 0
      ? 'The stop is lifted. What was closed stays closed; access can be asked for again.'
      : 'Nothing was stopped, so there was nothing to lift.'
  return endSaying(parts, claim, by.person.userId, text)
}

/** Who may stop everything is decided here, however the form came to be sent. */
export async function takePanic(
  parts: IntakeParts,
  claim: Claim,
  { person, text }: PanicGesture,
): Promise<Finish> {
  const say = (words: string) => endSaying(parts, claim, person.userId, words)
  const policy = parts.policy()
  const by = await parts.directory.member(person, groupsNamed(policy), 'live')
  const refusal = authorise('panic', by, { request: null, terms: null, operators: policy.operators })
  if (refusal) return say(refusalText(refusal, parts.wording))
  const command = parsePanic(text)
  if (command.kind === 'mistake') return say(command.wrong)
  if (command.kind === 'lift') return lift(parts, claim, by, command.reason)
  const scope = scopeOf(parts, command.scope, by)
  if (!scope)
    return say(
      `I know no ${command.scope.kind} named ${command.scope.name}, or more than one. Nothing was stopped.`,
    )
  return begin(parts, claim, by, scope, command.reason)
}
