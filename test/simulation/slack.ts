import type { Alarm } from '../../src/core/alarm.ts'
import type { AuditRecord } from '../../src/core/audit.ts'
import type { Case } from '../../src/core/case.ts'
import type { Note } from '../../src/core/effect.ts'
import { Fault } from '../../src/core/fault.ts'
import type { Member } from '../../src/core/person.ts'
import type { Chat, Directory, Place } from '../../src/ports.ts'
import { phaseOf } from '../../src/slack/phase.ts'
import type { Line } from './store-line.ts'

type PhaseName = ReturnType<typeof phaseOf>['name']

/** One thing that the bot says, as it leaves. */
export type Saying =
  | { readonly kind: 'card' | 'mirror'; readonly kase: Case; readonly phase: PhaseName }
  | { readonly kind: 'note'; readonly kase: Case; readonly note: Note; readonly phase: PhaseName }
  | { readonly kind: 'audit'; readonly record: AuditRecord }
  | { readonly kind: 'page'; readonly kase: Case }
  | { readonly kind: 'alarm'; readonly alarm: Alarm }
  | { readonly kind: 'answer'; readonly url: string }

/** What stands in Slack. */
export class Workspace {
  /** By place. A message that is edited holds what it shows now. */
  readonly messages = new Map<string, { readonly saying: Saying; readonly phase: PhaseName | null }>()
  readonly notes: { readonly requestId: string; readonly note: Note; readonly to: 'thread' | 'requester' }[] =
    []
  readonly lines: { readonly seq: number; readonly repeat: boolean }[] = []
  readonly alarms: Alarm[] = []
  readonly members = new Map<string, Member>()
  #count = 0

  post(saying: Saying, phase: PhaseName | null): Place {
    this.#count += 1
    const ts = String(this.#count)
    this.messages.set(ts, { saying, phase })
    return { channel: 'C1', ts }
  }
}

const uncertain = () => new Fault('timeout', 'Slack did not answer', { kind: 'uncertain' })
const refusedBy = (code: string, afterMs: number | null = null) =>
  new Fault(code, code, { kind: 'try again', afterMs })

export interface SlackLine extends Line {
  readonly workspace: Workspace
  readonly say: (saying: Saying) => void
}

async function ask<T>(line: SlackLine, what: string, serve: () => T): Promise<T> {
  const { chance, weather, life } = line
  line.moment()
  const away = weather.away('slack') !== null
  const refuses = weather.strikes('slack refuses')
  const throttles = weather.strikes('slack throttles')
  const loses = weather.strikes('slack loses an answer')
  const trouble = away ? 'away' : refuses ? 'refused' : throttles ? 'throttled' : loses ? 'answer lost' : ''
  line.tell(`${what}${trouble === '' ? '' : `: ${trouble}`}`)
  return life.call({
    outMs: chance.skewed(5, 200),
    backMs: chance.skewed(5, 200),
    lost: loses ? 'answer' : null,
    serve: () => {
      // What a process was sending when it died is lost with it. That it may land after what its successor shows,
      // a moment later, is a known gap: a card would then stay behind.
      if (!life.alive) throw uncertain()
      if (away || refuses) throw refusedBy('internal_error')
      if (throttles) throw refusedBy('ratelimited', chance.pick([1_000, 30_000, 3_600_000]))
      const value = serve()
      line.effect(what)
      return value
    },
    fault: uncertain,
  })
}

export function chatOf(line: SlackLine): Chat {
  const { workspace, say } = line
  const show = (kind: 'card' | 'mirror') => async (kase: Case, at: Place | null, now: number) => {
    const phase = phaseOf(kase, now).name
    const saying = { kind, kase, phase }
    say(saying)
    return ask(line, `${kind} ${kase.request.id} ${phase}`, () => {
      if (!at) return workspace.post(saying, phase)
      workspace.messages.set(at.ts, { saying, phase })
      return at
    })
  }
  const note = (to: 'thread' | 'requester', kase: Case, said: Note, now: number) => {
    const phase = phaseOf(kase, now).name
    // What would not be true any more is not said.
    const silent = said.type === 'ending' && (phase !== 'open' || said.expiresAt <= now)
    if (silent) return Promise.resolve()
    say({ kind: 'note', kase, note: said, phase })
    const { id: requestId } = kase.request
    return ask(line, `${to} ${requestId} ${said.type}`, () => {
      workspace.notes.push({ requestId, note: said, to })
    })
  }
  return {
    card: show('card'),
    mirror: show('mirror'),
    // Slack’s forms are no part of the simulation: nothing that is kept depends on them.
    panicNews: () => Promise.resolve(),
    say: () => Promise.resolve(),
    askWhy: () => Promise.resolve(),
    vms: () => Promise.resolve(),
    home: () => Promise.resolve(),
    digest: () => Promise.resolve(),
    conversion: () => Promise.resolve(),
    conversionCard: () => Promise.resolve({ channel: 'C0PAGES', ts: '1.0' }),
    conversionNews: () => Promise.resolve(),
    addressLink: () => Promise.resolve({ channel: 'D0', ts: '1.0' }),
    addresses: () => Promise.resolve(),
    note: (kase, said, _, now) => note('thread', kase, said, now),
    tell: (kase, said, now) => note('requester', kase, said, now),
    announce: (_, record, repeat) => {
      say({ kind: 'audit', record })
      return ask(line, `audit ${record.seq} ${record.type}`, () => {
        workspace.lines.push({ seq: record.seq, repeat })
      })
    },
    page: (_, kase) => {
      say({ kind: 'page', kase })
      return ask(line, `page ${kase.request.id}`, () => {})
    },
    alarm: (_, alarm) => {
      say({ kind: 'alarm', alarm })
      return ask(line, `alarm ${alarm.type}`, () => {
        workspace.alarms.push(alarm)
      })
    },
    settle: (url) => {
      say({ kind: 'answer', url })
      return ask(line, `answer ${url}`, () => {})
    },
    explain: (url) => {
      say({ kind: 'answer', url })
      return ask(line, `answer ${url}`, () => {})
    },
    answer: (url) => {
      say({ kind: 'answer', url })
      return ask(line, `answer ${url}`, () => {})
    },
  }
}

/** Answers the truth of the moment at which it is asked, or that it does not know. */
export function directoryOf(line: SlackLine): Directory {
  const { chance, weather, life, workspace } = line
  const asked = <T>(serve: (fails: boolean) => T): Promise<T> => {
    const fails = weather.away('directory') !== null || weather.strikes('directory fails')
    return life.call({
      outMs: chance.skewed(5, 100),
      backMs: chance.skewed(5, 100),
      lost: null,
      serve: () => serve(fails),
      fault: uncertain,
    })
  }
  return {
    member: (person, groups) =>
      asked((fails): Member => {
        const found = workspace.members.get(person.userId)
        if (found && !fails) return { ...found, groups: found.groups.filter((id) => groups.includes(id)) }
        const unknown = { known: false, deleted: false, bot: false, guest: false, foreign: false }
        return { person, ...unknown, timeZone: null, entraId: null, entraGroups: null, groups: [] }
      }),
    userByEmail: () => asked(() => null),
    roster: (groupId) =>
      asked((fails) => {
        const members = [...workspace.members].filter(([, { groups }]) => groups.includes(groupId))
        return fails ? null : members.map(([userId]) => userId)
      }),
  }
}
