import type { Effect, Note, Timer, Want } from '../core/effect.ts'
import type { Proved } from '../core/proof.ts'
import type { JobKind, NewJob } from '../ports.ts'

const timerKey = (requestId: string, timer: Timer) => `request:${requestId}:${timer}`
const talkKey = (requestId: string) => `talk:${requestId}`
const announceKey = 'announce'

export const talkJob = (requestId: string, dueAt: number): NewJob => ({
  key: talkKey(requestId),
  kind: 'talk',
  lane: 'slack',
  subject: requestId,
  dueAt,
  mode: 'wake',
})

export const announceJob = (dueAt: number): NewJob => ({
  key: announceKey,
  kind: 'announce',
  lane: 'slack',
  subject: 'audit',
  dueAt,
  mode: 'wake',
})

export const alarmJob = (dueAt: number): NewJob => ({
  key: 'alarm',
  kind: 'alarm',
  lane: 'slack',
  subject: 'alarms',
  dueAt,
  mode: 'wake',
})

export const panicJob = (id: string, dueAt: number): NewJob => ({
  key: `panic:${id}`,
  kind: 'panic',
  // Beside the ends of grants, where nothing waits for Slack.
  lane: 'timers',
  subject: id,
  dueAt,
  mode: 'wake',
})

export const panicNewsJob = (id: string, dueAt: number): NewJob => ({
  key: `panic news:${id}`,
  kind: 'panic news',
  lane: 'slack',
  subject: id,
  dueAt,
  mode: 'wake',
})

/** Work on one just-in-time policy of Defender for Cloud. Its claim is the lease on the policy. */
export const policyJob = (policyId: string, dueAt: number): NewJob => ({
  key: `jit policy:${policyId.toLowerCase()}`,
  kind: 'write policy',
  lane: 'opens',
  subject: policyId,
  dueAt,
  mode: 'wake',
})

export const protectionNewsJob = (id: string, dueAt: number): NewJob => ({
  key: `protection news:${id}`,
  kind: 'protection news',
  // Azure is asked a lot for it, and nothing waits for the answer.
  lane: 'proofs',
  subject: id,
  dueAt,
  mode: 'wake',
})

/** The message before the operators, as it stands at this moment. */
export const conversionCardJob = (id: string, dueAt: number): NewJob => ({
  key: `conversion card:${id}`,
  kind: 'conversion card',
  lane: 'slack',
  subject: id,
  dueAt,
  mode: 'wake',
})

export const conversionNewsJob = (id: string, dueAt: number): NewJob => ({
  key: `conversion news:${id}`,
  kind: 'conversion news',
  lane: 'proofs',
  subject: id,
  dueAt,
  mode: 'wake',
})

/** The private message about a link to the address page, as it stands at this moment. */
export const linkJob = (id: string, dueAt: number): NewJob => ({
  key: `address link:${id}`,
  kind: 'address link',
  lane: 'slack',
  subject: id,
  dueAt,
  mode: 'wake',
})

/** Nobody waits for an answer that does not come. */
export const conversionDeadlineJob = (id: string, dueAt: number): NewJob => ({
  key: `conversion deadline:${id}`,
  kind: 'conversion deadline',
  lane: 'timers',
  subject: id,
  dueAt,
  mode: 'wake',
})

export const lapseJob = (id: string, dueAt: number): NewJob => ({
  key: `address lapse:${id}`,
  kind: 'address lapse',
  lane: 'timers',
  subject: id,
  dueAt,
  mode: 'move',
})

export const removalDeadlineJob = (protectionId: string, removalId: string, dueAt: number): NewJob => ({
  key: `removal deadline:${removalId}`,
  kind: 'removal deadline',
  lane: 'timers',
  subject: removalSubject(protectionId, removalId),
  dueAt,
  mode: 'wake',
})

const removalSubject = (protectionId: string, removalId: string) => `${protectionId} ${removalId}`

/** Which removal such a job is about, by its subject. */
export function removalIn(subject: string): { readonly protectionId: string; readonly removalId: string } {
  const [protectionId = '', removalId = ''] = subject.split(' ')
  return { protectionId, removalId }
}

export const surveyJob = (dueAt: number): NewJob => ({
  key: 'survey',
  kind: 'survey',
  lane: 'surveys',
  subject: 'subscriptions',
  dueAt,
  mode: 'wake',
})

export const reconcileJob = (subscriptionId: string, dueAt: number): NewJob => ({
  key: `reconcile:${subscriptionId}`,
  kind: 'reconcile',
  lane: 'surveys',
  subject: subscriptionId,
  dueAt,
  mode: 'wake',
})

/** Work in one network security group. Its claim is the lease on the group, so there is one job a group. */
export const groupJob = (nsgId: string, want: Want, dueAt: number): NewJob => ({
  key: `nsg:${nsgId}`,
  kind: 'write rules',
  lane: want === 'absent' ? 'closes' : 'opens',
  subject: nsgId,
  dueAt,
  mode: 'wake',
})

const flowJob = (requestId: string, of: Proved, dueAt: number): NewJob => ({
  key: `flow:${of}:${requestId}`,
  kind: 'verify flow',
  lane: 'proofs',
  subject: `${of}:${requestId}`,
  dueAt,
  mode: 'wake',
})

/** What such a job is about, by its subject. */
export function provedIn(subject: string): { readonly of: Proved; readonly requestId: string } {
  const [of = '', ...id] = subject.split(':')
  return { of: of === 'closed' ? of : 'open', requestId: id.join(':') }
}

interface NoteTo {
  readonly requestId: string
  readonly note: Note
  readonly to: 'thread' | 'requester'
}

/** Everybody who watches the card sees the edits; the thread holds what happens to the access itself. */
const readers = (note: Note): readonly NoteTo['to'][] => {
  if (note.type === 'said') return note.inThread ? ['requester'] : ['thread', 'requester']
  // After the end the requester has nothing to do with what else lets somebody in.
  if (note.type === 'flow') return note.of === 'open' ? ['thread', 'requester'] : ['thread']
  if (note.type === 'decided') return ['requester']
  if (note.type === 'address changed') return ['thread']
  const threadOnly =
    note.type === 'came back' ||
    note.type === 'moved' ||
    ['waiting', 'escalated', 'stopped', 'glass broken', 'unsigned'].includes(note.type)
  return threadOnly ? ['thread'] : ['thread', 'requester']
}

const followingJob = (requestId: string, dueAt: number): NewJob => ({
  key: `request:${requestId}:predecessor`,
  kind: 'predecessor closed',
  lane: 'timers',
  subject: requestId,
  dueAt,
  mode: 'wake',
})

const movedJob = (requestId: string, dueAt: number): NewJob => ({
  key: `request:${requestId}:moved`,
  kind: 'address moved',
  lane: 'timers',
  subject: requestId,
  dueAt,
  mode: 'wake',
})

const contextJob = (requestId: string, dueAt: number): NewJob => ({
  key: `request:${requestId}:context`,
  kind: 'context',
  // Of its own: Azure may be slow, and nothing that people or grants wait for may wait for that.
  lane: 'reads',
  subject: requestId,
  dueAt,
  mode: 'wake',
})

const pageJob = (requestId: string, dueAt: number): NewJob => ({
  key: `page:${requestId}`,
  kind: 'page',
  lane: 'slack',
  subject: requestId,
  dueAt,
  mode: 'wake',
})

/** What effects become in the database. The last word on a job's key counts; null means that the job is dropped. */
export interface Rows {
  readonly jobs: Map<string, NewJob | null>
  readonly notes: NoteTo[]
}

/** Two wake-ups for one key in one transaction are one: the earlier time, and the lane for closes if either is. */
export function addJob(rows: Rows, job: NewJob): void {
  const before = rows.jobs.get(job.key)
  const both = before?.mode === 'wake' && job.mode === 'wake'
  const lane = both && before.lane === 'closes' ? before.lane : job.lane
  rows.jobs.set(job.key, both ? { ...job, lane, dueAt: Math.min(before.dueAt, job.dueAt) } : job)
}

const openingJob = (kind: JobKind, name: string, requestId: string, now: number): NewJob => ({
  key: `request:${requestId}:${name}`,
  kind,
  lane: 'opens',
  subject: requestId,
  dueAt: now,
  mode: 'wake',
})

export function addEffect(rows: Rows, effect: Effect, now: number): void {
  switch (effect.kind) {
    case 'set timer': {
      const { timer, requestId, at } = effect
      addJob(rows, {
        key: timerKey(requestId, timer),
        kind: timer,
        lane: 'timers',
        subject: requestId,
        dueAt: at,
        mode: 'move',
      })
      return
    }
    case 'drop timer':
      rows.jobs.set(timerKey(effect.requestId, effect.timer), null)
      return
    case 'plan rules':
      addJob(rows, openingJob('plan rules', 'plan', effect.requestId, now))
      return
    case 'ask defender':
      addJob(rows, openingJob('ask defender', 'defender', effect.requestId, now))
      return
    case 'write rules':
      addJob(rows, groupJob(effect.nsgId, effect.want, now))
      return
    case 'flush':
      // Nothing waits for it, so it has the lane of opens; the group's own job does it when nothing else is left.
      addJob(rows, groupJob(effect.nsgId, 'present', now))
      return
    case 'show':
      addJob(rows, talkJob(effect.requestId, effect.at ?? now))
      return
    case 'note': {
      const { requestId, note } = effect
      rows.notes.push(...readers(note).map((to) => ({ requestId, note, to })))
      addJob(rows, talkJob(requestId, now))
      return
    }
    case 'gather context':
      addJob(rows, contextJob(effect.requestId, now))
      return
    case 'end following':
      addJob(rows, followingJob(effect.requestId, now))
      return
    case 'close moved':
      addJob(rows, movedJob(effect.requestId, now))
      return
    case 'verify flow':
      addJob(rows, flowJob(effect.requestId, effect.of, now))
      return
    case 'page':
      addJob(rows, pageJob(effect.requestId, now))
      return
    default:
      effect satisfies never
  }
}
