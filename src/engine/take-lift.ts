import type { AuditEvent } from '../core/audit.ts'
import { type Lift, type Panic, panicOn, scopeJson } from '../core/panic.ts'
import { type Member, samePerson } from '../core/person.ts'
import { refusalText } from '../core/refusal.ts'
import type { Claim, Tx } from '../ports.ts'
import type { IntakeParts } from './answer.ts'
import { ended, type Finish } from './handler.ts'
import { announceJob, panicNewsJob } from './job-of.ts'
import { endSaying, saying } from './say.ts'

interface Wanted {
  readonly by: Member
  readonly reason: string
  /** The stops that the form showed. */
  readonly ids: readonly string[]
}

/** Why this person may not lift anything now; null when nothing is against it. */
function objection({ wording }: IntakeParts, by: Member, active: readonly Panic[]): string | null {
  const panic = panicOn(active, by)
  if (panic) {
    const { at, reason } = panic
    return refusalText({ code: 'stopped', by: panic.by, at, reason }, wording)
  }
  const named = active.some(({ scope }) => scope.kind === 'person' && scope.entraId !== undefined)
  return named && by.entraUnread
    ? 'Entra could not tell just now whether one of your accounts is stopped, so nothing was lifted. Try again in a minute.'
    : null
}

const stops = (count: number) => (count === 1 ? 'stop' : 'stops')

/** What is true once it is done: there may be newer stops, which the form did not show. */
function doneText(lifted: number, left: number): string {
  const others =
    left === 0
      ? ''
      : ` ${left} other ${stops(left)} still ${left === 1 ? 'holds' : 'hold'}: \`/jit panic lift because …\` shows what is left.`
  if (lifted === 0) return `What the form showed was lifted already, so nothing changed.${others}`
  const what = lifted === 1 ? 'The stop is lifted.' : `The ${lifted} stops are lifted.`
  return `${what} What was closed stays closed; access can be asked for again.${others}`
}

const auditOf = ({ id, scope }: Panic, { by, at, reason }: Lift): AuditEvent => ({
  type: 'panic.lifted',
  at,
  requestId: null,
  grantId: null,
  actor: by,
  details: { panic: id, scope: scopeJson(scope), reason },
})

/** Ends the stops and the gesture together: one that ran again would know nothing of what was lifted since. */
async function liftIn(
  tx: Tx,
  claim: Claim,
  now: number,
  { by, reason, ids }: Wanted,
  active: readonly Panic[],
): Promise<string | null> {
  if (!(await tx.finish([claim], now)).has(claim.id)) return null
  const lift: Lift = { by: by.person, at: now, reason }
  const lifted = await tx.liftPanics(ids, lift)
  const over = active.filter(({ id }) => lifted.includes(id))
  const begunByOthers = over.filter(({ by: who }) => !samePerson(who, by.person))
  await tx.putJobs([announceJob(now), ...begunByOthers.map(({ id }) => panicNewsJob(id, now))], now)
  await tx.endIntake(claim.subject, now)
  await tx.audit(over.map((one) => auditOf(one, lift)))
  return doneText(lifted.length, active.length - lifted.length)
}

/** Lifts what the form showed, and nothing that was stopped since. Whoever began it is told. */
export async function takeLift(
  parts: IntakeParts,
  claim: Claim,
  by: Member,
  reason: string,
  ids: readonly string[] | undefined,
): Promise<Finish> {
  const { store, clock } = parts
  const say = (text: string) => endSaying(parts, claim, by.person.userId, text)
  if (!ids)
    return say(
      'You were not shown which stops this lifts, so nothing was lifted. Type `/jit panic lift because …` again.',
    )
  const outcome = await store.transact(async (tx) => {
    const active = await tx.panics()
    const no = objection(parts, by, active)
    if (no !== null) return { no }
    return { said: await liftIn(tx, claim, clock.now(), { by, reason, ids }, active) }
  })
  if (outcome.no !== undefined) return say(outcome.no)
  if (outcome.said !== null) await saying(parts, by.person.userId, outcome.said)
  return ended
}
