import type { Case } from '../core/case.ts'
import { minute } from '../core/duration.ts'
import type { Note } from '../core/effect.ts'
import { id as closeId } from './actions/close.ts'
import { actions, type Shown, section } from './blocks.ts'
import { labeled, shown } from './cards.ts'
import { closedSentences, reasonSentence, startWaits } from './closing.ts'
import { doubtfulOpening, doubtfulRule, lateToClose, openedBy, slowToOpen } from './defender.ts'
import { addressFact, asFollowing, connectLines, lengthFact, movedSentence, scope } from './facts.ts'
import { flushedLines } from './flush-lines.ts'
import { phaseOf } from './phase.ts'
import { proofNews } from './proof.ts'
import { count, group, person, time, user, words } from './words.ts'

type Of<T extends Note['type']> = Extract<Note, { type: T }>
/** Under the card everybody reads it; as a message of its own only the requester does. */
export type Reader = 'thread' | 'requester'

/** What has happened stays true however late it is posted; what holds “now” is said only while it does. */
function opened(kase: Case, note: Of<'opened'>, now: number, to: Reader): string[] {
  const what = `${scope(kase.request)} from ${words(kase.request.source.address, 60)}`
  if (phaseOf(kase, now).name !== 'open') return [`Opened ${time(note.at)}: ${what}.${openedBy(kase.grant)}`]
  const open = `*Open until ${time(note.expiresAt)}:* ${what}.${openedBy(kase.grant)} Azure confirmed the network rule ${time(note.at)}.`
  if (to === 'thread') return [open]
  return [open, 'I have not tried to connect myself.', ...connectLines(kase.request)]
}

function ending(kase: Case, note: Of<'ending'>, now: number, to: Reader): string[] | null {
  if (phaseOf(kase, now).name !== 'open' || note.expiresAt <= now) return null
  const left = note.expiresAt - now
  const about = left < minute ? 'Less than a minute' : `About ${count(Math.round(left / minute), 'minute')}`
  const save = to === 'requester' ? ' Save your work.' : ''
  return [`*${about} left:* ${scope(kase.request)} closes ${time(note.expiresAt)}.${save}`]
}

function closing(kase: Case, note: Of<'closing'>, now: number, to: Reader): string[] {
  const you = to === 'requester' ? kase.request.requester : null
  const why = reasonSentence(note, you)
  return phaseOf(kase, now).name === 'closing'
    ? [`*Closing:* ${scope(kase.request)}. ${why} Azure has not confirmed yet that the network rule is gone.`]
    : [`Started to close ${time(note.at)}: ${scope(kase.request)}. ${why}`]
}

function closed(kase: Case, note: Of<'closed'>, to: Reader): string[] {
  const you = to === 'requester' ? kase.request.requester : null
  const head = note.goesOn ? 'This part is over' : note.opened ? 'Closed' : 'Ended without opening'
  const sentences = closedSentences({
    closedAt: note.at,
    expiresAt: note.expiresAt,
    opened: note.opened,
    ruled: (kase.grant?.rules.length ?? 0) > 0,
    reason: note.reason,
    stays: note.goesOn !== undefined,
    grant: kase.grant,
    flushes: kase.grant?.state === 'closed' ? kase.grant.flushes : undefined,
  })
  if (note.goesOn) {
    const { requestId, until } = note.goesOn
    sentences.push(`Access goes on until ${time(until)}, by request ${words(requestId, 80)}.`)
  }
  const more =
    kase.request.extensions && !note.goesOn
      ? ['More time was asked for while it was open; a message of its own says how that stands.']
      : []
  return [`*${head}:* ${scope(kase.request)}. ${reasonSentence(note, you)}`, ...sentences, ...more]
}

function decided(kase: Case, note: Of<'decided'>, to: Reader): string[] {
  const what = scope(kase.request)
  const own = note.by !== null && note.by.userId === kase.request.requester.userId && to === 'requester'
  const who = own ? 'you' : note.by === null ? 'Jitney' : person(note.by)
  const verbs = { denied: `Denied by ${who}`, canceled: `Canceled by ${who}`, lapsed: 'Not approved in time' }
  // Nobody canceled what ended with the access that it was to follow.
  if (kase.request.state === 'canceled' && kase.request.closedBy) {
    const whose = own ? 'You' : person(kase.request.closedBy)
    return asFollowing(kase.request, [
      `*Canceled* ${time(note.at)}: ${what}. ${whose} closed the access that this was to follow, so it ended too. Nothing was opened.`,
    ])
  }
  if (kase.request.state === 'canceled' && kase.request.movedTo)
    return asFollowing(kase.request, [
      `*Ended* ${time(note.at)}: ${what}. ${movedSentence(kase.request, to === 'requester' ? 'You come' : 'Its person comes')} Nothing was opened.`,
    ])
  const again = note.state === 'lapsed' && to === 'requester' ? ' You can ask again.' : ''
  return asFollowing(kase.request, [
    `*${verbs[note.state]}* ${time(note.at)}: ${what}. Nothing was opened.${again}`,
  ])
}

/** The words stand in a line of their own, so that nobody takes them for ours. */
const quote = (kase: Case, note: Of<'said'>): string[] => [
  `${person(note.by)} says about ${scope(kase.request)}:`,
  `> ${words(note.text, 1000)}`,
]

function broken(kase: Case, note: Of<'glass broken' | 'unsigned'>): string[] | null {
  const { request } = kase
  const people = [...note.users.map(user), ...note.groups.map(group)].map((one) => `${one} `).join('')
  const what = `${scope(request)} for ${person(request.requester)} from ${addressFact(request)}, ${lengthFact(kase)}`
  const why = `Reason: ${words(request.reason ?? 'none', 300)}.`
  const open = request.oversight?.state === 'open'
  if (note.type === 'unsigned' && !open) return null
  const first =
    note.type === 'unsigned'
      ? `${people}*Not reviewed yet:* the glass was broken for ${what}.`
      : `${people}*The glass was broken* ${time(note.at)}: ${what}.${people === '' ? '' : ' You were not asked.'}`
  const next = open ? ' Look at its card and press *Sign* or *Not justified* there.' : ''
  return [`${first} ${why}${next}`]
}

const ends = (deadlineAt: number) => `If nobody decides by ${time(deadlineAt)}, the request ends.`

function stopped(kase: Case, note: Of<'stopped'>, now: number): string[] | null {
  const phase = phaseOf(kase, now)
  if (phase.name !== 'pending') return null
  const what = `${scope(kase.request)} for ${person(kase.request.requester)}`
  return [
    `*Nobody is called:* ${what} has not been decided so far. ${person(note.by)} stopped all such access ${time(note.at)}: ${words(note.reason, 300)}. A yes counts only once that is lifted. ${ends(phase.request.deadlineAt)}`,
  ]
}

/** Said only while it is so: a request that was decided meanwhile needs nobody any more. */
function waiting(kase: Case, note: Of<'waiting' | 'escalated'>, now: number): string[] | null {
  const phase = phaseOf(kase, now)
  if (phase.name !== 'pending') return null
  const people = [...note.users.map(user), ...note.groups.map(group)].join(' ')
  const what = `${scope(kase.request)} for ${person(kase.request.requester)}`
  const by = `Decide by ${time(phase.request.deadlineAt)}.`
  if (people === '') {
    const said = note.type === 'waiting' ? 'has not been decided so far' : 'was to be put before more people'
    return [
      `*Nobody is called:* ${what} ${said}, and everybody who could be called is stopped. Their yes counts only once that is lifted. ${ends(phase.request.deadlineAt)}`,
    ]
  }
  return note.type === 'waiting'
    ? [`${people} *Still waiting for a decision:* ${what}. ${by}`]
    : [`${people} *You are asked as well:* ${what} has not been decided so far. ${by}`]
}

/** What an infrastructure tool that writes the whole group should leave alone. */
const ignoreHint =
  'If Terraform writes this group, let it leave rules of others alone: use separate `azurerm_network_security_rule` resources, or add `lifecycle { ignore_changes = [security_rule] }` to the `azurerm_network_security_group`.'

function cameBack(kase: Case, note: Of<'came back'>): string[] {
  const nsg = words(note.nsgId.split('/').at(-1) ?? note.nsgId, 80)
  return [
    `*A closed rule was back:* ${scope(kase.request)}. ${time(note.at)} the rule ${words(note.name, 80)} stood in the security group ${nsg} again. Jitney removes such a rule, and the audit trail says when it is gone.`,
    ignoreHint,
  ]
}

/** Who did it is not known; what it lets in is. */
function movedNote(kase: Case, { name, nsgId, at, before, after }: Of<'moved'>): string[] {
  const nsg = words(nsgId.split('/').at(-1) ?? nsgId, 80)
  return [
    `*A network rule has another place:* ${scope(kase.request)}. ${time(at)} the rule ${words(name, 80)} in ${nsg} had priority ${after} instead of ${before}. Defender for Cloud, which has rules in this group, moves others when it needs room. The rule lets in what it let in before, and ends at its time.`,
  ]
}

/** Whoever said yes reads here that it was to another address. */
function addressNote(
  kase: Case,
  { at, before, after, voided, asks }: Of<'address changed'>,
  now: number,
): string[] {
  const people = voided.map((id) => `${user(id)} `).join('')
  const called = [...(asks?.users ?? []).map(user), ...(asks?.groups ?? []).map(group)]
  const phase = phaseOf(kase, now)
  const anew =
    voided.length > 0
      ? ' Your yes was to the address before and counts for nothing now. Approvals begin anew.'
      : ' Nobody had approved yet.'
  return [
    `${people}*Address changed* ${time(at)}: ${scope(kase.request)} was asked for from ${words(before, 60)}, and is now from ${words(after, 60)}.${anew}`,
    ...(called.length > 0 && phase.name === 'pending'
      ? [`${called.join(' ')} *You are asked now.* Decide by ${time(phase.request.deadlineAt)}.`]
      : []),
  ]
}

function doubtfulNote(
  kase: Case,
  note: Extract<Note, { type: 'defender doubtful' }>,
  now: number,
): string[] | null {
  const { name } = phaseOf(kase, now)
  const what = `${scope(kase.request)}. ${time(note.at)} ${doubtfulRule(note)}`
  if (name === 'opening') return [`*Not called open:* ${what} ${doubtfulOpening(note.expiresAt)}`]
  return [`*A rule was left alone:* ${what}`]
}

function lines(kase: Case, note: Note, now: number, to: Reader): string[] | null {
  switch (note.type) {
    case 'opened':
      return opened(kase, note, now, to)
    case 'ending':
      return ending(kase, note, now, to)
    case 'closing':
      return closing(kase, note, now, to)
    case 'closed':
      return closed(kase, note, to)
    case 'decided':
      return decided(kase, note, to)
    case 'came back':
      return cameBack(kase, note)
    case 'glass broken':
    case 'unsigned':
      return broken(kase, note)
    case 'signed':
      return [
        `${person(note.by)} ${note.justified ? 'signed' : 'found not justified'}: ${scope(kase.request)}, for which nobody was asked.`,
      ]
    case 'said':
      return quote(kase, note)
    case 'start waits':
      return phaseOf(kase, now).name === 'opening'
        ? [`*Not opened yet:* ${scope(kase.request)}. ${startWaits(note.silent, note.expiresAt)}`]
        : null
    case 'flow':
      return proofNews(kase, note, scope(kase.request), phaseOf(kase, now).name === 'open')
    case 'defender waits':
      return phaseOf(kase, now).name === 'opening'
        ? [`*Not opened yet:* ${scope(kase.request)}. ${slowToOpen(note.expiresAt)}`]
        : null
    case 'defender late':
      return [`*Late:* ${scope(kase.request)}. ${lateToClose(note.expiresAt)}`]
    case 'address changed':
      return addressNote(kase, note, now)
    case 'defender doubtful':
      return doubtfulNote(kase, note, now)
    case 'moved':
      return movedNote(kase, note)
    case 'flushed':
      return flushedLines(kase, note.flushes)
    case 'stopped':
      return stopped(kase, note, now)
    case 'waiting':
    case 'escalated':
      return waiting(kase, note, now)
    default:
      return note satisfies never
  }
}

/** A note as it must read at this moment; null when it would not be true any more and nothing is to be said. */
export function noteMessage(kase: Case, note: Note, now: number, to: Reader, repeat: boolean): Shown | null {
  const said = lines(kase, note, now, to)
  if (said === null) return null
  const text = `${said.join('\n')}${repeat ? ' (may repeat)' : ''}`
  const buttons = note.type === 'ending' ? [actions([labeled(closeId, 'Close now', kase)])] : []
  return shown(kase, `${text} Request ${words(kase.request.id, 80)}.`, [section(text), ...buttons])
}
