import type { Case } from '../../src/core/case.ts'
import type { Note } from '../../src/core/effect.ts'
import { phaseOf } from '../../src/slack/phase.ts'
import { firstBroken } from '../../src/store/audit-chain.ts'
import type { Cloud } from './cloud.ts'
import type { Tables } from './memory-tables.ts'
import type { Workspace } from './slack.ts'
import type { Gestured, Witness } from './witness.ts'

export interface Rest {
  readonly now: number
  readonly tables: Tables
  readonly cloud: Cloud
  readonly workspace: Workspace
  readonly witness: Witness
}

/** How long after a gesture was dealt with its answer is under way, and may die with the process that gives it. */
const answerMs = 180_000

/** What is still to be done, in words; empty when everything has come to rest. */
export function unrest(rest: Rest): string[] {
  const { tables, cloud } = rest
  const left: string[] = []
  for (const job of tables.jobs.all()) {
    // Whoever has to look at an emergency is reminded once a day, until they have.
    if (job.kind !== 'survey' && job.kind !== 'reconcile' && job.kind !== 'unsigned')
      left.push(`the job ${job.key} waits until ${job.runAt}`)
  }
  for (const { request, grant } of tables.cases.all()) {
    if (request.state === 'pending') left.push(`${request.id} is pending`)
    if (grant && grant.state !== 'closed') left.push(`the grant of ${request.id} is ${grant.state}`)
    left.push(...unsaid(rest, { request, grant }))
  }
  for (const note of tables.notes.all())
    if (note.sentAt === null) left.push(`a note of ${note.requestId} waits`)
  for (const { alarm, sentAt } of tables.alarms.all())
    if (sentAt === null) left.push(`an alarm waits: ${alarm.type}`)
  for (const { name } of tables.strays.all()) left.push(`the stray ${name} is on record`)
  for (const { name, nsgId } of cloud.ours()) left.push(`${name} stands in ${nsgId}`)
  const spoken = tables.feeds.get('audit')?.seq ?? 0
  if (spoken !== tables.audit.length)
    left.push(`the channel has ${spoken} of ${tables.audit.length} audit lines`)
  return left
}

/** Whether the messages of a case show how it stands. */
function unsaid({ now, tables, workspace }: Rest, kase: Case): string[] {
  const { id, terms } = kase.request
  const wanted = phaseOf(kase, now).name
  const which = terms ? (['card', 'mirror'] as const) : (['mirror'] as const)
  return which.flatMap((one) => {
    const place = tables.places.get(`${id} ${one}`)
    const message = place ? workspace.messages.get(place.ts) : undefined
    const shown = message?.phase ?? null
    const proofs = message && 'kase' in message.saying ? message.saying.kase.grant?.proofs : undefined
    if (shown === wanted && !same(proofs ?? {}, kase.grant?.proofs ?? {}))
      return [`the ${one} of ${id} does not show what Azure said of the traffic`]
    return shown === wanted ? [] : [`the ${one} of ${id} shows ${shown} and it is ${wanted}`]
  })
}

/** What is said of access that goes on is found out when it is said. */
const asStored = (note: Note): Note => {
  if (note.type !== 'closed') return note
  const { goesOn: _, ...stored } = note
  return stored
}

/** What must hold at the end of a run, beside being at rest. */
export function checkEnd(rest: Rest): void {
  const { tables, witness, cloud, workspace } = rest
  const broken = firstBroken(tables.audit)
  if (broken !== null) witness.fail('I5', `the chain is broken at ${broken}`)
  for (const gesture of witness.gestures.values()) gestured(rest, gesture)
  for (const [key, of] of Map.groupBy(tables.cases.all(), ({ request }) => request.reason)) {
    if (of.length > 1) witness.fail('I3', `${key} was asked for once and there are ${of.length} requests`)
  }
  witness.exceptions.atEnd()
  for (const { request, grant } of tables.cases.all()) {
    if (grant?.state === 'closed' && grant.rules.length > 0 && !grant.proofs?.closed)
      witness.fail('I8', `Azure was never asked whether ${request.id} is really closed`)
  }
  for (const { id, rules } of cloud.groups()) {
    for (const name of ['allow-office', 'taken']) {
      if (!rules.has(name)) witness.fail('I4', `${name} is gone from ${id}`)
    }
  }
  const heard = new Set(workspace.lines.map(({ seq }) => seq))
  for (const { seq } of tables.audit)
    if (!heard.has(seq)) witness.fail('I8', `the audit line ${seq} was never said`)
  for (const { requestId, note, to } of tables.notes.all()) {
    const said = workspace.notes.some(
      (one) => one.requestId === requestId && one.to === to && same(asStored(one.note), note),
    )
    if (!said && note.type !== 'ending')
      witness.fail('I8', `the note ${note.type} of ${requestId} was never said`)
  }
}

const same = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b)

function gestured({ tables, witness }: Rest, { intake, acked, answered, ended }: Gestured): void {
  if (!acked) return
  const row = tables.intakes.get(intake.key)
  if (!row || row.gesture !== null || !ended) {
    witness.fail('I7', `${intake.key} was acknowledged and never dealt with`)
    return
  }
  // An answer may be lost with the process that gives it, or when that process never learnt what it had done.
  const mute = !('responseUrl' in intake.gesture) || intake.gesture.responseUrl === null
  const excused = mute || ended.lost || (!ended.by.alive && ended.by.endedAt - ended.at < answerMs)
  if (!answered && !excused && !hadEffect(tables, intake, ended.at)) {
    witness.fail('I7', `${intake.key} was acknowledged and had neither effect nor answer`)
  }
}

function hadEffect(
  tables: Tables,
  { key, gesture, receivedAt }: Gestured['intake'],
  endedAt: number,
): boolean {
  if (gesture.kind === 'ask') return tables.cases.all().some(({ request }) => request.reason === key)
  const about = gesture.kind === 'click' ? gesture.requestId : null
  return tables.audit.some(
    ({ requestId, actor, at }) =>
      requestId === about &&
      // A yes that comes after the deadline lets the request lapse, which the card shows.
      (typeof actor === 'string' ? Math.abs(at - endedAt) < 100 : actor.userId === gesture.person.userId) &&
      at >= receivedAt - 1_000,
  )
}
